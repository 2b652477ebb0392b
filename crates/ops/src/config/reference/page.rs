//! The page docs/CONFIGURATION.md: the prose of `page.md` with the tables in its places.

use std::fmt::Write as _;

use super::values::settings;
use super::variables::{OPTIONS, VARIABLES};

/// Prose, with `{{settings SECTION}}`, `{{variables}}` and `{{options}}` on lines of their own.
const PROSE: &str = include_str!("page.md");

/// The page in Markdown.
pub fn page() -> String {
    let mut page = String::new();
    for line in PROSE.lines() {
        match line.strip_prefix("{{").and_then(|line| line.strip_suffix("}}")) {
            None => {
                page += line;
                page.push('\n');
            }
            Some("options") => page += &options(),
            Some("variables") => page += &variables(),
            Some(place) => page += &keys(place.trim_start_matches("settings").trim()),
        }
    }
    page
}

fn keys(section: &str) -> String {
    let mut table = "| key | default | range | |\n| --- | --- | --- | --- |\n".to_owned();
    for setting in settings().filter(|setting| setting.section == section) {
        let cell = |text: &str| if text.is_empty() { " ".to_owned() } else { format!(" {text} ") };
        let (default, range) = (cell(setting.default), cell(setting.range));
        let _ = writeln!(table, "| `{}` |{default}|{range}| {} |", setting.name, setting.meaning);
    }
    table
}

fn variables() -> String {
    let mut table = "| variable | read by | |\n| --- | --- | --- |\n".to_owned();
    for variable in VARIABLES {
        let _ = writeln!(table, "| `{}` | {} | {} |", variable.name, variable.read_by, variable.meaning);
    }
    table
}

fn options() -> String {
    let mut table = "| option | variable | default | |\n| --- | --- | --- | --- |\n".to_owned();
    for option in OPTIONS {
        let variable = match option.variable {
            "" => " ".to_owned(),
            name => format!(" `{name}` "),
        };
        let default = match option.default {
            "" => " ".to_owned(),
            text => format!(" {text} "),
        };
        let _ = writeln!(table, "| `{}` |{variable}|{default}| {} |", option.option, option.meaning);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_the_repository_is_current() {
        let kept = include_str!("../../../../../docs/CONFIGURATION.md");
        let hint = "cargo run -p tollbook-ops --example configuration > docs/CONFIGURATION.md";
        for (line, (kept, printed)) in (1..).zip(kept.lines().zip(page().lines())) {
            assert_eq!(kept, printed, "line {line}; {hint}");
        }
        assert_eq!(kept, page(), "{hint}");
    }

    #[test]
    fn every_setting_and_variable_is_on_the_page() {
        let page = page();
        let sections: std::collections::BTreeSet<&str> = settings().map(|setting| setting.section).collect();
        for section in sections {
            let marker = if section.is_empty() {
                "{{settings}}".into()
            } else {
                format!("{{{{settings {section}}}}}")
            };
            assert!(PROSE.lines().any(|line| line == marker), "{marker}");
        }
        for name in VARIABLES.iter().map(|variable| variable.name) {
            assert!(page.contains(&format!("| `{name}` |")), "{name}");
        }
        assert!(!page.contains("{{"), "a place without its table");
    }
}
