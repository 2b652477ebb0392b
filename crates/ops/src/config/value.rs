//! Reading numbers within a range, for all sections.

use std::ops::RangeInclusive;

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
