//! Orders of a view: exact number and sums, any page, the columns of choice.

use maud::{Markup, html};
use tollbook_domain::Measures;
use tollbook_export::fields::{Cell, FieldKind, ORDER_ITEM_DETAIL, OrderField, OrderRow, UNPAID_ORDER_ITEM};
use tollbook_export::presentation::Presentation;
use tollbook_store::Page;

use crate::actions::Paging;
use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text;
use crate::console::view::{Link, Shown, View};
use crate::console::visit::{Visit, text_of, texts_of};
use crate::console::{filters, layout, tables};

/// Columns that are shown unless others are chosen.
const USUAL: [&str; 9] = [
    "StartTime",
    "OrderNo",
    "OrderTotalPrice",
    "OrganizationName",
    "ResourceName",
    "ModelName",
    "PricingSKU",
    "QuantityDisplay",
    "DiscountPrice",
];
const SIZES: [i64; 3] = [20, 50, 100];
const OWN_PARAMETERS: [&str; 3] = ["page", "size", "columns"];

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let view = View::parse(visit, &OWN_PARAMETERS)?;
    let paging = paging(visit)?;
    let fields = columns(visit, view.shown)?;
    let (query, mut snapshot) = view.query(visit)?;
    let snapshot = snapshot.as_mut();
    let mut found = snapshot.page(&query, paging.offset(), paging.page_size)?;
    let last_page = (found.total.max(1) - 1) / paging.page_size + 1;
    let paging = Paging { page: paging.page.min(last_page), ..paging };
    if found.orders.is_empty() && found.total > 0 {
        // The page is behind the last one.
        found = snapshot.page(&query, paging.offset(), paging.page_size)?;
    }
    let mut sum = Measures::default();
    for (_, measures) in snapshot.sums(&query)? {
        sum.add(&measures);
    }
    let presentation = visit.presentation(snapshot)?;
    let mut link = view.link("/console/orders");
    if paging.page_size != 50 {
        link = link.with("size", paging.page_size.to_string());
    }
    for name in texts_of(visit.query, "columns") {
        link = link.with("columns", name);
    }
    let filters = filters::filters(visit, &view, &link, snapshot, &presentation)?;
    let mut views = presentation.lines(snapshot.lines(query.company_id)?);
    let mut rows = Vec::with_capacity(found.orders.len());
    for stored in &found.orders {
        let row =
            views.show(stored, |row| order_row(visit, &view, &fields, row)).ok_or(PageError::Internal)?;
        rows.push(row);
    }
    let title = visit.t(text::ORDERS);
    let content = html! {
        (layout::heading(title, html! { (view.range_text()) " · " (view.zone.name()) }, elsewhere(visit, &view)))
        (tabs(visit, &view))
        (filters::ranges(visit, &view, &link))
        (filters)
        (totals(visit, &view, &sum))
        @if rows.is_empty() { (layout::nothing(visit, text::NO_ORDERS)) }
        @else {
            (table(visit, &presentation, &fields, &rows, &view, &found, paging))
            (pager(visit, &link, paging, last_page))
        }
        (column_choice(visit, &view, &link, &fields, &presentation))
    };
    Ok(layout::page(visit, "/console/orders", title, content))
}

fn paging(visit: &Visit<'_>) -> Result<Paging, PageError> {
    let number = |name: &str, otherwise: i64| {
        let Some(text) = text_of(visit.query, name) else { return Ok(otherwise) };
        let number = text.parse::<i64>().ok().filter(|number| (1..=1_000_000_000).contains(number));
        number.ok_or_else(|| crate::console::view::invalid(name, "must be a number from 1 on"))
    };
    let page_size = number("size", 50)?;
    if !SIZES.contains(&page_size) {
        return Err(crate::console::view::invalid("size", "must be 20, 50 or 100"));
    }
    Ok(Paging { page: number("page", 1)?, page_size })
}

