//! Companies, organizations, API keys, users, and whom reported usage belongs to.

use serde_json::{Value, json};
use tollbook_domain::User;
use tollbook_domain::tenant::{ApiKey, Company, Organization, Permission, StrictSigning};
use tollbook_ops::tenancy::owners::{OwnerRule, PutOwners};

/// A company.
pub fn company(company: &Company) -> Value {
    let Company { company_id, name, currency, brand } = company;
    json!({"CompanyID": company_id, "Name": name, "Currency": currency, "Brand": brand})
}

/// An organization.
pub fn organization(organization: &Organization) -> Value {
    let Organization { company_id, organization_id, project_id, name } = organization;
    json!({"CompanyID": company_id, "OrganizationID": organization_id, "ProjectId": project_id, "Name": name})
}

/// A key as it is shown. `Permissions` are those that it has, all of them if it is not restricted.
pub fn key(key: &ApiKey, used_s: Option<i64>) -> Value {
    let allowed = Permission::ALL.into_iter().filter(|permission| key.allows(*permission));
    json!({
        "PublicKey": key.public_key,
        "Name": key.name,
        "CompanyID": key.company_id,
        "OrganizationIDs": key.organization_ids,
        "Permissions": allowed.map(Permission::name).collect::<Vec<_>>(),
        "AllowIPs": key.allowed_networks,
        "RateLimit": key.rate_limit_per_s,
        "Strict": key.strict.map(StrictSigning::name),
        "Created": key.created_s,
        "LastUsed": used_s,
        "Expires": key.expires_s,
        "Suspended": key.suspended,
        "Disabled": key.disabled,
    })
}

/// A user of the console. `Password`: whether one was chosen.
pub fn user(user: &User) -> Value {
    json!({
        "UserID": user.user_id,
        "Email": user.email,
        "CompanyID": user.company_id,
        "OrganizationIDs": user.organization_ids,
        "Role": user.role.name(),
        "Password": !user.password_hash.is_empty(),
        "Created": user.created_s,
        "Disabled": user.disabled,
    })
}

/// A rule that says whom usage belongs to.
pub fn owner_rule(rule: &OwnerRule) -> Value {
    let OwnerRule { source, kind, key, owner } = rule;
    json!({
        "Source": source,
        "Kind": kind,
        "Key": key,
        "CompanyID": owner.company_id,
        "OrganizationID": owner.organization_id,
        "ResourceID": owner.resource_id,
        "ResourceName": owner.resource_name,
    })
}

/// What became of rules that were written.
pub fn put_owners(put: PutOwners) -> Value {
    let PutOwners { added, changed, unchanged } = put;
    json!({"Added": added, "Changed": changed, "Unchanged": unchanged})
}
