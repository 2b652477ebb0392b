//! `Content-Type` and `Content-Disposition`. Only this file turns text from a URL into a header value.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Longest file name in a header, in characters. No file system allows more.
const MAX_NAME_CHARS: usize = 200;

/// RFC 8187 `attr-char`: the characters that are not escaped in `filename*`.
const ATTR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The media type of a file name's extension. None of them is executed by browsers.
pub(crate) fn content_type(file_name: &str) -> &'static str {
    let extension = file_name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    match extension.as_str() {
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "csv" => "text/csv; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "json" => "application/json",
        "jsonl" | "ndjson" => "application/x-ndjson",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "zst" => "application/zstd",
        "parquet" => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    }
}

/// `Content-Disposition` that saves a file as `name` (RFC 6266): an ASCII fallback and, if that differs from the name,
/// `filename*` in UTF-8.
///
/// The name comes from the URL and is not signed. Control and direction characters, quotes and path separators become
/// `_`, so that the name cannot end the header, escape a directory or display another extension than it has.
pub(crate) fn attachment(name: &str) -> String {
    let name: String =
        name.chars().take(MAX_NAME_CHARS).map(|c| if is_harmful(c) { '_' } else { c }).collect();
    // No percent sign, because some browsers decode escapes in the fallback (RFC 6266, appendix D).
    let fallback: String = name.chars().map(|c| if c.is_ascii() && c != '%' { c } else { '_' }).collect();
    let mut value = format!("attachment; filename=\"{fallback}\"");
    if fallback != name {
        value.push_str("; filename*=UTF-8''");
        value.extend(utf8_percent_encode(&name, ATTR));
    }
    value
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '"' | '\\' | '/' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_escape_the_header_value() {
        let table = [
            ("a.xlsx", "attachment; filename=\"a.xlsx\""),
            ("a b.xlsx", "attachment; filename=\"a b.xlsx\""),
            ("订单.xlsx", "attachment; filename=\"__.xlsx\"; filename*=UTF-8''%E8%AE%A2%E5%8D%95.xlsx"),
            ("50%.csv", "attachment; filename=\"50_.csv\"; filename*=UTF-8''50%25.csv"),
            ("a\r\nSet-Cookie: x=y", "attachment; filename=\"a__Set-Cookie: x=y\""),
            ("a\"; filename=\"b.exe", "attachment; filename=\"a_; filename=_b.exe\""),
            ("..\\../etc/passwd", "attachment; filename=\".._.._etc_passwd\""),
            ("x\u{202e}xslx.exe", "attachment; filename=\"x_xslx.exe\""),
            ("é';,.csv", "attachment; filename=\"_';,.csv\"; filename*=UTF-8''%C3%A9%27%3B%2C.csv"),
        ];
        for (name, value) in table {
            assert_eq!(attachment(name), value, "{name:?}");
        }
        assert!(attachment(&"订".repeat(10_000)).len() < 3_000);
    }

    #[test]
    fn every_character_gives_printable_ascii() {
        for c in ('\0'..='\u{ffff}').chain(['\u{1f600}', '\u{e0001}']) {
            let value = attachment(&format!("a{c}b"));
            assert!(value.bytes().all(|b| (0x20..0x7f).contains(&b)), "{c:?} {value}");
            assert_eq!(value.matches('"').count(), 2, "{c:?} {value}");
        }
    }

    #[test]
    fn content_types_by_extension() {
        for (name, expected) in [
            ("a.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            ("a.CSV", "text/csv; charset=utf-8"),
            ("a.csv.gz", "application/gzip"),
            ("a.focus-1.2.parquet", "application/vnd.apache.parquet"),
            ("a.html", "application/octet-stream"),
            ("a.svg", "application/octet-stream"),
            ("xlsx", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), expected, "{name}");
        }
    }
}
