//! Reading numbers within a range and names of files, for all sections.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use tollbook_formats::toml::{FileError, Source};
use toml::Spanned;

pub(super) const DAY_S: i64 = 86_400;

pub(super) type Checked<T> = Result<T, FileError>;

/// The number of a key, if the key is set.
///
/// # Errors
/// The number is outside the range; the error names the range.
pub(super) fn number(
    source: &Source<'_>,
    key: &str,
    value: Option<&Spanned<i64>>,
    range: RangeInclusive<i64>,
) -> Checked<Option<i64>> {
    match value {
        Some(value) if !range.contains(value.get_ref()) => {
            let reason = format!("must be between {} and {}", range.start(), range.end());
            Err(source.error(Some(value.span()), key, reason))
        }
        value => Ok(value.map(|value| *value.get_ref())),
    }
}

/// The file that a key names, if the key is set. A relative path starts at the configuration file, so that it does not
/// depend on the directory in which the server is started.
pub(super) fn file(
    source: &Source<'_>,
    key: &str,
    value: Option<&Spanned<String>>,
) -> Checked<Option<PathBuf>> {
    match value {
        Some(value) if value.get_ref().is_empty() => {
            Err(source.error(Some(value.span()), key, "must name a file"))
        }
        Some(value) => Ok(Some(source.file.parent().unwrap_or(Path::new("")).join(value.get_ref()))),
        None => Ok(None),
    }
}
