//! The reference page, `docs/API.md`.

use std::fmt::Write as _;

use crate::actions::{ACTIONS, Action, Described, MemberShape, ParameterShape};
use crate::ret_code::{RET_CODES, RetCode};

/// The page as Markdown. `cargo run -p tollbook-api --example reference` prints it; a test compares it with the file in
/// `docs/`.
pub fn reference() -> String {
    let mut page = String::from(INTRODUCTION);
    for action in ACTIONS {
        let _ = writeln!(page, "- [{}](#{}) — {}", action.name, action.name.to_lowercase(), action.summary);
    }
    page.push_str("\n## Return codes\n\n| RetCode | when | Message |\n| --- | --- | --- |\n");
    for RetCode { code, when, message } in RET_CODES {
        let _ = writeln!(page, "| {code} | {when} | {} |", message.replace('|', "\\|"));
    }
    let mut objects: Vec<(&str, Vec<Described>)> = Vec::new();
    for action in ACTIONS {
        write_action(&mut page, action, &mut objects);
    }
    page.push_str("\n## Objects\n");
    for (name, members) in objects {
        let _ = write!(page, "\n### {name}\n\n| member | type | meaning |\n| --- | --- | --- |\n");
        for member in members {
            let _ = writeln!(page, "| {} | {} | {} |", member.name, member.json_type, member.meaning);
        }
    }
    page
}

const INTRODUCTION: &str = "<!-- Generated from the table of actions: cargo run -p tollbook-api --example reference \
> docs/API.md -->

# API reference

One endpoint, `/`. `Action` names the operation; parameters come as a query string (`GET`), as a form or as JSON
(`POST`). Every request carries `Action`, `PublicKey` and `Signature`; it may carry `Region`, `Zone`, `ProjectId` and
`SecurityToken`, which are signed like all others. Answers are HTTP 200 with a JSON object. Every answer
has a `RetCode`, 0 for success; a `Message`, `success` or what is wrong; and a `request_uuid` ◆, which repeats the header
`X-UCLOUD-REQUEST-UUID`. A parameter that an action does not have is ignored; if it looks like one that it has, the answer
names both in `Warnings` ◆ ([WIRE.md](WIRE.md), \"Warnings\").

**Signature.** Sort the parameters by name, bytewise; write each name and its value one after the other without separators;
append the private key; the signature is the lower-case hexadecimal SHA-1 of that text in UTF-8.

**Strict signature** ◆. In place of `Signature`, or beside it, the headers `X-Tollbook-Timestamp`, `X-Tollbook-Nonce` and
`X-Tollbook-Signature`: HMAC-SHA256 over the whole request, valid for minutes, answered once ([SIGNING.md](SIGNING.md), \"Strict
signatures\"). A key or a server may demand it, for payments or for everything (175). Parameters that an action does not have are
refused there, in place of being ignored.

**Lists.** `X.0=a&X.1=b`, `X.N=a&X.N=b`, `X=a&X=b` and JSON `\"X\": [\"a\", \"b\"]` are the same list. At most 100
values of at most 256 bytes. Filters are joined by AND, the values of one list by OR; an empty list is no filter.

**Amounts** are exact decimals in strings, at least two and at most 8 places (unit prices 12). **Times** are Unix
seconds. A marked parameter (◆) is an extension of Tollbook.

## Actions

";

fn write_action(
    page: &mut String,
    action: &'static Action,
    objects: &mut Vec<(&'static str, Vec<Described>)>,
) {
    let _ = write!(page, "\n## {}\n\n{}. {}\n", action.name, action.summary, action.description);
    page.push_str("\n| parameter | type | required | meaning |\n| --- | --- | --- | --- |\n");
    for parameter in action.parameters {
        let (name, shape) = match parameter.shape {
            ParameterShape::Integer(from, i64::MAX) => {
                (parameter.name.to_owned(), format!("integer, from {from}"))
            }
            ParameterShape::Integer(from, to) => {
                (parameter.name.to_owned(), format!("integer, {from} to {to}"))
            }
            ParameterShape::Text => (parameter.name.to_owned(), "string".to_owned()),
            ParameterShape::Flag => (parameter.name.to_owned(), "`true` or `false`".to_owned()),
            ParameterShape::Integers => (format!("{}.N", parameter.name), "integer list".to_owned()),
            ParameterShape::Texts | ParameterShape::FewTexts(_) => {
                (format!("{}.N", parameter.name), "string list".to_owned())
            }
        };
        let mark = if parameter.extension { " ◆" } else { "" };
        let required = if parameter.required { "yes" } else { "no" };
        let _ = writeln!(page, "| {name}{mark} | {shape} | {required} | {} |", parameter.meaning.text());
    }
    page.push_str("\n| member of the answer | type | meaning |\n| --- | --- | --- |\n");
    for member in action.response {
        let shape = match member.shape {
            MemberShape::Integer => "integer".to_owned(),
            MemberShape::Text => "string".to_owned(),
            MemberShape::Object(name, members) | MemberShape::List(name, members) => {
                if objects.iter().all(|(known, _)| *known != name) {
                    objects.push((name, members()));
                }
                let link = format!("[{name}](#{})", name.to_lowercase());
                if matches!(member.shape, MemberShape::List(..)) { format!("list of {link}") } else { link }
            }
        };
        let _ = writeln!(page, "| {} | {shape} | {} |", member.name, member.meaning);
    }
}
