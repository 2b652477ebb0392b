//! Each form of LiteLLM's list, and each error. The entries are of the published list's shape; the names and prices are
//! invented.

use std::path::Path;

use tollbook_domain::Price;
use tollbook_domain::catalogue::Catalogue;
use tollbook_domain::price::{Matcher, ModelPrices, PriceQuery};

use crate::prices::list::PriceList;
use crate::prices::published::parse;

const SAMPLE: &str = include_str!("sample.json");

fn read(text: &str) -> Result<PriceList, String> {
    parse(Path::new("prices.json"), text, 0).map_err(|error| error.to_string())
}

/// A list of one model with these members besides its provider.
fn one_model(members: &str) -> String {
    format!(r#"{{"m": {{"litellm_provider": "p", {members}}}}}"#)
}

/// `sku price [>length] [tier]`, in that order.
fn shown(prices: &[Price]) -> String {
    let show = |price: &Price| {
        let length = price.longer_than.map(|length| format!(" >{length}")).unwrap_or_default();
        let day =
            price.time_of_day.map(|day| format!(" ({}-{})", day.from_s, day.until_s)).unwrap_or_default();
        format!("{} {}{length}{day} {}", price.sku, price.list_price, price.service_tier)
            .trim_end()
            .to_owned()
    };
    let mut shown: Vec<String> = prices.iter().map(show).collect();
    shown.sort();
    shown.join(", ")
}

/// `kind: models`, one for each kind that was not read.
fn unread(list: &PriceList) -> String {
    let show = |kind: &crate::prices::UnreadKind| {
        let models: Vec<&str> = kind.models.iter().map(|model| model.model_id.as_str()).collect();
        format!("{}: {}", kind.kind, models.join(" "))
    };
    list.unread.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn omitted(list: &PriceList) -> Vec<String> {
    list.omitted.iter().map(|one| format!("{} {} {}", one.provider, one.model_id, one.reason)).collect()
}

#[test]
fn prices_of_a_model() {
    // members | prices of the book | kinds that were not read
    let table = r#"
        "input_cost_per_token": 2.5e-06, "max_tokens": 5, "supports_vision": true  | input 2.50 |
        "input_cost_per_token": 1e-6, "output_cost_per_token": 0.000004            | input 1.00, output 4.00, reasoning 4.00 |
        "output_cost_per_token": 4e-6, "output_cost_per_reasoning_token": 3e-6     | output 4.00, reasoning 3.00 |
        "output_cost_per_token": 4e-6, "reasoning_cost": 3e-6                      | output 4.00 | reasoning_cost: m
        "cache_creation_input_token_cost": 5e-6, "cache_creation_input_token_cost_above_12hr": 1e-5, "cache_creation_input_token_cost_above_12hr_above_272k_tokens_flex": 2e-5 | cache_write 5.00, cache_write_12h 10.00, cache_write_12h 20.00 >272000 flex |
        "input_cost_per_token": 1e-6, "input_cost_per_token_balanced": 5e-7, "google_maps_grounding_cost_per_query": 0.025, "token_count_model": "x", "successor_model": "y", "reasoning_modes": ["pro"] | input 0.50 balanced, input 1.00, maps_search 0.025 |
        "output_cost_per_token": 4e-6, "output_cost_per_reasoning_token": 3e-6, "output_cost_per_token_flex": 2e-6 | output 2.00 flex, output 4.00, reasoning 2.00 flex, reasoning 3.00 |
        "input_cost_per_token": 1e-6, "input_cost_per_token_batches": 5e-7, "input_cost_per_token_priority": 2e-6 | input 0.50 batch, input 1.00, input 2.00 priority |
        "input_cost_per_token": 1e-6, "input_cost_per_token_above_200k_tokens": 2e-6, "input_cost_per_token_above_200k_tokens_priority": 4e-6 | input 1.00, input 2.00 >200000, input 4.00 >200000 priority |
        "cache_creation_input_token_cost": 1e-6, "cache_creation_input_token_cost_above_1hr": 2e-6, "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 3e-6 | cache_write 1.00, cache_write_1h 2.00, cache_write_1h 3.00 >200000 |
        "input_cost_per_image": 0.002, "output_cost_per_image": 0.04, "input_cost_per_image_token": 8e-6 | image 0.04, input_image 8.00, input_image_count 0.002 |
        "input_cost_per_pixel": 1.9e-08, "output_cost_per_pixel": 0.0              | input_pixel 0.019, output_pixel 0.00 |
        "input_cost_per_second": 0.0001, "output_cost_per_second": 0.3             | input_second 0.0001, output_second 0.30 |
        "input_cost_per_character": 1.5e-05, "input_cost_per_query": 0.002, "ocr_cost_per_page": 0.001 | input_character 15.00, page 0.001, query 0.002 |
        "input_cost_per_token_cache_hit": 1e-8, "cache_read_input_token_cost": 1E-8 | cache_read 0.01 |
        "input_cost_per_token_cache_hit": 2e-8, "cache_read_input_token_cost": 1E-8 | cache_read 0.01 | input_cost_per_token_cache_hit: m
        "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_medium": 0.01, "search_context_size_high": 0.01} | web_search 0.01 |
        "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_medium": 0.02, "search_context_size_high": 0.02} | web_search_high 0.02, web_search_low 0.01, web_search_medium 0.02 |
        "search_context_cost_per_query": {"search_context_size_low": 0.01, "huge": 1} | web_search_low 0.01 | search_context_cost_per_query.huge: m
        "input_cost_per_query": 1, "web_search_billing_unit": "per_query"          | query 1.00 |
        "input_cost_per_query": 1, "web_search_billing_unit": "per_prompt", "search_context_cost_per_query": {"search_context_size_low": 1} | query 1.00 | search_context_cost_per_query: m, web_search_billing_unit: m
        "input_cost_per_query": 1, "provider_specific_entry": {"us": 1.1}          | query 1.00 | provider_specific_entry: m
        "input_cost_per_query": 1, "provider_specific_entry": {"schema": "v2"}     | query 1.00 |
        "input_cost_per_query": 1, "input_dbu_cost_per_token": 2e-6, "new_key": "x", "new_flag": false, "nothing": null | query 1.00 | input_dbu_cost_per_token: m, new_key: m
        "output_cost_per_second": 0.05, "output_cost_per_second_1080p": 0.08, "input_cost_per_query": 1 | query 1.00 | output_cost_per_second_1080p: m
        "input_cost_per_token": 1e-6, "input_cost_per_token_flex": 1e-6, "input_cost_per_token_at_night": 1e-7, "output_cost_per_token": 2e-6 | output 2.00, reasoning 2.00 | input_cost_per_token_at_night: m
        "cache_creation_input_token_cost": 1e-6, "cache_creation_input_token_cost_above_1hr": 2e-6, "cache_creation_input_token_cost_above_1hr_above_2hr": 1 | cache_write 1.00 | cache_creation_input_token_cost_above_1hr_above_2hr: m
        "tiered_pricing": [{"range": [32000.0, 128000], "input_cost_per_token": 2e-6}, {"range": [0, 32e3], "input_cost_per_token": 1e-6}] | input 1.00, input 2.00 >32000 |
        "input_cost_per_token": 9e-6, "output_cost_per_token": 5e-6, "tiered_pricing": [{"range": [0, 9], "input_cost_per_token": 1e-6}] | input 1.00, output 5.00, reasoning 5.00 |
        "cache_read_input_token_cost": 7e-6, "cache_read_input_token_cost_flex": 1e-6, "tiered_pricing": [{"range": [0, 9], "input_cost_per_token": 1e-6}, {"range": [9, 99], "input_cost_per_token": 2e-6, "cache_read_input_token_cost": 1e-6}] | cache_read 1.00 flex, input 1.00, input 2.00 >9 | tiered_pricing.cache_read_input_token_cost: m"#;
    let mut cases = 0;
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let list = read(&one_model(cells[0])).unwrap();
        assert_eq!(shown(&list.prices), cells[1], "{row}");
        assert_eq!(unread(&list), cells[2], "{row}");
        cases += 1;
    }
    assert_eq!(cases, 30);
}

