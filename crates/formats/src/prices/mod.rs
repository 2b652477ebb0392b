//! Reading price lists into the prices of the book: the published genai-prices list (`.json`) and our own files
//! (`.toml`, docs/PRICES.md). Nothing is stored here.

mod decimal;
mod genai_prices;
mod intervals;
mod own_file;

use std::path::Path;

use tollbook_domain::catalogue::Catalogue;
use tollbook_domain::field_rules::MAX_TEXT_BYTES;
use tollbook_domain::price::Matcher;
use tollbook_domain::time::HOUR_S;
use tollbook_domain::{Price, UnitPrice};

use crate::toml::{FileError, Source, read_file};

/// What a file says, and what of it could not be kept as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceList {
    /// In the order of the file.
    pub prices: Vec<Price>,
    /// Prices that had more than 12 places. Never of our own files, where that is a mistake.
    pub rounded: Vec<Rounded>,
    /// What the file has and the prices do not.
    pub left_out: Vec<LeftOut>,
}

/// A price that was rounded to 12 places, half away from zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rounded {
    /// Whose model.
    pub provider: String,
    /// What the book calls the model.
    pub model_id: String,
    /// What is counted.
    pub sku: String,
    /// The price for one pricing unit as the file states it.
    pub stated: String,
    /// What it was rounded to.
    pub kept: UnitPrice,
}

/// A model, or a part of it, that gave no price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Whose model; may be empty.
    pub provider: String,
    /// What the file calls the model.
    pub model_id: String,
    /// Lowercase, no full stop.
    pub reason: String,
}

/// Reads a price list; the name's ending says which form it has.
///
/// Prices are valid from `valid_from_s` on (Unix seconds; `None`: 1970). In a published list, a set of prices that starts
/// later keeps its start, and one that is replaced before is left out; in our own files, what states a time keeps it.
/// The pricing units of our own files are those of the catalogue.
///
/// # Errors
/// The first thing that is wrong, with the file and, where one is to blame, line and key.
pub fn read(path: &Path, valid_from_s: Option<i64>, catalogue: &Catalogue) -> Result<PriceList, FileError> {
    let valid_from_s = valid_from_s.unwrap_or(0);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("json") => genai_prices::parse(path, &read_file(path)?, valid_from_s),
        Some("toml") => own_file::parse(path, &read_file(path)?, valid_from_s, catalogue),
        _ => {
            let source = Source { file: path, text: "" };
            Err(source.error(None, "", "must end in .json (genai-prices) or .toml (docs/PRICES.md)"))
        }
    }
}

/// A matcher of one text by the name that both forms of list have for it; `None` if it is none.
fn text_matcher(operator: &str, text: &str) -> Option<Result<Matcher, String>> {
    let matcher = match operator {
        "equals" => Matcher::Equals(text.to_owned()),
        "starts_with" => Matcher::StartsWith(text.to_owned()),
        "ends_with" => Matcher::EndsWith(text.to_owned()),
        "contains" => Matcher::Contains(text.to_owned()),
        "regex" => match Matcher::pattern(text) {
            Ok(matcher) => matcher,
            Err(error) => {
                // The first lines draw the expression.
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
                return Some(Err(format!("is not a regular expression: {reason}")));
            }
        },
        _ => return None,
    };
    // A part that is in every name is a typing error. No name at all is what a sandbox has.
    let is_part = !matches!(matcher, Matcher::Equals(_));
    let checked =
        if text.is_empty() && is_part { Err("must not be empty".to_owned()) } else { check_text(text) };
    Some(checked.map(|()| matcher))
}

/// `HH:MM` or `HH:MM:SS` as seconds since midnight.
fn second_of_day(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split(':').collect();
    let (hour, minute, second) = match *parts.as_slice() {
        [hour, minute] => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let number = |text: &str, end: i64| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &i64| digits && *number < end)
    };
    Some(number(hour, 24)? * HOUR_S + number(minute, 60)? * 60 + number(second, 60)?)
}

/// What orders and usage can carry (docs/ORDERS.md, "Limits").
fn check_text(text: &str) -> Result<(), String> {
    if text.len() > MAX_TEXT_BYTES {
        Err(format!("must have at most {MAX_TEXT_BYTES} bytes"))
    } else if text.chars().any(char::is_control) {
        Err("must have no control characters".to_owned())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_says_which_form_a_file_has() {
        let catalogue = Catalogue::built_in();
        let refused = |name: &str| read(Path::new(name), None, &catalogue).unwrap_err().to_string();
        assert_eq!(refused("p.yaml"), "p.yaml: must end in .json (genai-prices) or .toml (docs/PRICES.md)");
        assert!(refused("/nowhere/prices.toml").starts_with("/nowhere/prices.toml: "));
    }

    #[test]
    fn times_of_day() {
        for (text, expected) in [
            ("00:00", Some(0)),
            ("16:30", Some(59_400)),
            ("23:59:59", Some(86_399)),
            ("24:00", None),
            ("12:60", None),
            ("1:00", None),
            ("+1:00", None),
            ("12", None),
            ("12:00:00:00", None),
        ] {
            assert_eq!(second_of_day(text), expected, "{text}");
        }
    }
}
