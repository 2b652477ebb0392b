//! `usage explain` and `orders explain`: from a record to its orders and prices, and from an order to its records.

use serde_json::json;
use tollbook_api::views;
use tollbook_domain::money::format_amount_sum;
use tollbook_ops::charging::{self, ExplainedOrder, ExplainedRecord, UsageName};
use tollbook_store::RecordState;

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
    let value = json!({"Records": found.iter().map(views::explained_record).collect::<Vec<_>>()});
    output.result(&value, || found.iter().map(record_text).collect::<Vec<_>>().join("\n\n"));
    Ok(())
}

fn record_text(explained: &ExplainedRecord) -> String {
    let record = &explained.record;
    let head = format!(
        "record {} of source {:?} at {}: {}",
        printable(&record.key.id),
        record.key.source,
        time_text(record.time_s),
        views::state_name(record.state)
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
    output.result(&views::explained_order(&found), || order_text(&found));
    Ok(())
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
