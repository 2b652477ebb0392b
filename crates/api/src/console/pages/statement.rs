//! The statement of a month, to be printed: what was charged, by project and model, and how the accounts moved.

use maud::{Markup, html};
use tollbook_domain::account::{Cause, PerKind};
use tollbook_domain::filter::FilterField;
use tollbook_domain::money::format_amount_sum;
use tollbook_domain::time::month_of_day;
use tollbook_domain::{AccountKind, Measures, Status};
use tollbook_ops::charging::{AccountStatement, account_statement};

use super::explore;
use crate::console::cube::{self, Bucket, Cube, CubeRequest, Measure};
use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text::{self, Text};
use crate::console::view::{Link, Shown, View, invalid, month_range, month_text, parse_month};
use crate::console::visit::{Visit, text_of};
use crate::console::{layout, tables};

const BY: [FilterField; 2] = [FilterField::OrganizationIds, FilterField::ModelIds];

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let parsed = View::parse(visit, &["month"])?;
    let this_month = month_of_day(parsed.zone.day_of(visit.now_s));
    let month = match text_of(visit.query, "month") {
        None => this_month,
        Some(text) => parse_month(text).ok_or_else(|| invalid("month", "must be a month such as 2026-11"))?,
    };
    let range = month_range(&parsed.zone, month).ok_or_else(|| invalid("month", "is not in the calendar"))?;
    let view = View { filters: Vec::new(), numbers: Vec::new(), shown: Shown::Charged, ..parsed.over(range) };
    let (query, mut snapshot) = view.primary(visit)?;
    let snapshot = snapshot.as_mut();
    let presentation = visit.presentation(snapshot)?;
    let buckets = vec![Bucket { range, label: month_text(month) }];
    let request =
        CubeRequest { query: &query, buckets, by: &BY, measure: Measure::Total, top: usize::MAX - 1 };
    let cube = cube::read(snapshot, request, &presentation)?;
    let sums = snapshot.sums(&query)?;
    let of_status = |wanted: Status| {
        sums.iter().find(|(status, _)| *status == wanted).map(|(_, measures)| *measures).unwrap_or_default()
    };
    let (paid, unpaid) = (of_status(Status::Paid), of_status(Status::Unpaid));
    let pending = snapshot.pending(&query, visit.service.catalogue())?;
    let company_id = query.company_id;
    let accounts = if visit.person()?.user.sees_whole_company() {
        Some(account_statement(snapshot, company_id, range)?)
    } else {
        None
    };
    let person = visit.person()?;
    let title = text::STATEMENT_OF.with(visit.language, &[&month_text(month)]);
    let content = html! {
        article class="statement" {
            (layout::heading(&title, html! { (person.company.name) }, months(visit, month, this_month)))
            dl class="facts" {
                (fact(visit, text::CUSTOMER, html! { (person.company.name) " (" (text::COMPANY_NO.with(visit.language, &[&company_id.to_string()])) ")" }))
                (fact(visit, text::SELLER, html! { (visit.display().provider) }))
                (fact(visit, text::PERIOD, html! { (tables::time(&view.zone, range.start_s())) " – " (tables::time(&view.zone, range.end_s())) " · " (view.zone.name()) }))
                (fact(visit, text::CURRENCY, html! { (person.company.currency) }))
                (fact(visit, text::MADE, html! { (tables::time(&view.zone, visit.now_s)) }))
                @if !person.user.sees_whole_company() { (fact(visit, text::PROJECTS, html! { (person.user.organization_ids.iter().map(|id| presentation.organization(*id)).collect::<Vec<_>>().join(", ")) })) }
            }
            section {
                h2 { (visit.t(text::CHARGES)) }
                @if cube.total.orders == 0 { (layout::nothing(visit, text::NO_ORDERS)) }
                @else { (charges(visit, &view, &cube)) }
                (proof(visit, &view, &paid, &unpaid, pending, month >= this_month))
            }
            @if let Some(accounts) = &accounts { (movements(visit, accounts)) }
            p class="hint" { (visit.t(text::STATEMENT_NOTE)) }
        }
    };
    Ok(layout::page(visit, "/console/statement", &title, content))
}

fn fact(visit: &Visit<'_>, name: Text, value: Markup) -> Markup {
    html! { div { dt { (visit.t(name)) } dd { (value) } } }
}

fn months(visit: &Visit<'_>, month: i64, this_month: i64) -> Markup {
    let to = |month: i64| Link::to("/console/statement").with("month", month_text(month)).href();
    html! {
        span class="segmented" {
            a class="button" rel="prev" href=(to(month - 1)) { (month_text(month - 1)) }
            @if month < this_month { a class="button" rel="next" href=(to(month + 1)) { (month_text(month + 1)) } }
        }
        form class="inline" method="get" action="/console/statement" {
            label { span class="sr" { (visit.t(text::MONTH)) } input type="month" name="month" value=(month_text(month)); }
            button { (visit.t(text::SHOW)) }
        }
        button type="button" class="primary" hidden data-print { (visit.t(text::PRINT)) }
    }
}

