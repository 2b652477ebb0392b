//! The price book: prices, lists, discounts, and why a price holds.

use serde_json::{Value, json};
use tollbook_domain::price_explanation::{Candidate, Verdict};
use tollbook_domain::provider_names::NameForm;
use tollbook_domain::{Discount, Price};
use tollbook_formats::prices::{OmittedModel, PublishedModel, UnreadKind};
use tollbook_ops::pricing::{HiddenPrice, PriceChange, PriceExplained, PriceImported, PriceListSummary};

/// A price of the book.
pub fn price(price: &Price) -> Value {
    json!({
        "List": price.list,
        "Provider": price.provider,
        "ModelID": price.model_id,
        "ModelName": price.model_name,
        "Models": price.models.to_string(),
        "PricingSKU": price.sku,
        "PricingUnit": price.pricing_unit,
        "PricingItemID": price.item_id,
        "Currency": price.currency,
        "ListPrice": price.list_price.to_string(),
        "ValidFrom": price.valid_from_s,
        "ValidUntil": price.valid_until_s,
        "LongerThan": price.longer_than,
        "TimeOfDay": price.time_of_day.map(|day| [clock(day.from_s), clock(day.until_s)]),
        "ServiceTier": price.service_tier,
        "Fallback": price.is_fallback,
    })
}

/// A second of the day as `HH:MM:SS`.
pub fn clock(second: i64) -> String {
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// The outcome of a price, and its reason.
pub fn outcome(candidate: &Candidate<'_>) -> (&'static str, String) {
    match candidate.verdict {
        Verdict::Holds(None) => ("holds", "no other price applies".to_owned()),
        Verdict::Holds(Some(rule)) => ("holds", rule.text().to_owned()),
        Verdict::Yields(rule) => ("applies", format!("not chosen: of the price that holds, {}", rule.text())),
        Verdict::Misfit(misfit) => ("does not apply", misfit.reason().to_owned()),
    }
}

fn candidate_value(candidate: &Candidate<'_>) -> Value {
    let (outcome, why) = outcome(candidate);
    let mut value = price(candidate.price);
    value["ProviderBy"] = json!(candidate.provider.text());
    value["MatchedBy"] = json!(matched_by(candidate));
    value["Outcome"] = json!(outcome);
    value["Why"] = json!(why);
    value
}

/// Which part of which form of the model's name is matched.
pub fn matched_by(candidate: &Candidate<'_>) -> String {
    let part = candidate.part.name();
    match candidate.form {
        NameForm::Stated => part.to_owned(),
        NameForm::Shortened => format!("{part}, shortened"),
    }
}

fn unread_value(unread: &UnreadKind) -> Value {
    let models = unread
        .models
        .iter()
        .map(|PublishedModel { provider, model_id }| json!({"Provider": provider, "ModelID": model_id}));
    json!({"Kind": unread.kind, "Models": models.collect::<Vec<_>>()})
}

fn hidden_value(hidden: &HiddenPrice) -> Value {
    json!({
        "Provider": hidden.provider,
        "ModelID": hidden.model_id,
        "PricingSKUs": hidden.skus,
        "OnlyForNames": hidden.names,
        "HiddenBy": price(&hidden.by),
    })
}

/// A discount.
pub fn discount(discount: &Discount) -> Value {
    json!({
        "CompanyID": discount.company_id,
        "ModelID": discount.model_id,
        "PricingSKU": discount.sku,
        "Factor": discount.factor.to_string(),
    })
}

/// The price lists in the order in which they hold.
pub fn price_lists(lists: &[PriceListSummary]) -> Value {
    let value = |(position, PriceListSummary { list, prices }): (usize, &PriceListSummary)| {
        json!({
            "Position": position,
            "List": list.name,
            "Own": list.is_own,
            "Format": list.format,
            "Prices": prices,
            "Factor": list.conversion.factor.to_string(),
            "Rate": list.conversion.rate.as_ref().map(ToString::to_string),
        })
    };
    let values: Vec<Value> = (1..).zip(lists).map(value).collect();
    json!({"Lists": values})
}

/// Why a use has its price.
pub fn explained_price(explained: &PriceExplained<'_>) -> Value {
    let PriceExplained {
        company_id, currency, provider, model_id, sku, time_s, tokens, service_tier, ..
    } = explained;
    let held = explained.held();
    json!({
        "CompanyID": company_id,
        "Currency": currency,
        "Provider": provider,
        "ModelID": model_id,
        "PricingSKU": sku,
        "Time": time_s,
        "Tokens": tokens,
        "ServiceTier": service_tier,
        "ListPrice": held.map(|price| price.list_price.to_string()),
        "Discount": explained.factor.to_string(),
        "DiscountPrice": explained.charged().map(|price| price.to_string()),
        "Prices": explained.candidates().iter().map(candidate_value).collect::<Vec<_>>(),
    })
}

/// What the import of a price list did.
pub fn imported(done: &PriceImported, omitted: &[OmittedModel], unread: &[UnreadKind]) -> Value {
    let conversion = &done.list.conversion;
    let rounded = done.rounded.iter().map(|rounded| {
        json!({
            "Provider": rounded.provider,
            "ModelID": rounded.model_id,
            "PricingSKU": rounded.sku,
            "Stated": rounded.stated,
            "Kept": rounded.kept.to_string(),
        })
    });
    let left_out = omitted
        .iter()
        .map(|left| json!({"Provider": left.provider, "ModelID": left.model_id, "Reason": left.reason}));
    let partly =
        done.partly_matched.iter().map(|(provider, model)| json!({"Provider": provider, "ModelID": model}));
    json!({
        "List": done.list.name,
        "Own": done.list.is_own,
        "Factor": conversion.factor.to_string(),
        "Rate": conversion.rate.as_ref().map(ToString::to_string),
        "Prices": done.prices,
        "Added": done.put.added,
        "Changed": done.put.changed,
        "Unchanged": done.put.unchanged,
        "NotStated": done.not_stated,
        "Rounded": rounded.collect::<Vec<_>>(),
        "LeftOut": left_out.collect::<Vec<_>>(),
        "UnreadKinds": unread.iter().map(unread_value).collect::<Vec<_>>(),
        "NeverChosen": done.hidden.iter().map(hidden_value).collect::<Vec<_>>(),
        "MatchedByPart": partly.collect::<Vec<_>>(),
        "UsageCharged": done.charged,
    })
}

/// A price that an import would add or change: the price as it would be, and `Before`, null if there is none.
pub fn price_change(change: &PriceChange) -> Value {
    json!({"Before": change.before.as_ref().map(price), "After": price(&change.after)})
}
