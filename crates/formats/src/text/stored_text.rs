//! Limits of the texts that orders, usage and names carry (docs/ORDERS.md, "Limits").

use tollbook_domain::field_rules::MAX_TEXT_BYTES;

/// Refuses a text that is too long or has control characters; the error is the reason.
pub(crate) fn check_text(text: &str) -> Result<(), String> {
    if text.len() > MAX_TEXT_BYTES {
        Err(format!("must have at most {MAX_TEXT_BYTES} bytes"))
    } else if text.chars().any(char::is_control) {
        Err("must have no control characters".to_owned())
    } else {
        Ok(())
    }
}
