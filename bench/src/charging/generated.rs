//! The usage that is measured: a day of a company's gateways, each record generated from its number alone.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};
use tollbook_domain::price::Matcher;
use tollbook_domain::{Price, UnitPrice, Usage};
use tollbook_ops::{Clock as _, SystemClock};

use crate::result::Result;

/// Start of the day before yesterday. The identities of older usage would expire during the measurement.
pub(super) static START_S: LazyLock<i64> = LazyLock::new(|| (SystemClock.now_s() / 86_400 - 2) * 86_400);
const DAY_S: u64 = 86_400;
const KEYS: u64 = 60;
const MODELS: u64 = 20;
/// Lines per hour: keys × models × two SKUs.
pub(super) const LINES: u64 = KEYS * MODELS * 2;

/// Generates record `number` of `count`. Times and ids ascend, as those of gateways do; keys and models are scattered.
pub(super) fn usage(number: u64, count: u64) -> Usage {
    let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Usage {
        company_id: 1,
        id: format!("{number:012}"),
        source: format!("gateway-{}", number % 2),
        time_s: *START_S + whole(number * DAY_S / count),
        organization_id: 1 + whole(scattered % 4),
        resource_id: format!("key-{:02}", scattered % KEYS),
        resource_type: 1,
        user_email: String::new(),
        provider: String::new(),
        model_id: format!("model-{:02}", scattered / KEYS % MODELS),
        product_code: "modelverse".into(),
        region: "cn-wlcb".into(),
        service_tier: String::new(),
        quantities: vec![
            ("input".into(), whole(scattered % 4_999 + 1)),
            ("output".into(), whole(scattered % 797 + 1)),
        ],
        ..Usage::default()
    }
}

/// Two prices for every model.
pub(super) fn prices() -> Result<Vec<Price>> {
    let price = |sku: &str, list_price: &str| -> Result<Price> {
        Ok(Price {
            list: "own".into(),
            provider: String::new(),
            provider_names: None,
            provider_models: None,
            model_id: "all".into(),
            model_name: String::new(),
            models: Matcher::StartsWith("model-".into()),
            sku: sku.into(),
            pricing_unit: 12,
            item_id: 0,
            currency: "CNY".into(),
            list_price: UnitPrice::parse(list_price)?,
            valid_from_s: 0,
            valid_until_s: None,
            longer_than: None,
            time_of_day: None,
            service_tier: String::new(),
            is_fallback: false,
        })
    };
    Ok(vec![price("input", "2.4")?, price("output", "9.6")?])
}

/// A record as JSON, as in a file or an event.
pub(super) fn record(usage: &Usage) -> Value {
    let quantities: serde_json::Map<String, Value> =
        usage.quantities.iter().map(|(sku, quantity)| (sku.clone(), json!(quantity))).collect();
    json!({
        "id": usage.id,
        "source": usage.source,
        "time": usage.time_s,
        "company_id": usage.company_id,
        "organization_id": usage.organization_id,
        "resource_id": usage.resource_id,
        "resource_type": usage.resource_type,
        "model_id": usage.model_id,
        "product_code": usage.product_code,
        "region": usage.region,
        "quantities": quantities,
    })
}

/// Writes records as JSON Lines.
pub(super) fn write(path: &Path, count: u64) -> Result {
    let mut file = BufWriter::new(File::create(path)?);
    for number in 0..count {
        writeln!(file, "{}", record(&usage(number, count)))?;
    }
    Ok(file.flush()?)
}