#[test]
fn prices_of_some_hours() {
    // members | prices of the book | kinds that were not read
    let table = r#"
        "input_cost_per_token": 2e-6, "off_peak_pricing": {"hours_utc": "16:30-00:30", "input_cost_per_token": 1e-6} | input 1.00 (59400-1800), input 2.00 |
        "input_cost_per_token": 2e-6, "input_cost_per_token_above_5_tokens": 3e-6, "off_peak_pricing": {"hours_utc": ["01:00-02:00", "03:00-04:00"], "input_cost_per_token": 1e-6} | input 1.00 (10800-14400), input 1.00 (3600-7200), input 1.00 >5 (10800-14400), input 1.00 >5 (3600-7200), input 2.00, input 3.00 >5 |
        "output_cost_per_token": 2e-6, "off_peak_pricing": {"hours_utc": "01:00-02:00", "output_cost_per_token": 1e-6} | output 1.00 (3600-7200), output 2.00, reasoning 1.00 (3600-7200), reasoning 2.00 |
        "output_cost_per_token": 2e-6, "output_cost_per_reasoning_token": 3e-6, "off_peak_pricing": {"hours_utc": "01:00-02:00", "output_cost_per_token": 1e-6} | output 1.00 (3600-7200), output 2.00, reasoning 3.00 |
        "output_cost_per_token": 2e-6, "off_peak_pricing": {"hours_utc": "01:00-02:00", "output_cost_per_reasoning_token": 1e-6} | output 2.00, reasoning 1.00 (3600-7200), reasoning 2.00 |
        "input_cost_per_token": 2e-6, "input_cost_per_token_flex": 1e-6, "output_cost_per_token": 4e-6, "off_peak_pricing": {"windows": [{"weekdays": [6], "hours_utc": "01:00-02:00"}], "input_cost_per_token": 1e-6} | input 1.00 flex, output 4.00, reasoning 4.00 | off_peak_pricing: m
        "input_cost_per_token": 2e-6, "input_cost_per_query": 1, "off_peak_pricing": {"hours_utc": "00:00-00:00", "input_cost_per_token": 1e-6} | query 1.00 | off_peak_pricing: m
        "input_cost_per_token": 2e-6, "off_peak_pricing": {"hours_utc": "01:00-02:00", "factor": 0.5} | input 2.00 | off_peak_pricing.factor: m"#;
    let mut cases = 0;
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let list = read(&one_model(cells[0])).unwrap();
        assert_eq!((shown(&list.prices).as_str(), unread(&list).as_str()), (cells[1], cells[2]), "{row}");
        cases += 1;
    }
    assert_eq!(cases, 8);
    let bad = one_model(r#""input_cost_per_token": 1e-6, "off_peak_pricing": {"hours_utc": "25:00-26:00"}"#);
    assert!(
        read(&bad)
            .unwrap_err()
            .ends_with("m.off_peak_pricing.hours_utc: must be hours in UTC such as 16:30-00:30")
    );
}

