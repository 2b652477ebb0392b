//! What every operation of charging works with.

use tollbook_domain::Catalogue;
use tollbook_store::{Store, StoreError};

use crate::config::Config;
use crate::random;

/// What charging works with.
#[derive(Clone, Copy)]
pub struct Charging<'a> {
    /// Tenants, usage, orders, accounts.
    pub store: &'a dyn Store,
    /// What the operator decided, and the brands' channels.
    pub config: &'a Config,
    /// For pricing units and products.
    pub catalogue: &'a Catalogue,
}

/// Name of the setting that makes order numbers this deployment's own.
const TOKEN: &str = "order token";

impl Charging<'_> {
    /// A few characters in every order number, so that orders of two deployments can be brought together.
    pub(crate) fn token(&self) -> Result<String, StoreError> {
        if let Some(token) = self.store.snapshot()?.setting(TOKEN)? {
            return Ok(token);
        }
        let mut transaction = self.store.begin()?;
        transaction.hold(TOKEN)?;
        if let Some(token) = transaction.setting(TOKEN)? {
            return Ok(token);
        }
        let token = random::token_lower(4);
        transaction.set_setting(TOKEN, &token)?;
        transaction.commit()?;
        Ok(token)
    }
}
