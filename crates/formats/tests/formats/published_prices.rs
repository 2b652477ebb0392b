//! The published price list, and real usage rated with it: each charge equals the publisher's, or the difference is
//! listed with its reason.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tollbook_domain::catalogue::Catalogue;
use tollbook_domain::money::format_decimal;
use tollbook_domain::price::ModelPrices;
use tollbook_domain::rating::{Charge, Rated, Terms, rate};
use tollbook_domain::{HourOffsets, InputSkus, Usage};
use tollbook_formats::prices::{self, PriceList};
use tollbook_testkit::shared_data;

/// The folder of the list, or `None` if the test is skipped.
pub(crate) fn published() -> Option<PathBuf> {
    shared_data("data/genai-prices")
}

pub(crate) fn list(folder: &Path) -> PriceList {
    prices::read(&folder.join("data.json"), None, &Catalogue::built_in(), &HourOffsets::default()).unwrap()
}

#[test]
fn the_whole_list_is_read() {
    let Some(folder) = published() else { return };
    let list = list(&folder);
    let models = |is_fallback: bool| {
        let prices = list.prices.iter().filter(|price| price.is_fallback == is_fallback);
        prices.map(|price| (&price.provider, &price.model_id)).collect::<BTreeSet<_>>().len()
    };
    let providers: BTreeSet<&String> = list.prices.iter().map(|price| &price.provider).collect();
    assert_eq!(providers.len(), 34);
    // 1,442 models, 157 of them without prices. The fallback models are 84 of OpenAI and 21 of Anthropic for Azure, and
    // the same 21 of Anthropic for Google.
    assert_eq!((models(false), models(true), list.omitted.len()), (1_285, 126, 157));
    assert_eq!(list.prices.len(), 11_531);
    let mut by_sku: BTreeMap<&str, usize> = BTreeMap::new();
    list.prices.iter().for_each(|price| *by_sku.entry(&price.sku).or_default() += 1);
    let expected = [
        ("cache_audio_read", 1_457),
        ("cache_read", 1_457),
        ("cache_write", 1_458),
        ("input", 1_458),
        ("input_audio", 1_458),
        ("output", 1_413),
        ("output_audio", 1_413),
        ("reasoning", 1_413),
        ("request", 4),
    ];
    assert_eq!(by_sku, BTreeMap::from(expected));
    let rounded: BTreeSet<(&str, &str, String)> = list
        .rounded
        .iter()
        .map(|rounded| (rounded.provider.as_str(), rounded.stated.as_str(), rounded.kept.to_string()))
        .collect();
    let expected = [
        ("huggingface_together", "0.18000000000000002", "0.18".to_owned()),
        ("openrouter", "0.08333333333333334", "0.083333333333".to_owned()),
    ];
    assert_eq!((list.rounded.len(), rounded), (7, BTreeSet::from(expected)));
    assert!(list.omitted.iter().all(|omitted| omitted.reason == "has no prices"));
    assert!(list.unread.is_empty());
}

#[test]
fn a_model_without_prices_is_not_charged_at_prices_of_another() {
    let Some(folder) = published() else { return };
    let list = list(&folder);
    for omitted in &list.omitted {
        let prices = ModelPrices::choose(&list.prices, &omitted.provider, &omitted.model_id, "USD");
        assert!(prices.is_empty(), "{} {}", omitted.provider, omitted.model_id);
    }
}

/// The quantities of one extracted usage. Each token is counted once. `None` if the parts exceed the total.
fn disjoint(usage: &Value) -> Option<Vec<(String, i64)>> {
    let of = |name: &str| usage.get(name).map_or(0, |count| count.as_i64().unwrap());
    let cached_audio = of("cache_audio_read_tokens");
    let (cache_read, cache_write) = (of("cache_read_tokens"), of("cache_write_tokens"));
    let (reasoning, output_audio) = (of("output_reasoning_tokens"), of("output_audio_tokens"));
    let input_audio = of("input_audio_tokens") - cached_audio;
    let mut counts = vec![
        ("cache_audio_read", cached_audio),
        ("cache_read", cache_read - cached_audio),
        ("cache_write", cache_write),
        ("input", of("input_tokens") - cache_read - cache_write - input_audio),
        ("input_audio", input_audio),
        ("output", of("output_tokens") - reasoning - output_audio),
        ("output_audio", output_audio),
        ("reasoning", reasoning),
    ];
    counts.retain(|(_, count)| *count != 0);
    let whole = counts.iter().all(|(_, count)| *count > 0);
    whole.then(|| counts.into_iter().map(|(sku, count)| (sku.to_owned(), count)).collect())
}

