//! Bounds on the requests under way of one key and of one company, so that big lists, summaries and exports of one cannot
//! take every worker. A request beyond a bound waits without a worker. Requests that write have bounds of their own: while a
//! writer of another process keeps them waiting, they take neither the places of lists nor more than their share of the
//! workers.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tollbook_domain::tenant::ApiKey;

use crate::ret_code::Refusal;

/// Most requests of one key that wait; further ones are refused.
const WAITING_PER_KEY: usize = 256;
/// Requests of one company that write at a time: they wait for each other anyway.
const WRITING_PER_COMPANY: usize = 4;

/// The requests under way, by key and by company.
pub(super) struct Concurrency {
    per_key: usize,
    per_company: usize,
    keys: Mutex<HashMap<String, Arc<Slots>>>,
    companies: Mutex<HashMap<i64, Arc<Slots>>>,
    writing_companies: Mutex<HashMap<i64, Arc<Slots>>>,
    writing: Arc<Slots>,
}

/// How many requests may run, and how many wait.
struct Slots {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// The right of a request to run.
#[derive(Debug)]
pub(super) struct Admission {
    public_key: String,
    _permits: [OwnedSemaphorePermit; 2],
}

/// The place of a request that has to wait.
pub(super) struct Waiting {
    public_key: String,
    /// The bounds that it is within, in the order in which every request takes its places.
    bounds: [Arc<Slots>; 2],
}

impl Concurrency {
    /// A bound of 0 is none: the workers bound the requests then. `writing` has the places of all requests that write.
    pub(super) fn new(per_key: usize, per_company: usize, writing: Arc<Semaphore>) -> Self {
        let bound = |bound: usize| if bound == 0 { Semaphore::MAX_PERMITS } else { bound };
        Self {
            per_key: bound(per_key),
            per_company: bound(per_company),
            keys: Mutex::default(),
            companies: Mutex::default(),
            writing_companies: Mutex::default(),
            writing: Arc::new(Slots { free: writing, waiting: AtomicUsize::new(0) }),
        }
    }

