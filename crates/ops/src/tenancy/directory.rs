//! Companies and organizations in memory, for operations that check many records against them.

use std::collections::HashMap;

use tollbook_domain::tenant::Company;
use tollbook_store::{Snapshot, Store, StoreResult};

/// Maximum number of companies in memory: a file with invented company numbers must not exhaust it.
const MAX_COMPANIES: usize = 10_000;

/// A company with its organizations.
pub(crate) struct Tenant {
    pub(crate) company: Company,
    /// Names by `organization_id`.
    pub(crate) organizations: HashMap<i64, String>,
}

/// The companies that were looked up, as they were when they were last loaded. Absent companies are remembered too.
#[derive(Default)]
pub(crate) struct TenantDirectory {
    tenants: HashMap<i64, Option<Tenant>>,
}

impl TenantDirectory {
    /// Whether a company was loaded, existing or not.
    pub(crate) fn is_loaded(&self, company_id: i64) -> bool {
        self.tenants.contains_key(&company_id)
    }

    /// Removes all companies.
    pub(crate) fn clear(&mut self) {
        self.tenants.clear();
    }

    /// A loaded company; `None` if it does not exist or was not loaded.
    pub(crate) fn get(&self, company_id: i64) -> Option<&Tenant> {
        self.tenants.get(&company_id)?.as_ref()
    }

    /// A company, read from a new snapshot unless it was loaded before; `None` if it does not exist.
    pub(crate) fn get_or_load(&mut self, store: &dyn Store, company_id: i64) -> StoreResult<Option<&Tenant>> {
        if !self.is_loaded(company_id) {
            self.load(store.snapshot()?.as_mut(), company_id)?;
        }
        Ok(self.get(company_id))
    }

    /// Reads a company from a snapshot, also if it was loaded before.
    pub(crate) fn load(&mut self, snapshot: &mut dyn Snapshot, company_id: i64) -> StoreResult<()> {
        let tenant = match snapshot.company(company_id)? {
            Some(company) => {
                let organizations = snapshot.organizations(company_id)?;
                let organizations =
                    organizations.into_iter().map(|known| (known.organization_id, known.name)).collect();
                Some(Tenant { company, organizations })
            }
            None => None,
        };
        if self.tenants.len() >= MAX_COMPANIES && !self.is_loaded(company_id) {
            self.tenants.clear();
        }
        self.tenants.insert(company_id, tenant);
        Ok(())
    }
}
