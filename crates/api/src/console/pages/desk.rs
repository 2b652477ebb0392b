//! The operator's first page: what needs a person, and what was charged and is owed.

use std::collections::BTreeMap;

use maud::{Markup, html};
use tollbook_domain::Measures;
use tollbook_ops::pricing::{UnpricedSummary, summarize_unpriced};
use tollbook_ops::tenancy::overview::{self, CompanySums, OpenHours, SummedCompanies};
use tollbook_store::ExportJob;

use super::companies::{company_href, only_first};
use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text;
use crate::console::view::{View, date, days_range};
use crate::console::visit::Visit;
use crate::console::{layout, tables};

/// Groups of usage without a price that are shown.
const GROUPS: usize = 12;
/// Days of the table of charges.
const DAYS: i64 = 7;

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let view = View::parse(visit, &[])?;
    visit.release();
    let unpriced = summarize_unpriced(visit.service.store(), None, GROUPS)?;
    let now_s = visit.now_s;
    let snapshot = visit.snapshot()?;
    let summed = overview::company_sums(snapshot, view.range)?;
    let companies = &summed.companies;
    let hours = overview::open_hours(snapshot, now_s)?;
    let company_ids: Vec<i64> = companies.iter().map(|known| known.company.company_id).collect();
    let failed = overview::failed_exports(snapshot, &company_ids)?;
    let today = view.zone.day_of(now_s);
    let mut days = Vec::new();
    for day in (today - DAYS + 1..=today).rev() {
        let range = days_range(&view.zone, day, day).ok_or(PageError::Internal)?;
        let mut charged = Vec::with_capacity(companies.len());
        for CompanySums { company, .. } in companies {
            let measures = overview::charged(snapshot, company.company_id, range)?;
            charged.push((company.currency.as_str(), measures));
        }
        days.push((date(day), overview::by_currency(charged.into_iter())));
    }
    let down: Vec<&str> = visit
        .service
        .tasks()
        .reports()
        .into_iter()
        .filter(|task| !task.is_alive)
        .map(|task| task.name)
        .collect();
    let title = visit.t(text::HOME);
    let owing: Vec<&CompanySums> = companies.iter().filter(|company| company.owed.orders > 0).collect();
    let content = html! {
        (layout::heading(title, html! { (view.range_text()) " · " (view.zone.name()) }, html! {}))
        @if summed.is_cut() { p class="hint" { (only_first(visit, &summed)) } }
        (cards(visit, &summed, &hours, unpriced.records))
        section {
            h2 { (visit.t(text::ATTENTION)) }
            @if !down.is_empty() { p class="problem" { (visit.t(text::TASKS_DOWN)) ": " (down.join(", ")) } }
            @if unpriced.records == 0 && failed.is_empty() && owing.is_empty() && down.is_empty() { (layout::nothing(visit, text::ALL_WELL)) }
            @if unpriced.records > 0 { (unpriced_table(visit, &unpriced)) }
            @if !owing.is_empty() { (owing_table(visit, &owing)) }
            @if !failed.is_empty() { (failed_table(visit, &failed)) }
        }
        section { h2 { (visit.t(text::CHARGED_BY_DAY)) } (days_table(visit, &days)) }
    };
    Ok(layout::page(visit, "/operator", title, content))
}

fn amounts(sums: &BTreeMap<&str, Measures>) -> Markup {
    html! {
        @if sums.is_empty() { (tables::money(0)) }
        @for (currency, measures) in sums { div { (tables::money(measures.total)) " " small { (currency) } } }
    }
}

fn cards(visit: &Visit<'_>, summed: &SummedCompanies, hours: &OpenHours, unpriced: u64) -> Markup {
    let by_currency = |of: fn(&CompanySums) -> Measures| {
        let companies = summed.companies.iter();
        overview::by_currency(companies.map(|known| (known.company.currency.as_str(), of(known))))
    };
    let (charged, owed) = (by_currency(|known| known.charged), by_currency(|known| known.owed));
    let oldest = hours.oldest_end_s.map(|end_s| visit.zone().text(end_s));
    html! {
        dl class="cards" {
            div class="stat" { dt { (visit.t(text::CHARGED)) } dd { (amounts(&charged)) } }
            div class="stat" { dt { (visit.t(text::OWED)) } dd { (amounts(&owed)) } }
            div class="stat" { dt { (visit.t(text::COMPANIES)) } dd { a class="figure" href="/operator/companies" { (tables::count(summed.all)) } } }
            div class="stat" { dt { (visit.t(text::UNPRICED)) } dd { a class="figure" href="/operator/usage" { (tables::count(unpriced)) } } dd class="under" { code { "tollbook usage unpriced" } } }
            div class="stat" { dt { (visit.t(text::HOURS_OPEN)) } dd { (tables::count(hours.hours)) @if hours.has_more { "+" } }
                dd class="under" { @if let Some(oldest) = oldest { (text::HOURS_OLDEST.with(visit.language, &[&oldest])) ". " } (visit.t(text::HOURS_LATE)) }
            }
        }
    }
}