#[test]
fn a_price_under_an_unknown_condition_removes_the_price_without_it() {
    let members =
        r#""input_cost_per_query": 1, "output_cost_per_second": 1, "output_cost_per_second_1080p": 2"#;
    let reason =
        "p m has no price for output_second: the meaning of output_cost_per_second_1080p is not known";
    assert_eq!(omitted(&read(&one_model(members)).unwrap()), [reason]);
}

#[test]
fn prices_for_some_lengths_only_are_not_read() {
    for ranges in [
        r#"[{"max_results_range": [0, 25], "input_cost_per_query": 0.005}]"#,
        r#"[{"range": [5, 9], "input_cost_per_token": 1e-6}]"#,
        r#"[{"range": [0, 9], "input_cost_per_token": 1e-6}, {"range": [10, 99], "input_cost_per_token": 1e-6}]"#,
        r#"[{"range": [0, 0], "input_cost_per_token": 1e-6}]"#,
        "[]",
    ] {
        let members = format!(r#""input_cost_per_token": 1e-6, "tiered_pricing": {ranges}"#);
        let other = r#""n": {"litellm_provider": "p", "input_cost_per_token": 1e-6}"#;
        let list =
            read(&one_model(&members).replace("}}", &format!("}}, {other}}}"))).unwrap_or_else(|error| {
                panic!("{ranges}: {error}");
            });
        assert_eq!(list.prices.iter().map(|price| &*price.model_id).collect::<Vec<_>>(), ["n"], "{ranges}");
        assert_eq!(
            (unread(&list).as_str(), omitted(&list)),
            ("tiered_pricing: m", vec!["p m has no prices".to_owned()])
        );
    }
}

#[test]
fn providers_and_names() {
    let list = read(SAMPLE).unwrap();
    // provider and model of a record | price of a million input tokens
    let table = "
        openai    | example-chat               | 2.00
                  | example-chat               | 2.00
        OpenAI    | Example-Chat               | 2.00
        azure     | example-chat               | 2.20
        azure     | azure/example-chat         | 2.20
                  | azure/example-chat         | 2.20
        other     | example-chat               | none
        openai    | example-chat:free          | none
        openai    | example-chat-mini          | none
        openai    | sample_spec                | none
        vertex_ai | example-long               | 1.00
        bedrock   | example.long-v1:0          | 3.00
                  | example.long-v1:0          | 3.00
        deepmind  | twice                      | 4.00
                  | twice                      | 4.00
                  | deepmind/twice             | 4.00
        deepmind  | free                       | none";
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let prices = ModelPrices::choose(&list.prices, cells[0], cells[1], "USD");
        let query = PriceQuery { sku: "input", time_s: 0, request_length: 0, service_tier: "" };
        let got = prices.find(query).map_or_else(|| "none".to_owned(), |price| price.list_price.to_string());
        assert_eq!(got, cells[2], "{row}");
    }
    let expected = [
        "deepmind deepmind/free has only prices of 0, which the list also states for unknown prices",
        "deepmind embedding-only has no prices",
        " no-provider names no litellm_provider",
        "deepmind twice is the model that the list has as deepmind/twice",
    ];
    assert_eq!(omitted(&list), expected);
    let azure = list.prices.iter().find(|price| price.provider == "azure").unwrap();
    assert_eq!(
        azure.models.to_text(),
        Matcher::OneOf(
            ["azure/example-chat", "example-chat"].map(|name| Matcher::Equals(name.into())).to_vec()
        )
        .to_text()
    );
    assert_eq!(
        (azure.model_id.as_str(), azure.currency.as_str(), azure.valid_from_s),
        ("azure/example-chat", "USD", 0)
    );
}

