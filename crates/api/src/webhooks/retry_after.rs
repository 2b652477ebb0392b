//! The header `Retry-After` (RFC 9110): seconds, or a date.

/// After how many seconds from `now_s` the receiver wants the next message; `None` if that cannot be read.
pub(super) fn retry_after_s(text: &str, now_s: i64) -> Option<i64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are as good as a very long time.
        return Some(text.parse().unwrap_or(i64::MAX));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(date.timestamp().as_second().saturating_sub(now_s).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read() {
        for (text, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999", Some(i64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:48:00 GMT", Some(0)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after_s(text, 784_111_740), expected, "{text}");
        }
    }
}
