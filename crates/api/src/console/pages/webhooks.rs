//! The webhooks of a company: endpoints, what was sent to them, and sending it again.

use maud::{Markup, html};
use tollbook_domain::time::HOUR_S;
use tollbook_ops::webhooks::{self, EventKind, NewEndpoint, Replay, WebhookError};
use tollbook_store::{DeliveryFilter, DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookState};

use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text::{self, Text};
use crate::console::view::invalid;
use crate::console::visit::{Visit, text_of, texts_of};
use crate::console::{desk, forms, layout, tables};

/// Deliveries of each endpoint that are shown.
const SHOWN: i64 = 20;
/// Hours for which a former secret signs too.
const OVERLAP_HOURS: i64 = 24;
const PATH: &str = "/console/webhooks";

type Known = (WebhookEndpoint, WebhookState);

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    desk::check_query(visit, &[])?;
    let company_id = visit.person()?.company.company_id;
    visit.release();
    let store = visit.service.store();
    let endpoints = webhooks::endpoints(store, Some(company_id))?;
    let mut sent = Vec::with_capacity(endpoints.len());
    for (endpoint, _) in &endpoints {
        let of_endpoint =
            DeliveryFilter { endpoint_id: Some(endpoint.endpoint_id.clone()), ..DeliveryFilter::default() };
        let dead = DeliveryFilter { state: Some(DeliveryState::DeadLetter), ..of_endpoint.clone() };
        sent.push((
            webhooks::deliveries(store, &of_endpoint, SHOWN)?,
            webhooks::deliveries(store, &dead, SHOWN)?,
        ));
    }
    let title = visit.t(text::WEBHOOKS);
    let content = html! {
        (layout::heading(title, html! { (visit.t(text::WEBHOOKS_WHY)) }, html! {}))
        details class="card-form" open[endpoints.is_empty()] {
            summary { (visit.t(text::NEW_ENDPOINT)) }
            form method="post" action=(PATH) {
                (forms::once_fields(visit))
                div class="fieldsets" {
                    label class="typed" { span { (visit.t(text::URL)) } input type="url" name="url" required maxlength="2048" placeholder="https://"; }
                    label class="typed" { span { (visit.t(text::NAME)) } input type="text" name="name" maxlength="100"; }
                    fieldset { legend { (visit.t(text::EVENTS)) }
                        div class="options" { @for kind in EventKind::choices(true) { label { input type="checkbox" name="event" value=(kind.name()); span { code { (kind.name()) } } } } }
                    }
                }
                p { button class="primary" { (visit.t(text::ADD_ENDPOINT)) } }
            }
        }
        @if endpoints.is_empty() { (layout::nothing(visit, text::NO_ENDPOINTS)) }
        @for (known, (last, dead)) in endpoints.iter().zip(&sent) { (endpoint(visit, known, last, dead)) }
        (layout::command(visit, &format!("tollbook webhook list --company {company_id}")))
    };
    Ok(layout::page(visit, PATH, title, content))
}

fn action(endpoint: &WebhookEndpoint, what: &str) -> String {
    format!("{PATH}/{}/{what}", endpoint.endpoint_id)
}

