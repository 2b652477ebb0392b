//! The nonces of strictly signed requests (docs/SIGNING.md, "Strict signatures"): each is accepted once.

use tollbook_domain::tenant::ApiKey;

use crate::error::StoreResult;

/// Changes of the remembered nonces.
pub trait NonceWrites {
    /// Remembers the nonce of a request that says it was signed at `signed_s`. Returns `false` if it is remembered already.
    /// Unless it must be `durable`, a crash of the database server may lose it.
    fn remember_nonce(
        &mut self,
        key: &ApiKey,
        signed_s: i64,
        nonce: &str,
        durable: bool,
    ) -> StoreResult<bool>;

    /// Drops the nonces of a company's requests that were signed before a time. Returns how many there were.
    fn drop_nonces(&mut self, company_id: i64, before_s: i64) -> StoreResult<u64>;
}
