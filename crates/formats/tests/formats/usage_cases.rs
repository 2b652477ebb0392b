//! The shared inputs of users, read with the built-in mappings and rated with the published price list: each amount is the
//! one that is stated for the input.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tollbook_domain::catalogue::Catalogue;
use tollbook_domain::money::format_decimal;
use tollbook_domain::price::ModelPrices;
use tollbook_domain::rating::{Rated, Terms, rate};
use tollbook_domain::usage::UsageLimits;
use tollbook_domain::{HourOffsets, InputSkus, Price, Usage};
use tollbook_formats::prices;
use tollbook_formats::text::Input;
use tollbook_formats::usage::{Mapping, UsageFile};
use tollbook_testkit::shared_data;

/// Lines as `id amount`, `id unpriced: reason`, or `line! reason` of what is refused; at the end what is skipped.
fn results(file: &Path, mapping: &str, constants: &[(&str, &str)], prices: &[Price]) -> Vec<String> {
    let mut all = vec![("company_id", "1"), ("organization_id", "1")];
    let mapping = Mapping::built_in(mapping).unwrap();
    if mapping.missing().contains(&"resource_id") {
        all.push(("resource_id", "k"));
    }
    all.extend_from_slice(constants);
    let mapping = mapping.with_constants(&all).unwrap();
    let spool = tempfile::tempdir().unwrap();
    let input = Input::File(file.to_owned());
    let file =
        UsageFile::open(input, Some(mapping), spool.path(), &mut |_| ControlFlow::Continue(())).unwrap();
    let mut reader = file.records(Arc::default()).unwrap();
    let mut results = Vec::new();
    for record in reader.by_ref() {
        results.push(match record.unwrap() {
            (line, Err(reason)) => format!("{line}! {reason}"),
            (_, Ok(usage)) => format!("{} {}", usage.id, amount(&usage, prices)),
        });
    }
    let skipped = &reader.unmapped().skipped;
    results.extend(skipped.iter().map(|(rule, records)| format!("{records} skipped: {rule}")));
    results
}

/// The exact amount in dollars.
fn amount(usage: &Usage, prices: &[Price]) -> String {
    let catalogue = Catalogue::built_in();
    let limits = UsageLimits { past_s: None, future_s: i64::MAX / 4, quantity: i64::MAX };
    if let Err(refused) = usage.check(&catalogue, &limits, 0) {
        return format!("refused: {refused}");
    }
    let terms = Terms {
        currency: "USD".into(),
        channel: 1,
        rounding: tollbook_domain::Rounding::Exact,
        discounts: Vec::new(),
        input_skus: InputSkus::default(),
        bill_zero_amounts: false,
    };
    let prices = ModelPrices::choose(prices, &usage.provider, &usage.model_id, "USD");
    match rate(usage, "", &prices, &terms) {
        Rated::Free => "free".into(),
        Rated::Unpriced(reason) => format!("unpriced: {reason}"),
        Rated::Charged(charges) => {
            let of_charge = |charge: &tollbook_domain::rating::Charge| {
                let units = i128::from(catalogue.base_units(charge.line.pricing_unit).unwrap());
                // In 10⁻¹⁸ dollars.
                i128::from(charge.line.discount_price.steps())
                    * i128::from(charge.quantity)
                    * (1_000_000 / units)
            };
            let amount = format_decimal(charges.iter().map(of_charge).sum(), 18, 0);
            amount.trim_end_matches('0').to_owned()
        }
    }
}

fn prices() -> Option<(PathBuf, Vec<Price>)> {
    let shared = shared_data("")?;
    let list = shared.join("data/genai-prices/data.json");
    let list = prices::read(&list, None, &Catalogue::built_in(), &HourOffsets::default()).unwrap();
    Some((shared.join("cases/usage"), list.prices))
}