fn endpoint(visit: &Visit<'_>, known: &Known, last: &[WebhookDelivery], dead: &[WebhookDelivery]) -> Markup {
    let (endpoint, state) = known;
    let title = if endpoint.name.is_empty() { endpoint.url.as_str() } else { endpoint.name.as_str() };
    html! {
        section {
            div class="section-head" {
                h2 { (title) " " span class=(if endpoint.disabled.is_some() { "status status-3" } else { "status status-2" }) { (visit.t(if endpoint.disabled.is_some() { text::DISABLED } else { text::ACTIVE })) } }
                code { (endpoint.endpoint_id) }
            }
            dl class="facts" {
                div { dt { (visit.t(text::URL)) } dd { code { (endpoint.url) } } }
                div { dt { (visit.t(text::EVENT)) } dd { @if endpoint.event_types.is_empty() { (visit.t(text::EVERYTHING)) } @else { (endpoint.event_types.join(", ")) } } }
                div { dt { (visit.t(text::CREATED)) } dd { (tables::time(visit.zone(), endpoint.created_s)) } }
                @if let Some((at_s, reason)) = &endpoint.disabled { div { dt { (visit.t(text::DISABLED)) } dd { (tables::time(visit.zone(), *at_s)) " · " (reason) } } }
                @if let Some(since_s) = state.failing_since_s { div { dt { (visit.t(text::STATE)) } dd { (text::FAILING_SINCE.with(visit.language, &[&tables::time_text(visit.zone(), since_s)])) } } }
            }
            div class="row-actions" {
                @if endpoint.disabled.is_some() { (button(visit, endpoint, "enable", text::ENABLE, None)) }
                @if !dead.is_empty() { (button(visit, endpoint, "replay", text::SEND_DEAD_AGAIN, Some("dead"))) }
                details { summary { (visit.t(text::CHANGE)) }
                    form method="post" action=(action(endpoint, "rotate")) { (forms::once_fields(visit)) button { (visit.t(text::NEW_SECRET)) } }
                    form method="post" action=(action(endpoint, "remove")) { (forms::token_field(visit)) p class="hint" { (visit.t(text::REMOVE_ENDPOINT_WHY)) } button { (visit.t(text::REMOVE_ENDPOINT)) } }
                }
            }
            @if last.is_empty() { p class="hint" { (visit.t(text::NO_DELIVERIES)) } }
            @else { (deliveries(visit, endpoint, text::LAST_DELIVERIES, last)) }
            @if !dead.is_empty() { (deliveries(visit, endpoint, text::DEAD_LETTERS, dead)) }
        }
    }
}

fn button(
    visit: &Visit<'_>,
    endpoint: &WebhookEndpoint,
    what: &str,
    name: Text,
    message: Option<&str>,
) -> Markup {
    html! {
        form method="post" action=(action(endpoint, what)) {
            (forms::once_fields(visit))
            button name=[message.map(|_| "message")] value=[message] { (visit.t(name)) }
        }
    }
}

fn deliveries(
    visit: &Visit<'_>,
    endpoint: &WebhookEndpoint,
    title: Text,
    found: &[WebhookDelivery],
) -> Markup {
    let heads = [
        (text::EVENT, false),
        (text::TIME, false),
        (text::STATE, false),
        (text::ATTEMPTS, true),
        (text::RESULT, false),
        (text::ACTION, false),
    ];
    html! {
        div class="table" tabindex="0" role="region" aria-label=(visit.t(title)) { table {
            caption { (visit.t(title)) " · " (visit.t(text::DELIVERIES_CAPTION)) }
            thead { tr { @for (head, is_number) in heads { th scope="col" class=[is_number.then_some("r")] { (visit.t(head)) } } } }
            tbody { @for delivery in found {
                @let progress = &delivery.progress;
                @let (name, class) = match progress.state {
                    DeliveryState::Pending => (text::WAITING, "status"),
                    DeliveryState::Delivered => (text::DELIVERED, "status status-2"),
                    DeliveryState::DeadLetter => (text::DEAD_LETTER, "status status-1"),
                };
                tr {
                    th scope="row" { code { (delivery.event_type) } } td { (tables::time(visit.zone(), delivery.recorded_s)) }
                    td { span class=(class) { (visit.t(name)) } } td class="r" { (tables::count(progress.attempts)) }
                    td class="wrap" { @if progress.http_status > 0 { (progress.http_status) " " } (progress.error) }
                    td { @if progress.state != DeliveryState::Pending { (button(visit, endpoint, "replay", text::SEND_AGAIN, Some(&delivery.message_id))) } }
                }
            } }
        } }
    }
}

