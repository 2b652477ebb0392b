//! Companies, organizations and API keys.

use serde_json::{Value, json};
use tollbook_domain::tenant::{ApiKey, Company, Organization, Permission, StrictSigning};

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
