//! Usage records, what is without a price, and corrections of usage.

use serde_json::{Map, Value, json};
use tollbook_domain::money::format_amount_sum;
use tollbook_ops::charging::{
    Corrected, ExplainedCharge, ExplainedRecord, ListedCorrection, RerateDifference, Rerated,
};
use tollbook_ops::pricing::{AtRisk, UnpricedGroup};
use tollbook_store::{RecordState, UnchargedUsage};

use super::orders::shown_order;

/// The name of a state of a record.
pub const fn state_name(state: RecordState) -> &'static str {
    match state {
        RecordState::Charged => "charged",
        RecordState::Free => "free",
        RecordState::Unpriced => "unpriced",
        RecordState::Voided => "voided",
    }
}

/// A record, and what became of it.
pub fn explained_record(explained: &ExplainedRecord) -> Value {
    let record = &explained.record;
    let mut value = json!({
        "Id": record.key.id,
        "Source": record.key.source,
        "Time": record.time_s,
        "State": state_name(record.state),
        "Hour": record.bucket_start_s,
        "Charges": explained.charges.iter().map(charge_value).collect::<Vec<_>>(),
    });
    if let Some(usage) = &record.usage {
        let quantities: Map<String, Value> =
            usage.quantities.iter().map(|(sku, quantity)| (sku.clone(), (*quantity).into())).collect();
        value["OrganizationID"] = usage.organization_id.into();
        value["ResourceID"] = usage.resource_id.as_str().into();
        value["ResourceName"] = usage.resource_name.as_str().into();
        value["ResourceType"] = usage.resource_type.into();
        value["ProductCode"] = usage.product_code.as_str().into();
        value["Region"] = usage.region.as_str().into();
        value["UserEmail"] = usage.user_email.as_str().into();
        value["Provider"] = usage.provider.as_str().into();
        value["ModelID"] = usage.model_id.as_str().into();
        value["ServiceTier"] = usage.service_tier.as_str().into();
        value["Quantities"] = quantities.into();
    }
    value
}

fn charge_value(charge: &ExplainedCharge) -> Value {
    let line = &charge.line;
    let mut value = json!({
        "PricingSKU": line.pricing_sku,
        "Quantity": charge.quantity,
        "PricingUnit": line.pricing_unit,
        "ListPrice": line.list_price.to_string(),
        "DiscountPrice": line.discount_price.to_string(),
        "Order": charge.order.as_ref().map(shown_order),
    });
    // Which price of the book it was is known as long as the book would choose the same one.
    value["PriceList"] = charge.price.as_ref().map(|price| price.list.clone()).into();
    value["PriceModels"] = charge.price.as_ref().map(|price| price.models.to_string()).into();
    value["PriceValidFrom"] = charge.price.as_ref().map(|price| price.valid_from_s).into();
    value
}

/// A record that was not charged.
pub fn uncharged(found: &UnchargedUsage) -> Value {
    let usage = &found.usage;
    let quantities: Map<String, Value> =
        usage.quantities.iter().map(|(sku, quantity)| (sku.clone(), (*quantity).into())).collect();
    json!({
        "CompanyID": usage.company_id,
        "Id": usage.id,
        "Source": usage.source,
        "Time": usage.time_s,
        "OrganizationID": usage.organization_id,
        "ResourceID": usage.resource_id,
        "ResourceName": usage.resource_name,
        "Provider": usage.provider,
        "ModelID": usage.model_id,
        "ProductCode": usage.product_code,
        "Region": usage.region,
        "ServiceTier": usage.service_tier,
        "UserEmail": usage.user_email,
        "Quantities": quantities,
        "Reason": found.reason,
    })
}

/// Usage without a price of one model.
pub fn unpriced_group(group: &UnpricedGroup) -> Value {
    // Sums can be wider than 64 bits, so they are texts.
    let quantities: Map<String, Value> =
        (group.quantities.iter()).map(|(sku, quantity)| (sku.clone(), quantity.to_string().into())).collect();
    let near = group
        .near
        .iter()
        .map(|near| json!({"Provider": near.provider, "ModelID": near.name, "List": near.list}));
    let reasons = group.reasons.iter().map(|(reason, records)| json!({"Reason": reason, "Records": records}));
    json!({
        "Provider": group.provider,
        "ModelID": group.model_id,
        "Records": group.records,
        "Quantities": quantities,
        "Reasons": reasons.collect::<Vec<_>>(),
        "Nearest": near.collect::<Vec<_>>(),
    })
}

/// What usage without a price would come to at the price of the nearest model, by currency.
pub fn at_risk(risks: &[AtRisk]) -> Value {
    let value = |risk: &AtRisk| json!({"Currency": risk.currency, "Amount": format_amount_sum(risk.amount), "Without": risk.without});
    risks.iter().map(value).collect()
}

/// A correction in a list.
pub fn listed_correction(ListedCorrection { correction, corrected }: &ListedCorrection) -> Value {
    let mut value = json!({
        "Key": correction.key,
        "Kind": correction.kind.name(),
        "Time": correction.time_s,
        "Reason": correction.reason,
        "Reference": correction.reference,
        "Finished": !correction.result.is_empty(),
    });
    if let Some(corrected) = corrected {
        value["Records"] = corrected.records.into();
        value["OrdersReplaced"] = corrected.replaced.into();
        value["OrdersMade"] = corrected.made.into();
    }
    value
}

/// What rating again changes for a model and an hour.
pub fn rerate_difference(currency: &str, row: &RerateDifference) -> Value {
    json!({
        "CompanyID": row.company_id,
        "ModelID": row.model_id,
        "StartTime": row.bucket_start_s,
        "Records": row.records,
        "Before": format_amount_sum(row.before),
        "After": format_amount_sum(row.after),
        "Difference": format_amount_sum(row.after - row.before),
        "Unpriced": row.unpriced,
        "Currency": currency,
    })
}

/// What a correction of usage did, or would do; `POST /v1/usage/corrections` answers with the same members.
pub fn corrected(done: &Corrected, dry_run: bool) -> Value {
    let orders: Vec<Value> = done
        .orders
        .iter()
        .map(|order| {
            json!({
                "OrderNo": order.before,
                "Total": format_amount_sum(order.before_total.steps().into()),
                "ReplacedByOrderNo": order.after,
                "ReplacedByTotal": format_amount_sum(order.after_total.steps().into()),
                "ReplacedByStatus": order.after_status.map_or(0, tollbook_domain::Status::number),
            })
        })
        .collect();
    json!({
        "Repeated": done.is_repeated,
        "DryRun": dry_run,
        "Records": done.records,
        "Unchanged": done.unchanged,
        "OrdersReplaced": done.replaced,
        "OrdersMade": done.made,
        "Orders": orders,
    })
}

/// What rating the usage of a company again did, or would do, without the differences by hour.
pub fn rerated(company_id: i64, done: &Rerated, dry_run: bool) -> Value {
    let mut value = corrected(&done.corrected, dry_run);
    value["CompanyID"] = company_id.into();
    value["Rated"] = done.rated.into();
    value["Skipped"] = done.skipped.into();
    let sum = |side: fn(&RerateDifference) -> i128| done.differences.iter().map(side).sum::<i128>();
    let (before, after) = (sum(|row| row.before), sum(|row| row.after));
    value["Difference"] = format_amount_sum(after - before).into();
    let unpriced = done.unpriced.iter();
    value["Unpriced"] =
        unpriced.map(|(reason, records)| json!({"Reason": reason, "Records": records})).collect();
    value
}
