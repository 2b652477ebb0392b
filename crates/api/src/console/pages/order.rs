//! One order: why it has this amount, what it was paid from, and what became of it.

use maud::{Markup, html};
use tollbook_domain::catalogue::{NameKind, quantity_display};
use tollbook_domain::money::{UNIT_PRICE_PLACES, format_decimal};
use tollbook_domain::{AccountKind, AmountRule, Line, Status};
use tollbook_ops::charging::{ExplainedCharge, ExplainedOrder, UsageName, explain_order, explain_usage};
use tollbook_store::{LedgerEntry, StoredOrder};

use super::orders::order_href;
use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text::{self, Text};
use crate::console::visit::Visit;
use crate::console::{layout, tables};

/// Records that are listed; the command line lists more.
const RECORDS: usize = 200;

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let number = visit.captured.first().cloned().unwrap_or_default();
    visit.release();
    let company_id = visit.person()?.company.company_id;
    let charging = visit.service.charging();
    let explained = explain_order(&charging, company_id, &number, RECORDS)?.ok_or(PageError::NotFound)?;
    // An order of another organization is not there for a person who is bound to some.
    if !visit.person()?.key.may_use(explained.line.organization_id) {
        return Err(PageError::NotFound);
    }
    let charge = charge_of(visit, company_id, &explained)?;
    let snapshot = visit.snapshot()?;
    let settlement = snapshot.settlement(company_id, explained.order.order.source_number())?;
    let entries = match &settlement {
        Some(settlement) => snapshot.ledger(company_id, settlement.entries)?,
        None => Vec::new(),
    };
    let title = explained.order.order.number.clone();
    let content = content(visit, &explained, charge.as_ref(), &entries)?;
    Ok(layout::page(visit, "/console/orders", &title, content))
}

/// The charge of the first record that is in the order's line, with the price of the book.
fn charge_of(
    visit: &Visit<'_>,
    company_id: i64,
    explained: &ExplainedOrder,
) -> Result<Option<ExplainedCharge>, PageError> {
    let Some(first) = explained.records.first() else { return Ok(None) };
    let name = UsageName {
        source: Some(first.key.source.clone()),
        id: first.key.id.clone(),
        time_s: Some(first.time_s),
    };
    let found = explain_usage(&visit.service.charging(), company_id, &name)?;
    let charges = found.into_iter().flat_map(|record| record.charges);
    Ok(charges.into_iter().find(|charge| charge.line == explained.line))
}

