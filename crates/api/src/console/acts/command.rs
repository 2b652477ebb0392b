//! The command that does what a form does, as a person would type it.

use super::act::{Act, Kind, Preview, Run};
use crate::console::visit::{text_of, texts_of};
use crate::wire::Request;

/// The command with the values of a form, or of the link to it. `key` is the form's key.
pub(in crate::console) fn command_text(act: &Act, given: &Request, key: &str) -> String {
    let (mut command, mut behind) = (act.command.to_owned(), String::new());
    for field in act.fields.iter().filter(|field| field.option != "-") {
        let placeholder = field.is_required.then(|| field.name.to_uppercase());
        let values: Vec<String> = match field.kind {
            Kind::File | Kind::Records => vec!["FILE".to_owned()],
            Kind::Many(_) | Kind::Words | Kind::Numbers => texts_of(given, field.name)
                .flat_map(|text| text.split(|c: char| c.is_whitespace() || c == ','))
                .filter(|word| !word.is_empty())
                .map(quoted)
                .collect(),
            Kind::Flag => text_of(given, field.name).map(|_| String::new()).into_iter().collect(),
            _ => text_of(given, field.name).map(quoted).into_iter().collect(),
        };
        let values = if values.is_empty() { placeholder.into_iter().collect::<Vec<_>>() } else { values };
        // The names of an order are one value.
        let values = if field.option == "--order" { vec![values.join(",")] } else { values };
        for value in values {
            let text = [field.option, &value].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
            let end = if field.option.is_empty() { &mut behind } else { &mut command };
            end.push(' ');
            end.push_str(&text.join(" "));
        }
        if matches!(field.kind, Kind::VoidedRecord)
            && let Some(source) = text_of(given, "Source")
        {
            command += " --source ";
            command += &quoted(source);
        }
    }
    if has_key(act) {
        command += " --key ";
        command += key;
    }
    if act.preview == Preview::IfApply {
        command.push_str(" --apply");
    }
    command + &behind
}

/// Whether the key of the form is one that the command takes too.
fn has_key(act: &Act) -> bool {
    let keyed = ["Deposit", "ReverseDeposit", "AdjustAccount", "CorrectUsage", "RerateUsage"];
    matches!(act.run, Run::Route(route) if keyed.contains(&route))
}

/// A value for a POSIX shell.
pub(in crate::console) fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=+%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::acts::table::find;
    use crate::console::visit::request_of;

    #[test]
    fn commands_have_the_values_of_the_form() {
        let command = |act: &str, pairs: &[(&str, &str)]| {
            let given =
                request_of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            command_text(find(act).unwrap(), &given, "k1")
        };
        let table = [
            (
                "deposit",
                &[("company", "7"), ("Kind", "cash"), ("Amount", "12.50"), ("NoSettle", "yes")][..],
                "tollbook account deposit --company 7 --kind cash --amount 12.50 --no-settle --key k1",
            ),
            (
                "company-rename",
                &[("company", "7"), ("Name", "O'Neil & Co; rm -rf")],
                r"tollbook company set --company 7 --name 'O'\''Neil & Co; rm -rf'",
            ),
            (
                "key-change",
                &[("company", "7"), ("public_key", "pk"), ("Permissions", "read"), ("Permissions", "pay")],
                "tollbook key set --permission read --permission pay pk",
            ),
            (
                "usage-void",
                &[("company", "7"), ("Void", "r 1"), ("Source", "otel"), ("Reason", "twice")],
                "tollbook usage void --company 7 --source otel --reason twice --key k1 'r 1'",
            ),
            ("price-order", &[("Order", "own, a")], "tollbook prices lists --order own,a"),
            (
                "rerate",
                &[("company", "7")],
                "tollbook usage rerate --company 7 --from FROM --to TO --reason REASON --key k1 --apply",
            ),
        ];
        for (act, pairs, expected) in table {
            assert_eq!(command(act, pairs), expected);
        }
    }
}
