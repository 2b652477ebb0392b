//! Exports: asking for one, their progress, the files of late, and links to them.

use maud::{Markup, html};
use tollbook_domain::money::format_amount_sum;
use tollbook_export::{ExportedFile, Format};
use tollbook_store::{ExportJob, ExportState};

use crate::actions::Action;
use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text::{self, Text};
use crate::console::view::{View, invalid};
use crate::console::visit::{Visit, request_of, text_of};
use crate::console::{filters, forms, layout, tables};
use crate::failure::refusal_for_failed_export;
use crate::wire::{ParameterValue, Request, decode};

/// The actions that are exports, and what they contain.
const DOCUMENTS: [(&str, Text); 3] = [
    ("DownloadListPaidOrders", text::PAID_ORDERS),
    ("DownloadListUnpaidOrders", text::UNPAID_ORDERS),
    ("DownloadOrderSummary", text::SUMMARY),
];
/// Jobs that are listed.
const LISTED: i64 = 100;

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let view = View::parse(visit, &[])?;
    let jobs = jobs(visit)?;
    let is_working = jobs.iter().any(|job| !job.state.has_ended());
    let title = visit.t(text::EXPORTS);
    let link = view.link("/console/exports");
    let content = html! {
        (layout::heading(title, html! { (visit.t(text::EXPORTS_WHY)) }, html! {}))
        section {
            h2 { (visit.t(text::NEW_EXPORT)) }
            (filters::ranges(visit, &view, &link))
            form class="controls" method="post" action="/console/exports" {
                (forms::token_field(visit))
                @for (name, value) in view.api() { input type="hidden" name=(name) value=(value); }
                label { span { (visit.t(text::CONTENT)) } select name="Action" { @for (action, name) in DOCUMENTS { option value=(action) { (visit.t(name)) } } } }
                label { span { (visit.t(text::FORMAT)) } select name="Format" { @for format in Format::all() { option value=(format.name()) { (format_name(format)) } } } }
                button class="primary" { (visit.t(text::EXPORT)) }
            }
        }
        section data-refresh=[is_working.then_some("3")] {
            h2 { (visit.t(text::PAST_EXPORTS)) }
            @if jobs.is_empty() { (layout::nothing(visit, text::NO_EXPORTS)) } @else { (table(visit, &jobs)?) }
            @if is_working { p class="hint" { (visit.t(text::RELOAD)) " " a href="/console/exports" { (visit.t(text::RELOAD_NOW)) } } }
        }
    };
    Ok(layout::page(visit, "/console/exports", title, content))
}

fn format_name(format: Format) -> String {
    match format.name() {
        "xlsx" => "Excel (xlsx)".to_owned(),
        "parquet" => "Parquet".to_owned(),
        "csv" => "CSV".to_owned(),
        name => name.to_owned(),
    }
}

/// The jobs that the person may see: those of the company, or the person's own if bound to organizations.
fn jobs(visit: &mut Visit<'_>) -> Result<Vec<ExportJob>, PageError> {
    let company_id = visit.person()?.company.company_id;
    let mut jobs = visit.snapshot()?.export_jobs(company_id, LISTED)?;
    let person = visit.person()?;
    jobs.retain(|job| person.user.sees_whole_company() || job.submitted.public_key == person.key.public_key);
    Ok(jobs)
}

fn table(visit: &Visit<'_>, jobs: &[ExportJob]) -> Result<Markup, PageError> {
    let zone = visit.zone();
    let mut rows = Vec::with_capacity(jobs.len());
    for job in jobs {
        let request = request_of_job(visit, job);
        let action = request.as_ref().and_then(|request| text_of(request, "Action")).unwrap_or_default();
        let content = DOCUMENTS.iter().find(|(name, _)| *name == action).map(|(_, name)| visit.t(*name));
        let format = request.as_ref().and_then(|request| text_of(request, "Format")).unwrap_or("xlsx");
        let range = request.as_ref().map(|request| range_of(visit, request)).unwrap_or_default();
        let file = match job.state {
            ExportState::Done => Some(ExportedFile::from_record(&job.outcome)?),
            ExportState::Waiting | ExportState::Running | ExportState::Failed => None,
        };
        rows.push(html! { tr {
            th scope="row" { (content.unwrap_or(action)) } td { (range) } td { (format) }
            td { (tables::time(zone, job.submitted.created_s)) }
            td { (state(visit, job, file.as_ref())) }
            td class="r" { @match &file { Some(file) => (tables::count(file.rows)), None => (tables::count(job.rows_done)) } }
            td class="r" { @if let Some(file) = &file { (tables::money(file.total)) } }
            td class="r" { @if let Some(file) = &file { (tables::count(file.bytes)) } }
            td { @if let Some(file) = &file { @let sha256 = hex::encode(file.sha256); (tables::copyable(visit, &sha256, html! { code title=(sha256) { (&sha256[..8]) "…" } })) } }
        } });
    }
    Ok(html! {
        div class="table" tabindex="0" role="region" aria-label=(visit.t(text::PAST_EXPORTS)) { table {
            caption { (visit.t(text::EXPORTS_CAPTION)) }
            thead { tr {
                th scope="col" { (visit.t(text::CONTENT)) } th scope="col" { (visit.t(text::PERIOD)) } th scope="col" { (visit.t(text::FORMAT)) } th scope="col" aria-sort="descending" { (visit.t(text::ASKED)) } th scope="col" { (visit.t(text::STATE)) }
                th scope="col" class="r" { (visit.t(text::ROWS)) } th scope="col" class="r" { (visit.t(text::CONTROL_SUM)) } th scope="col" class="r" { (visit.t(text::BYTES)) } th scope="col" { "SHA-256" }
            } }
            tbody { @for row in &rows { (row) } }
        } }
    })
}