fn content(
    visit: &Visit<'_>,
    explained: &ExplainedOrder,
    charge: Option<&ExplainedCharge>,
    entries: &[LedgerEntry],
) -> Result<Markup, PageError> {
    let (order, line) = (&explained.order.order, explained.line.as_ref());
    let person = visit.person()?;
    let zone = visit.zone();
    let catalogue = visit.service.catalogue();
    let texts = catalogue.line_texts(line, visit.language);
    let status = catalogue.number(NameKind::Status, order.status.number(), visit.language);
    let row = |name: Text, value: Markup| html! { div { dt { (visit.t(name)) } dd { (value) } } };
    let text_row =
        |name: Text, value: &str| html! { @if !value.is_empty() { (row(name, html! { (value) })) } };
    let time_row = |name: Text, time_s: Option<i64>| html! { @if let Some(time_s) = time_s { (row(name, tables::time(zone, time_s))) } };
    let other =
        if order.number == order.source_number() { order.arrears_number() } else { order.source_number() };
    Ok(html! {
        (layout::heading(&order.number, html! {
            span class=(format!("status status-{}", order.status.number())) { (status) } " "
            (tables::time(zone, order.start_time_s)) " – " (tables::time(zone, order.end_time_s)) " · " (zone.name())
        }, html! {
            @if order.status == Status::Unpaid && person.key.allows(tollbook_domain::tenant::Permission::Pay) {
                a class="button primary" href=(crate::console::view::Link::to("/console/arrears/review").with("OrderNos", order.number.as_str()).href()) { (visit.t(text::REVIEW_PAYMENT)) }
            }
        }))
        section {
            h2 { (visit.t(text::WHY_THIS_AMOUNT)) }
            (computation(visit, line, order.quantity, order.total.steps().into(), order.original.steps().into()))
            dl class="facts" {
                (row(text::ROUNDING, html! { (visit.t(rounding(line.amount_rule))) }))
                @match charge.and_then(|charge| charge.price.as_ref()) {
                    Some(price) => {
                        (text_row(text::PRICE_LIST, if price.list.is_empty() { visit.t(text::OWN_PRICES) } else { &price.list }))
                        (text_row(text::PRICE_RULE, &price.models.to_string()))
                        (time_row(text::PRICE_SINCE, price.valid_from_s.checked_add(0).filter(|from_s| *from_s > 0)))
                    },
                    None if !explained.records.is_empty() => (row(text::PRICE_LIST, html! { (visit.t(text::PRICE_GONE)) })),
                    None => {},
                }
            }
        }
        section {
            h2 { (visit.t(text::ORDER)) }
            dl class="facts" {
                @if !other.is_empty() { (row(text::OTHER_NUMBER, html! { (other) })) }
                (text_row(text::PROJECT, &line.organization_name))
                (text_row(text::RESOURCE, line.shown_resource_name()))
                (text_row(text::MODEL, if line.model_name.is_empty() { &line.model_id } else { &line.model_name }))
                (text_row(text::SKU, &catalogue.text(NameKind::PricingSku, &line.pricing_sku, visit.language)))
                (text_row(text::PRODUCT, &texts.product)) (text_row(text::REGION, &texts.region))
                (text_row(text::USER, &line.user_email)) (text_row(text::CHARGE_TYPE, &texts.charge_type))
                (text_row(text::ORDER_TYPE, &texts.order_type))
                (time_row(text::CREATED, order.create_time_s)) (time_row(text::PAID_AT, order.paid_time_s)) (time_row(text::REVOKED_AT, order.revocation_time_s))
                @if let Some((_, reason)) = &explained.revocation { (text_row(text::REASON, reason)) }
            }
        }
        (payment(visit, explained, entries))
        (replacements(visit, explained))
        (records(visit, explained))
    })
}

/// Price × quantity, to the last place.
fn computation(visit: &Visit<'_>, line: &Line, quantity: i64, total: i128, original: i128) -> Markup {
    let catalogue = visit.service.catalogue();
    let units = catalogue.base_units(line.pricing_unit).unwrap_or(1);
    let unit = catalogue.number(NameKind::PricingUnit, line.pricing_unit, visit.language);
    let price = |steps: i64| format_decimal(steps.into(), UNIT_PRICE_PLACES, 2);
    let line_of = |name: Text, steps: i64, amount: i128| {
        html! {
            tr {
                th scope="row" { (visit.t(name)) }
                td class="r" { span class="n" { (price(steps)) } " " (line.currency) }
                td class="r" { (quantity_display(quantity.into(), units, &unit)) }
                td class="r" { @if let Some(exact) = exact_product(steps, quantity, units) { span class="n" { (exact) } } }
                td class="r" { (tables::money(amount)) }
            }
        }
    };
    html! {
        div class="table" tabindex="0" role="region" aria-label=(visit.t(text::WHY_THIS_AMOUNT)) {
            table class="sum" {
                caption { (text::COMPUTATION.with(visit.language, &[&quantity.to_string(), &units.to_string()])) }
                thead { tr {
                    th scope="col" { (visit.t(text::AMOUNT)) } th scope="col" class="r" { (text::PRICE_OF.with(visit.language, &[&unit])) }
                    th scope="col" class="r" { (visit.t(text::QUANTITY)) } th scope="col" class="r" { (visit.t(text::EXACT_PRODUCT)) } th scope="col" class="r" { (visit.t(text::ROUNDED)) }
                } }
                tbody {
                    (line_of(text::AT_LIST_PRICE, line.list_price.steps(), original))
                    (line_of(text::CHARGED_AMOUNT, line.discount_price.steps(), total))
                }
            }
        }
    }
}

