//! Rate limits of keys and companies: how many requests they may send in a second.
//!
//! A limit of the configuration, for every key and every company, is counted by each server in memory, by token bucket: n
//! requests a second and, after a pause, n at once. It protects a server, and costs no transaction. A limit of a key's own
//! replaces that for every key. A server that has its database to itself counts it in the same way. Servers that share a
//! database count it there, by the second of the clock: together they admit n in each.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tollbook_domain::tenant::ApiKey;
use tollbook_store::Store;

use crate::failure::log_and_refuse;
use crate::ret_code::Refusal;

/// A bucket, with the limit that it was made for.
type Bucket = (NonZeroU32, Arc<DefaultDirectRateLimiter>);
/// The buckets of keys or companies. Entries stay: there are at most as many as in the database.
type Buckets<K> = Mutex<HashMap<K, Bucket>>;

/// The counts of the keys and companies that have a limit.
pub(super) struct Rates {
    /// The limit of a key that has none of its own.
    per_key: Option<NonZeroU32>,
    per_company: Option<NonZeroU32>,
    keys: Buckets<String>,
    companies: Buckets<i64>,
    /// Used by servers that share a database: the second in which a key was refused. Its further requests in that
    /// second are refused without a transaction.
    refused: Mutex<HashMap<String, i64>>,
}

impl Rates {
    /// The limits of the configuration; 0: none.
    pub(super) fn new(per_key: u32, per_company: u32) -> Self {
        Self {
            per_key: NonZeroU32::new(per_key),
            per_company: NonZeroU32::new(per_company),
            keys: Mutex::default(),
            companies: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    /// Takes one token from each bucket that counts the key's requests in memory.
    pub(super) fn check(&self, key: &ApiKey, is_shared: bool) -> Result<(), Refusal> {
        let limit = match key.rate_limit_per_s {
            None => self.per_key,
            Some(_) if is_shared => None,
            Some(own) => NonZeroU32::new(own),
        };
        if let Some(limit) = limit {
            take(&self.keys, key.public_key.clone(), limit, "key")?;
        }
        match self.per_company {
            Some(limit) => take(&self.companies, key.company_id, limit, "company"),
            None => Ok(()),
        }
    }

    /// The limit of a key's own that servers count in the database which they share.
    pub(super) fn counted_by_the_store(key: &ApiKey, is_shared: bool) -> Option<NonZeroU32> {
        key.rate_limit_per_s.filter(|_| is_shared).and_then(NonZeroU32::new)
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
        let refusal = || Refusal::RateLimited(reason("key", limit, "1 s"));
        if refused().get(&key.public_key) == Some(&now_s) {
            return Err(refusal());
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
        Err(refusal())
    }
}

/// Takes a token from the bucket of a key or a company.
fn take<K: Eq + Hash>(buckets: &Buckets<K>, of: K, limit: NonZeroU32, whose: &str) -> Result<(), Refusal> {
    let bucket = {
        let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || (limit, Arc::new(RateLimiter::direct(Quota::per_second(limit))));
        let entry = buckets.entry(of).or_insert_with(new);
        if entry.0 != limit {
            *entry = new();
        }
        Arc::clone(&entry.1)
    };
    bucket.check().map_err(|until| {
        let wait = until.wait_time_from(DefaultClock::default().now());
        // Rounded up, so that a client which waits this long is not refused again.
        Refusal::RateLimited(reason(whose, limit, &format!("{} ms", wait.as_millis() + 1)))
    })
}

fn reason(whose: &str, limit: NonZeroU32, wait: &str) -> String {
    format!("the {whose} may send {limit} requests a second; wait {wait}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(public_key: &str, company_id: i64, own: Option<u32>) -> ApiKey {
        ApiKey { rate_limit_per_s: own, ..ApiKey::unrestricted(public_key, company_id, Vec::new()) }
    }

    /// How many of 3 requests at once pass, and the reason of the first refusal up to the time.
    fn passed(rates: &Rates, key: &ApiKey) -> (usize, String) {
        let results: Vec<_> = (0..3).map(|_| rates.check(key, false)).collect();
        let refused = results.iter().find_map(|result| result.as_ref().err()?.reason().map(str::to_owned));
        let refused = refused.map(|reason| reason.split("; wait ").next().unwrap_or_default().to_owned());
        (results.iter().filter(|result| result.is_ok()).count(), refused.unwrap_or_default())
    }

    #[test]
    fn a_key_has_the_configured_limit_unless_it_has_one_of_its_own() {
        let rates = Rates::new(1, 0);
        let refused = |n| format!("the key may send {n} requests a second");
        assert_eq!(passed(&rates, &key("a", 1, None)), (1, refused(1)));
        assert_eq!(passed(&rates, &key("b", 1, None)), (1, refused(1)), "each for itself");
        assert_eq!(passed(&rates, &key("c", 1, Some(2))), (2, refused(2)));
        assert_eq!(passed(&rates, &key("d", 1, Some(0))), (3, String::new()));
        assert_eq!(passed(&Rates::new(0, 0), &key("a", 1, None)), (3, String::new()));
    }

    #[test]
    fn keys_of_a_company_share_its_limit() {
        let rates = Rates::new(0, 2);
        let refused = "the company may send 2 requests a second".to_owned();
        assert_eq!(passed(&rates, &key("a", 1, Some(0))), (2, refused.clone()));
        assert_eq!(passed(&rates, &key("b", 1, None)), (0, refused));
        assert_eq!(passed(&rates, &key("c", 2, None)).0, 2, "another company has its own");
    }

    #[test]
    fn the_time_to_wait_is_that_of_the_next_token() {
        let rates = Rates::new(1, 0);
        let refused = || rates.check(&key("a", 1, None), false).unwrap_err();
        rates.check(&key("a", 1, None), false).unwrap();
        let reason = refused().reason().unwrap().to_owned();
        let wait = reason.split("; wait ").nth(1).unwrap().strip_suffix(" ms").unwrap();
        assert!((1..=1_001).contains(&wait.parse::<u32>().unwrap()), "{reason}");
    }

    #[test]
    fn servers_that_share_a_database_count_a_limit_of_the_keys_own_there() {
        let counted =
            |own, is_shared| Rates::counted_by_the_store(&key("a", 1, own), is_shared).map(NonZeroU32::get);
        assert_eq!(counted(Some(5), true), Some(5));
        assert_eq!([counted(Some(5), false), counted(Some(0), true), counted(None, true)], [None; 3]);
        let rates = Rates::new(1, 0);
        assert!((0..3).all(|_| rates.check(&key("a", 1, Some(1)), true).is_ok()));
    }
}
