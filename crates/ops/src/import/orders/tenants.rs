//! The rules of an order that need its company: that it exists, has the organization, and is billed in the currency.

use std::collections::{HashMap, HashSet};

use tollbook_domain::NewOrder;
use tollbook_store::{Store, StoreResult};

/// Companies remembered at a time; a file of invented numbers must not fill the memory.
const MAX_KNOWN: usize = 10_000;

/// Companies as they were when an order first named them.
pub(super) struct Tenants<'a> {
    store: &'a dyn Store,
    known: HashMap<i64, Option<Tenant>>,
}

struct Tenant {
    currency: String,
    organizations: HashSet<i64>,
}

impl<'a> Tenants<'a> {
    pub(super) fn new(store: &'a dyn Store) -> Self {
        Self { store, known: HashMap::new() }
    }

    /// The reason why an order may not be stored for its company, if there is one.
    pub(super) fn refuse(&mut self, order: &NewOrder) -> StoreResult<Option<String>> {
        let company_id = order.company_id;
        if !self.known.contains_key(&company_id) {
            if self.known.len() >= MAX_KNOWN {
                self.known.clear();
            }
            let tenant = look_up(self.store, company_id)?;
            self.known.insert(company_id, tenant);
        }
        let line = &order.line;
        Ok(match self.known.get(&company_id) {
            Some(Some(tenant)) if !tenant.organizations.contains(&line.organization_id) => {
                let organization = line.organization_id;
                Some(format!("OrganizationID: {organization} does not exist in company {company_id}"))
            }
            Some(Some(tenant)) if tenant.currency != line.currency => {
                Some(format!("Currency: must be {}, the company's", tenant.currency))
            }
            Some(Some(_)) => None,
            Some(None) | None => Some(format!("CompanyID: {company_id} does not exist")),
        })
    }
}

fn look_up(store: &dyn Store, company_id: i64) -> StoreResult<Option<Tenant>> {
    let mut snapshot = store.snapshot()?;
    let Some(company) = snapshot.company(company_id)? else { return Ok(None) };
    let organizations = snapshot.organizations(company_id)?;
    Ok(Some(Tenant {
        currency: company.currency,
        organizations: organizations.iter().map(|organization| organization.organization_id).collect(),
    }))
}
