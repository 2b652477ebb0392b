//! Endpoints: adding, changing, disabling and removing them, and replacing their secrets.

use serde_json::{Value, json};
use tollbook_store::{Store, Transaction, WebhookEndpoint, WebhookState};

use super::addresses::AddressGuard;
use super::error::WebhookError;
use super::event_kinds::EventKind;
use super::secrets::WebhookSecret;
use crate::audit::{ActKind, record};
use crate::config::WebhooksConfig;
use crate::random;
use crate::tenancy::checked_name;
use crate::tenancy::secrets::MasterKey;

/// Characters of the random part of an endpoint's id.
const ID_CHARACTERS: usize = 16;
/// Most endpoints of a company, and of the operator.
const MOST_ENDPOINTS: usize = 20;
/// Why an endpoint is disabled by command.
const BY_OPERATOR: &str = "disabled by the operator";

/// An endpoint to add.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewEndpoint {
    /// The company; 0: the operator.
    pub company_id: i64,
    /// Where events are sent.
    pub url: String,
    /// What people call it; may be empty.
    pub name: String,
    /// The types of its events; empty: all.
    pub event_types: Vec<String>,
}

/// A new endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedEndpoint {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// Its secret, which cannot be shown again.
    pub secret: WebhookSecret,
}

/// Changes of an endpoint; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointChange {
    /// Where events are sent.
    pub url: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// The types of its events; empty: all.
    pub event_types: Option<Vec<String>>,
}

/// A secret that takes the place of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotatedSecret {
    /// The new secret.
    pub secret: WebhookSecret,
    /// Until when the former one signs too, Unix seconds.
    pub former_expires_s: i64,
}

/// Adds an endpoint. It is sent what happens from now on.
///
/// # Errors
/// The company does not exist or has too many endpoints, the URL, a type or the name is refused, or the store fails.
pub fn add_endpoint(
    store: &dyn Store,
    master: &MasterKey,
    config: &WebhooksConfig,
    new: &NewEndpoint,
    now_s: i64,
) -> Result<AddedEndpoint, WebhookError> {
    let url = AddressGuard::new(config).checked_url(&new.url).map_err(WebhookError::Url)?;
    let event_types = checked_types(&new.event_types, new.company_id)?;
    let name = checked_endpoint_name(&new.name)?;
    let mut transaction = store.begin()?;
    if new.company_id != 0 && transaction.company(new.company_id)?.is_none() {
        return Err(WebhookError::UnknownCompany(new.company_id));
    }
    if transaction.webhook_endpoints(Some(new.company_id))?.len() >= MOST_ENDPOINTS {
        return Err(WebhookError::TooMany(MOST_ENDPOINTS));
    }
    master.check_sealing(transaction.as_mut())?;
    let endpoint_id = format!("ep_{}", random::token(ID_CHARACTERS));
    let secret = WebhookSecret::generate();
    let endpoint = WebhookEndpoint {
        sealed_secret: secret.seal(master, &endpoint_id),
        endpoint_id,
        company_id: new.company_id,
        url,
        name,
        event_types,
        former_secret: None,
        created_s: now_s,
        disabled: None,
    };
    transaction.add_webhook_endpoint(&endpoint)?;
    record(transaction.as_mut(), ActKind::WebhookAdd, endpoint.company_id, &Value::Null, &audited(&endpoint));
    transaction.commit()?;
    Ok(AddedEndpoint { endpoint, secret })
}

/// The endpoints of a company (0: of the operator), or all of them, each with how it has answered.
///
/// # Errors
/// Those of the store.
pub fn endpoints(
    store: &dyn Store,
    company_id: Option<i64>,
) -> Result<Vec<(WebhookEndpoint, WebhookState)>, WebhookError> {
    let mut snapshot = store.snapshot()?;
    let endpoints = snapshot.webhook_endpoints(company_id)?;
    let mut found = Vec::with_capacity(endpoints.len());
    for endpoint in endpoints {
        let state = snapshot.webhook_state(&endpoint.endpoint_id)?;
        found.push((endpoint, state));
    }
    Ok(found)
}

/// Changes an endpoint, and returns it as it is afterwards.
///
/// # Errors
/// It does not exist, what it is to be is refused, or the store fails.
pub fn set_endpoint(
    store: &dyn Store,
    config: &WebhooksConfig,
    endpoint_id: &str,
    change: &EndpointChange,
) -> Result<WebhookEndpoint, WebhookError> {
    change_endpoint(store, endpoint_id, |endpoint, _| {
        if let Some(url) = &change.url {
            endpoint.url = AddressGuard::new(config).checked_url(url).map_err(WebhookError::Url)?;
        }
        if let Some(name) = &change.name {
            endpoint.name = checked_endpoint_name(name)?;
        }
        if let Some(event_types) = &change.event_types {
            endpoint.event_types = checked_types(event_types, endpoint.company_id)?;
        }
        Ok(())
    })
}

