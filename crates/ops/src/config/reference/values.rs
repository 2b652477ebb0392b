//! The table of settings as a whole: which keys there are, and the values that a configuration has.

use serde_json::Value;

use super::setting::{BRAND_SECTION, Read, Setting};
use super::{billing, outside, serving};
use crate::config::settings::Config;

/// Keys that were renamed and still work: the former and the present one.
pub const FORMER_NAMES: [(&str, &str); 1] = [("charging.orders_for_free", "charging.bill_zero_amounts")];

/// A key with the value that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownValue {
    /// The dotted key, such as `server.connections` or `brand.acme.hosts`.
    pub key: String,
    /// The value as the configuration file would state it; null if there is none. Passwords are not in it.
    pub value: Value,
}

/// What a dotted key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// A section.
    Section,
    /// A setting.
    Setting,
}

/// All settings, in the order of the page.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    serving::SETTINGS.iter().chain(outside::SETTINGS).chain(billing::SETTINGS)
}

/// What a key is; `None` if it is unknown. `path` are the parts of the dotted key.
pub fn known(path: &[&str]) -> Option<Known> {
    let in_section = |section: &str, name: &str| {
        settings().any(|setting| setting.section == section && setting.name == name)
            || FORMER_NAMES.iter().any(|(former, _)| *former == format!("{section}.{name}"))
    };
    match path {
        ["brand" | "brand.NAME"] | ["brand", _] => Some(Known::Section),
        ["brand", _, name] => in_section(BRAND_SECTION, name).then_some(Known::Setting),
        [name] if settings().any(|setting| setting.section == *name) => Some(Known::Section),
        [name] => in_section("", name).then_some(Known::Setting),
        [section, name] => in_section(section, name).then_some(Known::Setting),
        _ => None,
    }
}

/// The values that a configuration has, with those of each of its brands.
pub fn values(config: &Config) -> Vec<ShownValue> {
    let mut values = Vec::new();
    for setting in settings() {
        if let Read::Deployment(read) = setting.value {
            values.push(ShownValue { key: setting.key(), value: read(config) });
        }
    }
    for brand in config.brands() {
        for setting in settings() {
            if let Read::Brand(read) = setting.value {
                let key = format!("brand.{}.{}", brand.name, setting.name);
                values.push(ShownValue { key, value: read(brand) });
            }
        }
    }
    values
}

impl Setting {
    /// The dotted key; that of a brand begins with `brand.NAME`.
    pub fn key(&self) -> String {
        match self.section {
            "" => self.name.to_owned(),
            section => format!("{section}.{}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The keys that the parser of a section accepts, as its error names them.
    fn accepted(section: &str) -> BTreeSet<String> {
        let text = match section {
            "" => "no-such-key = 1".to_owned(),
            section => format!("[{}]\nno-such-key = 1", section.replace("NAME", "default")),
        };
        let error = Config::parse(Path::new("tollbook.toml"), &text).unwrap_err().to_string();
        let (_, names) = error.split_once("expected ").unwrap();
        names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_table_has_the_keys_that_the_parser_accepts() {
        let mut sections: BTreeSet<&str> = settings().map(|setting| setting.section).collect();
        sections.insert("");
        let top = accepted("");
        for name in &top {
            assert!(known(&[name]).is_some(), "{name}: a section or key without a row");
        }
        for section in sections {
            let mut names: BTreeSet<String> = settings()
                .filter(|setting| setting.section == section)
                .map(|setting| setting.name.to_owned())
                .collect();
            let former = FORMER_NAMES.iter().filter_map(|(former, _)| former.rsplit_once('.'));
            names.extend(former.filter(|(of, _)| *of == section).map(|(_, name)| name.to_owned()));
            let mut accepted = accepted(section);
            accepted.retain(|name| !section.is_empty() || known(&[name]) != Some(Known::Section));
            assert_eq!(accepted, names, "section {section:?}");
        }
    }

    #[test]
    fn the_stated_defaults_are_those_of_an_empty_file() {
        let config = Config::default();
        let values = values(&config);
        for setting in settings() {
            let key = setting.key().replace("NAME", "default");
            let value = &values.iter().find(|value| value.key == key).unwrap().value;
            let stated = setting.default.trim_start_matches('`');
            let found = match value {
                Value::Null => {
                    assert!(!stated.starts_with(|c: char| c.is_ascii_digit()), "{key}: {stated}");
                    continue;
                }
                Value::String(text) => text.clone(),
                Value::Array(items) => {
                    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                    format!("[{}]", items.join(", "))
                }
                other => other.to_string(),
            };
            let powers = stated.replace("10^15", "1000000000000000");
            assert!(powers.trim_start_matches('"').starts_with(&found), "{key}: {stated}, but is {found}");
        }
    }

    #[test]
    fn keys_are_known_by_their_sections() {
        assert_eq!(known(&["server"]), Some(Known::Section));
        assert_eq!(known(&["brand", "acme"]), Some(Known::Section));
        assert_eq!(known(&["brand", "acme", "hosts"]), Some(Known::Setting));
        assert_eq!(known(&["charging", "orders_for_free"]), Some(Known::Setting));
        assert_eq!(known(&["server", "listen"]), None);
        assert_eq!(known(&["hosts"]), None);
    }

    #[test]
    fn a_password_is_not_shown() {
        let text = "[database]\nurl = \"postgres://tollbook:secret@db.example/orders\"";
        let config = Config::parse(Path::new("tollbook.toml"), text).unwrap();
        let shown = values(&config).into_iter().find(|value| value.key == "database.url").unwrap().value;
        assert_eq!(shown, Value::from("postgres://db.example:5432/orders"));
    }
}
