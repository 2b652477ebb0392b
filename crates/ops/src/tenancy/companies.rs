//! Companies and their organizations.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tollbook_domain::tenant::{CURRENCIES, Company, Organization};
use tollbook_store::{Snapshot, Store, StoreResult, Transaction};

use super::error::TenantError;
use super::names::checked_name;
use crate::audit::{ActKind, record};
use crate::config::Config;
use crate::random;

const PROJECT_CHARACTERS: usize = 8;

/// Creates a company. If a configuration is given, it must have the brand. A server treats a company whose brand it does
/// not know as one of its default brand.
pub fn add_company(
    store: &dyn Store,
    config: Option<&Config>,
    name: &str,
    currency: &str,
    brand: &str,
) -> Result<Company, TenantError> {
    let name = checked_name("the company's name", name.trim())?;
    if !CURRENCIES.contains(&currency) {
        return Err(TenantError::Currency(currency.to_owned()));
    }
    if let Some(config) = config
        && config.brand(brand).is_none()
    {
        let known: Vec<&str> = config.brands().map(|brand| brand.name.as_str()).collect();
        return Err(TenantError::Brand { name: brand.to_owned(), known: known.join(", ") });
    }
    let mut transaction = store.begin()?;
    let company = transaction.add_company(name, currency, brand)?;
    let after = json!({"Name": company.name, "Currency": company.currency, "Brand": company.brand});
    record(&mut *transaction, ActKind::CompanyAdd, company.company_id, &Value::Null, &after);
    transaction.commit()?;
    Ok(company)
}

/// Creates an organization with a random `ProjectId` that is unique in its company.
pub fn add_organization(store: &dyn Store, company_id: i64, name: &str) -> Result<Organization, TenantError> {
    let mut transaction = store.begin()?;
    let organization = add_organization_in(&mut *transaction, company_id, name)?;
    transaction.commit()?;
    Ok(organization)
}

/// [`add_organization`] within a larger transaction.
pub(crate) fn add_organization_in(
    transaction: &mut dyn Transaction,
    company_id: i64,
    name: &str,
) -> Result<Organization, TenantError> {
    let name = checked_name("the organization's name", name.trim())?;
    require_company(transaction, company_id)?;
    let taken: BTreeSet<String> =
        transaction.organizations(company_id)?.into_iter().map(|taken| taken.project_id).collect();
    let project_id = std::iter::repeat_with(|| format!("org-{}", random::token_lower(PROJECT_CHARACTERS)))
        .find(|project_id| !taken.contains(project_id))
        // `repeat_with` is infinite, so a free one is found.
        .unwrap_or_default();
    let added = transaction.add_organization(company_id, &project_id, name)?;
    let after = json!({
        "OrganizationID": added.organization_id, "ProjectId": added.project_id, "Name": added.name,
    });
    record(transaction, ActKind::OrganizationAdd, company_id, &Value::Null, &after);
    Ok(added)
}

/// Renames a company. Its number and currency stay.
pub fn rename_company(store: &dyn Store, company_id: i64, name: &str) -> Result<Company, TenantError> {
    let name = checked_name("the company's name", name.trim())?;
    let mut transaction = store.begin()?;
    let former = transaction.company(company_id)?.map(|company| company.name);
    let renamed = transaction.rename_company(company_id, name)?;
    match transaction.company(company_id)?.filter(|_| renamed) {
        Some(company) => {
            let (before, after) = (json!({"Name": former}), json!({"Name": company.name}));
            record(&mut *transaction, ActKind::CompanySet, company_id, &before, &after);
            transaction.commit()?;
            Ok(company)
        }
        None => Err(TenantError::UnknownCompany(company_id)),
    }
}

/// Renames an organization. Its number and its `ProjectId` stay, and orders keep the name that they were billed under.
pub fn rename_organization(
    store: &dyn Store,
    company_id: i64,
    organization_id: i64,
    name: &str,
) -> Result<Organization, TenantError> {
    let name = checked_name("the organization's name", name.trim())?;
    let mut transaction = store.begin()?;
    require_company(&mut *transaction, company_id)?;
    let is_it = |known: &Organization| known.organization_id == organization_id;
    let former = transaction.organizations(company_id)?.into_iter().find(is_it).map(|known| known.name);
    let renamed = transaction.rename_organization(company_id, organization_id, name)?;
    let organizations = transaction.organizations(company_id)?;
    match organizations.into_iter().find(is_it).filter(|_| renamed) {
        Some(organization) => {
            let named = |name: &Option<String>| json!({"OrganizationID": organization_id, "Name": name});
            let (before, after) = (named(&former), named(&Some(organization.name.clone())));
            record(&mut *transaction, ActKind::OrganizationSet, company_id, &before, &after);
            transaction.commit()?;
            Ok(organization)
        }
        None => Err(TenantError::UnknownOrganization { company_id, organization_id }),
    }
}

/// All companies, by number.
pub fn companies(store: &dyn Store) -> StoreResult<Vec<Company>> {
    store.snapshot()?.companies()
}

/// The organizations of a company, by number.
pub fn organizations(store: &dyn Store, company_id: i64) -> Result<Vec<Organization>, TenantError> {
    let mut snapshot = store.snapshot()?;
    require_company(&mut *snapshot, company_id)?;
    Ok(snapshot.organizations(company_id)?)
}

pub(super) fn require_company(snapshot: &mut dyn Snapshot, company_id: i64) -> Result<(), TenantError> {
    match snapshot.company(company_id)? {
        Some(_) => Ok(()),
        None => Err(TenantError::UnknownCompany(company_id)),
    }
}