fn request_of_job(visit: &Visit<'_>, job: &ExportJob) -> Option<Request> {
    let json = job.submitted.request.as_bytes();
    decode("POST", None, Some("application/json"), json, &visit.service.body_limits()).ok()
}

/// The range that a job was asked for with, which an SDK may have sent as numbers.
fn range_of(visit: &Visit<'_>, request: &Request) -> String {
    let time = |name: &str| {
        let entry = request.entries.iter().find(|entry| entry.key == name)?;
        match &entry.value {
            ParameterValue::String(text) | ParameterValue::Number(text) => text.parse::<i64>().ok(),
            _ => None,
        }
    };
    match (time("StartTime"), time("EndTime")) {
        (Some(start_s), Some(end_s)) => {
            format!(
                "{} – {}",
                tables::time_text(visit.zone(), start_s),
                tables::time_text(visit.zone(), end_s)
            )
        }
        _ => String::new(),
    }
}

fn state(visit: &Visit<'_>, job: &ExportJob, file: Option<&ExportedFile>) -> Markup {
    match job.state {
        ExportState::Waiting => html! { span class="status" { (visit.t(text::WAITING)) } },
        ExportState::Running => {
            let done = if job.rows_total > 0 {
                (job.rows_done.saturating_mul(100) / job.rows_total).clamp(0, 99)
            } else {
                0
            };
            html! { progress max="100" value=(done) aria-label=(visit.t(text::RUNNING)) { (done) " %" } " " (done) " %" }
        }
        ExportState::Failed => {
            html! { span class="status status-1" { (visit.t(text::FAILED)) } " " (job.outcome) }
        }
        ExportState::Done => {
            let service = visit.service;
            let is_there = file.is_some_and(|file| {
                file.stored_s > service.kept_since_s(visit.now_s)
                    && !file.is_deleted(service.deployment().objects.as_ref())
            });
            if is_there {
                html! { a download href=(format!("/console/exports/{}/file", job.submitted.job_id)) { (visit.t(text::DOWNLOAD)) } }
            } else {
                html! { span class="status status-3" { (visit.t(text::EXPIRED)) } }
            }
        }
    }
}

/// Submits an export as the API does with `Async`: the same request gets the same job, so the form may be sent again.
pub(in crate::console) fn submit(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let name = text_of(visit.form, "Action").unwrap_or_default();
    let is_export = DOCUMENTS.iter().any(|(known, _)| *known == name);
    let action =
        Action::find(name).filter(|_| is_export).ok_or_else(|| invalid("Action", "must be a download"))?;
    let pairs =
        visit.form.entries.iter().filter(|entry| entry.key != "token").filter_map(|entry| {
            match &entry.value {
                ParameterValue::String(text) => Some((entry.key.clone(), text.clone())),
                _ => None,
            }
        });
    let request = request_of(pairs.chain([("Async".to_owned(), "true".to_owned())]));
    action.run(visit.call(&request)?)?;
    Ok(Reply::Redirect("/console/exports?notice=export".to_owned()))
}

/// Leads to the file of a job, by a link that ends soon.
pub(in crate::console) fn file(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let job_id = visit.captured.first().cloned().unwrap_or_default();
    let company_id = visit.person()?.company.company_id;
    let job = visit.snapshot()?.export_job(company_id, &job_id)?;
    visit.release();
    let person = visit.person()?;
    let is_visible = |job: &ExportJob| {
        person.user.sees_whole_company() || job.submitted.public_key == person.key.public_key
    };
    let job =
        job.filter(|job| job.state == ExportState::Done && is_visible(job)).ok_or(PageError::NotFound)?;
    let file = ExportedFile::from_record(&job.outcome)?;
    let service = visit.service;
    if file.stored_s <= service.kept_since_s(visit.now_s)
        || file.is_deleted(service.deployment().objects.as_ref())
    {
        return Err(PageError::NotFound);
    }
    tracing::info!(
        user_id = person.user.user_id,
        rows = file.rows,
        total = format_amount_sum(file.total),
        "export downloaded"
    );
    let link = service.link(&person.brand, visit.host, &file);
    Ok(Reply::File(link.map_err(|error| refusal_for_failed_export(&error))?))
}