/// The exact charges of a record for input and for output in 10⁻¹⁸ dollars, or the reason why it is not charged.
pub(crate) fn charged(prices: &ModelPrices, usage: &Usage) -> Result<(i128, i128), String> {
    let terms = Terms {
        currency: "USD".into(),
        channel: 1,
        rounding: tollbook_domain::Rounding::Exact,
        discounts: Vec::new(),
        input_skus: InputSkus::default(),
        bill_zero_amounts: false,
    };
    let catalogue = Catalogue::built_in();
    let charges = match rate(usage, "", prices, &terms) {
        Rated::Free => Vec::new(),
        Rated::Charged(charges) => charges,
        Rated::Unpriced(reason) => return Err(reason),
    };
    let input_skus = InputSkus::default();
    let (mut input, mut output) = (0, 0);
    for Charge { line, quantity } in charges {
        // The largest unit is one million.
        let units = i128::from(catalogue.base_units(line.pricing_unit).unwrap());
        let sum = i128::from(line.discount_price.steps()) * i128::from(quantity) * (1_000_000 / units);
        *(if input_skus.counts(&line.pricing_sku) { &mut input } else { &mut output }) += sum;
    }
    Ok((input, output))
}

/// A decimal in 10⁻¹⁸, exactly.
fn steps(decimal: &str) -> i128 {
    let (mantissa, exponent) = match decimal.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().unwrap()),
        None => (decimal, 0i32),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let shift = 18 + exponent - i32::try_from(fraction.len()).unwrap();
    let digits: i128 = format!("{whole}{fraction}").parse().unwrap();
    digits * 10i128.pow(u32::try_from(shift).unwrap_or_else(|_| panic!("{decimal} has more than 18 places")))
}

/// A usage record and the publisher's charge at the prices of one provider.
struct Case {
    entry: usize,
    provider: String,
    model: String,
    usage: Value,
    /// Input and output in 10⁻¹⁸ dollars.
    expected: (i128, i128),
}

fn cases(folder: &Path) -> Vec<Case> {
    let packed = std::fs::File::open(folder.join("usages.json.gz")).unwrap();
    let entries: Vec<Value> = serde_json::from_reader(flate2::read::GzDecoder::new(packed)).unwrap();
    assert_eq!(entries.len(), 1_577);
    let mut cases = Vec::new();
    for (entry, value) in entries.iter().enumerate() {
        for extracted in value["extracted"].as_array().unwrap() {
            for extractor in extracted["extractors"].as_array().unwrap() {
                let price = |name: &str| extractor.get(name).map(|price| steps(price.as_str().unwrap()));
                let (Some(input), Some(output)) = (price("input_price"), price("output_price")) else {
                    continue;
                };
                cases.push(Case {
                    entry,
                    provider: extractor["provider_id"].as_str().unwrap().to_owned(),
                    model: value["model"].as_str().unwrap_or_default().to_owned(),
                    usage: extracted["usage"].clone(),
                    expected: (input, output),
                });
            }
        }
    }
    cases
}

/// The cases whose charge differs, as `entry provider model: ours, theirs`. `time` is the time of all usage, on the
/// last day of the list.
fn differences(list: &PriceList, cases: &[Case], time: &str) -> Vec<String> {
    let time_s = format!("2026-07-25T{time}Z").parse::<jiff::Timestamp>().unwrap().as_second();
    let mut chosen: HashMap<(&str, &str), ModelPrices> = HashMap::new();
    let mut different = Vec::new();
    for Case { entry, provider, model, usage, expected } in cases {
        let prices = chosen
            .entry((provider, model))
            .or_insert_with(|| ModelPrices::choose(&list.prices, provider, model, "USD"));
        let usage = Usage {
            company_id: 1,
            id: "1".into(),
            source: String::new(),
            time_s,
            organization_id: 1,
            resource_id: "key".into(),
            resource_type: 1,
            user_email: String::new(),
            provider: provider.clone(),
            model_id: model.clone(),
            product_code: "modelverse".into(),
            region: String::new(),
            service_tier: String::new(),
            quantities: disjoint(usage).unwrap_or_else(|| panic!("entry {entry}: {usage}")),
            ..Usage::default()
        };
        let dollars =
            |(input, output)| format!("{} + {}", format_decimal(input, 18, 0), format_decimal(output, 18, 0));
        let ours = match charged(prices, &usage) {
            Ok(sums) if sums == *expected => continue,
            Ok(sums) => dollars(sums),
            Err(_) => "unpriced".to_owned(),
        };
        different.push(format!("{entry} {provider} {model}: {ours}, {}", dollars(*expected)));
    }
    different
}

