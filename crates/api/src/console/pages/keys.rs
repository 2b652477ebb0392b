//! The API keys of the company: adding, renaming, suspending and replacing them. A private key is shown once.

use maud::{Markup, html};
use tollbook_domain::tenant::{ApiKey, Organization, Permission};
use tollbook_domain::time::HOUR_S;
use tollbook_ops::tenancy::keys::{self, KeyChange, KeyRights, NewKey};

use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text::{self, Text};
use crate::console::view::invalid;
use crate::console::visit::{Visit, text_of, texts_of};
use crate::console::{forms, layout, tables};

/// For how long the former key is answered beside the new one.
const OVERLAPS: [(i64, Text); 3] =
    [(0, text::OVERLAP_NONE), (24, text::OVERLAP_DAY), (168, text::OVERLAP_WEEK)];

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let company_id = visit.person()?.company.company_id;
    let snapshot = visit.snapshot()?;
    let keys = snapshot.api_keys(Some(company_id))?;
    let uses = snapshot.key_uses(company_id)?;
    let organizations = snapshot.organizations(company_id)?;
    let used_s =
        |key: &ApiKey| uses.iter().find(|(known, _)| *known == key.public_key).map(|(_, used_s)| *used_s);
    let title = visit.t(text::KEYS);
    let content = html! {
        (layout::heading(title, html! { (visit.t(text::KEYS_WHY)) }, html! {}))
        details class="card-form" open[keys.is_empty()] {
            summary { (visit.t(text::NEW_KEY)) }
            (new_key(visit, &organizations))
        }
        @if keys.is_empty() { (layout::nothing(visit, text::NO_KEYS)) }
        @else {
            div class="table" tabindex="0" role="region" aria-label=(title) { table {
                caption { (visit.t(text::KEYS_CAPTION)) }
                thead { tr {
                    th scope="col" { (visit.t(text::NAME)) } th scope="col" { (visit.t(text::PUBLIC_KEY)) } th scope="col" { (visit.t(text::PERMISSIONS)) } th scope="col" { (visit.t(text::PROJECTS)) }
                    th scope="col" { (visit.t(text::CREATED)) } th scope="col" { (visit.t(text::LAST_USED)) } th scope="col" { (visit.t(text::ENDS)) } th scope="col" { (visit.t(text::STATE)) } th scope="col" { (visit.t(text::ACTION)) }
                } }
                tbody { @for key in &keys { (row(visit, key, used_s(key), &organizations)) } }
            } }
        }
    };
    Ok(layout::page(visit, "/console/keys", title, content))
}

fn new_key(visit: &Visit<'_>, organizations: &[Organization]) -> Markup {
    html! {
        form method="post" action="/console/keys" {
            (forms::once_fields(visit))
            div class="fieldsets" {
                label class="typed" { span { (visit.t(text::NAME)) } input type="text" name="name" maxlength="100"; }
                fieldset {
                    legend { (visit.t(text::PERMISSIONS)) }
                    div class="options" { @for permission in Permission::ALL { label { input type="checkbox" name="permission" value=(permission.name()) checked[permission != Permission::Pay]; span { (visit.t(text::permission(permission))) } } } }
                }
                @if !organizations.is_empty() {
                    fieldset {
                        legend { (visit.t(text::PROJECTS_KEY)) }
                        div class="options" { @for organization in organizations { label { input type="checkbox" name="organization" value=(organization.organization_id); span { (organization.name) } } } }
                    }
                }
            }
            p { button class="primary" { (visit.t(text::ADD_KEY)) } }
        }
    }
}

fn row(visit: &Visit<'_>, key: &ApiKey, used_s: Option<i64>, organizations: &[Organization]) -> Markup {
    let zone = visit.zone();
    let allowed: Vec<&str> = Permission::ALL
        .into_iter()
        .filter(|permission| key.allows(*permission))
        .map(|permission| visit.t(text::permission(permission)))
        .collect();
    let name_of = |id: &i64| {
        organizations
            .iter()
            .find(|known| known.organization_id == *id)
            .map_or_else(|| id.to_string(), |known| known.name.clone())
    };
    let (class, state) = if key.disabled {
        ("status status-3", text::DISABLED)
    } else if key.suspended {
        ("status status-1", text::SUSPENDED)
    } else if key.is_usable(visit.now_s) {
        ("status status-2", text::ACTIVE)
    } else {
        ("status status-3", text::HAS_ENDED)
    };
    let path = |act: &str| format!("/console/keys/{}/{act}", key.public_key);
    html! {
        tr {
            th scope="row" { @if key.name.is_empty() { (visit.t(text::WITHOUT_NAME)) } @else { (key.name) } }
            td { (tables::copyable(visit, &key.public_key, html! { code title=(key.public_key) { (shortened(&key.public_key)) } })) }
            td { (allowed.join(", ")) }
            td class="wrap" { @if key.organization_ids.is_empty() { (visit.t(text::EVERYTHING)) } @else { (key.organization_ids.iter().map(name_of).collect::<Vec<_>>().join(", ")) } }
            td { @if let Some(time_s) = key.created_s { (tables::time(zone, time_s)) } }
            td { @match used_s { Some(time_s) => (tables::time(zone, time_s)), None => (visit.t(text::NEVER)) } }
            td { @match key.expires_s { Some(time_s) => (tables::time(zone, time_s)), None => (visit.t(text::NEVER)) } }
            td { span class=(class) { (visit.t(state)) } }
            td { @if !key.disabled {
                div class="row-actions" {
                    form method="post" action=(path("change")) {
                        (forms::token_field(visit))
                        button class="quiet" name="suspended" value=(if key.suspended { "no" } else { "yes" }) { (visit.t(if key.suspended { text::RESUME } else { text::SUSPEND })) }
                    }
                    details {
                        summary { (visit.t(text::CHANGE)) }
                        form method="post" action=(path("change")) {
                            (forms::token_field(visit))
                            label { span { (visit.t(text::NAME)) } input type="text" name="name" value=(key.name) maxlength="100"; }
                            button { (visit.t(text::RENAME)) }
                        }
                        @if key.is_usable(visit.now_s) {
                            form method="post" action=(path("rotate")) {
                                (forms::once_fields(visit))
                                label { span { (visit.t(text::OVERLAP)) } select name="overlap" { @for (hours, name) in OVERLAPS { option value=(hours) selected[hours == 168] { (visit.t(name)) } } } }
                                button { (visit.t(text::ROTATE)) }
                            }
                        }
                    }
                }
            } }
        }
    }
}

