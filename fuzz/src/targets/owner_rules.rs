//! Files of owners: the rules that are accepted are the same when they are written and read again in either format.

use std::fmt::Write as _;
use std::fs;

use tollbook_domain::owner::OwnerRule;
use tollbook_formats::FileError;
use tollbook_formats::owners::load;

use crate::files::{check_reason, folder};

fn read(name: &str, bytes: &[u8]) -> Result<Vec<OwnerRule>, FileError> {
    let file = folder().join(name);
    fs::write(&file, bytes).expect("a temporary file");
    Ok(load(&file)?.into_iter().map(|located| located.rule).collect())
}

pub(super) fn check(input: &[u8]) {
    for name in ["owners.toml", "owners.csv"] {
        match read(name, input) {
            Ok(rules) => {
                assert!(!rules.is_empty());
                let toml = read("written.toml", toml(&rules).as_bytes());
                assert_eq!(toml.as_ref(), Ok(&rules));
                let csv = read("written.csv", csv(&rules).as_bytes());
                assert_eq!(csv.as_ref(), Ok(&rules));
            }
            Err(error) => check_reason(&error.reason),
        }
    }
}

fn toml(rules: &[OwnerRule]) -> String {
    let mut text = String::new();
    for rule in rules {
        let owner = &rule.owner;
        text += "[[map]]\n";
        for (name, value) in texts(rule) {
            // A JSON text is a TOML text, but for the solidus and DEL.
            let quoted = serde_json::json!(value).to_string().replace('\u{7f}', "\\u007f");
            let _ = writeln!(text, "{name} = {quoted}");
        }
        let _ = writeln!(text, "company_id = {}", owner.company_id);
        let _ = writeln!(text, "organization_id = {}", owner.organization_id);
    }
    text
}

fn csv(rules: &[OwnerRule]) -> String {
    let mut text = "source,kind,key,resource_id,resource_name,company_id,organization_id\n".to_owned();
    for rule in rules {
        for (_, value) in texts(rule) {
            let _ = write!(text, "\"{}\",", value.replace('"', "\"\""));
        }
        let _ = writeln!(text, "{},{}", rule.owner.company_id, rule.owner.organization_id);
    }
    text
}

fn texts(rule: &OwnerRule) -> [(&'static str, &str); 5] {
    [
        ("source", &rule.source),
        ("kind", &rule.kind),
        ("key", &rule.key),
        ("resource_id", &rule.owner.resource_id),
        ("resource_name", &rule.owner.resource_name),
    ]
}
