//! `orders list`: orders of all companies, by filters or numbers.

use serde_json::{Value, json};
use tollbook_api::views;
use tollbook_domain::filter::FilterField;
use tollbook_domain::time::MAX_TIME_S;
use tollbook_domain::{LineFilter, Status, TimeRange};
use tollbook_ops::charging::{OrderSelection, list_orders};

use super::context::{CommandContext, time_text};
use crate::arguments::{Global, ListOrders};
use crate::output::{Column, Failure, Kind, Output, Table, text_of, with_thousands};

/// The members of an order in the list, in the order of the columns of CSV.
const MEMBERS: [&str; 18] = [
    "CompanyID",
    "CompanyName",
    "OrderNo",
    "SourceOrderNo",
    "Status",
    "StatusDisplay",
    "StartTime",
    "OrganizationID",
    "ResourceID",
    "ModelID",
    "PricingSKU",
    "Quantity",
    "OrderTotalPrice",
    "Currency",
    "RevocationTime",
    "RevocationReason",
    "ReplacesOrderNo",
    "ReplacedByOrderNo",
];

pub(crate) fn run(global: &Global, arguments: &ListOrders, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let ListOrders { numbers, company, status, from, to, model, resource, sku, limit, .. } = arguments;
    let statuses: Option<Vec<Status>> = status.iter().map(|number| Status::from_number(*number)).collect();
    let statuses =
        statuses.ok_or_else(|| Failure::new("--status: must be 1 (unpaid), 2 (paid) or 3 (revoked)"))?;
    let start_s = context.optional_unix_s("--from", *from)?.unwrap_or(0);
    let end_s = context.optional_unix_s("--to", *to)?.unwrap_or(MAX_TIME_S);
    let range = TimeRange::new(start_s, end_s).ok_or_else(|| Failure::new("--to: must be after --from"))?;
    let lines = LineFilter::default()
        .with_texts(FilterField::ModelIds, model.clone())
        .with_texts(FilterField::ResourceIds, resource.clone())
        .with_texts(FilterField::PricingSkus, sku.clone());
    let selection = OrderSelection { company_id: *company, range, statuses, lines, numbers: numbers.clone() };
    let (found, all) = list_orders(context.store.as_ref(), &selection, *limit)?;
    let rows: Vec<Value> =
        found.iter().map(|listed| views::listed_order(listed, &context.catalogue)).collect();
    let value = json!({"Orders": rows, "Total": all});
    if rows.is_empty() && !numbers.is_empty() {
        return Err(Failure::with_value(
            format!("no company has an order with the number {}", numbers.join(" or ")),
            value,
        ));
    }
    output.list(&value, &MEMBERS, &rows, || text(&rows, all));
    Ok(())
}

fn text(rows: &[Value], all: i64) -> String {
    if rows.is_empty() {
        return "no orders".to_owned();
    }
    let headings =
        ["Start", "Company", "OrderNo", "Resource", "Model", "SKU", "Total", "", "Status", "Reason"];
    let kinds = [
        Kind::Code,
        Kind::Text,
        Kind::Code,
        Kind::Text,
        Kind::Text,
        Kind::Text,
        Kind::Number,
        Kind::Code,
        Kind::Text,
        Kind::Text,
    ];
    let columns = headings.into_iter().zip(kinds).map(|(heading, kind)| Column::new(heading, kind));
    let cells = rows.iter().map(|row| {
        let text = |name: &str| text_of(&row[name]);
        vec![
            row["StartTime"].as_i64().map(time_text).unwrap_or_default(),
            format!("{} ({})", text("CompanyName"), text("CompanyID")),
            text("OrderNo"),
            text("ResourceID"),
            text("ModelID"),
            text("PricingSKU"),
            text("OrderTotalPrice"),
            text("Currency"),
            text("StatusDisplay"),
            text("RevocationReason"),
        ]
    });
    let shown = Table::new(columns.collect()).part(&cells.collect::<Vec<_>>());
    let count = with_thousands(&all.to_string());
    match usize::try_from(all) {
        Ok(all) if all > rows.len() => {
            format!("{shown}\n\nthe newest {} of {count} orders; --limit lists more", rows.len())
        }
        _ => format!("{shown}\n\n{count} orders"),
    }
}