fn shortened(public_key: &str) -> String {
    match public_key.split_at_checked(12) {
        Some((head, rest)) if !rest.is_empty() => format!("{head}…"),
        _ => public_key.to_owned(),
    }
}

pub(in crate::console) fn add(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let permissions: Option<Vec<Permission>> =
        texts_of(visit.form, "permission").map(Permission::from_name).collect();
    let permissions = permissions.filter(|permissions| !permissions.is_empty());
    let organization_ids: Result<Vec<i64>, _> =
        texts_of(visit.form, "organization").map(str::parse).collect();
    let rights = KeyRights {
        name: text_of(visit.form, "name").unwrap_or_default().to_owned(),
        // None chosen would mean all of them.
        permissions: permissions
            .ok_or_else(|| PageError::Invalid(visit.t(text::CHOOSE_PERMISSION).to_owned()))?,
        organization_ids: organization_ids.map_err(|_| invalid("organization", "must be a number"))?,
        ..KeyRights::default()
    };
    forms::take_once(visit)?;
    let person = visit.person()?;
    let (store, master) = (visit.acting(), &visit.service.deployment().master);
    let key = keys::add_key(&store, master, person.company.company_id, &rights, visit.now_s)?;
    tracing::info!(user_id = person.user.user_id, public_key = key.public_key, "key added in the console");
    Ok(shown_once(visit, &key, None))
}

/// The only page that shows a private key.
fn shown_once(visit: &Visit<'_>, key: &NewKey, former: Option<(&str, i64)>) -> Reply {
    let title = visit.t(text::KEY_ADDED);
    let private = key.private_key.reveal();
    layout::page(
        visit,
        "/console/keys",
        title,
        html! {
            (layout::heading(title, html! { (visit.t(text::SHOWN_ONCE)) }, html! {}))
            dl class="facts secret" {
                div { dt { (visit.t(text::PUBLIC_KEY)) } dd { (tables::copyable(visit, &key.public_key, html! { code { (key.public_key) } })) } }
                div { dt { (visit.t(text::PRIVATE_KEY)) } dd { (tables::copyable(visit, private, html! { code { (private) } })) } }
                @if let Some((former, expires_s)) = former {
                    div { dt { (visit.t(text::FORMER_KEY)) } dd { code { (former) } " " (visit.t(text::ENDS)) " " (tables::time(visit.zone(), expires_s)) } }
                }
            }
            p { a class="button" href="/console/keys" { (visit.t(text::KEYS)) } }
        },
    )
}

/// The key of the path, if it is one of the person's company: another one is not there.
fn own_key(visit: &mut Visit<'_>) -> Result<String, PageError> {
    let public_key = visit.captured.first().cloned().unwrap_or_default();
    let company_id = visit.person()?.company.company_id;
    let key = visit.snapshot()?.api_key(&public_key)?.filter(|key| key.company_id == company_id);
    visit.release();
    key.map(|key| key.public_key).ok_or(PageError::NotFound)
}

pub(in crate::console) fn change(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let public_key = own_key(visit)?;
    let suspended = match text_of(visit.form, "suspended") {
        None => None,
        Some("yes") => Some(true),
        Some("no") => Some(false),
        Some(_) => return Err(invalid("suspended", "must be yes or no")),
    };
    let name = texts_of(visit.form, "name").next().map(str::to_owned);
    let change = KeyChange { name, suspended, ..KeyChange::default() };
    keys::set_key(&visit.acting(), &public_key, &change, visit.now_s)?;
    tracing::info!(user_id = visit.person()?.user.user_id, public_key, "key changed in the console");
    Ok(Reply::Redirect("/console/keys?notice=key-changed".to_owned()))
}

pub(in crate::console) fn rotate(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let public_key = own_key(visit)?;
    let hours = text_of(visit.form, "overlap").and_then(|text| text.parse::<i64>().ok());
    let hours = hours.filter(|hours| OVERLAPS.iter().any(|(known, _)| known == hours));
    let hours = hours.ok_or_else(|| invalid("overlap", "must be one of the choices"))?;
    forms::take_once(visit)?;
    let (store, master) = (visit.acting(), &visit.service.deployment().master);
    let rotated = keys::rotate_key(&store, master, &public_key, hours * HOUR_S, visit.now_s)?;
    tracing::info!(user_id = visit.person()?.user.user_id, public_key, "key replaced in the console");
    Ok(shown_once(visit, &rotated.key, Some((&public_key, rotated.former_expires_s))))
}
