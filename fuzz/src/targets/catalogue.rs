//! Catalogue files: what is accepted is the same when it is written and read again.

use std::path::Path;

use tollbook_formats::catalogue::{parse, render};

use crate::files::check_reason;

pub(super) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let file = Path::new("catalogue.toml");
    match parse(file, text) {
        Ok(catalogue) => assert_eq!(parse(file, &render(&catalogue)).as_ref(), Ok(&catalogue)),
        Err(error) => {
            check_reason(&error.reason);
            assert!(error.to_string().starts_with("catalogue.toml:"));
            assert!(error.line.is_none_or(|line| line <= text.matches('\n').count() + 1), "{error}");
        }
    }
}
