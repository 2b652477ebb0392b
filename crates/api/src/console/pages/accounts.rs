//! The accounts of the company: balances, when they end, and the ledger.

use maud::{Markup, html};
use tollbook_domain::AccountKind;
use tollbook_domain::account::Cause;
use tollbook_ops::charging::standing;
use tollbook_store::{AccountState, LedgerEntry, LedgerRange};

use super::orders::order_href;
use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text;
use crate::console::view::{Link, invalid};
use crate::console::visit::{Visit, text_of};
use crate::console::{layout, tables};

/// Ledger entries of one page.
const ROWS: i64 = 50;

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let company_id = visit.person()?.company.company_id;
    let number = |name: &str| {
        let Some(text) = text_of(visit.query, name) else { return Ok(None) };
        let number = text.parse::<i64>().ok().filter(|number| *number >= 0);
        number.map(Some).ok_or_else(|| invalid(name, "must be the number of an entry"))
    };
    let (entry, before) = (number("entry")?, number("before")?);
    let charging = visit.service.charging();
    let standing = standing(&charging, company_id, visit.now_s)?.ok_or(PageError::NotFound)?;
    let snapshot = visit.snapshot()?;
    let state = snapshot.account_state(company_id)?;
    // Newest first: the page ends before an entry, or shows one with those around it.
    let end =
        before.or(entry.map(|entry| entry.saturating_add(ROWS / 2))).unwrap_or(i64::MAX).min(state.entries);
    let first = (end - ROWS).max(0);
    let entries = snapshot.ledger(company_id, LedgerRange { first, count: end - first })?;
    let person = visit.person()?;
    let title = visit.t(text::ACCOUNTS);
    let content = html! {
        (layout::heading(title, html! { (person.company.name) " · " (person.company.currency) }, html! { a href="/console/statement" { (visit.t(text::STATEMENT)) } }))
        dl class="cards" {
            div class="stat" { dt { (visit.t(text::AVAILABLE)) } dd { (tables::money(standing.available)) } dd class="under" { (visit.t(text::AVAILABLE_WHY)) } }
            @for kind in AccountKind::ALL {
                @let balance = standing.balances.get(kind);
                div class="stat" {
                    dt { (visit.t(text::account(kind))) } dd { (tables::money(balance.into())) }
                    @if kind == AccountKind::Credit { dd class="under" { (text::CREDIT_LIMIT.with(visit.language, &[&tollbook_domain::money::format_amount_sum(standing.credit_limit.into())])) } }
                }
            }
        }
        @if standing.over_limit > 0 { p class="problem" { (text::OVER_LIMIT.with(visit.language, &[&tollbook_domain::money::format_amount_sum(standing.over_limit)])) } }
        (grants(visit, &state))
        section {
            h2 { (visit.t(text::LEDGER)) }
            @if entries.is_empty() { (layout::nothing(visit, text::NO_ENTRIES)) }
            @else { (ledger(visit, &entries, entry)) (pager(visit, first, end, state.entries)) }
        }
    };
    Ok(layout::page(visit, "/console/accounts", title, content))
}

/// What can end, the next end first.
fn grants(visit: &Visit<'_>, state: &AccountState) -> Markup {
    let mut grants: Vec<_> = state
        .account
        .grants
        .iter()
        .filter(|grant| grant.remaining > 0 && !grant.is_expired(visit.now_s))
        .collect();
    grants.sort_by_key(|grant| (grant.expires_s.unwrap_or(i64::MAX), grant.grant_id));
    let zone = visit.zone();
    let listed = |texts: &[String]| {
        if texts.is_empty() { visit.t(text::EVERYTHING).to_owned() } else { texts.join(", ") }
    };
    html! {
        @if !grants.is_empty() {
            section {
                h2 { (visit.t(text::GRANTS)) }
                div class="table" tabindex="0" role="region" aria-label=(visit.t(text::GRANTS)) { table {
                    caption { (visit.t(text::GRANTS_CAPTION)) }
                    thead { tr { th scope="col" { (visit.t(text::ACCOUNT)) } th scope="col" { (visit.t(text::GRANT)) } th scope="col" { (visit.t(text::ENDS)) } th scope="col" { (visit.t(text::PAYS_FOR)) } th scope="col" class="r" { (visit.t(text::GRANTED)) } th scope="col" class="r" { (visit.t(text::REMAINING)) } } }
                    tbody { @for grant in grants { tr {
                        th scope="row" { (visit.t(text::account(grant.kind))) } td { (grant.grant_id) }
                        td { @match grant.expires_s { Some(end_s) => (tables::time(zone, end_s)), None => (visit.t(text::NEVER)) } }
                        td class="wrap" { (listed(&grant.products)) @if !grant.models.is_empty() { " · " (grant.models.join(", ")) } }
                        td class="r" { (tables::money(grant.granted.into())) } td class="r" { (tables::money(grant.remaining.into())) }
                    } } }
                } }
            }
        }
    }
}

fn ledger(visit: &Visit<'_>, entries: &[LedgerEntry], marked: Option<i64>) -> Markup {
    let zone = visit.zone();
    html! {
        div class="table" tabindex="0" role="region" aria-label=(visit.t(text::LEDGER)) { table {
            caption { (visit.t(text::LEDGER_CAPTION)) }
            thead { tr {
                th scope="col" class="r" aria-sort="descending" { (visit.t(text::ENTRY)) } th scope="col" { (visit.t(text::TIME)) } th scope="col" { (visit.t(text::CAUSE)) } th scope="col" { (visit.t(text::ACCOUNT)) }
                th scope="col" { (visit.t(text::REFERENCE)) } th scope="col" class="r" { (visit.t(text::AMOUNT)) } th scope="col" class="r" { (visit.t(text::BALANCE)) }
            } }
            tbody { @for LedgerEntry { entry_no, entry } in entries.iter().rev() {
                tr class=[(marked == Some(*entry_no)).then_some("marked")] {
                    th scope="row" class="r" { (tables::count(entry_no)) } td { (tables::time(zone, entry.time_s)) } td { (visit.t(text::cause(entry.cause))) } td { (visit.t(text::account(entry.kind))) }
                    td { @if matches!(entry.cause, Cause::Deduction | Cause::Refund) { a href=(order_href(&entry.reference)) { (entry.reference) } } @else { (entry.reference) } }
                    td class="r" { (tables::money(entry.amount.into())) } td class="r" { (tables::money(entry.balance.into())) }
                }
            } }
        } }
    }
}

fn pager(visit: &Visit<'_>, first: i64, end: i64, all: i64) -> Markup {
    let to = |before: i64| Link::to("/console/accounts").with("before", before.to_string()).href();
    html! {
        nav class="pager" aria-label=(visit.t(text::PAGES)) {
            @if end < all { a href="/console/accounts" { (visit.t(text::NEWEST)) } a rel="prev" href=(to((end + ROWS).min(all))) { (visit.t(text::NEWER)) } }
            span { (text::ENTRIES_OF.with(visit.language, &[&first.to_string(), &(end - 1).to_string(), &all.to_string()])) }
            @if first > 0 { a rel="next" href=(to(first)) { (visit.t(text::OLDER)) } a href=(to(ROWS.min(all))) { (visit.t(text::OLDEST)) } }
        }
    }
}
