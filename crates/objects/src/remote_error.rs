//! A failed request to a remote store, described for an operator. Its text holds no signature and no key.

use std::borrow::Cow;
use std::fmt;

/// Longest text taken from a store's reply, in characters.
const MAX_TEXT_CHARS: usize = 300;

/// S3's codes of transient failures, whatever their HTTP status: `CompleteMultipartUpload` may fail with 200.
const TRANSIENT_CODES: &[&str] =
    &["InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "BadDigest", "IncompleteBody"];

/// A request to a remote store that failed, after all attempts.
#[derive(Debug)]
pub struct RemoteError {
    doing: Cow<'static, str>,
    key: String,
    status: Option<u16>,
    code: String,
    message: String,
    is_transient: bool,
}

impl RemoteError {
    /// No reply: the connection failed, was cut or timed out.
    pub(crate) fn unreachable(doing: Cow<'static, str>, key: &str, message: &str) -> Self {
        // A URL in the message may carry a signature in its query.
        let message = bounded(message.split('?').next().unwrap_or_default());
        Self { doing, key: key.to_owned(), status: None, code: String::new(), message, is_transient: true }
    }

    /// The store refused.
    pub(crate) fn refused(
        doing: Cow<'static, str>,
        key: &str,
        status: u16,
        code: &str,
        message: &str,
    ) -> Self {
        let is_transient = matches!(status, 408 | 429 | 500 | 502..=599) || TRANSIENT_CODES.contains(&code);
        let (code, message) = (bounded(code), bounded(message));
        Self { doing, key: key.to_owned(), status: Some(status), code, message, is_transient }
    }

    /// A reply that contradicts the request or is not of the store's protocol. The effect of the request is unknown;
    /// a retry may succeed.
    pub(crate) fn invalid_reply(doing: Cow<'static, str>, key: &str, status: u16, message: &str) -> Self {
        let (status, message) = (Some(status), bounded(message));
        Self { doing, key: key.to_owned(), status, code: String::new(), message, is_transient: true }
    }

    /// The HTTP status of the reply, `None` without one.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether a retry may succeed: no reply, 408, 429, 5xx except 501, or a transient S3 code.
    pub fn is_transient(&self) -> bool {
        self.is_transient
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the object store cannot {}", self.doing)?;
        if !self.key.is_empty() {
            write!(f, " {}", self.key)?;
        }
        match self.status {
            None => write!(f, ": no answer")?,
            Some(status) => write!(f, ": HTTP {status}")?,
        }
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

impl std::error::Error for RemoteError {}

/// The text as one line of bounded length.
fn bounded(text: &str) -> String {
    text.trim().chars().take(MAX_TEXT_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transient_failures_are_recognized() {
        let table = [
            (400, "InvalidRequest", false),
            (400, "RequestTimeout", true),
            (403, "AccessDenied", false),
            (404, "", false),
            (408, "", true),
            (429, "", true),
            (500, "", true),
            (501, "NotImplemented", false),
            (503, "SlowDown", true),
            (200, "InternalError", true),
            (301, "PermanentRedirect", false),
        ];
        for (status, code, transient) in table {
            let error = RemoteError::refused("list".into(), "", status, code, "");
            assert_eq!(error.is_transient(), transient, "{status} {code}");
        }
        assert!(RemoteError::unreachable("list".into(), "", "refused").is_transient());
    }

    #[test]
    fn a_message_is_one_short_line_without_a_query() {
        let error =
            RemoteError::unreachable("upload".into(), "exports/a", "bad uri: http://h/k?Signature=abc");
        assert_eq!(
            error.to_string(),
            "the object store cannot upload exports/a: no answer: bad uri: http://h/k"
        );
        let long = "x\n".repeat(10_000);
        let error = RemoteError::refused("read".into(), "", 503, &long, &long);
        assert!(error.to_string().chars().count() < 700);
        assert!(!error.to_string().contains('\n'));
    }
}
