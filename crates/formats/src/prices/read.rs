//! Reads a price list in the form that the ending of its name states.

use std::path::Path;

use tollbook_domain::HourOffsets;
use tollbook_domain::catalogue::Catalogue;

use super::list::PriceList;
use super::{own_file, published};
use crate::toml::{FileError, Source, read_file};

/// Reads a price list; the ending of the name states its form, and the content of a `.json` file which published list it
/// is.
///
/// Prices are valid from `valid_from_s` on (Unix seconds; `None`: 1970). In a published list, a set of prices that
/// starts later keeps its start, and a set that is replaced earlier is omitted; in our own files, a stated time is
/// kept. The pricing units of our own files are those of the catalogue, and their dates
/// are days of the deployment's offsets from UTC.
///
/// # Errors
/// The first error, with the file and, if known, line and key.
pub fn read(
    path: &Path,
    valid_from_s: Option<i64>,
    catalogue: &Catalogue,
    offsets: &HourOffsets,
) -> Result<PriceList, FileError> {
    match form(path) {
        Some(_) => parse(path, &read_file(path)?, valid_from_s, catalogue, offsets),
        None => Err(unknown_form(path)),
    }
}

/// As [`read`], from the text of the file; `path` names it in errors, and its ending states the form.
///
/// # Errors
/// As [`read`].
pub fn parse(
    path: &Path,
    text: &str,
    valid_from_s: Option<i64>,
    catalogue: &Catalogue,
    offsets: &HourOffsets,
) -> Result<PriceList, FileError> {
    let valid_from_s = valid_from_s.unwrap_or(0);
    match form(path) {
        Some(Form::Published) => published::parse(path, text, valid_from_s),
        Some(Form::Own) => own_file::parse(path, text, valid_from_s, catalogue, offsets),
        None => Err(unknown_form(path)),
    }
}

#[derive(Clone, Copy)]
enum Form {
    Published,
    Own,
}

fn form(path: &Path) -> Option<Form> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("json") => Some(Form::Published),
        Some("toml") => Some(Form::Own),
        _ => None,
    }
}

fn unknown_form(path: &Path) -> FileError {
    let source = Source { file: path, text: "" };
    source.error(None, "", "must end in .json (a published list) or .toml (docs/PRICES.md)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_states_the_form_of_a_file() {
        let catalogue = Catalogue::built_in();
        let refused = |name: &str| {
            read(Path::new(name), None, &catalogue, &HourOffsets::default()).unwrap_err().to_string()
        };
        assert_eq!(
            refused("p.yaml"),
            "p.yaml: must end in .json (a published list) or .toml (docs/PRICES.md)"
        );
        assert!(refused("/nowhere/prices.toml").starts_with("/nowhere/prices.toml: "));
    }
}