#[test]
fn tiers_and_lengths() {
    let list = read(SAMPLE).unwrap();
    // model | SKU | tier | length | price
    let table = "
        example-chat         | input          |          | 272000 | 2.00
        example-chat         | input          |          | 272001 | 4.00
        example-chat         | input          | flex     | 272000 | 1.00
        example-chat         | input          | flex     | 272001 | 2.00
        example-chat         | input          | batch    | 5      | 1.00
        example-chat         | input          | priority | 5      | none
        example-chat         | cache_write    | flex     | 5      | none
        example-chat         | reasoning      | flex     | 5      | 4.00
        example-chat         | web_search     |          | 5      | 0.01
        example.long-v1:0    | cache_write_1h |          | 5      | 6.00
        example.long-v1:0    | cache_write_1h |          | 200001 | 12.00
        xai/example          | input          |          | 127999 | 5.00
        xai/example          | input          |          | 128000 | 6.00
        xai/example          | input          |          | 200000 | 6.00";
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let prices = ModelPrices::choose(&list.prices, "", cells[0], "USD");
        let request_length = cells[3].parse().unwrap();
        let query = PriceQuery { sku: cells[1], time_s: 0, request_length, service_tier: cells[2] };
        let got = prices.find(query).map_or_else(|| "none".to_owned(), |price| price.list_price.to_string());
        assert_eq!(got, cells[4], "{row}");
    }
    assert_eq!(unread(&list), "regional_processing_uplift_multiplier_eu: azure/example-chat example-chat");
}

#[test]
fn prices_are_rounded_once_and_listed() {
    let list = read(&one_model(
        r#""input_cost_per_token": 2.9999900000000002e-06, "ocr_cost_per_page": 0.0002833333333333333"#,
    ));
    let list = list.unwrap();
    let rounded: Vec<String> = list
        .rounded
        .iter()
        .map(|one| format!("{} {} {} {} {}", one.provider, one.model_id, one.sku, one.stated, one.kept))
        .collect();
    assert_eq!(
        rounded,
        ["p m input 2.9999900000000002 2.99999", "p m page 0.0002833333333333333 0.000283333333"]
    );
}