/// The charges by project and model. The projects are headings, so that each reads like a bill of its own.
fn charges(visit: &Visit<'_>, view: &View, cube: &Cube) -> Markup {
    let mut projects: Vec<(String, String, Vec<usize>, Measures)> = Vec::new();
    for (place, group) in cube.groups.iter().enumerate() {
        let (Some(value), Some(name)) = (group.values.first(), group.names.first()) else { continue };
        let known = projects.iter().position(|(known, ..)| known == value);
        let at = known.unwrap_or_else(|| {
            projects.push((value.clone(), name.clone(), Vec::new(), Measures::default()));
            projects.len() - 1
        });
        if let Some((_, _, groups, sum)) = projects.get_mut(at) {
            groups.push(place);
            sum.add(&group.total);
        }
    }
    let without = visit.t(text::WITHOUT_NAME);
    let row = |href: Option<String>, measures: &Measures| {
        html! {
            td class="r" { (tables::count(measures.orders)) }
            td class="r" { (tables::money(measures.original)) }
            td class="r" { (tables::money(measures.original - measures.total)) }
            td class="r" { (tables::linked(href.as_deref(), tables::money(measures.total))) }
        }
    };
    html! {
        div class="table" tabindex="0" role="region" aria-label=(visit.t(text::CHARGES)) { table class="bill" {
            caption { (visit.t(text::CHARGES_CAPTION)) }
            thead { tr { th scope="col" { (explore::dimension(visit, FilterField::OrganizationIds)) " · " (explore::dimension(visit, FilterField::ModelIds)) } th scope="col" class="r" { (visit.t(text::ORDERS)) } th scope="col" class="r" { (visit.t(text::AT_LIST_PRICE)) } th scope="col" class="r" { (visit.t(text::DISCOUNT)) } th scope="col" class="r" { (visit.t(text::AMOUNT)) } } }
            @for (value, name, groups, sum) in &projects {
                tbody {
                    tr class="group" { th scope="rowgroup" { (name) } (row(Some(view.only(FilterField::OrganizationIds, [value.clone()]).link("/console/orders").href()), sum)) }
                    @for place in groups {
                        @let group = &cube.groups[*place];
                        @let model = group.names.get(1).filter(|name| !name.is_empty()).map_or(without, String::as_str);
                        tr { th scope="row" class="indent" { (model) } (row(explore::cell_href(view, cube, &BY, Some(*place), None), &group.total)) }
                    }
                }
            }
            tfoot { tr { th scope="row" { (visit.t(text::TOTAL)) } (row(Some(view.link("/console/orders").href()), &cube.total)) } }
        } }
    }
}

/// The numbers by which the statement can be checked.
fn proof(
    visit: &Visit<'_>,
    view: &View,
    paid: &Measures,
    unpaid: &Measures,
    pending: i128,
    is_open: bool,
) -> Markup {
    let to = |shown: Shown| view.showing(shown).link("/console/orders").href();
    html! {
        dl class="figures proof" {
            div { dt { (visit.t(text::PAID)) } dd { (tables::linked(Some(&to(Shown::Paid)), tables::money(paid.total))) } }
            div { dt { (visit.t(text::UNPAID)) } dd { (tables::linked(Some(&to(Shown::Unpaid)), tables::money(unpaid.total))) } }
            div { dt { (visit.t(text::CONTROL_SUM)) } dd { (tables::money(paid.total + unpaid.total)) } }
            div { dt { (visit.t(text::CONTROL_ROWS)) } dd { (tables::count(paid.orders + unpaid.orders)) } }
            @if is_open && pending != 0 { div { dt { (visit.t(text::PENDING)) } dd { (tables::money(pending)) } } }
        }
    }
}

/// How the accounts moved: a column for each account that has a balance or moved.
fn movements(visit: &Visit<'_>, accounts: &AccountStatement) -> Markup {
    let is_used = |kind: &AccountKind| {
        accounts.opening.get(*kind) != 0
            || accounts.closing.get(*kind) != 0
            || accounts.movements.iter().any(|sum| sum.kind == *kind)
    };
    let kinds: Vec<AccountKind> = AccountKind::ALL.into_iter().filter(is_used).collect();
    let causes: Vec<Cause> = Cause::ALL
        .into_iter()
        .filter(|cause| accounts.movements.iter().any(|sum| sum.cause == *cause))
        .collect();
    let row = |name: &str, values: PerKind<i128>| {
        html! {
            tr {
                th scope="row" { (name) }
                @for kind in &kinds { td class="r" { (tables::money(values.get(*kind))) } }
                td class="r" { (tables::money(kinds.iter().map(|kind| values.get(*kind)).sum())) }
            }
        }
    };
    html! {
        section {
            h2 { (visit.t(text::ACCOUNTS)) }
            @if kinds.is_empty() { (layout::nothing(visit, text::NO_ENTRIES)) }
            @else {
                div class="table" tabindex="0" role="region" aria-label=(visit.t(text::ACCOUNTS)) { table class="bill" {
                    caption { (visit.t(text::MOVEMENTS_CAPTION)) }
                    thead { tr { th scope="col" { (visit.t(text::CAUSE)) } @for kind in &kinds { th scope="col" class="r" { (visit.t(text::account(*kind))) } } th scope="col" class="r" { (visit.t(text::TOTAL)) } } }
                    tbody {
                        (row(visit.t(text::OPENING), accounts.opening))
                        @for cause in &causes { (row(visit.t(text::cause(*cause)), accounts.of_cause(*cause))) }
                    }
                    tfoot { (row(visit.t(text::CLOSING), accounts.closing)) }
                } }
                @if accounts.entries.count > 0 {
                    p { a href=(Link::to("/console/accounts").with("before", (accounts.entries.first + accounts.entries.count).to_string()).href()) {
                        (text::LEDGER_ENTRIES.with(visit.language, &[&accounts.entries.count.to_string(), &accounts.entries.first.to_string(), &(accounts.entries.first + accounts.entries.count - 1).to_string()]))
                    } }
                }
                p class="sr" { (format_amount_sum(kinds.iter().map(|kind| accounts.closing.get(*kind)).sum())) }
            }
        }
    }
}
