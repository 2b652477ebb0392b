//! Sums per resource, SKU, model, unit, type and price, as the summary actions of the API answer them.

use maud::{Markup, html};
use tollbook_domain::Measures;
use tollbook_domain::filter::FilterField;
use tollbook_domain::summary::SummaryRow;
use tollbook_export::fields::{Cell, FieldKind, ORDER_SUMMARY_ITEM, SummaryField};
use tollbook_export::presentation::summary;

use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text;
use crate::console::view::{Link, Shown, View, invalid};
use crate::console::visit::{Visit, text_of};
use crate::console::{filters, layout, tables};

const COLUMNS: [&str; 11] = [
    "ResourceName",
    "ModelName",
    "PricingSKU",
    "RegionDisplay",
    "OrderTypeDisplay",
    "StatusDisplay",
    "ListPrice",
    "DiscountPrice",
    "SumQuantityDisplay",
    "OrderCount",
    "SumOrderPrice",
];
const PAGE_ROWS: usize = 100;

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let view = View::parse(visit, &["page"])?;
    let number = match text_of(visit.query, "page") {
        None => 1,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|page| (1..=1_000_000).contains(page))
            .ok_or_else(|| invalid("page", "must be a number from 1 on"))?,
    };
    let (query, mut snapshot) = view.query(visit)?;
    let snapshot = snapshot.as_mut();
    let rows = summary(snapshot, &query)?;
    let presentation = visit.presentation(snapshot)?;
    let link = view.link("/console/summary");
    let filters = filters::filters(visit, &view, &link, snapshot, &presentation)?;
    let sum = rows.iter().fold(Measures::default(), |mut sum, row| {
        sum.add(&row.measures);
        sum
    });
    let pages = rows.len().div_ceil(PAGE_ROWS).max(1);
    let number = number.min(pages);
    let columns: Vec<&SummaryField> = COLUMNS
        .iter()
        .filter_map(|name| ORDER_SUMMARY_ITEM.iter().find(|field| field.name == *name))
        .collect();
    let title = visit.t(text::SUMMARY);
    let actions = match view.shown {
        Shown::Unpaid => filters::elsewhere(visit, &view, "ListUnpaidOrderSummary", "DownloadOrderSummary"),
        _ => filters::elsewhere(visit, &view, "ListPaidOrderSummary", "DownloadOrderSummary"),
    };
    let shown = rows.iter().skip((number - 1) * PAGE_ROWS).take(PAGE_ROWS);
    let content = html! {
        (layout::heading(title, html! { (view.range_text()) " · " (view.zone.name()) }, actions))
        nav class="tabs" aria-label=(visit.t(text::STATUS)) {
            @for shown in Shown::ALL { a href=(view.showing(shown).link("/console/summary").href()) aria-current=[(shown == view.shown).then_some("page")] { (visit.t(shown.text())) } }
        }
        (filters::ranges(visit, &view, &link))
        (filters)
        @if rows.is_empty() { (layout::nothing(visit, text::NO_ORDERS)) }
        @else {
            div class="table" tabindex="0" role="region" aria-label=(title) { table {
                caption { (text::N_ROWS.with(visit.language, &[&rows.len().to_string()])) " · " (view.range_text()) }
                thead { tr { @for field in &columns {
                    th scope="col" class=[tables::is_numeric(field.kind).then_some("r")] aria-sort=[(field.name == "SumOrderPrice").then_some("descending")] { (presentation.header(field.name, if field.kind.is_time() { FieldKind::Text } else { field.kind })) }
                } } }
                tbody {
                    @for row in shown {
                        tr { @for field in &columns {
                            @let cell = presentation.show_summary(row, |summary| owned(&(field.value)(summary)));
                            @match field.name {
                                "ResourceName" => th scope="row" { (tables::field(field.kind, &cell, &view.zone)) },
                                "SumOrderPrice" | "OrderCount" => td class="r" { (tables::linked(row_href(&view, &rows, row).as_deref(), tables::field(field.kind, &cell, &view.zone))) },
                                _ => td class=[tables::is_numeric(field.kind).then_some("r")] { (tables::field(field.kind, &cell, &view.zone)) },
                            }
                        } }
                    }
                }
                tfoot { tr {
                    th scope="row" colspan=(columns.len() - 2) { (visit.t(text::TOTAL)) }
                    td class="r" { (tables::count(sum.orders)) }
                    td class="r" { (tables::linked(Some(&view.link("/console/orders").href()), tables::money(sum.total))) }
                } }
            } }
            @if pages > 1 { (pager(visit, &link, number, pages)) }
        }
    };
    Ok(layout::page(visit, "/console/summary", title, content))
}

/// The cell without its borrows.
fn owned(cell: &Cell<'_>) -> Cell<'static> {
    match cell {
        Cell::Text(text) => Cell::OwnedText((*text).to_owned()),
        Cell::OwnedText(text) => Cell::OwnedText(text.clone()),
        Cell::Integer(value) => Cell::Integer(*value),
        Cell::Decimal { mantissa, places } => Cell::Decimal { mantissa: *mantissa, places: *places },
        Cell::Time(time_s) => Cell::Time(*time_s),
    }
}

/// The orders of a row. Filters know neither prices nor price items, so there is a link only if no other row has the same
/// filters.
fn row_href(view: &View, rows: &[SummaryRow], row: &SummaryRow) -> Option<String> {
    let key = &row.key;
    let is_same = |other: &&SummaryRow| {
        let other = &other.key;
        (&other.resource_id, &other.pricing_sku, &other.model_id, other.pricing_unit, other.order_type)
            == (&key.resource_id, &key.pricing_sku, &key.model_id, key.pricing_unit, key.order_type)
            && (other.charge_type, &other.region, other.status) == (key.charge_type, &key.region, key.status)
    };
    if [&key.resource_id, &key.pricing_sku, &key.model_id, &key.region].iter().any(|text| text.is_empty())
        || rows.iter().filter(is_same).count() != 1
    {
        return None;
    }
    let shown = match key.status {
        tollbook_domain::Status::Paid => Shown::Paid,
        tollbook_domain::Status::Unpaid => Shown::Unpaid,
        tollbook_domain::Status::Revoked => Shown::Revoked,
    };
    let view = view
        .showing(shown)
        .only(FilterField::ResourceIds, [key.resource_id.clone()])
        .only(FilterField::PricingSkus, [key.pricing_sku.clone()])
        .only(FilterField::ModelIds, [key.model_id.clone()])
        .only(FilterField::PricingUnits, [key.pricing_unit.to_string()])
        .only(FilterField::OrderTypes, [key.order_type.to_string()])
        .only(FilterField::ChargeTypes, [key.charge_type.to_string()])
        .only(FilterField::Regions, [key.region.clone()]);
    Some(view.link("/console/orders").href())
}

fn pager(visit: &Visit<'_>, link: &Link, number: usize, pages: usize) -> Markup {
    let to = |page: usize| link.clone().with("page", page.to_string()).href();
    html! {
        nav class="pager" aria-label=(visit.t(text::PAGES)) {
            @if number > 1 { a href=(to(number - 1)) rel="prev" { (visit.t(text::PREVIOUS)) } }
            span { (text::PAGE_OF.with(visit.language, &[&number.to_string(), &pages.to_string()])) }
            @if number < pages { a href=(to(number + 1)) rel="next" { (visit.t(text::NEXT)) } }
        }
    }
}