#[test]
fn every_pricing_unit_is_in_the_catalogue() {
    let catalogue = Catalogue::built_in();
    for price in read(SAMPLE).unwrap().prices {
        assert!(catalogue.base_units(price.pricing_unit).is_some(), "{} {}", price.model_id, price.sku);
    }
}

#[test]
fn an_error_names_the_path_of_the_value() {
    // members of a model | message after the file's name
    let table = r#"
        "input_cost_per_token": "3"                                          | m.input_cost_per_token: must be a number
        "input_cost_per_token": true                                         | m.input_cost_per_token: must be a number
        "input_cost_per_token": -1                                           | m.input_cost_per_token: must not be negative
        "input_cost_per_token": 10                                           | m.input_cost_per_token: is too large
        "tiered_pricing": 5                                                  | m.tiered_pricing: must be an array
        "tiered_pricing": [5]                                                | m.tiered_pricing.0: must be an object
        "tiered_pricing": [{"range": [1]}]                                   | m.tiered_pricing.0.range: must have a start and an end
        "tiered_pricing": [{"range": [0, 1.5]}]                              | m.tiered_pricing.0.range: must be whole numbers
        "tiered_pricing": [{"range": [0, 5], "input_cost_per_token": "x"}]   | m.tiered_pricing.0.input_cost_per_token: must be a number
        "search_context_cost_per_query": {"search_context_size_low": "x"}    | m.search_context_cost_per_query.search_context_size_low: must be a number
        "mode": "chat"                                                       | has no prices"#;
    for row in table.lines().filter(|row| row.contains('|')) {
        let (members, expected) = row.split_once('|').unwrap();
        let error = read(&one_model(members.trim())).unwrap_err();
        assert!(error.starts_with(&format!("prices.json: {}", expected.trim())), "{row}\ngot {error}");
    }
    let long = "x".repeat(257);
    let error = read(&one_model(r#""mode": "chat""#).replace(r#""m""#, &format!("{long:?}"))).unwrap_err();
    assert!(error.ends_with(": the name of a model must have at most 256 bytes"), "{error}");
    assert!(
        read(r#"{"m": 5, "n": {"litellm_provider": "p"}}"#).unwrap_err().ends_with("m: must be an object")
    );
    assert!(
        read(r#"{"m": {"litellm_provider": 5}}"#)
            .unwrap_err()
            .ends_with("m.litellm_provider: must be a text")
    );
}

#[test]
fn a_file_that_is_cut_off_or_damaged_is_refused_or_read_but_never_panics() {
    for end in (0..SAMPLE.trim_end().len()).filter(|end| SAMPLE.is_char_boundary(*end)) {
        assert!(read(&SAMPLE[..end]).is_err(), "{end}");
    }
    // Each value in turn becomes another one.
    for value in ["null", "-1", "1e999", "\"x\"", "[]", "{}", "[[0, 1]]", "1e-400"] {
        let places: Vec<usize> = SAMPLE.match_indices(": ").map(|(at, _)| at + 2).collect();
        for at in places {
            let rest = &SAMPLE[at..];
            let end = rest.find([',', '\n', '}']).unwrap_or(rest.len());
            let _ = read(&format!("{}{value}{}", &SAMPLE[..at], &rest[end..]));
        }
    }
}

#[test]
fn an_alias_has_the_prices_of_its_model() {
    let list = read(
        r#"{"azure/m-1": {"litellm_provider": "azure", "input_cost_per_token": 1e-6}, "azure/m-latest": {"alias_of": "azure/m-1"},
            "lost": {"alias_of": "azure/m-2"}}"#,
    )
    .unwrap();
    let of = |model: &str| {
        let chosen = ModelPrices::choose(&list.prices, "azure", model, "USD");
        let query = PriceQuery { sku: "input", time_s: 0, request_length: 5, service_tier: "" };
        chosen.find(query).map(|price| price.list_price.to_string())
    };
    assert_eq!([of("m-1"), of("m-latest"), of("lost")], [Some("1.00".into()), Some("1.00".into()), None]);
    assert_eq!(omitted(&list), [" lost names no litellm_provider"]);
}
