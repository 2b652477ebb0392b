//! Rate limits of keys, by token bucket: a key with a limit of n may send n requests a second and, after a pause, n at
//! once. Kept per process.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tollbook_domain::tenant::ApiKey;

use crate::ret_code::Refusal;

/// The buckets of the keys that have a limit, with the limit that each was made for.
#[derive(Default)]
pub(super) struct Rates(Mutex<HashMap<String, (NonZeroU32, Arc<DefaultDirectRateLimiter>)>>);

impl Rates {
    /// Takes one request's worth from the key's bucket.
    pub(super) fn check(&self, key: &ApiKey) -> Result<(), Refusal> {
        let Some(limit) = key.rate_limit_per_s.and_then(NonZeroU32::new) else {
            return Ok(());
        };
        let bucket = {
            let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || (limit, Arc::new(RateLimiter::direct(Quota::per_second(limit))));
            let entry = buckets.entry(key.public_key.clone()).or_insert_with(new);
            if entry.0 != limit {
                *entry = new();
            }
            Arc::clone(&entry.1)
        };
        bucket.check().map_err(|_| Refusal::RateLimited)
    }
}
