//! Matchers of model names, by the names that both forms of price list have for them.

use tollbook_domain::price::Matcher;

use crate::text::check_text;

/// A matcher of one text; `None` if the operator is not known, an error with the reason if the text is not valid.
pub(super) fn text_matcher(operator: &str, text: &str) -> Option<Result<Matcher, String>> {
    let matcher = match operator {
        "equals" => Matcher::Equals(text.to_owned()),
        "starts_with" => Matcher::StartsWith(text.to_owned()),
        "ends_with" => Matcher::EndsWith(text.to_owned()),
        "contains" => Matcher::Contains(text.to_owned()),
        "regex" => match Matcher::pattern(text) {
            Ok(matcher) => matcher,
            Err(error) => {
                // The first lines of the message draw the expression.
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
                return Some(Err(format!("is not a regular expression: {reason}")));
            }
        },
        _ => return None,
    };
    // An empty part matches every name, which is a typing error. A sandbox has an empty name.
    let is_part = !matches!(matcher, Matcher::Equals(_));
    let checked =
        if text.is_empty() && is_part { Err("must not be empty".to_owned()) } else { check_text(text) };
    Some(checked.map(|()| matcher))
}
