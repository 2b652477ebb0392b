//! Companies, organizations and API keys.

use serde_json::{Value, json};
use tollbook_domain::tenant::{ApiKey, Permission, StrictSigning};
use tollbook_domain::time::HOUR_S;
use tollbook_ops::tenancy::keys::{self, KeyChange, KeyRights};
use tollbook_ops::tenancy::{TenantError, companies};
use tollbook_store::AuditEntry;

use super::call::{Call, values_after};
use super::failed::{Failed, secret_problem};
use crate::views;

pub(super) fn list_companies(call: &Call<'_>) -> Result<Value, Failed> {
    let companies = companies::companies(call.store())?;
    Ok(json!({"Companies": companies.iter().map(views::company).collect::<Vec<_>>()}))
}

pub(super) fn show_company(call: &Call<'_>) -> Result<Value, Failed> {
    let company_id = call.company();
    let company = call.store().snapshot()?.company(company_id)?;
    company.as_ref().map(views::company).ok_or_else(|| TenantError::UnknownCompany(company_id).into())
}

pub(super) fn add_company(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let brand = values.text("Brand").unwrap_or(tollbook_ops::config::DEFAULT_BRAND);
    let (name, currency) = (values.text_or_empty("Name"), values.text_or_empty("Currency"));
    let company = companies::add_company(call.store(), Some(call.service.config()), name, currency, brand)?;
    Ok(with_repeated(views::company(&company), false))
}

pub(super) fn company_again(_: &Call<'_>, entry: &AuditEntry) -> Result<Value, Failed> {
    let mut value = values_after(entry)?;
    value["CompanyID"] = entry.company_id.into();
    Ok(with_repeated(value, true))
}

pub(super) fn rename_company(call: &Call<'_>) -> Result<Value, Failed> {
    let name = call.values.text_or_empty("Name");
    let company = companies::rename_company(call.store(), call.company(), name)?;
    Ok(views::company(&company))
}

pub(super) fn list_organizations(call: &Call<'_>) -> Result<Value, Failed> {
    let organizations = companies::organizations(call.store(), call.company())?;
    Ok(json!({"Organizations": organizations.iter().map(views::organization).collect::<Vec<_>>()}))
}

pub(super) fn add_organization(call: &Call<'_>) -> Result<Value, Failed> {
    let name = call.values.text_or_empty("Name");
    let organization = companies::add_organization(call.store(), call.company(), name)?;
    Ok(with_repeated(views::organization(&organization), false))
}

pub(super) fn organization_again(_: &Call<'_>, entry: &AuditEntry) -> Result<Value, Failed> {
    let mut value = values_after(entry)?;
    value["CompanyID"] = entry.company_id.into();
    Ok(with_repeated(value, true))
}

pub(super) fn rename_organization(call: &Call<'_>) -> Result<Value, Failed> {
    let (organization_id, name) = (call.values.number("organization"), call.values.text_or_empty("Name"));
    let renamed = companies::rename_organization(call.store(), call.company(), organization_id, name)?;
    Ok(views::organization(&renamed))
}

pub(super) fn list_keys(call: &Call<'_>) -> Result<Value, Failed> {
    let keys = keys::keys(call.store(), Some(call.company()))?;
    let shown: Vec<Value> = keys.iter().map(|(key, used_s)| views::key(key, *used_s)).collect();
    Ok(json!({"Keys": shown}))
}

fn permissions(call: &Call<'_>) -> Result<Vec<Permission>, Failed> {
    let names = call.values.texts("Permissions");
    names
        .iter()
        .map(|name| {
            Permission::from_name(name).ok_or_else(|| {
                let known = Permission::ALL.map(Permission::name).join(", ");
                Failed::parameter("Permissions", format!("{name:?} is not one of {known}"))
            })
        })
        .collect()
}

fn rate_limit(call: &Call<'_>) -> Option<u32> {
    call.values.integer("RateLimit").and_then(|limit| u32::try_from(limit).ok())
}

fn strict_signing(call: &Call<'_>) -> Option<StrictSigning> {
    call.values.text("Strict").and_then(StrictSigning::from_name)
}