/// The endpoint of the path, if it is one of the person's company: another one is not there.
fn own_endpoint(visit: &mut Visit<'_>) -> Result<String, PageError> {
    let endpoint_id = visit.captured.first().cloned().unwrap_or_default();
    let company_id = visit.person()?.company.company_id;
    let endpoint = visit.snapshot()?.webhook_endpoint(&endpoint_id)?;
    visit.release();
    let endpoint = endpoint.filter(|endpoint| endpoint.company_id == company_id);
    endpoint.map(|endpoint| endpoint.endpoint_id).ok_or(PageError::NotFound)
}

pub(in crate::console) fn add(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let new = NewEndpoint {
        company_id: visit.person()?.company.company_id,
        url: text_of(visit.form, "url").ok_or_else(|| invalid("url", "is missing"))?.trim().to_owned(),
        name: text_of(visit.form, "name").unwrap_or_default().to_owned(),
        event_types: texts_of(visit.form, "event").map(str::to_owned).collect(),
    };
    forms::take_once(visit)?;
    let (store, deployment) = (visit.acting(), visit.service.deployment());
    let config = &deployment.config.webhooks;
    let added = webhooks::add_endpoint(&store, &deployment.master, config, &new, visit.now_s)?;
    Ok(secret_page(visit, text::ENDPOINT_ADDED, &added.endpoint.endpoint_id, added.secret.reveal()))
}

/// The only page that shows a secret.
fn secret_page(visit: &Visit<'_>, title: Text, endpoint_id: &str, secret: &str) -> Reply {
    let title = visit.t(title);
    let content = html! {
        (layout::heading(title, html! { (visit.t(text::SECRET_ONCE)) }, html! {}))
        dl class="facts secret" {
            div { dt { (visit.t(text::WEBHOOKS)) } dd { code { (endpoint_id) } } }
            div { dt { (visit.t(text::SECRET)) } dd { (tables::copyable(visit, secret, html! { code { (secret) } })) } }
        }
        p { a class="button" href=(PATH) { (visit.t(text::WEBHOOKS)) } }
    };
    layout::page(visit, PATH, title, content)
}

pub(in crate::console) fn enable(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let endpoint_id = own_endpoint(visit)?;
    webhooks::enable_endpoint(&visit.acting(), &endpoint_id)?;
    Ok(Reply::Redirect(format!("{PATH}?notice=endpoint-changed")))
}

pub(in crate::console) fn rotate(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let endpoint_id = own_endpoint(visit)?;
    forms::take_once(visit)?;
    let (store, master) = (visit.acting(), &visit.service.deployment().master);
    let overlap_s = OVERLAP_HOURS * HOUR_S;
    let rotated = webhooks::rotate_secret(&store, master, &endpoint_id, overlap_s, visit.now_s)?;
    Ok(secret_page(visit, text::SECRET_REPLACED, &endpoint_id, rotated.secret.reveal()))
}

pub(in crate::console) fn remove(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let endpoint_id = own_endpoint(visit)?;
    webhooks::remove_endpoint(&visit.acting(), &endpoint_id)?;
    Ok(Reply::Redirect(format!("{PATH}?notice=endpoint-changed")))
}

/// Sends one message, or all dead letters of the endpoint, again. Of each form once.
pub(in crate::console) fn replay(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let endpoint_id = own_endpoint(visit)?;
    let message = text_of(visit.form, "message").ok_or_else(|| invalid("message", "is missing"))?;
    let what = if message == "dead" { Replay::DeadLetters } else { Replay::Message(message.to_owned()) };
    forms::take_once(visit)?;
    match webhooks::replay(&visit.acting(), &what, Some(&endpoint_id), visit.now_s) {
        Err(WebhookError::UnknownMessage(_)) => return Err(PageError::NotFound),
        replayed => tracing::info!(endpoint_id, replayed = replayed?, "deliveries are sent again"),
    }
    Ok(Reply::Redirect(format!("{PATH}?notice=replayed")))
}
