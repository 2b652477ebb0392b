//! Mapping files of an operator, and records through them: an error names the file and a line of it, and a mapping that
//! is accepted maps every record to usage, a rule or a reason.

use std::path::Path;

use tollbook_formats::usage::{Mapped, Mapping};

use crate::files::check_reason;

/// What every mapping is tried on.
const RECORD: &str = r#"{"id": "r-1", "model": "m", "created": 1780000000, "usage": {"input": 12, "output": 3.0,
    "details": {"cached": 4, "list": [1, 2, {"n": "5"}]}}, "text": "a", "none": null, "free": true}"#;

pub(super) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (mapping, record) = text.split_once('\0').unwrap_or((text, RECORD));
    match Mapping::parse(Path::new("m.toml"), mapping) {
        Ok(mapping) => {
            for record in [record, RECORD, "", "[]", "{}"] {
                let mapped = mapping.map_json(record, 1);
                assert_eq!(mapped, mapping.map_json(record, 1));
                for record in mapped {
                    match record {
                        Mapped::Usage { usage, .. } => {
                            assert!(usage.quantities.is_sorted_by(|(a, _), (b, _)| a < b));
                        }
                        Mapped::Skipped(_) => {}
                        Mapped::Refused(reason) => check_reason(&reason),
                    }
                }
            }
        }
        Err(error) => {
            check_reason(&error.reason);
            // A mapping that extends another one may break a rule of that.
            let file = error.file.to_string_lossy();
            assert!(matches!(&*file, "m.toml" | "built-in mapping"), "{error}");
        }
    }
}
