//! `key`: adds, lists, changes, replaces and disables API keys.

use serde_json::{Value, json};
use tollbook_api::views;
use tollbook_domain::tenant::{Permission, StrictSigning};
use tollbook_domain::time::HOUR_S;
use tollbook_ops::tenancy::keys::{self, KeyChange, KeyRights, Rotated};

use super::context::{CommandContext, now_s, time_text};
use super::tenants::{list_text, print_created};
use crate::arguments::{Global, KeyCommand, KeyPermission, KeySet, KeyStrict};
use crate::deployment;
use crate::output::{Failure, Output};

const COLUMNS: [&str; 13] = [
    "PublicKey",
    "Name",
    "CompanyID",
    "OrganizationIDs",
    "Permissions",
    "AllowIPs",
    "RateLimit",
    "Strict",
    "Created",
    "LastUsed",
    "Expires",
    "Suspended",
    "Disabled",
];

pub(crate) fn key(global: &Global, command: &KeyCommand, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let store = context.store.as_ref();
    match command {
        KeyCommand::Add {
            company,
            organization,
            allow_ip,
            rate_limit,
            name,
            permission,
            expires,
            strict,
        } => {
            let master = deployment::master_key(global, store)?;
            let rights = KeyRights {
                organization_ids: organization.clone(),
                allowed_networks: allow_ip.clone(),
                rate_limit_per_s: *rate_limit,
                name: name.clone().unwrap_or_default(),
                permissions: permissions(permission),
                expires_s: context.optional_unix_s("--expires", *expires)?,
                strict: strict.and_then(strict_signing),
            };
            let key = keys::add_key(store, &master, *company, &rights, now_s())?;
            print_created(
                output,
                json!({"PublicKey": key.public_key, "PrivateKey": key.private_key.reveal()}),
            );
        }
        KeyCommand::List { company } => {
            let keys = keys::keys(store, *company)?;
            let rows: Vec<Value> = keys.iter().map(|(key, used_s)| views::key(key, *used_s)).collect();
            output.result(&Value::Array(rows.clone()), || {
                list_text(&COLUMNS, &rows.into_iter().map(with_times_as_text).collect::<Vec<_>>())
            });
        }
        KeyCommand::Set(set) => {
            let change = change(&context, set)?;
            let (key, used_s) = keys::set_key(store, &set.public_key, &change, now_s())?;
            print_created(output, views::key(&key, used_s));
        }
        KeyCommand::Rotate { public_key, overlap_hours } => {
            let master = deployment::master_key(global, store)?;
            let overlap_s = i64::from(*overlap_hours) * HOUR_S;
            let Rotated { key, former_expires_s } =
                keys::rotate_key(store, &master, public_key, overlap_s, now_s())?;
            print_created(
                output,
                json!({
                    "PublicKey": key.public_key,
                    "PrivateKey": key.private_key.reveal(),
                    "FormerPublicKey": public_key,
                    "FormerExpires": former_expires_s,
                }),
            );
        }
        KeyCommand::Disable { public_key } => {
            keys::disable_key(store, public_key)?;
            print_created(output, json!({"PublicKey": public_key, "Disabled": true}));
        }
    }
    Ok(())
}

fn change(context: &CommandContext, set: &KeySet) -> Result<KeyChange, Failure> {
    let expires_s = context.optional_unix_s("--expires", set.expires)?;
    let has_permissions = set.all_permissions || !set.permission.is_empty();
    let has_networks = set.any_ip || !set.allow_ip.is_empty();
    Ok(KeyChange {
        name: set.name.clone(),
        permissions: has_permissions.then(|| permissions(&set.permission)),
        expires_s: (set.no_expiry || expires_s.is_some()).then_some(expires_s),
        suspended: (set.suspend || set.resume).then_some(set.suspend),
        allowed_networks: has_networks.then(|| set.allow_ip.clone()),
        rate_limit_per_s: match set.rate_limit {
            Some(limit) => Some(Some(limit)),
            None if set.no_rate_limit => Some(Some(0)),
            None => set.default_rate_limit.then_some(None),
        },
        strict: set.strict.map(strict_signing),
    })
}

fn permissions(chosen: &[KeyPermission]) -> Vec<Permission> {
    let of = |permission: &KeyPermission| match permission {
        KeyPermission::Read => Permission::Read,
        KeyPermission::Export => Permission::Export,
        KeyPermission::Pay => Permission::Pay,
    };
    chosen.iter().map(of).collect()
}

const fn strict_signing(chosen: KeyStrict) -> Option<StrictSigning> {
    match chosen {
        KeyStrict::Default => None,
        KeyStrict::Off => Some(StrictSigning::Off),
        KeyStrict::Pay => Some(StrictSigning::Pay),
        KeyStrict::All => Some(StrictSigning::All),
    }
}

/// A shown key for people, who do not read Unix seconds.
fn with_times_as_text(mut key: Value) -> Value {
    for name in ["Created", "LastUsed", "Expires"] {
        if let Some(time_s) = key[name].as_i64() {
            key[name] = time_text(time_s).into();
        }
    }
    key
}