/// Reasons why our charge differs from the publisher's.
const REASONS: [(&str, &[&str]); 5] = [
    (
        // Dollars per million output tokens: 2.5-flash-image has 30 for image tokens and 2.5 for others;
        // 3-pro-image-preview has 120 and 12. The list states the price of image tokens for all output; 2.5 and 12 are
        // not in it.
        "the publisher charges text output of an image model separately, at a price that is not in the list",
        &[
            "62 google gemini-3-pro-image-preview: 0.000066 + 0.27708, 0.000066 + 0.148668",
            "69 google gemini-2.5-flash-image: 0.0000054 + 0.00144, 0.0000054 + 0.00012",
            "70 google gemini-2.5-flash-image: 0.000003 + 0.03912, 0.000003 + 0.038735",
            "88 google gemini-2.5-flash-image: 0.0000027 + 0.03885, 0.0000027 + 0.0387125",
            "104 google gemini-2.5-flash-image: 0.0000051 + 0.04008, 0.0000051 + 0.038815",
        ],
    ),
    (
        // The publisher charges 1.1 and 6.6 dollars per million: OpenAI's price for gpt-5.6-luna plus 10 %.
        "the list has no such model of the provider aws",
        &[
            "974 aws openai.gpt-5.6-luna: unpriced, 0.0000484 + 0.0001056",
            "975 aws openai.gpt-5.6-luna: unpriced, 0.0000968 + 0.0000924",
            "976 aws openai.gpt-5.6-luna: unpriced, 0.0001265 + 0.0000924",
            "977 aws openai.gpt-5.6-luna: unpriced, 0.0001562 + 0.0002178",
            "978 aws openai.gpt-5.6-luna: unpriced, 0.0001199 + 0.000033",
        ],
    ),
    (
        // The publisher charges 1.4 and 4.4 dollars per million.
        "the list has no provider zai",
        &["1286 zai glm-5.2: unpriced, 0.000028 + 0.0002948"],
    ),
    (
        // The list matches names that begin with "gemini-2.0-flash-exp" or contain it.
        "a variant of a model is not charged at the price of the model unless the list names the variant",
        &["1569 google google/gemini-2.0-flash-exp:free: unpriced, 0.0000008 + 0.0000068"],
    ),
    (
        // The usage stays unpriced until the list has a price, which may be 0.
        "the list has no price for the model, which the publisher's program treats as a price of 0",
        &[
            "1016 cerebras qwen-3-coder-480b: unpriced, 0 + 0",
            "1017 cerebras qwen-3-coder-480b: unpriced, 0 + 0",
            "1569 openrouter google/gemini-2.0-flash-exp:free: unpriced, 0 + 0",
        ],
    ),
];

#[test]
fn real_usage_is_charged_as_the_publisher_charges_it() {
    let Some(folder) = published() else { return };
    let (list, cases) = (list(&folder), cases(&folder));
    assert_eq!(cases.len(), 3_474);
    let found: BTreeSet<String> = differences(&list, &cases, "12:00:00").into_iter().collect();
    let stated: Vec<&str> = REASONS.iter().flat_map(|(_, cases)| cases.iter().copied()).collect();
    let reason = |case: &String| stated.contains(&case.as_str());
    let unexplained: Vec<&String> = found.iter().filter(|case| !reason(case)).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    let gone: Vec<&&str> = stated.iter().filter(|case| !found.contains(**case)).collect();
    assert!(gone.is_empty(), "{gone:#?}");
    assert_eq!(found.len(), 15);
}

#[test]
fn the_publisher_charges_at_daytime_prices() {
    // DeepSeek is cheaper from 16:30 to 00:30 UTC. The published usage has no time, and is charged at the day's price.
    let Some(folder) = published() else { return };
    let (list, cases) = (list(&folder), cases(&folder));
    let day = differences(&list, &cases, "12:00:00");
    let night = differences(&list, &cases, "20:00:00");
    let by_night: Vec<&String> = night.iter().filter(|case| !day.contains(case)).collect();
    assert!(by_night.iter().all(|case| case.contains(" deepseek deepseek-")), "{by_night:#?}");
    assert_eq!((day.len(), by_night.len(), night.len()), (15, 3, 18));
}
