//! Verification of what is not derived from anything else: the storage of all tables, and the tables with digests.

use crate::audit::DEPLOYMENT_CHAIN;
use crate::error::StoreResult;
use crate::sql::digests;
use crate::sql::driver::schema::TABLES;
use crate::sql::session::Session;
use crate::tenants::TenantReads;

impl Session {
    pub(crate) fn differences_of_deployment(&mut self, limit: usize) -> StoreResult<Vec<String>> {
        let mut found = self.connection.check_storage(&TABLES, limit)?;
        if !found.is_empty() {
            // What else is read from damaged pages says nothing more.
            return Ok(found);
        }
        let companies: Vec<i64> = self.companies()?.iter().map(|company| company.company_id).collect();
        found.extend(digests::compare(self.connection.as_mut(), &companies)?);
        found.extend(self.differences_of_chain(DEPLOYMENT_CHAIN, limit)?);
        found.truncate(limit);
        Ok(found)
    }
}