fn unpriced_table(visit: &Visit<'_>, unpriced: &UnpricedSummary) -> Markup {
    html! {
        div class="table" tabindex="0" role="region" aria-label=(visit.t(text::UNPRICED)) { table {
            caption { (visit.t(text::UNPRICED)) " · " (unpriced.groups.len()) " / " (unpriced.all_groups) " · " code { "tollbook usage unpriced --summary" } }
            thead { tr { th scope="col" { (visit.t(text::MODEL)) } th scope="col" { (visit.t(text::PROVIDER)) } th scope="col" class="r" { (visit.t(text::UNPRICED_RECORDS)) } th scope="col" { (visit.t(text::REASON)) } th scope="col" { (visit.t(text::NEAR_PRICES)) } } }
            tbody { @for group in &unpriced.groups { tr {
                th scope="row" { (group.model_id) } td { (group.provider) } td class="r" { (tables::count(group.records)) }
                td class="wrap" { (group.reasons.keys().cloned().collect::<Vec<_>>().join("; ")) }
                td class="wrap" { (group.near.iter().map(|near| near.name.clone()).collect::<Vec<_>>().join(", ")) }
            } } }
        } }
    }
}

fn owing_table(visit: &Visit<'_>, owing: &[&CompanySums]) -> Markup {
    html! {
        div class="table" tabindex="0" role="region" aria-label=(visit.t(text::IN_ARREARS)) { table {
            caption { (visit.t(text::IN_ARREARS)) }
            thead { tr { th scope="col" { (visit.t(text::COMPANY)) } th scope="col" class="r" { (visit.t(text::ORDERS)) } th scope="col" class="r" { (visit.t(text::OWED)) } th scope="col" { (visit.t(text::CURRENCY)) } } }
            tbody { @for known in owing { tr {
                th scope="row" { a href=(company_href(known.company.company_id)) { (known.company.name) } } td class="r" { (tables::count(known.owed.orders)) } td class="r" { (tables::money(known.owed.total)) } td { (known.company.currency) }
            } } }
        } }
    }
}

fn failed_table(visit: &Visit<'_>, failed: &[ExportJob]) -> Markup {
    html! {
        div class="table" tabindex="0" role="region" aria-label=(visit.t(text::JOBS_FAILED)) { table {
            caption { (visit.t(text::JOBS_FAILED)) }
            thead { tr { th scope="col" { (visit.t(text::COMPANY)) } th scope="col" { (visit.t(text::ASKED)) } th scope="col" { (visit.t(text::REASON)) } } }
            tbody { @for job in failed { tr {
                th scope="row" { a href=(company_href(job.submitted.company_id)) { (job.submitted.company_id) } } td { (tables::time(visit.zone(), job.submitted.created_s)) } td class="wrap" { (job.outcome) }
            } } }
        } }
    }
}

fn days_table(visit: &Visit<'_>, days: &[(String, BTreeMap<&str, Measures>)]) -> Markup {
    html! {
        div class="table" tabindex="0" role="region" aria-label=(visit.t(text::CHARGED_BY_DAY)) { table {
            caption { (visit.t(text::CHART_CAPTION)) }
            thead { tr { th scope="col" { (visit.t(text::TIME)) } th scope="col" class="r" { (visit.t(text::ORDERS)) } th scope="col" class="r" { (visit.t(text::AMOUNT)) } } }
            tbody { @for (day, sums) in days { tr {
                th scope="row" { (day) } td class="r" { (tables::count(sums.values().map(|sum| sum.orders).sum::<i64>())) } td class="r" { (amounts(sums)) }
            } } }
        } }
    }
}
