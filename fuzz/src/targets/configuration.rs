//! Configuration files: one reading is like another, and an error names the file and, if it has one, a line of it.

use std::path::Path;

use tollbook_ops::Config;

use crate::files::check_reason;

pub(super) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let file = Path::new("/nowhere/tollbook.toml");
    let read = Config::parse(file, text);
    assert_eq!(read, Config::parse(file, text));
    match read {
        Ok(config) => {
            assert!(config.object_retention_s > config.link_lifetime_s && config.link_lifetime_s > 0);
            // What an editor adds changes nothing.
            assert_eq!(Config::parse(file, &format!("{text}\n# a comment\n")), Ok(config));
        }
        Err(error) => {
            check_reason(&error.reason);
            assert_eq!(error.file, file);
            assert!(error.line.is_none_or(|line| line <= text.matches('\n').count() + 1), "{error}");
        }
    }
}
