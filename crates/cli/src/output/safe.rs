//! Text from data on a terminal: nothing in it may command the terminal.

use std::fmt::Write as _;

/// JSON with its control characters escaped. They are in texts only, where an escape means the same.
pub(super) fn escaped(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if commands_terminal(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Replaces the characters by which names and orders from outside could command a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if commands_terminal(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Whether a character is a control character, or turns the direction in which the text around it is shown.
fn commands_terminal(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn text_from_data_cannot_command_a_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{9b}c\u{202e}d\n"), "a�[2Jb�c�d�");
        assert_eq!(printable("深圳 — é"), "深圳 — é");
        let json = serde_json::json!({"Name": "a\u{1b}b\u{9b}c\u{202e}d\u{7f}\n深"}).to_string();
        let safe = escaped(&json);
        assert!(!safe.chars().any(commands_terminal), "{safe:?}");
        let same: (Value, Value) =
            (serde_json::from_str(&safe).unwrap(), serde_json::from_str(&json).unwrap());
        assert_eq!(same.0, same.1);
    }
}
