//! Orders: explained and revoked.

use serde_json::{Value, json};
use tollbook_domain::catalogue::NameKind;
use tollbook_domain::money::format_amount_sum;
use tollbook_domain::{Catalogue, Language};
use tollbook_ops::charging::{ExplainedOrder, ListedOrder, Revoked};
use tollbook_store::StoredOrder;

/// An order, in short.
pub fn shown_order(stored: &StoredOrder) -> Value {
    let order = &stored.order;
    json!({
        "OrderNo": order.number,
        "SourceOrderNo": order.source_number(),
        "Status": order.status.number(),
        "StartTime": order.start_time_s,
        "Quantity": order.quantity,
        "OrderTotalPrice": format_amount_sum(order.total.steps().into()),
        "ReplacesOrderNo": order.replaces,
        "ReplacedByOrderNo": order.replaced_by,
    })
}

/// An order in the list of all companies, with the reason if it was revoked or refunded.
pub fn listed_order(listed: &ListedOrder, catalogue: &Catalogue) -> Value {
    let ListedOrder { company, order, line, revocation } = listed;
    let mut value = shown_order(order);
    value["CompanyID"] = company.company_id.into();
    value["CompanyName"] = company.name.as_str().into();
    value["Currency"] = line.currency.as_str().into();
    value["OrganizationID"] = line.organization_id.into();
    value["ResourceID"] = line.resource_id.as_str().into();
    value["ModelID"] = line.model_id.as_str().into();
    value["PricingSKU"] = line.pricing_sku.as_str().into();
    let display = catalogue.number(NameKind::Status, order.order.status.number(), Language::English);
    value["StatusDisplay"] = display.into();
    let (time_s, reason) = revocation.clone().unzip();
    value["RevocationTime"] = time_s.into();
    value["RevocationReason"] = reason.into();
    value
}

/// An order, what it was made of, and what replaced it.
pub fn explained_order(found: &ExplainedOrder) -> Value {
    let mut value = shown_order(&found.order);
    let line = &found.line;
    value["ModelID"] = line.model_id.as_str().into();
    value["ResourceID"] = line.resource_id.as_str().into();
    value["PricingSKU"] = line.pricing_sku.as_str().into();
    value["ListPrice"] = line.list_price.to_string().into();
    value["DiscountPrice"] = line.discount_price.to_string().into();
    value["MadeOfUsage"] = found.is_of_usage.into();
    let (time_s, reason) = found.revocation.clone().unzip();
    value["RevocationTime"] = time_s.into();
    value["RevocationReason"] = reason.into();
    let records = found.records.iter().map(|record| {
        let key = &record.key;
        json!({"Id": key.id, "Source": key.source, "Time": record.time_s, "Quantity": record.quantity})
    });
    value["Records"] = records.collect();
    value["HasMore"] = found.has_more.into();
    value["Replaces"] = found.predecessors.iter().map(shown_order).collect();
    value["ReplacedBy"] = found.successors.iter().map(shown_order).collect();
    value
}

/// What became of orders that were to be revoked.
pub fn revoked(revoked: &[Revoked]) -> Value {
    let results: Vec<Value> = revoked
        .iter()
        .map(|one| {
            let result = one.outcome.name();
            json!({"OrderNo": one.number, "Success": one.outcome.is_done(), "Result": result})
        })
        .collect();
    let failed = revoked.iter().filter(|one| !one.outcome.is_done()).count();
    json!({"Results": results, "FailureCount": failed})
}
