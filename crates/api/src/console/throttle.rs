//! Bounds the attempts to sign in, by account and by address. What is remembered is bounded too.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Time in which attempts are counted, in seconds.
const WINDOW_S: i64 = 900;
/// Failed attempts of one account within the time.
const PER_ACCOUNT: u32 = 10;
/// Failed attempts from one address within the time.
const PER_ADDRESS: u32 = 40;
/// Most accounts, and most addresses, that are remembered.
const REMEMBERED: usize = 10_000;

/// Failed attempts of late. Each server counts its own.
#[derive(Default)]
pub(super) struct Throttle(Mutex<Attempts>);

#[derive(Default)]
struct Attempts {
    accounts: Counts<String>,
    addresses: Counts<IpAddr>,
}

/// Begin of the time and number of attempts, by account or address.
struct Counts<K>(HashMap<K, (i64, u32)>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq> Counts<K> {
    /// Seconds until the next attempt, if there were too many.
    fn wait_s(&self, key: &K, most: u32, now_s: i64) -> Option<i64> {
        let (began_s, failed) = self.0.get(key)?;
        let rest_s = began_s + WINDOW_S - now_s;
        (*failed >= most && rest_s > 0).then_some(rest_s)
    }

    fn add(&mut self, key: K, now_s: i64) {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&key) {
            self.0.retain(|_, (began_s, _)| now_s < *began_s + WINDOW_S);
            if self.0.len() >= REMEMBERED
                && let Some(oldest) = self.0.values().map(|(began_s, _)| *began_s).min()
            {
                // Someone tries many names: the address is bounded as well.
                self.0.retain(|_, (began_s, _)| *began_s > oldest);
            }
        }
        let count = self.0.entry(key).or_insert((now_s, 0));
        if now_s >= count.0 + WINDOW_S {
            *count = (now_s, 0);
        }
        count.1 = count.1.saturating_add(1);
    }
}

impl Throttle {
    /// Seconds until an attempt for an account from an address is allowed; `None`: it is.
    pub(super) fn wait_s(&self, email: &str, address: IpAddr, now_s: i64) -> Option<i64> {
        let attempts = self.attempts();
        let of_account = attempts.accounts.wait_s(&account(email), PER_ACCOUNT, now_s);
        let of_address = attempts.addresses.wait_s(&network(address), PER_ADDRESS, now_s);
        of_account.max(of_address)
    }

    /// An attempt failed.
    pub(super) fn failed(&self, email: &str, address: IpAddr, now_s: i64) {
        let mut attempts = self.attempts();
        attempts.accounts.add(account(email), now_s);
        attempts.addresses.add(network(address), now_s);
    }

    /// The user of the account signed in.
    pub(super) fn succeeded(&self, email: &str) {
        self.attempts().accounts.0.remove(&account(email));
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn account(email: &str) -> String {
    email.trim().chars().take(256).collect::<String>().to_lowercase()
}

/// The address, of IPv6 its /64, which one customer of a provider has.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn failures_of_an_account_are_bounded_for_a_while() {
        let throttle = Throttle::default();
        for attempt in 0..PER_ACCOUNT {
            let from = address(&format!("10.0.0.{attempt}"));
            assert_eq!(throttle.wait_s("A@b.example", from, 100), None);
            throttle.failed("A@b.example", from, 100);
        }
        let elsewhere = address("192.0.2.1");
        assert_eq!(throttle.wait_s(" a@B.example", elsewhere, 160), Some(WINDOW_S - 60));
        assert_eq!(throttle.wait_s("other@b.example", elsewhere, 160), None);
        assert_eq!(throttle.wait_s("a@b.example", elsewhere, 100 + WINDOW_S), None);
        throttle.succeeded("a@b.example");
        assert_eq!(throttle.wait_s("a@b.example", elsewhere, 160), None);
    }

    #[test]
    fn failures_from_a_network_are_bounded() {
        let throttle = Throttle::default();
        for attempt in 0..PER_ADDRESS {
            let from = address(&format!("2001:db8::{attempt:x}"));
            throttle.failed(&format!("{attempt}@b.example"), from, 100);
        }
        assert_eq!(throttle.wait_s("x@b.example", address("2001:db8::ffff"), 100), Some(WINDOW_S));
        assert_eq!(throttle.wait_s("x@b.example", address("2001:db8:0:1::1"), 100), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let throttle = Throttle::default();
        for attempt in 0..30_000_i64 {
            throttle.failed(&format!("{attempt}@b.example"), address("10.0.0.1"), attempt / 100);
        }
        assert!(throttle.attempts().accounts.0.len() <= REMEMBERED);
    }
}
