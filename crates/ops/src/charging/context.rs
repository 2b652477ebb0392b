//! The context of every charging operation.

use tollbook_domain::Catalogue;
use tollbook_store::{Store, StoreError};

use crate::config::Config;
use crate::random;

/// The context of a charging operation.
#[derive(Clone, Copy)]
pub struct Charging<'a> {
    /// The store with tenants, usage, orders and accounts.
    pub store: &'a dyn Store,
    /// The settings of charging, and the channels of brands.
    pub config: &'a Config,
    /// The pricing units and products.
    pub catalogue: &'a Catalogue,
}

/// Name of the setting with the token of order numbers.
const TOKEN: &str = "order token";

impl Charging<'_> {
    /// Whether an error means that no company can be worked on now. A round ends then, instead of waiting for the timeout of
    /// each company. On a database that several machines may use, a lock is that of one company.
    pub(crate) fn is_outage(&self, error: &StoreError) -> bool {
        match error {
            StoreError::Unavailable(_) => true,
            StoreError::Locked { .. } => !self.store.is_shared(),
            _ => false,
        }
    }

    /// Four random characters that are part of every order number of this deployment, so that the orders of two
    /// deployments can be merged.
    pub(crate) fn token(&self) -> Result<String, StoreError> {
        if let Some(token) = self.store.snapshot()?.setting(TOKEN)? {
            return Ok(token);
        }
        let mut transaction = self.store.begin()?;
        transaction.lock_name(TOKEN)?;
        if let Some(token) = transaction.setting(TOKEN)? {
            return Ok(token);
        }
        let token = random::token_lower(4);
        transaction.set_setting(TOKEN, &token)?;
        transaction.commit()?;
        Ok(token)
    }
}
