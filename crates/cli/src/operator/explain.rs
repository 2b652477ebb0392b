//! `usage explain` and `orders explain`: from a record to its orders and prices, and from an order to its records.

use serde_json::{Map, Value, json};
use tollbook_domain::money::format_amount_sum;
use tollbook_ops::charging::{self, ExplainedCharge, ExplainedOrder, ExplainedRecord, UsageName};
use tollbook_store::{RecordState, StoredOrder};

use super::context::{CommandContext, time_text};
use crate::arguments::{ExplainOrder, ExplainUsage, Global};
use crate::output::{Failure, Output, printable, table};

pub(crate) fn usage(global: &Global, arguments: &ExplainUsage, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let ExplainUsage { company, source, id } = arguments;
    let name = UsageName { source: source.clone(), id: id.clone(), time_s: None };
    let found = charging::explain_usage(&context.charging(), *company, &name)?;
    if found.is_empty() {
        return Err(Failure::new(format!("company {company} has no usage record with the id {id:?}")));
    }
    let value = json!({"Records": found.iter().map(record_value).collect::<Vec<_>>()});
    output.result(&value, || found.iter().map(record_text).collect::<Vec<_>>().join("\n\n"));
    Ok(())
}

const fn state_name(state: RecordState) -> &'static str {
    match state {
        RecordState::Charged => "charged",
        RecordState::Free => "free",
        RecordState::Unpriced => "unpriced",
        RecordState::Voided => "voided",
    }
}

fn record_value(explained: &ExplainedRecord) -> Value {
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
        "Order": charge.order.as_ref().map(order_value),
    });
    // Which price of the book it was is known as long as the book would choose the same one.
    value["PriceList"] = charge.price.as_ref().map(|price| price.list.clone()).into();
    value["PriceModels"] = charge.price.as_ref().map(|price| price.models.to_string()).into();
    value["PriceValidFrom"] = charge.price.as_ref().map(|price| price.valid_from_s).into();
    value
}

fn order_value(stored: &StoredOrder) -> Value {
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

fn record_text(explained: &ExplainedRecord) -> String {
    let record = &explained.record;
    let head = format!(
        "record {} of source {:?} at {}: {}",
        printable(&record.key.id),
        record.key.source,
        time_text(record.time_s),
        state_name(record.state)
    );
    if explained.charges.is_empty() {
        return head;
    }
    let rows = explained.charges.iter().map(|charge| {
        let order = match (&charge.order, record.state) {
            (Some(stored), _) => printable(stored.order.source_number()),
            (None, RecordState::Voided) => "none".to_owned(),
            (None, _) => "open hour".to_owned(),
        };
        let price = charge.price.as_ref();
        vec![
            printable(&charge.line.pricing_sku),
            charge.quantity.to_string(),
            charge.line.list_price.to_string(),
            charge.line.discount_price.to_string(),
            price.map_or("not in the book now".to_owned(), |price| printable(&price.list)),
            price.map_or(String::new(), |price| printable(&price.models.to_string())),
            order,
        ]
    });
    let columns = ["PricingSKU", "Quantity", "ListPrice", "DiscountPrice", "PriceList", "Rule", "Order"];
    format!("{head}\n{}", table(&columns, rows))
}

pub(crate) fn order(global: &Global, arguments: &ExplainOrder, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let ExplainOrder { company, limit, order } = arguments;
    let found = charging::explain_order(&context.charging(), *company, order, *limit)?;
    let Some(found) = found else {
        return Err(Failure::new(format!("company {company} has no order with the number {order:?}")));
    };
    output.result(&order_explained(&found), || order_text(&found));
    Ok(())
}

fn order_explained(found: &ExplainedOrder) -> Value {
    let mut value = order_value(&found.order);
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
    value["Replaces"] = found.predecessors.iter().map(order_value).collect();
    value["ReplacedBy"] = found.successors.iter().map(order_value).collect();
    value
}

fn order_text(found: &ExplainedOrder) -> String {
    let order = &found.order.order;
    let mut lines = vec![format!(
        "order {} of {}: {} base units of {} at {}, {} in all",
        printable(order.source_number()),
        time_text(order.start_time_s),
        order.quantity,
        printable(&found.line.pricing_sku),
        found.line.discount_price,
        format_amount_sum(order.total.steps().into())
    )];
    if let Some((time_s, reason)) = &found.revocation {
        lines.push(format!("revoked at {}: {}", time_text(*time_s), printable(reason)));
    }
    for (what, orders) in [("replaces", &found.predecessors), ("replaced by", &found.successors)] {
        for stored in orders {
            let total = format_amount_sum(stored.order.total.steps().into());
            lines.push(format!("{what} {}: {total}", printable(stored.order.source_number())));
        }
    }
    if !found.is_of_usage {
        lines.push("it was imported, not made of usage".to_owned());
        return lines.join("\n");
    }
    let rows = found.records.iter().map(|record| {
        vec![
            printable(&record.key.id),
            printable(&record.key.source),
            time_text(record.time_s),
            record.quantity.to_string(),
        ]
    });
    lines.push(table(&["Id", "Source", "Time", "Quantity"], rows));
    if found.has_more {
        lines.push("and more".to_owned());
    }
    lines.join("\n")
}
