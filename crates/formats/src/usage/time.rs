//! Times of usage records to Unix seconds. A fraction of a second is rounded down, so that a record is never counted in
//! an hour that had not begun.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimeParser;

const PARSER: DateTimeParser = DateTimeParser::new();

/// Unix seconds of an RFC 3339 text.
pub(super) fn rfc3339(text: &str) -> Result<i64, String> {
    let timestamp = if is_rfc3339(text) { PARSER.parse_timestamp(text).ok() } else { None };
    timestamp.map(seconds).ok_or_else(|| "must be an RFC 3339 time such as 2026-06-01T00:00:00Z".to_owned())
}

/// Unix seconds of a text that is either an integer or an RFC 3339 time.
pub(super) fn seconds_or_rfc3339(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_err(|_| "does not fit in 64 bits".to_owned());
    }
    rfc3339(text).map_err(|_| "must be Unix seconds or an RFC 3339 time".to_owned())
}

/// The whole seconds of a time, rounded down.
pub(super) fn seconds(timestamp: Timestamp) -> i64 {
    timestamp.as_second() - i64::from(timestamp.subsec_nanosecond() < 0)
}

/// Whether a text has the form of RFC 3339. The parser also accepts other separators, no seconds, and time zone names.
fn is_rfc3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    let at = |index: usize, among: &[u8]| bytes.get(index).is_some_and(|byte| among.contains(byte));
    let offset = bytes.len().saturating_sub(6);
    let zone = text.ends_with(['Z', 'z']) || (offset > 18 && at(offset, b"+-") && at(offset + 3, b":"));
    zone && at(4, b"-") && at(7, b"-") && at(10, b"Tt") && at(13, b":") && at(16, b":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_unix_seconds() {
        // text | seconds, or nothing if it is refused
        let table = "
            2026-06-01T00:00:00Z            | 1780272000
            2026-06-01t00:00:00z            | 1780272000
            2026-06-01T08:00:00.999999+08:00 | 1780272000
            1970-01-01T00:00:00.5Z          | 0
            1969-12-31T23:59:59.5Z          | -1
            1969-12-31T23:59:59Z            | -1
            2016-12-31T23:59:60Z            | 1483228799
            2026-06-01T00:00Z               |
            2026-06-01T00:00:00             |
            2026-06-01 00:00:00Z            |
            2026-06-01T00:00:00+0800        |
            2026-06-01T00:00:00Z[UTC]       |
            2026-06-01T00:00:00+08:00[Asia/Shanghai] |
            2026-02-30T00:00:00Z            |
            20260601T000000Z                |
            1780272000                      |";
        for row in table.lines().filter(|row| row.contains('|')) {
            let (text, expected) = row.split_once('|').unwrap();
            assert_eq!(rfc3339(text.trim()).ok(), expected.trim().parse().ok(), "{row}");
        }
        assert_eq!(seconds_or_rfc3339("-5"), Ok(-5));
        assert_eq!(seconds_or_rfc3339("1969-12-31T23:59:59Z"), Ok(-1));
        for text in ["", "-", "+5", "1.5", "99999999999999999999"] {
            assert!(seconds_or_rfc3339(text).is_err(), "{text}");
        }
    }
}