/// The product with all its places, if there are finitely many.
fn exact_product(price_steps: i64, quantity: i64, units: i64) -> Option<String> {
    let mut places = UNIT_PRICE_PLACES;
    let mut rest = units;
    while rest > 1 {
        if rest % 10 != 0 {
            return None;
        }
        rest /= 10;
        places += 1;
    }
    let product = i128::from(price_steps).checked_mul(quantity.into())?;
    Some(format_decimal(product, places, 2))
}

const fn rounding(rule: AmountRule) -> Text {
    match rule {
        AmountRule::Exact => text::ROUNDING_EXACT,
        AmountRule::CentUp => text::ROUNDING_CENT_UP,
        AmountRule::AsBilled => text::ROUNDING_AS_BILLED,
    }
}

fn payment(visit: &Visit<'_>, explained: &ExplainedOrder, entries: &[LedgerEntry]) -> Markup {
    let order = &explained.order.order;
    let parts: Vec<(AccountKind, i64)> = AccountKind::ALL
        .into_iter()
        .map(|kind| (kind, order.deductions.get(kind).steps()))
        .filter(|(_, steps)| *steps != 0)
        .collect();
    let sees_accounts = visit.signed_in().is_some_and(|person| person.user.sees_whole_company());
    html! {
        @if !parts.is_empty() {
            section {
                h2 { (visit.t(text::PAID_FROM)) }
                div class="table" tabindex="0" role="region" aria-label=(visit.t(text::PAID_FROM)) { table class="sum" {
                    caption { (visit.t(text::DEDUCTIONS_CAPTION)) }
                    thead { tr { th scope="col" { (visit.t(text::ACCOUNT)) } th scope="col" class="r" { (visit.t(text::AMOUNT)) } } }
                    tbody { @for (kind, steps) in &parts { tr { th scope="row" { (visit.t(text::account(*kind))) } td class="r" { (tables::money((*steps).into())) } } } }
                    tfoot { tr { th scope="row" { (visit.t(text::TOTAL)) } td class="r" { (tables::money(order.total.steps().into())) } } }
                } }
                @if let (Some(first), true) = (entries.first(), sees_accounts) {
                    p { a href=(format!("/console/accounts?entry={}", first.entry_no)) { (visit.t(text::IN_LEDGER)) } }
                }
            }
        }
    }
}

fn replacements(visit: &Visit<'_>, explained: &ExplainedOrder) -> Markup {
    let list = |title: Text, orders: &[StoredOrder]| {
        html! {
            @if !orders.is_empty() {
                section {
                    h2 { (visit.t(title)) }
                    ul { @for stored in orders { li { a href=(order_href(&stored.order.number)) { (stored.order.number) } " " (tables::money(stored.order.total.steps().into())) } } }
                }
            }
        }
    };
    html! { (list(text::REPLACES, &explained.predecessors)) (list(text::REPLACED_BY, &explained.successors)) }
}

fn records(visit: &Visit<'_>, explained: &ExplainedOrder) -> Markup {
    let zone = visit.zone();
    html! {
        section {
            h2 { (visit.t(text::RECORDS)) }
            @if !explained.is_of_usage { (layout::nothing(visit, text::IMPORTED)) }
            @else if explained.records.is_empty() { (layout::nothing(visit, text::NO_RECORDS)) }
            @else {
                div class="table" tabindex="0" role="region" aria-label=(visit.t(text::RECORDS)) { table {
                    caption { (visit.t(if explained.has_more { text::RECORDS_MORE } else { text::RECORDS_ALL })) }
                    thead { tr { th scope="col" { (visit.t(text::TIME)) } th scope="col" { (visit.t(text::SOURCE)) } th scope="col" { (visit.t(text::RECORD_ID)) } th scope="col" class="r" { (visit.t(text::QUANTITY)) } } }
                    tbody {
                        @for record in &explained.records {
                            tr { td { (tables::time(zone, record.time_s)) } td { (record.key.source) } th scope="row" { (tables::copyable(visit, &record.key.id, html! { (record.key.id) })) } td class="r" { (tables::count(record.quantity)) } }
                        }
                    }
                } }
            }
        }
    }
}
