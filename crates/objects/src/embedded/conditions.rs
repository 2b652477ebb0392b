//! Conditional requests (RFC 9110, section 13) and HTTP dates: whether a client's copy is current, and whether a range
//! applies to the current file. Ranges themselves are in `range`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};
use jiff::tz::TimeZone;

use crate::us3::Request;

/// The result of a request's preconditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The object is sent.
    Proceed,
    /// The client's copy is current: 304.
    NotModified,
    /// The client requires another version: 412.
    PreconditionFailed,
}

/// Evaluates the preconditions in the order of RFC 9110, section 13.2.2. Invalid dates are ignored.
pub(super) fn evaluate(request: &Request<'_>, etag: &str, modified_unix_s: i64) -> Verdict {
    let date = |name| request.header(name).and_then(parse_date);
    let required = match request.header("if-match") {
        Some(list) => lists_etag(list, etag, Comparison::Strong),
        None => date("if-unmodified-since").is_none_or(|limit| modified_unix_s <= limit),
    };
    if !required {
        return Verdict::PreconditionFailed;
    }
    let current = match request.header("if-none-match") {
        Some(list) => lists_etag(list, etag, Comparison::Weak),
        None => date("if-modified-since").is_some_and(|limit| modified_unix_s <= limit),
    };
    if current { Verdict::NotModified } else { Verdict::Proceed }
}

/// Whether `Range` applies: always, unless `If-Range` names another version.
pub(super) fn range_applies(request: &Request<'_>, etag: &str, modified_unix_s: i64) -> bool {
    match request.header("if-range") {
        None => true,
        Some(tag) if tag.starts_with('"') => opaque(tag, Comparison::Strong) == Some(etag),
        Some(tag) if tag.starts_with("W/") => false,
        Some(date) => parse_date(date) == Some(modified_unix_s),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    /// A weak tag (`W/"…"`) matches no tag.
    Strong,
    /// A weak tag matches the strong tag of the same text.
    Weak,
}

/// Our tags contain no comma, so a list can be split at commas.
fn lists_etag(list: &str, etag: &str, comparison: Comparison) -> bool {
    list.split(',').map(str::trim).any(|tag| tag == "*" || opaque(tag, comparison) == Some(etag))
}

fn opaque(tag: &str, comparison: Comparison) -> Option<&str> {
    let tag = match tag.strip_prefix("W/") {
        Some(_) if comparison == Comparison::Strong => return None,
        Some(weak) => weak,
        None => tag,
    };
    tag.strip_prefix('"')?.strip_suffix('"')
}

/// An HTTP date, e.g. `Sun, 06 Nov 1994 08:49:37 GMT`; `None` beyond the year 9999.
pub(super) fn format_date(unix_s: i64) -> Option<String> {
    let timestamp = Timestamp::from_second(unix_s).ok()?;
    DateTimePrinter::new().timestamp_to_rfc9110_string(&timestamp).ok()
}

/// Parses the three forms of RFC 9110, section 5.6.7.
fn parse_date(text: &str) -> Option<i64> {
    if let Ok(timestamp) = DateTimeParser::new().parse_timestamp(text) {
        return Some(timestamp.as_second());
    }
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"].iter().find_map(|form| {
        let civil = DateTime::strptime(form, text).ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODIFIED_S: i64 = 784_111_777;
    const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    #[test]
    fn dates_have_three_forms() {
        assert_eq!(format_date(MODIFIED_S).as_deref(), Some(AT));
        for text in [AT, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse_date(text), Some(MODIFIED_S), "{text}");
        }
        for text in ["", "yesterday", "1994-11-06", "784111777", "Mon, 06 Nov 1994 08:49:37 GMT"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn preconditions() {
        use Verdict::{NotModified, PreconditionFailed, Proceed};
        let table: &[(&[(&str, &str)], Verdict)] = &[
            (&[], Proceed),
            (&[("If-None-Match", "\"tag\"")], NotModified),
            (&[("If-None-Match", "W/\"tag\"")], NotModified),
            (&[("If-None-Match", "\"a\", \"tag\"")], NotModified),
            (&[("If-None-Match", "*")], NotModified),
            (&[("If-None-Match", "tag")], Proceed),
            (&[("If-None-Match", "\"other\"")], Proceed),
            (&[("If-None-Match", "\"other\""), ("If-Modified-Since", AFTER)], Proceed),
            (&[("If-Modified-Since", AT)], NotModified),
            (&[("If-Modified-Since", AFTER)], NotModified),
            (&[("If-Modified-Since", BEFORE)], Proceed),
            (&[("If-Modified-Since", "nonsense")], Proceed),
            (&[("If-Match", "\"tag\"")], Proceed),
            (&[("If-Match", "*")], Proceed),
            (&[("If-Match", "W/\"tag\"")], PreconditionFailed),
            (&[("If-Match", "\"other\"")], PreconditionFailed),
            (&[("If-Match", "\"tag\""), ("If-Unmodified-Since", BEFORE)], Proceed),
            (&[("If-Unmodified-Since", AT)], Proceed),
            (&[("If-Unmodified-Since", BEFORE)], PreconditionFailed),
            (&[("If-Match", "\"other\""), ("If-None-Match", "\"tag\"")], PreconditionFailed),
        ];
        for (headers, verdict) in table {
            let request = Request::from_target("GET", "b", "/k", headers);
            assert_eq!(evaluate(&request, "tag", MODIFIED_S), *verdict, "{headers:?}");
        }
    }

    #[test]
    fn a_range_applies_only_to_the_version_of_if_range() {
        let table = [
            ("\"tag\"", true),
            ("\"other\"", false),
            ("W/\"tag\"", false),
            (AT, true),
            (BEFORE, false),
            (AFTER, false),
            ("nonsense", false),
        ];
        for (value, applies) in table {
            let headers = [("If-Range", value)];
            let request = Request::from_target("GET", "b", "/k", &headers);
            assert_eq!(range_applies(&request, "tag", MODIFIED_S), applies, "{value}");
        }
        assert!(range_applies(&Request::from_target("GET", "b", "/k", &[]), "tag", MODIFIED_S));
    }
}
