//! Rules that say whom usage belongs to that other programs report.

use serde_json::{Value, json};
use tollbook_ops::tenancy::owners::{self, Owner, OwnerRule};

use super::call::Call;
use super::failed::Failed;
use crate::views;

pub(super) fn list(call: &Call<'_>) -> Result<Value, Failed> {
    let source = call.values.text("Source");
    let rules = call.store().snapshot()?.owner_rules()?;
    let wanted = rules.iter().filter(|rule| source.is_none_or(|source| rule.source == source));
    Ok(json!({"Rules": wanted.map(views::owner_rule).collect::<Vec<_>>()}))
}

pub(super) fn set(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let text = |name| values.text_or_empty(name).to_owned();
    let rule = OwnerRule {
        source: text("Source"),
        kind: text("Kind"),
        key: text("Key"),
        owner: Owner {
            company_id: values.number("CompanyID"),
            organization_id: values.number("OrganizationID"),
            resource_id: text("ResourceID"),
            resource_name: text("ResourceName"),
        },
    };
    Ok(views::put_owners(owners::put_rule(call.store(), &rule)?))
}

pub(super) fn remove(call: &Call<'_>) -> Result<Value, Failed> {
    let [source, kind, key] = ["Source", "Kind", "Key"].map(|name| call.values.text_or_empty(name));
    owners::remove_rule(call.store(), source, kind, key)?;
    Ok(json!({"Source": source, "Kind": kind, "Key": key, "Removed": true}))
}