/// Stops sending to an endpoint. What is pending waits; what happens meanwhile is not recorded for it. Idempotent.
///
/// # Errors
/// It does not exist, or the store fails.
pub fn disable_endpoint(
    store: &dyn Store,
    endpoint_id: &str,
    now_s: i64,
) -> Result<WebhookEndpoint, WebhookError> {
    change_endpoint(store, endpoint_id, |endpoint, _| {
        endpoint.disabled.get_or_insert_with(|| (now_s, BY_OPERATOR.to_owned()));
        Ok(())
    })
}

/// Sends to a disabled endpoint again, beginning with what is pending. Idempotent.
///
/// # Errors
/// It does not exist, or the store fails.
pub fn enable_endpoint(store: &dyn Store, endpoint_id: &str) -> Result<WebhookEndpoint, WebhookError> {
    change_endpoint(store, endpoint_id, |endpoint, transaction| {
        endpoint.disabled = None;
        // The days for which it may fail begin again.
        transaction.set_webhook_state(&endpoint.endpoint_id, &WebhookState::default())?;
        Ok(())
    })
}

/// Gives an endpoint a new secret. Until `overlap_s` seconds from now messages have a signature of each.
///
/// # Errors
/// It does not exist, or the store fails.
pub fn rotate_secret(
    store: &dyn Store,
    master: &MasterKey,
    endpoint_id: &str,
    overlap_s: i64,
    now_s: i64,
) -> Result<RotatedSecret, WebhookError> {
    let secret = WebhookSecret::generate();
    let former_expires_s = now_s.saturating_add(overlap_s.max(0));
    change_endpoint(store, endpoint_id, |endpoint, transaction| {
        master.check_sealing(transaction)?;
        let sealed = secret.seal(master, &endpoint.endpoint_id);
        let former = std::mem::replace(&mut endpoint.sealed_secret, sealed);
        endpoint.former_secret = (former_expires_s > now_s).then_some((former, former_expires_s));
        Ok(())
    })?;
    Ok(RotatedSecret { secret, former_expires_s })
}

/// Removes an endpoint with its deliveries.
///
/// # Errors
/// It does not exist, or the store fails.
pub fn remove_endpoint(store: &dyn Store, endpoint_id: &str) -> Result<(), WebhookError> {
    let mut transaction = store.begin()?;
    let endpoint = transaction.webhook_endpoint(endpoint_id)?;
    let unknown = || WebhookError::UnknownEndpoint(endpoint_id.to_owned());
    let endpoint = endpoint.ok_or_else(unknown)?;
    if !transaction.remove_webhook_endpoint(endpoint_id)? {
        return Err(unknown());
    }
    let (company_id, before) = (endpoint.company_id, audited(&endpoint));
    record(transaction.as_mut(), ActKind::WebhookRemove, company_id, &before, &Value::Null);
    Ok(transaction.commit()?)
}

fn change_endpoint(
    store: &dyn Store,
    endpoint_id: &str,
    change: impl FnOnce(&mut WebhookEndpoint, &mut dyn Transaction) -> Result<(), WebhookError>,
) -> Result<WebhookEndpoint, WebhookError> {
    let mut transaction = store.begin()?;
    let endpoint = transaction.webhook_endpoint(endpoint_id)?;
    let mut endpoint = endpoint.ok_or_else(|| WebhookError::UnknownEndpoint(endpoint_id.to_owned()))?;
    let (before, former) = (audited(&endpoint), endpoint.sealed_secret.clone());
    change(&mut endpoint, transaction.as_mut())?;
    transaction.update_webhook_endpoint(&endpoint)?;
    let mut after = audited(&endpoint);
    after["HasNewSecret"] = (endpoint.sealed_secret != former).into();
    record(transaction.as_mut(), ActKind::WebhookSet, endpoint.company_id, &before, &after);
    transaction.commit()?;
    Ok(endpoint)
}

/// An endpoint as the audit log has it. Its secret is not shown.
fn audited(endpoint: &WebhookEndpoint) -> Value {
    json!({
        "EndpointID": endpoint.endpoint_id,
        "URL": endpoint.url,
        "Name": endpoint.name,
        "EventTypes": endpoint.event_types,
        "Disabled": endpoint.disabled.as_ref().map(|(_, reason)| reason),
    })
}

/// The name without white space around it; it may be empty.
fn checked_endpoint_name(name: &str) -> Result<String, WebhookError> {
    if name.trim().is_empty() {
        return Ok(String::new());
    }
    Ok(checked_name("the endpoint's name", name.trim())?.to_owned())
}

/// Each type once, in the order of the kinds.
fn checked_types(names: &[String], company_id: i64) -> Result<Vec<String>, WebhookError> {
    let is_company = company_id != 0;
    if let Some(name) =
        names.iter().find(|name| !EventKind::choices(is_company).any(|kind| kind.name() == name.as_str()))
    {
        let known: Vec<&str> = EventKind::choices(is_company).map(EventKind::name).collect();
        return Err(WebhookError::EventType {
            name: name.clone(),
            owner: if is_company { "an endpoint of a company" } else { "an endpoint of the operator" },
            known: known.join(", "),
        });
    }
    let chosen = EventKind::choices(is_company).filter(|kind| names.iter().any(|name| name == kind.name()));
    Ok(chosen.map(|kind| kind.name().to_owned()).collect())
}