pub(super) fn add_key(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let rights = KeyRights {
        organization_ids: values.integers("OrganizationIDs"),
        allowed_networks: values.texts("AllowIPs"),
        rate_limit_per_s: rate_limit(call),
        name: values.text_or_empty("Name").to_owned(),
        permissions: permissions(call)?,
        expires_s: values.integer("Expires"),
        strict: strict_signing(call),
    };
    let master = &call.service.deployment().master;
    let key = keys::add_key(call.store(), master, call.company(), &rights, call.now_s())?;
    Ok(new_key(&key.public_key, key.private_key.reveal(), false))
}

fn new_key(public_key: &str, private_key: &str, is_repeated: bool) -> Value {
    json!({"PublicKey": public_key, "PrivateKey": private_key, "Repeated": is_repeated})
}

/// The private half of a key that a repeated request has made before.
fn private_half(call: &Call<'_>, public_key: &str) -> Result<String, Failed> {
    let unknown = || TenantError::UnknownKey(public_key.to_owned());
    let key = call.store().snapshot()?.api_key(public_key)?.ok_or_else(unknown)?;
    let master = &call.service.deployment().master;
    let opened = master.open(public_key, &key.sealed_private_key).map_err(|error| secret_problem(&error))?;
    Ok(opened.reveal().to_owned())
}

pub(super) fn key_again(call: &Call<'_>, entry: &AuditEntry) -> Result<Value, Failed> {
    let after = values_after(entry)?;
    let public_key = after["PublicKey"].as_str().unwrap_or_default();
    Ok(new_key(public_key, &private_half(call, public_key)?, true))
}

/// The key of the path, if it is one of the company of the path.
fn key_of_path(call: &Call<'_>) -> Result<ApiKey, Failed> {
    let public_key = call.values.text_or_empty("public_key");
    let key = call.snapshot_of_company()?.api_key(public_key)?;
    let key = key.filter(|key| key.company_id == call.company());
    key.ok_or_else(|| TenantError::UnknownKey(public_key.to_owned()).into())
}

pub(super) fn change_key(call: &Call<'_>) -> Result<Value, Failed> {
    let key = key_of_path(call)?;
    let values = call.values;
    let is_stated = |name: &str| values.is_stated(name);
    let change = KeyChange {
        name: values.text("Name").map(ToOwned::to_owned),
        permissions: is_stated("Permissions").then(|| permissions(call)).transpose()?,
        expires_s: is_stated("Expires").then(|| values.integer("Expires")),
        suspended: is_stated("Suspended").then(|| values.flag("Suspended")),
        allowed_networks: is_stated("AllowIPs").then(|| values.texts("AllowIPs")),
        rate_limit_per_s: is_stated("RateLimit").then(|| rate_limit(call)),
        strict: is_stated("Strict").then(|| strict_signing(call)),
    };
    let (key, used_s) = keys::set_key(call.store(), &key.public_key, &change, call.now_s())?;
    Ok(views::key(&key, used_s))
}

pub(super) fn rotate_key(call: &Call<'_>) -> Result<Value, Failed> {
    let former = key_of_path(call)?.public_key;
    let overlap_s = call.values.integer("OverlapHours").unwrap_or(168).saturating_mul(HOUR_S);
    let master = &call.service.deployment().master;
    let done = keys::rotate_key(call.store(), master, &former, overlap_s, call.now_s())?;
    let new = new_key(&done.key.public_key, done.key.private_key.reveal(), false);
    Ok(rotated(new, &former, done.former_expires_s.into()))
}

fn rotated(mut new: Value, former: &str, former_expires: Value) -> Value {
    new["FormerPublicKey"] = former.into();
    new["FormerExpires"] = former_expires;
    new
}

pub(super) fn rotation_again(call: &Call<'_>, entry: &AuditEntry) -> Result<Value, Failed> {
    let after = values_after(entry)?;
    let text = |of: &str| after[of]["PublicKey"].as_str().unwrap_or_default().to_owned();
    let public_key = text("New");
    let new = new_key(&public_key, &private_half(call, &public_key)?, true);
    Ok(rotated(new, &text("Former"), after["Former"]["Expires"].clone()))
}

pub(super) fn disable_key(call: &Call<'_>) -> Result<Value, Failed> {
    let public_key = key_of_path(call)?.public_key;
    keys::disable_key(call.store(), &public_key)?;
    Ok(json!({"PublicKey": public_key, "Disabled": true}))
}

fn with_repeated(mut value: Value, is_repeated: bool) -> Value {
    value["Repeated"] = is_repeated.into();
    value
}
