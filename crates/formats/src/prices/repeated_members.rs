//! Refuses objects that state a member twice: the parser would keep the last one in silence.

use std::collections::HashSet;

use super::node::{NodeError, NodeResult};
use crate::text::json::{elements, members};

/// Refuses a member that its object states twice. The text is valid JSON.
pub(super) fn refuse_repeated_members(text: &str) -> NodeResult<()> {
    match repeated_member(text, "") {
        Some(key) => Err(NodeError { key, reason: "is stated twice".to_owned() }),
        None => Ok(()),
    }
}

/// The path of the first repeated member. The parser has refused deep nesting.
fn repeated_member(text: &str, path: &str) -> Option<String> {
    let child = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match text.trim_start().as_bytes().first() {
        Some(b'{') => {
            let (mut names, mut found) = (HashSet::new(), None);
            // The walk ends with an error at the first repeated member.
            let _ = members(text, |name, value| {
                let path = child(&name);
                found = if names.insert(name) { repeated_member(value, &path) } else { Some(path) };
                if found.is_some() { Err(String::new()) } else { Ok(()) }
            });
            found
        }
        Some(b'[') => {
            let elements = elements(text, usize::MAX).unwrap_or_default();
            elements
                .into_iter()
                .enumerate()
                .find_map(|(index, element)| repeated_member(element, &child(&index.to_string())))
        }
        _ => None,
    }
}
