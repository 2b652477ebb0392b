//! Keys of prices in LiteLLM's list: a kind of price, and the length of the request and the service tier that the price
//! is for, in either order: `input_cost_per_token_above_200k_tokens_priority`.

use tollbook_domain::catalogue::pricing_unit::{
    IMAGE, ITEM, M_CHARACTERS, M_PIXELS, M_TOKENS, PAGE, REQUEST, SECOND,
};

/// What a price is a price of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// The key without conditions.
    pub(super) key: &'static str,
    pub(super) sku: &'static str,
    pub(super) unit: i64,
    /// The power of ten by which the price of the list is divided.
    pub(super) shift: i32,
}

const fn kind(key: &'static str, sku: &'static str, unit: i64, shift: i32) -> Kind {
    Kind { key, sku, unit, shift }
}

const fn tokens(key: &'static str, sku: &'static str) -> Kind {
    kind(key, sku, M_TOKENS, -6)
}

/// An hour of 3,600 seconds is no power of ten: prices of a second stay prices of a second.
const fn seconds(key: &'static str, sku: &'static str) -> Kind {
    kind(key, sku, SECOND, 0)
}

#[rustfmt::skip]
const KINDS: &[Kind] = &[
    tokens("input_cost_per_token", "input"),
    tokens("output_cost_per_token", "output"),
    tokens("output_cost_per_reasoning_token", "reasoning"),
    tokens("cache_read_input_token_cost", "cache_read"),
    // The older name of the same price.
    tokens("input_cost_per_token_cache_hit", "cache_read"),
    tokens("cache_creation_input_token_cost", "cache_write"),
    tokens("cache_creation_input_token_cost_above_1hr", "cache_write_1h"),
    tokens("cache_creation_input_token_cost_above_12hr", "cache_write_12h"),
    tokens("input_cost_per_audio_token", "input_audio"),
    tokens("output_cost_per_audio_token", "output_audio"),
    tokens("cache_read_input_audio_token_cost", "cache_audio_read"),
    tokens("cache_creation_input_audio_token_cost", "cache_audio_write"),
    tokens("input_cost_per_image_token", "input_image"),
    tokens("output_cost_per_image_token", "output_image"),
    tokens("cache_read_input_image_token_cost", "cache_image_read"),
    tokens("input_cost_per_video_token", "input_video"),
    tokens("output_cost_per_video_token", "output_video"),
    tokens("citation_cost_per_token", "citation"),
    kind("computer_use_input_cost_per_1k_tokens", "computer_use_input", M_TOKENS, -3),
    kind("computer_use_output_cost_per_1k_tokens", "computer_use_output", M_TOKENS, -3),
    kind("input_cost_per_character", "input_character", M_CHARACTERS, -6),
    kind("output_cost_per_character", "output_character", M_CHARACTERS, -6),
    kind("input_cost_per_pixel", "input_pixel", M_PIXELS, -6),
    kind("output_cost_per_pixel", "output_pixel", M_PIXELS, -6),
    kind("input_cost_per_image", "input_image_count", IMAGE, 0),
    kind("output_cost_per_image", "image", IMAGE, 0),
    seconds("input_cost_per_second", "input_second"),
    seconds("output_cost_per_second", "output_second"),
    seconds("input_cost_per_audio_per_second", "input_audio_second"),
    seconds("output_cost_per_audio_per_second", "output_audio_second"),
    seconds("input_cost_per_video_per_second", "input_video_second"),
    seconds("output_cost_per_video_per_second", "output_video_second"),
    kind("input_cost_per_request", "request", REQUEST, 0),
    kind("input_cost_per_query", "query", REQUEST, 0),
    kind("google_maps_grounding_cost_per_query", "maps_search", REQUEST, 0),
    kind("file_search_cost_per_1k_calls", "file_search", REQUEST, 3),
    kind("code_interpreter_cost_per_session", "code_session", ITEM, 0),
    kind("ocr_cost_per_page", "page", PAGE, 0),
    kind("annotation_cost_per_page", "annotated_page", PAGE, 0),
    kind("ocr_cost_per_credit", "ocr_credit", ITEM, 0),
];

/// Suffixes of the service tiers, and their names. A batch is a tier of its own.
const SERVICE_TIERS: [(&str, &str); 6] = [
    ("_batches", "batch"),
    ("_flex", "flex"),
    ("_priority", "priority"),
    ("_ultrafast", "ultrafast"),
    ("_balanced", "balanced"),
    ("_decisions", "decisions"),
];

/// What a key of a price says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PriceKey {
    pub(super) kind: &'static Kind,
    pub(super) longer_than: Option<i64>,
    /// Empty: the ordinary tier.
    pub(super) service_tier: &'static str,
}

/// The meaning of a key; `None` if it is no key of a price that is known.
pub(super) fn price_key(key: &str) -> Option<PriceKey> {
    let (mut rest, mut longer_than, mut service_tier) = (key, None, "");
    loop {
        if let Some(kind) = KINDS.iter().find(|kind| kind.key == rest) {
            return Some(PriceKey { kind, longer_than, service_tier });
        }
        let tier = SERVICE_TIERS.iter().find_map(|(suffix, tier)| Some((rest.strip_suffix(suffix)?, *tier)));
        if let Some((before, tier)) = tier.filter(|_| service_tier.is_empty()) {
            (rest, service_tier) = (before, tier);
            continue;
        }
        let (before, length) = rest.strip_suffix("_tokens")?.rsplit_once("_above_")?;
        if longer_than.replace(tokens_of(length)?).is_some() {
            return None;
        }
        rest = before;
    }
}