    /// Admits a request of a key, which writes or only reads, or says what it has to wait for. The error is that of a key,
    /// or of a company that writes, with too many waiting requests.
    pub(super) fn admit(&self, key: &ApiKey, writes: bool) -> Result<Result<Admission, Waiting>, Refusal> {
        let public_key = key.public_key.clone();
        let bounds = if writes {
            let of_company = slots(&self.writing_companies, key.company_id, WRITING_PER_COMPANY);
            [of_company, Arc::clone(&self.writing)]
        } else {
            let of_key = slots(&self.keys, public_key.clone(), self.per_key);
            [of_key, slots(&self.companies, key.company_id, self.per_company)]
        };
        let take = |slots: &Slots| Arc::clone(&slots.free).try_acquire_owned().ok();
        if let Some(first) = take(&bounds[0])
            && let Some(second) = take(&bounds[1])
        {
            return Ok(Ok(Admission { public_key, _permits: [first, second] }));
        }
        if bounds[0].waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_PER_KEY {
            bounds[0].waiting.fetch_sub(1, Ordering::Relaxed);
            let reason =
                format!("{WAITING_PER_KEY} requests wait already; wait for an answer to one of them");
            return Err(Refusal::RateLimited(reason));
        }
        Ok(Err(Waiting { public_key, bounds }))
    }
}

impl Admission {
    /// Whether it was given to this key.
    pub(super) fn is_of(&self, key: &ApiKey) -> bool {
        self.public_key == key.public_key
    }
}

impl Waiting {
    /// Waits for a place, in order of arrival.
    pub(super) async fn admission(self) -> Option<Admission> {
        // Every request takes its places in this order, so none waits in a circle.
        let [first, second] = &self.bounds;
        let first = Arc::clone(&first.free).acquire_owned().await.ok()?;
        let second = Arc::clone(&second.free).acquire_owned().await.ok()?;
        Some(Admission { public_key: self.public_key.clone(), _permits: [first, second] })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.bounds[0].waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The slots of a key or a company. Entries stay: there are at most as many as keys in the database.
fn slots<K: Eq + Hash>(table: &Mutex<HashMap<K, Arc<Slots>>>, of: K, free: usize) -> Arc<Slots> {
    let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
    let new = || Arc::new(Slots { free: Arc::new(Semaphore::new(free)), waiting: AtomicUsize::new(0) });
    Arc::clone(table.entry(of).or_insert_with(new))
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn key(public_key: &str, company_id: i64) -> ApiKey {
        ApiKey::unrestricted(public_key, company_id, Vec::new())
    }

    fn concurrency(per_key: usize, per_company: usize) -> Concurrency {
        Concurrency::new(per_key, per_company, Arc::new(Semaphore::new(6)))
    }

    fn admitted(concurrency: &Concurrency, key: &ApiKey) -> Admission {
        concurrency.admit(key, false).unwrap().unwrap_or_else(|_| panic!("{} must not wait", key.public_key))
    }

    fn waiting(concurrency: &Concurrency, key: &ApiKey) -> Waiting {
        concurrency.admit(key, false).unwrap().expect_err("must wait")
    }

    #[test]
    fn requests_that_write_have_places_of_their_own() {
        let concurrency = concurrency(1, 1);
        let (one, other) = (key("one", 1), key("other", 2));
        let writing = |key: &ApiKey| concurrency.admit(key, true).unwrap();
        let of_one: Vec<_> = (0..WRITING_PER_COMPANY).map(|_| writing(&one).ok().unwrap()).collect();
        assert!(writing(&one).is_err(), "the company has its share");
        let of_other: Vec<_> = (0..2).map(|_| writing(&other).ok().unwrap()).collect();
        assert!(writing(&other).is_err(), "all companies have the share of the workers");
        let list = admitted(&concurrency, &one);
        drop(waiting(&concurrency, &one));
        drop((of_one, list));
        admitted(&concurrency, &one);
        assert!(writing(&other).is_ok());
        drop(of_other);
    }

    #[test]
    fn a_request_beyond_the_bound_of_its_key_waits_for_an_earlier_one() {
        let concurrency = concurrency(2, 9);
        let (one, other) = (key("one", 1), key("other", 1));
        let first = admitted(&concurrency, &one);
        let _second = admitted(&concurrency, &one);
        let _other = admitted(&concurrency, &other);
        let mut third = pin!(waiting(&concurrency, &one).admission());
        let mut context = Context::from_waker(Waker::noop());
        assert!(third.as_mut().poll(&mut context).is_pending());
        drop(first);
        let Poll::Ready(Some(third)) = third.as_mut().poll(&mut context) else { panic!("a place is free") };
        assert!(third.is_of(&one) && !third.is_of(&other));
        drop(third);
        admitted(&concurrency, &one);
    }

    #[test]
    fn a_bound_of_zero_is_none() {
        let concurrency = concurrency(0, 0);
        let _taken: Vec<_> = (0..200).map(|_| admitted(&concurrency, &key("one", 1))).collect();
    }

    #[test]
    fn keys_of_one_company_share_its_bound() {
        let concurrency = concurrency(2, 3);
        let keys = [key("a", 1), key("b", 1), key("c", 1)];
        let _taken = [
            admitted(&concurrency, &keys[0]),
            admitted(&concurrency, &keys[0]),
            admitted(&concurrency, &keys[1]),
        ];
        drop(waiting(&concurrency, &keys[2]));
        admitted(&concurrency, &key("d", 2));
    }

    #[test]
    fn too_many_waiting_requests_of_a_key_are_refused() {
        let concurrency = concurrency(1, 1);
        let one = key("one", 1);
        let _first = admitted(&concurrency, &one);
        let mut queue: Vec<Waiting> = (0..WAITING_PER_KEY).map(|_| waiting(&concurrency, &one)).collect();
        assert!(matches!(concurrency.admit(&one, false), Err(Refusal::RateLimited(_))));
        queue.pop();
        waiting(&concurrency, &one);
    }
}
