//! What went wrong between this process and a remote store, told so that an operator can act on it and so that no
//! signature or key gets into a log.

use std::borrow::Cow;
use std::fmt;

/// Longest text of a store's answer that is passed on, in characters.
const MAX_TEXT_CHARS: usize = 300;

/// S3's codes of failures that pass, whatever the status that they come with; a finished upload's failure comes with
/// 200.
const PASSING: &[&str] =
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
    /// No answer came: the connection failed, broke off or took too long.
    pub(super) fn unreachable(doing: Cow<'static, str>, key: &str, message: &str) -> Self {
        // A URL in it would bring its query, and so a signature, along.
        let message = bounded(message.split('?').next().unwrap_or_default());
        Self { doing, key: key.to_owned(), status: None, code: String::new(), message, is_transient: true }
    }

    /// The store refused.
    pub(super) fn refused(
        doing: Cow<'static, str>,
        key: &str,
        status: u16,
        code: &str,
        message: &str,
    ) -> Self {
        let is_transient = matches!(status, 408 | 429 | 500 | 502..=599) || PASSING.contains(&code);
        let (code, message) = (bounded(code), bounded(message));
        Self { doing, key: key.to_owned(), status: Some(status), code, message, is_transient }
    }

    /// The store answered what cannot be true, or what is not its protocol. What it did is not known; another attempt
    /// may do better.
    pub(super) fn wrong(doing: Cow<'static, str>, key: &str, status: u16, message: &str) -> Self {
        let (status, message) = (Some(status), bounded(message));
        Self { doing, key: key.to_owned(), status, code: String::new(), message, is_transient: true }
    }

    /// The HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// The store's own code of the error: S3's `Code`, US3's `RetCode`. Empty when it told none.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Whether the same request may succeed another time: no answer, 408, 429, 5xx.
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

/// One line of bounded length.
fn bounded(text: &str) -> String {
    text.trim().chars().take(MAX_TEXT_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The code and the message in an error's body: S3's XML, US3's JSON, or nothing that is known. What is not well-formed
/// may still hold both.
pub(super) fn code_and_message(body: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(body);
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(&text) {
        let code = json.get("RetCode").map(ToString::to_string).unwrap_or_default();
        let message = json.get("ErrMsg").and_then(serde_json::Value::as_str).unwrap_or_default();
        return (code, message.to_owned());
    }
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    };
    (element("Code").unwrap_or_default(), element("Message").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stores_own_words_are_found() {
        let table = [
            (
                "<?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>",
                "SlowDown",
                "Reduce your rate.",
            ),
            (r#"{"RetCode":-148658,"ErrMsg":"invalid signature"}"#, "-148658", "invalid signature"),
            (r#"{"error":"x"}"#, "", ""),
            ("<html>Bad Gateway</html>", "", ""),
            ("<Error><Code>Half", "", ""),
            ("", "", ""),
        ];
        for (body, code, message) in table {
            assert_eq!(code_and_message(body.as_bytes()), (code.to_owned(), message.to_owned()), "{body}");
        }
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
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