#[test]
fn each_input_costs_what_is_stated_for_it() {
    let Some((folder, prices)) = prices() else { return };
    // file | mapping | provider | a line for each record
    let table = "
        01-two-counts-disagree.litellm.jsonl | litellm | - | msg_11789 0.0002916
        02-json-in-a-csv-cell.litellm.csv | litellm | - | csv-11364 0.36394875
        03-json-in-a-csv-cell.new-api.csv | new-api | minimax | 202606101400042055565918268d9d6UPZ2Wdqi 0.0146085
        04-no-tokens-but-not-free.litellm.jsonl | litellm | - | chatcmpl-93798e4c-4564-4bbb-b0b8-427f3deda423 unpriced: model \"\" has no price in USD
            | img-1 unpriced: model \"dall-e-3\" of provider \"openai\" has no price in USD
            | tts-1 unpriced: model \"tts-1\" of provider \"openai\" has no price in USD
            | stt-1 unpriced: model \"whisper-1\" of provider \"openai\" has no price in USD
            | rerank-1 unpriced: model \"rerank-english-v3.0\" of provider \"cohere\" has no price in USD
            | gimg-1 unpriced: SKU \"request\" of model \"gpt-4o-mini\" has no price
        06-older-names.otel.jsonl | otel-genai | - | 0x00000000000000000000000000000001-0x0000000000000001 0.000078
        07-openinference.otel.jsonl | otel-genai | - | 0x00000000000000000000000000000002-0x0000000000000002 0.0000588
        11-realtime-audio.openai.jsonl | openai | - | resp_CCXHw0 0.0069656
        12-deepseek-cache.openai.jsonl | openai | deepseek | 00f10ecd-60b3-4707-b5db-e4bcadf7aea1 0.00071889
        12-deepseek-cache.openai.jsonl | deepseek | - | 00f10ecd-60b3-4707-b5db-e4bcadf7aea1 0.00071889
        13-service-tiers.openai.jsonl | openai | - | chatcmpl-default 0.056
            | chatcmpl-flex unpriced: SKU \"cache_read\" of model \"gpt-5-2025-08-07\" has no price of service tier \"flex\"
            | chatcmpl-priority unpriced: SKU \"cache_read\" of model \"gpt-5-2025-08-07\" has no price of service tier \"priority\"
        14-one-hour-cache.anthropic.jsonl | anthropic | - | msg_13 unpriced: SKU \"cache_write_1h\" of model \"claude-opus-4-6\" has no price
        15-request-fee.openai.jsonl | openai | perplexity | pplx-1 0.054287
        15-request-fee.openai.jsonl | perplexity | - | pplx-1 0.054287
        16-same-id-over-the-hour.claude-code.jsonl | claude-code | - | msg_hour 0.04324125 | msg_hour 0.04324125";
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells = line.split(" | ").map(|cell| cell.trim_start_matches("| ").trim().to_owned());
        if line.starts_with('|') {
            rows.last_mut().unwrap().extend(cells);
        } else {
            rows.push(cells.collect());
        }
    }
    for row in &rows {
        let provider = [("provider", row[2].as_str())];
        let constants = if provider[0].1 == "-" { &provider[..0] } else { &provider[..] };
        assert_eq!(results(&folder.join(&row[0]), &row[1], constants, &prices), row[3..], "{}", row[0]);
    }
    assert_eq!(rows.len(), 14);
}

/// The prices of a file in Tollbook's own format, before published ones.
fn with_own(own: &str, mut prices: Vec<Price>) -> Vec<Price> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.toml");
    std::fs::write(&path, own).unwrap();
    let mut own = prices::read(&path, None, &Catalogue::built_in(), &HourOffsets::default()).unwrap().prices;
    own.append(&mut prices);
    own
}

#[test]
fn tiers_and_cache_writes_of_an_hour_cost_what_their_own_prices_say() {
    let Some((folder, prices)) = prices() else { return };
    let own = "currency = 'USD'\nunit = 12\n[[model]]\nid = 'gpt-5-2025-08-07'\nprovider = 'openai'\n\
        [model.prices]\ninput = '1.25'\ncache_read = '0.125'\noutput = '10'\nreasoning = '10'\n\
        [[model.variant]]\nservice_tier = 'flex'\n[model.variant.prices]\ninput = '0.625'\ncache_read = '0.0625'\noutput = '5'\n\
        reasoning = '5'\n[[model.variant]]\nservice_tier = 'priority'\n[model.variant.prices]\ninput = '2.5'\n\
        cache_read = '0.25'\noutput = '20'\nreasoning = '20'\n\
        [[model]]\nid = 'claude-opus-4-6'\nprovider = 'anthropic'\n[model.prices]\ncache_write_1h = '10'\n";
    let prices = with_own(own, prices);
    assert_eq!(
        results(&folder.join("13-service-tiers.openai.jsonl"), "openai", &[], &prices),
        ["chatcmpl-default 0.056", "chatcmpl-flex 0.028", "chatcmpl-priority 0.112"]
    );
    assert_eq!(
        results(&folder.join("14-one-hour-cache.anthropic.jsonl"), "anthropic", &[], &prices),
        ["msg_13 11.792426"]
    );
}
