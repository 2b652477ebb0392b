//! Rate limits of keys: how many requests a key may send in a second.
//!
//! A server that has its database to itself counts in memory, by token bucket: a key with a limit of n may send n
//! requests a second and, after a pause, n at once. Servers that share a database count there, by the second of the
//! clock: together they admit n in each.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tollbook_domain::tenant::ApiKey;
use tollbook_store::Store;

use crate::failure::log_and_refuse;
use crate::ret_code::Refusal;

/// A key's limit, if it has one.
pub(super) fn limit_of(key: &ApiKey) -> Option<NonZeroU32> {
    key.rate_limit_per_s.and_then(NonZeroU32::new)
}

/// A bucket, with the limit that it was made for.
type Bucket = (NonZeroU32, Arc<DefaultDirectRateLimiter>);

/// The counts of the keys that have a limit.
#[derive(Default)]
pub(super) struct Rates {
    /// Used by a server that has its database to itself.
    buckets: Mutex<HashMap<String, Bucket>>,
    /// Used by servers that share a database: the second in which a key was refused. Its further requests in that
    /// second are refused without a transaction.
    refused: Mutex<HashMap<String, i64>>,
}

impl Rates {
    /// Takes one token from the key's bucket.
    pub(super) fn check(&self, key: &ApiKey, limit: NonZeroU32) -> Result<(), Refusal> {
        let bucket = {
            let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || (limit, Arc::new(RateLimiter::direct(Quota::per_second(limit))));
            let entry = buckets.entry(key.public_key.clone()).or_insert_with(new);
            if entry.0 != limit {
                *entry = new();
            }
            Arc::clone(&entry.1)
        };
        bucket.check().map_err(|_| Refusal::RateLimited)
    }

    /// Counts one request among those that all servers answer in this second.
    pub(super) fn check_shared(
        &self,
        store: &dyn Store,
        key: &ApiKey,
        limit: NonZeroU32,
        now_s: i64,
    ) -> Result<(), Refusal> {
        let refused = || self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused().get(&key.public_key) == Some(&now_s) {
            return Err(Refusal::RateLimited);
        }
        let count = || {
            let mut transaction = store.begin()?;
            let requests = transaction.count_request(key, now_s)?;
            // At once: other servers wait for the row.
            transaction.commit()?;
            Ok(requests)
        };
        let requests = count().map_err(log_and_refuse)?;
        if requests <= i64::from(limit.get()) {
            return Ok(());
        }
        refused().insert(key.public_key.clone(), now_s);
        Err(Refusal::RateLimited)
    }
}
