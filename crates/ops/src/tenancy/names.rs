//! The rule for names and other short texts that operators choose.

use tollbook_domain::field_rules::MAX_TEXT_BYTES;

/// A text that is empty, too long, or contains control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject} {fault}")]
pub struct NameError {
    /// What the text names, such as `the company's name`.
    pub subject: &'static str,
    /// The broken rule.
    pub fault: &'static str,
}

/// Returns the text if it is not empty, has at most [`MAX_TEXT_BYTES`] bytes and no control characters. Surrounding
/// white space is kept.
pub(crate) fn checked_name<'a>(subject: &'static str, text: &'a str) -> Result<&'a str, NameError> {
    let fault = if text.is_empty() {
        "must not be empty"
    } else if text.len() > MAX_TEXT_BYTES {
        "must have at most 256 bytes"
    } else if text.chars().any(char::is_control) {
        "must have no control characters"
    } else {
        return Ok(text);
    };
    Err(NameError { subject, fault })
}