/// The kind of price that a key states under a condition that is not known.
pub(super) fn conditional_kind(key: &str) -> Option<&'static Kind> {
    let states = |kind: &&Kind| key.strip_prefix(kind.key).is_some_and(|rest| rest.starts_with('_'));
    KINDS.iter().filter(states).max_by_key(|kind| kind.key.len()).filter(|_| price_key(key).is_none())
}

/// `200k` or `128` as a number of tokens.
fn tokens_of(length: &str) -> Option<i64> {
    let (digits, factor) = length.strip_suffix('k').map_or((length, 1), |digits| (digits, 1_000));
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())??;
    number.checked_mul(factor)
}

/// The kind of price of a SKU that has this key among the prices of a range of lengths.
pub(super) fn kind_in_range(key: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.key == key)
}

/// The SKU of web searches, with whose name those of a context size begin.
pub(super) const WEB_SEARCH: Kind = kind("search_context_cost_per_query", "web_search", REQUEST, 0);

/// Keys that say nothing about prices.
const NOT_PRICES: [&str; 20] = [
    "litellm_provider",
    "mode",
    "source",
    "comment",
    "metadata",
    "deprecation_date",
    "rpm",
    "tpm",
    "output_vector_size",
    "prompt_cache_min_tokens",
    "audio_transcription_config",
    "gemini_audio_only_live",
    "gemini_native_audio",
    "bedrock_output_config_effort_ceiling",
    "alias_of",
    "default_reasoning_effort",
    "deprecation_source",
    "reasoning_effort_levels",
    "successor_model",
    "vertex_ai_audio_api",
];

/// How keys begin that say what a model can do.
const ABILITIES: [&str; 8] = [
    "supports_",
    "supported_",
    "max_",
    "use_",
    "uses_",
    "token_count_",
    "reasoning_contexts",
    "reasoning_modes",
];

/// Whether a key is known to say nothing about prices.
pub(super) fn is_no_price(key: &str) -> bool {
    NOT_PRICES.contains(&key) || ABILITIES.iter().any(|start| key.starts_with(start))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tollbook_domain::InputSkus;

    use super::*;

    #[test]
    fn a_key_says_kind_length_and_tier() {
        // key | SKU, length, tier
        let table = "
            input_cost_per_token                                         | input
            input_cost_per_token_above_128k_tokens                       | input >128000
            output_cost_per_token_above_200k_tokens                      | output >200000
            cache_read_input_token_cost_above_272k_tokens                | cache_read >272000
            input_cost_per_token_above_500_tokens                        | input >500
            input_cost_per_token_batches                                 | input batch
            cache_read_input_token_cost_flex                             | cache_read flex
            input_cost_per_token_above_200k_tokens_priority              | input >200000 priority
            input_cost_per_token_priority_above_200k_tokens              | input >200000 priority
            cache_creation_input_token_cost_above_1hr                    | cache_write_1h
            cache_creation_input_token_cost_above_1hr_above_200k_tokens  | cache_write_1h >200000
            cache_creation_input_token_cost_above_200k_tokens            | cache_write >200000
            cache_creation_input_token_cost_above_12hr_above_272k_tokens_flex | cache_write_12h >272000 flex
            input_cost_per_token_above_272k_tokens_decisions             | input >272000 decisions
            google_maps_grounding_cost_per_query                         | maps_search
            input_cost_per_character_above_128k_tokens                   | input_character >128000
            input_cost_per_token_flex_priority                           | none
            input_cost_per_token_above_1k_tokens_above_2k_tokens         | none
            input_cost_per_token_above_k_tokens                          | none
            input_cost_per_token_above_-1_tokens                         | none
            input_cost_per_token_above_99999999999999999999_tokens       | none
            input_cost_per_token_above_9223372036854775807k_tokens       | none
            input_cost_per_video_per_second_above_15s_interval           | none
            output_cost_per_second_1080p                                 | none
            input_dbu_cost_per_token                                     | none
            _batches                                                     | none
            tiered_pricing                                               | none";
        for row in table.lines().filter(|row| row.contains('|')) {
            let (key, expected) = row.split_once('|').unwrap();
            let shown = |key: PriceKey| {
                let length = key.longer_than.map(|length| format!(" >{length}")).unwrap_or_default();
                format!("{}{length} {}", key.kind.sku, key.service_tier).trim_end().to_owned()
            };
            let got = price_key(key.trim()).map_or_else(|| "none".to_owned(), shown);
            assert_eq!(got, expected.trim(), "{row}");
        }
    }

    #[test]
    fn every_key_is_a_kind_of_its_own() {
        let keys: BTreeSet<&str> = KINDS.iter().map(|kind| kind.key).collect();
        assert_eq!(keys.len(), KINDS.len());
        assert!(keys.iter().all(|key| !is_no_price(key)));
    }

    #[test]
    fn only_tokens_count_towards_the_length_of_a_request() {
        let counts = InputSkus::default();
        for kind in KINDS {
            let goes_in =
                kind.sku == "input" || kind.sku.starts_with("input_") || kind.sku.starts_with("cache_");
            assert_eq!(counts.counts(kind.sku), goes_in && kind.unit == M_TOKENS, "{}", kind.sku);
        }
    }
}
