//! What to paste into a gateway, and the latest records as they arrive.

use maud::{Markup, html};
use tollbook_ops::charging::{Arrival, recent_records};
use tollbook_ops::guides::{PROGRAMS, Program};

use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text;
use crate::console::view::Link;
use crate::console::visit::{Visit, text_of};
use crate::console::{desk, layout, members, tables};
use crate::views::state_name;

/// Records that are shown.
const SHOWN: usize = 20;
/// Seconds after which the page looks for new records.
const REFRESH_S: u32 = 3;

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    desk::check_query(visit, &["program"])?;
    let chosen = match text_of(visit.query, "program") {
        None => PROGRAMS.first(),
        Some(name) => PROGRAMS.iter().find(|program| program.name == name),
    };
    let program =
        chosen.ok_or_else(|| PageError::Invalid("program is not one of the programs".to_owned()))?;
    let (service, now_s) = (visit.service, visit.now_s);
    let (records, is_complete) = recent_records(visit.snapshot()?, service.catalogue(), now_s, SHOWN)?;
    let server = service.config().public_url(visit.brand(), service.deployment().bound, visit.host);
    let lines = program.lines(&server, None);
    let title = visit.t(text::CONNECT);
    let content = html! {
        (layout::heading(title, html! { (visit.t(text::CONNECT_WHY)) }, html! {}))
        nav class="tabs" aria-label=(title) { @for known in PROGRAMS { (tab(known, program)) } }
        pre class="lines" tabindex="0" { (lines) }
        p { (tables::copyable(visit, &lines, html! {})) }
        (layout::command(visit, &format!("tollbook connect {} --add-key", program.name)))
        section data-refresh=(REFRESH_S) {
            h2 { (visit.t(text::RECENT_RECORDS)) }
            @if !is_complete { p class="hint" { (visit.t(text::NOT_ALL_READ)) } }
            @if records.is_empty() { (layout::nothing(visit, text::NO_RECENT)) }
            @else { (table(visit, &records)) }
        }
    };
    Ok(layout::page(visit, "/operator/connect", title, content))
}

fn tab(known: &Program, chosen: &Program) -> Markup {
    let href = Link::to("/operator/connect").with("program", known.name).href();
    html! { a href=(href) aria-current=[(known == chosen).then_some("true")] { (known.name) } }
}

fn table(visit: &Visit<'_>, records: &[Arrival]) -> Markup {
    let title = visit.t(text::RECENT_RECORDS);
    html! {
        div class="table" tabindex="0" role="region" aria-label=(title) { table {
            caption { (title) " · " (records.len()) }
            thead { tr {
                @for name in ["Time", "CompanyID", "Source", "Id", "ModelID", "State"] { th scope="col" class=[members::is_numeric(name).then_some("r")] { (members::label(visit, name)) } }
                th scope="col" class="r" { (visit.t(text::COST)) }
            } }
            tbody { @for Arrival { company_id, currency, record, cost } in records {
                @let company = company_id.to_string();
                @let href = Link::to("/operator/usage").with("company", &company).with("ID", &record.key.id).with("Source", &record.key.source).href();
                tr {
                    td { (tables::time(visit.zone(), record.time_s)) } td class="r" { (tables::count(company_id)) } td { (record.key.source) }
                    th scope="row" class="wrap" { a href=(href) { (record.key.id) } }
                    td { (record.usage.as_ref().map_or("", |usage| usage.model_id.as_str())) }
                    td { (members::label(visit, state_name(record.state))) }
                    td class="r" { @if let Some(cost) = cost { (tables::money(cost.steps().into())) " " small { (currency) } } }
                }
            } }
        } }
    }
}
