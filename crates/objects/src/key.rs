//! Object keys as checked values, so that no path is ever built from unchecked text. No other code may turn text into a
//! location in a store.

use std::fmt;

/// The first segment of every key, and thus of every link's path.
pub(crate) const PREFIX: &str = "exports/";

/// Longest key in bytes of UTF-8.
const MAX_KEY_BYTES: usize = 512;

/// Longest segment in bytes of UTF-8. File systems allow 255; the rest leaves room for the name of the `ETag` file.
const MAX_SEGMENT_BYTES: usize = 200;

/// The name of an object: `exports/` and one or more segments.
///
/// A segment is 1 to 200 bytes of letters and digits (of any script), `.`, `_` and `-`, and does not begin with a
/// dot. A key therefore has no `..`, no empty segment, no percent sign, backslash, space or control character, and is
/// the same text in a URL, in a signature and, segment by segment, in a file system.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(String);

/// The rule of [`ObjectKey`] that a text breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text has more than 512 bytes.
    #[error("object key is longer than {MAX_KEY_BYTES} bytes")]
    TooLong,
    /// The text does not begin with `exports/`.
    #[error("object key does not begin with {PREFIX}")]
    Prefix,
    /// A segment is empty, longer than 200 bytes, or begins with a dot.
    #[error("object key has an empty, hidden or overlong segment")]
    Segment,
    /// A character is neither a letter nor a digit nor `.`, `_`, `-`.
    #[error("object key has a character other than letters, digits, dot, underscore and hyphen")]
    Character,
}

impl ObjectKey {
    /// The key of an export: `exports/<company_id>/<random as 32 hex digits>/<file_name>`.
    ///
    /// `random` must come from the caller's source of randomness; it makes the key unguessable and unique.
    ///
    /// # Errors
    ///
    /// `file_name` is not one segment, or the key is too long.
    pub fn export(company_id: i64, random: u128, file_name: &str) -> Result<Self, KeyError> {
        check_segment(file_name)?;
        Self::parse(&format!("{PREFIX}{company_id}/{random:032x}/{file_name}"))
    }

    /// Checks a key from outside. It must be percent-decoded.
    ///
    /// # Errors
    ///
    /// The first broken rule, as a [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.len() > MAX_KEY_BYTES {
            return Err(KeyError::TooLong);
        }
        let rest = text.strip_prefix(PREFIX).ok_or(KeyError::Prefix)?;
        for segment in rest.split('/') {
            check_segment(segment)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The whole key, without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The segments in order; the first is `exports`.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_segment(segment: &str) -> Result<(), KeyError> {
    // Characters are checked first: `a/b` as a file name is a wrong character, not two segments.
    if segment.chars().any(|c| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
        return Err(KeyError::Character);
    }
    if segment.is_empty() || segment.len() > MAX_SEGMENT_BYTES || segment.starts_with('.') {
        return Err(KeyError::Segment);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_has_company_random_and_name() {
        let key = ObjectKey::export(42, 0xab, "orders_2025-01.xlsx").expect("key");
        assert_eq!(key.as_str(), "exports/42/000000000000000000000000000000ab/orders_2025-01.xlsx");
        assert_eq!(key.file_name(), "orders_2025-01.xlsx");
        assert_eq!(ObjectKey::parse(key.as_str()), Ok(key));
    }

    #[test]
    fn every_rule_refuses_its_keys() {
        let long_segment = format!("exports/{}", "a".repeat(MAX_SEGMENT_BYTES + 1));
        let long_key = format!("exports{}", "/abcdefg".repeat(64));
        let table = [
            ("exports/a", None),
            ("exports/1/订单.xlsx", None),
            ("exports/a..b/c...", None),
            ("", Some(KeyError::Prefix)),
            ("exports", Some(KeyError::Prefix)),
            ("/exports/a", Some(KeyError::Prefix)),
            ("etc/passwd", Some(KeyError::Prefix)),
            ("Exports/a", Some(KeyError::Prefix)),
            ("exports/", Some(KeyError::Segment)),
            ("exports//a", Some(KeyError::Segment)),
            ("exports/a/", Some(KeyError::Segment)),
            ("exports/.", Some(KeyError::Segment)),
            ("exports/..", Some(KeyError::Segment)),
            ("exports/../a", Some(KeyError::Segment)),
            ("exports/a/../../../etc/passwd", Some(KeyError::Segment)),
            ("exports/.a.etag", Some(KeyError::Segment)),
            ("exports/%2e%2e/a", Some(KeyError::Character)),
            ("exports/a\\..\\b", Some(KeyError::Character)),
            ("exports/a\0b", Some(KeyError::Character)),
            ("exports/a\nb", Some(KeyError::Character)),
            ("exports/a b", Some(KeyError::Character)),
            ("exports/c:d", Some(KeyError::Character)),
            ("exports/a\u{202e}b", Some(KeyError::Character)),
            (&long_segment, Some(KeyError::Segment)),
            (&long_key, Some(KeyError::TooLong)),
        ];
        for (text, error) in table {
            assert_eq!(ObjectKey::parse(text).err(), error, "{text:?}");
        }
    }

    #[test]
    fn a_file_name_is_one_segment() {
        for name in ["", ".", "..", "../a", "a/b", "/a", ".hidden", "a\u{7f}"] {
            assert!(ObjectKey::export(1, 1, name).is_err(), "{name:?}");
        }
    }
}
