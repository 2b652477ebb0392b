//! Published lists in JSON: which list a file is, by its content.

use std::path::Path;

use serde_json::Value;

use super::list::PriceList;
use super::node::{Node, NodeError};
use super::repeated_members::refuse_repeated_members;
use super::{genai_prices, litellm};
use crate::toml::{FileError, Source};

/// Reads the text of a published list; `file` names it in errors.
pub(super) fn parse(file: &Path, text: &str, valid_from_s: i64) -> Result<PriceList, FileError> {
    let source = Source { file, text };
    let document: Value = serde_json::from_str(text).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.rsplit_once(" at line").map_or(reason.as_str(), |(reason, _)| reason);
        FileError { line: Some(error.line()), ..source.error(None, "", reason) }
    })?;
    let list = Node { value: &document, path: String::new() };
    let read = refuse_repeated_members(text).and_then(|()| {
        if list.value.is_array() {
            genai_prices::read_list(&list, valid_from_s)
        } else if litellm::is_list(&document) {
            litellm::read_list(&list, valid_from_s)
        } else {
            list.wrong(
                "is no known price list: genai-prices is an array of providers, LiteLLM's list an object of models \
                 that have a \"litellm_provider\"",
            )
        }
    });
    read.map_err(|NodeError { key, reason }| source.error(None, key, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<String, String> {
        let list = parse(Path::new("p.json"), text, 0).map_err(|error| error.to_string())?;
        assert!(list.prices.iter().all(|price| price.list == list.list.name));
        Ok(list.list.name)
    }

    #[test]
    fn the_content_says_which_list_it_is() {
        let genai = r#"[{"id": "p", "models": [{"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": 1}}]}]"#;
        assert_eq!(list(genai), Ok("genai-prices".to_owned()));
        let litellm = r#"{"m": {"litellm_provider": "p", "input_cost_per_token": 1e-6}}"#;
        assert_eq!(list(litellm), Ok("litellm".to_owned()));
        for other in ["{}", "5", r#"{"providers": [1]}"#, r#"{"m": {"input_cost_per_token": 1e-6}}"#] {
            let error = list(other).unwrap_err();
            assert!(error.starts_with("p.json: is no known price list: genai-prices is an array"), "{error}");
        }
    }

    #[test]
    fn a_member_that_is_stated_twice_is_refused() {
        let twice =
            r#"{"m": {"litellm_provider": "p", "input_cost_per_token": 1, "input_cost_per_token": 2}}"#;
        assert_eq!(list(twice).unwrap_err(), "p.json: m.input_cost_per_token: is stated twice");
        let twice = r#"{"a": {"litellm_provider": "p"}, "\u0061": {"litellm_provider": "p"}}"#;
        assert_eq!(list(twice).unwrap_err(), "p.json: a: is stated twice");
        let twice = r#"[{"id": "p", "models": [{"id": "m", "prices": {"input_mtok": 1, "input_mtok": 2}}]}]"#;
        assert_eq!(list(twice).unwrap_err(), "p.json: 0.models.0.prices.input_mtok: is stated twice");
    }
}