/// All fields of the list of the API that shows these orders.
const fn all_fields(shown: Shown) -> &'static [OrderField] {
    match shown {
        Shown::Unpaid => UNPAID_ORDER_ITEM,
        Shown::Charged | Shown::Paid | Shown::Revoked => ORDER_ITEM_DETAIL,
    }
}

fn columns(visit: &Visit<'_>, shown: Shown) -> Result<Vec<&'static OrderField>, PageError> {
    let all = all_fields(shown);
    let mut chosen: Vec<&str> = texts_of(visit.query, "columns").filter(|name| !name.is_empty()).collect();
    if chosen.is_empty() {
        chosen = USUAL.to_vec();
        if shown == Shown::Charged {
            chosen.insert(3, "StatusDisplay");
        }
    }
    // Columns of the other list are no error: the links between the lists keep the choice.
    let known =
        |name: &&str| ORDER_ITEM_DETAIL.iter().chain(UNPAID_ORDER_ITEM).any(|field| field.name == *name);
    if !chosen.iter().all(known) {
        return Err(crate::console::view::invalid("columns", "names a column that there is not"));
    }
    Ok(chosen.iter().filter_map(|name| all.iter().find(|field| field.name == *name)).collect())
}

fn elsewhere(visit: &Visit<'_>, view: &View) -> Markup {
    match view.shown {
        Shown::Unpaid => filters::elsewhere(visit, view, "ListUnpaidOrders", "DownloadListUnpaidOrders"),
        Shown::Paid => filters::elsewhere(visit, view, "ListPaidOrders", "DownloadListPaidOrders"),
        // The API lists paid and unpaid orders apart; it sums them together.
        Shown::Charged => filters::elsewhere(visit, view, "GetOrderAmount", "DownloadOrderSummary"),
        Shown::Revoked => html! {},
    }
}

fn tabs(visit: &Visit<'_>, view: &View) -> Markup {
    html! {
        nav class="tabs" aria-label=(visit.t(text::STATUS)) {
            @for shown in Shown::ALL {
                a href=(view.showing(shown).link("/console/orders").href()) aria-current=[(shown == view.shown).then_some("page")] { (visit.t(shown.text())) }
            }
        }
    }
}

fn totals(visit: &Visit<'_>, view: &View, sum: &Measures) -> Markup {
    let saved = sum.original - sum.total;
    html! {
        dl class="figures" {
            div { dt { (visit.t(text::ORDERS)) } dd id="count" { (tables::count(sum.orders)) } }
            div { dt { (visit.t(text::AMOUNT)) } dd id="sum" { (tables::copyable(visit, &tollbook_domain::money::format_amount_sum(sum.total), tables::money(sum.total))) } }
            @if saved != 0 { div { dt { (visit.t(text::DISCOUNT)) } dd { (tables::money(saved)) } } }
            @if matches!(view.shown, Shown::Charged | Shown::Paid) {
                @for kind in tollbook_domain::AccountKind::ALL {
                    @let paid = sum.deductions.get(kind);
                    @if paid != 0 { div { dt { (visit.t(text::account(kind))) } dd { (tables::money(paid)) } } }
                }
            }
        }
    }
}

fn table(
    visit: &Visit<'_>,
    presentation: &Presentation,
    fields: &[&OrderField],
    rows: &[Markup],
    view: &View,
    found: &Page,
    paging: Paging,
) -> Markup {
    let first = paging.offset() + 1;
    let last = paging.offset() + i64::try_from(rows.len()).unwrap_or(0);
    html! {
        div class="table" tabindex="0" role="region" aria-label=(visit.t(text::ORDERS)) {
            table {
                caption { (text::ROWS_OF.with(visit.language, &[&first.to_string(), &last.to_string(), &found.total.to_string()])) " · " (visit.t(view.shown.text())) " · " (view.range_text()) }
                thead { tr {
                    @for field in fields {
                        @let is_sorted = field.name == "StartTime";
                        th scope="col" class=[tables::is_numeric(field.kind).then_some("r")] aria-sort=[is_sorted.then_some("descending")] {
                            (header(presentation, field))
                        }
                    }
                } }
                tbody { @for row in rows { (row) } }
            }
        }
    }
}

/// The header of a column. The zone of times stands above the table.
fn header(presentation: &Presentation, field: &OrderField) -> String {
    presentation.header(field.name, if field.kind.is_time() { FieldKind::Text } else { field.kind })
}

fn order_row(visit: &Visit<'_>, view: &View, fields: &[&OrderField], row: &OrderRow<'_>) -> Markup {
    html! {
        tr {
            @for field in fields {
                @let cell = (field.value)(row);
                @match (field.name, &cell) {
                    ("OrderNo", Cell::Text(number)) => th scope="row" {
                        (tables::copyable(visit, number, html! { a href=(order_href(number)) { (number) } }))
                    },
                    ("SourceOrderNo" | "UnpaidOrderNo" | "ReplacesOrderNo" | "ReplacedByOrderNo", Cell::Text(number)) if !number.is_empty() => td {
                        a href=(order_href(number)) { (number) }
                    },
                    ("StatusDisplay", Cell::Text(name)) => td { span class=(format!("status status-{}", row.order.status.number())) { (name) } },
                    _ => td class=[tables::is_numeric(field.kind).then_some("r")] { (tables::field(field.kind, &cell, &view.zone)) },
                }
            }
        }
    }
}

/// The page of an order.
pub(in crate::console) fn order_href(number: &str) -> String {
    let path = percent_encoding::utf8_percent_encode(number, percent_encoding::NON_ALPHANUMERIC);
    format!("/console/orders/{path}")
}

fn pager(visit: &Visit<'_>, link: &Link, paging: Paging, last_page: i64) -> Markup {
    let to = |page: i64| link.clone().with("page", page.to_string()).href();
    let current = paging.page;
    html! {
        nav class="pager" aria-label=(visit.t(text::PAGES)) {
            @if current > 1 {
                a href=(to(1)) { (visit.t(text::FIRST_PAGE)) }
                a href=(to(current - 1)) rel="prev" { (visit.t(text::PREVIOUS)) }
            }
            span { (text::PAGE_OF.with(visit.language, &[&current.to_string(), &last_page.to_string()])) }
            @if current < last_page {
                a href=(to(current + 1)) rel="next" { (visit.t(text::NEXT)) }
                a href=(to(last_page)) { (visit.t(text::LAST_PAGE)) }
            }
            form method="get" action="/console/orders" {
                @for (name, value) in link.fields(&["size", "page"]) { input type="hidden" name=(name) value=(value); }
                label { span { (visit.t(text::PAGE)) } input type="number" name="page" min="1" max=(last_page) value=(current) inputmode="numeric"; }
                label { span { (visit.t(text::PER_PAGE)) } select name="size" { @for size in SIZES { option value=(size) selected[size == paging.page_size] { (size) } } } }
                button { (visit.t(text::GO)) }
            }
        }
    }
}

fn column_choice(
    visit: &Visit<'_>,
    view: &View,
    link: &Link,
    fields: &[&OrderField],
    presentation: &Presentation,
) -> Markup {
    html! {
        details class="columns" {
            summary { (visit.t(text::COLUMNS)) }
            form method="get" action="/console/orders" {
                @for (name, value) in link.fields(&["columns"]) { input type="hidden" name=(name) value=(value); }
                div class="options wide" {
                    @for field in all_fields(view.shown) {
                        label { input type="checkbox" name="columns" value=(field.name) checked[fields.iter().any(|shown| shown.name == field.name)]; span { (header(presentation, field)) } }
                    }
                }
                p { button class="primary" { (visit.t(text::SHOW)) } " " a href=(link.fields(&["columns"]).fold(Link::to("/console/orders"), |to, (name, value)| to.with(name, value)).href()) { (visit.t(text::USUAL_COLUMNS)) } }
            }
        }
    }
}
