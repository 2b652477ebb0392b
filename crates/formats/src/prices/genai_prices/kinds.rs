//! Kinds of price of the genai-prices list: the SKU, the pricing unit and the place of the point of each.

use tollbook_domain::catalogue::pricing_unit::{HOUR, ITEM, M_CHARACTERS, M_PIXELS, M_TOKENS, PAGE, REQUEST};

/// What a kind of price is a price of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) sku: String,
    pub(super) unit: i64,
    /// The power of ten by which the price of the list is divided.
    pub(super) shift: i32,
}

/// Kinds that do not count tokens: name in the list, SKU, pricing unit, power of ten.
const OTHER_KINDS: [(&str, &str, i64, i32); 14] = [
    ("requests_kcount", "request", REQUEST, 3),
    ("web_searches_kcount", "web_search", REQUEST, 3),
    ("social_searches_kcount", "social_search", REQUEST, 3),
    ("storage_searches_kcount", "storage_search", REQUEST, 3),
    ("rerank_searches_kcount", "rerank_search", REQUEST, 3),
    ("code_executions_kcount", "code_execution", REQUEST, 3),
    ("input_text_messages_kcount", "message", ITEM, 3),
    ("input_document_kpages", "page", PAGE, 3),
    ("input_annotated_document_kpages", "annotated_page", PAGE, 3),
    ("input_mchars", "input_character", M_CHARACTERS, 0),
    ("input_gpixels", "input_pixel", M_PIXELS, 3),
    ("audio_hours", "audio_second", HOUR, 0),
    ("input_audio_hours", "input_audio_second", HOUR, 0),
    ("output_audio_hours", "output_audio_second", HOUR, 0),
];

/// The kind of price that a name means; `None` if it is not known.
pub(super) fn kind(name: &str) -> Option<Kind> {
    if let Some(tokens) = name.strip_suffix("_mtok") {
        return token_sku(tokens).map(|sku| Kind { sku, unit: M_TOKENS, shift: 0 });
    }
    let (_, sku, unit, shift) = *OTHER_KINDS.iter().find(|(known, ..)| *known == name)?;
    Some(Kind { sku: sku.to_owned(), unit, shift })
}

/// The SKU of a kind of tokens. The list names tokens by direction or cache, then modality, then use.
fn token_sku(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('_').collect();
    let is_modality = |part: &str| matches!(part, "text" | "audio" | "image" | "video");
    let (group, modality, uses) = match parts.as_slice() {
        [group, modality, uses @ ..] if is_modality(modality) => (*group, Some(*modality), uses),
        [group, uses @ ..] => (*group, None, uses),
        [] => return None,
    };
    match (group, uses) {
        ("input" | "output", [])
        | ("input", ["tool"])
        | ("cache", ["read" | "write"] | ["write", "5m" | "1h"]) => Some(name.to_owned()),
        ("output", [kind @ ("reasoning" | "citation")]) => {
            Some(modality.map_or_else(|| (*kind).to_owned(), |modality| format!("{modality}_{kind}")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tollbook_domain::InputSkus;

    use super::*;

    #[test]
    fn each_kind_has_a_sku() {
        // kind in the list | SKU
        let table = "
            input_mtok                         | input
            output_mtok                        | output
            cache_read_mtok                    | cache_read
            cache_write_mtok                   | cache_write
            cache_write_5m_mtok                | cache_write_5m
            cache_write_1h_mtok                | cache_write_1h
            input_image_mtok                   | input_image
            output_video_mtok                  | output_video
            cache_image_read_mtok              | cache_image_read
            cache_video_write_1h_mtok          | cache_video_write_1h
            input_tool_mtok                    | input_tool
            input_audio_tool_mtok              | input_audio_tool
            output_reasoning_mtok              | reasoning
            output_image_reasoning_mtok        | image_reasoning
            output_citation_mtok               | citation
            requests_kcount                    | request
            web_searches_kcount                | web_search
            input_gpixels                      | input_pixel
            input_annotated_document_kpages    | annotated_page
            cache_mtok                         | none
            cache_read_1h_mtok                 | none
            cache_write_2h_mtok                | none
            input_smell_mtok                   | none
            output_tool_mtok                   | none
            output_reasoning_deep_mtok         | none
            mtok                               | none
            _mtok                              | none
            searches_kcount                    | none";
        for row in table.lines().filter(|row| row.contains('|')) {
            let (name, expected) = row.split_once('|').unwrap();
            let got = kind(name.trim()).map_or_else(|| "none".to_owned(), |kind| kind.sku);
            assert_eq!(got, expected.trim(), "{row}");
        }
    }

    #[test]
    fn only_tokens_count_towards_the_length_of_a_request() {
        let counts = InputSkus::default();
        for (name, sku, ..) in OTHER_KINDS {
            assert!(!counts.counts(sku), "{name}");
        }
    }
}
