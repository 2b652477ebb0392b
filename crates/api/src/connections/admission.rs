//! Which connections may be open: how many in all and of one address, and which ones make room if all are taken.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::progress::Connection;

/// Most unused connections that are closed together if there is no room for another one; of few connections fewer.
const CLOSED_TOGETHER: usize = 64;
/// How long a new connection waits for the room that closed ones make.
const ROOM_TIMEOUT: Duration = Duration::from_millis(500);

/// The open connections.
pub(super) struct Admission {
    total: Arc<Semaphore>,
    most: usize,
    per_address: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, Arc<Connection>>,
    of_address: HashMap<IpAddr, usize>,
}

/// The right to keep a connection open, until it is dropped.
pub(super) struct ConnectionPermit {
    admission: Arc<Admission>,
    number: u64,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

/// Why a connection was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// There are too many in all, and a request is answered on each.
    All,
    /// There are too many of its address.
    Address,
}

impl Admission {
    pub(super) fn new(most: usize, per_address: usize) -> Arc<Self> {
        let total = Arc::new(Semaphore::new(most));
        Arc::new(Self { total, most, per_address, open: Mutex::default() })
    }

    /// Admits a connection. If all places are taken, the connections that have been unused for longest are closed.
    pub(super) async fn admit(
        self: &Arc<Self>,
        address: IpAddr,
        is_exempt: bool,
        connection: &Arc<Connection>,
    ) -> Result<ConnectionPermit, Full> {
        let address = group(address);
        if !is_exempt && self.open().of_address.get(&address).is_some_and(|open| *open >= self.per_address) {
            return Err(Full::Address);
        }
        let free = Arc::clone(&self.total).try_acquire_owned().ok();
        let permit =
            if let Some(permit) = free { permit } else { self.make_room().await.ok_or(Full::All)? };
        let mut open = self.open();
        let number = open.next;
        open.next += 1;
        open.connections.insert(number, Arc::clone(connection));
        *open.of_address.entry(address).or_default() += 1;
        drop(open);
        Ok(ConnectionPermit { admission: Arc::clone(self), number, address, _permit: permit })
    }

    /// The number of open connections.
    pub(super) fn count(&self) -> usize {
        self.open().connections.len()
    }

    /// Completes when all connections are closed. No other may be admitted meanwhile.
    pub(super) async fn all_closed(&self) {
        let most = u32::try_from(self.most).unwrap_or(u32::MAX);
        let _ = self.total.acquire_many(most).await;
    }

    /// Closes unused connections, and waits for the place of one.
    async fn make_room(&self) -> Option<OwnedSemaphorePermit> {
        self.close_unused();
        let waiting = Arc::clone(&self.total).acquire_owned();
        tokio::time::timeout(ROOM_TIMEOUT, waiting).await.ok()?.ok()
    }

    /// Closes the connections that have been without a request for longest.
    fn close_unused(&self) {
        let open = self.open();
        let mut unused: Vec<_> = open
            .connections
            .values()
            .filter_map(|connection| Some((connection.unused_since()?, connection)))
            .collect();
        let count = CLOSED_TOGETHER.min(self.most / 16 + 1).min(unused.len());
        if count == 0 {
            return;
        }
        unused.select_nth_unstable_by_key(count - 1, |(since, _)| *since);
        for (_, connection) in &unused[..count] {
            connection.close.notify_one();
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.connections.remove(&self.number);
        if let Some(count) = open.of_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.of_address.remove(&self.address);
            }
        }
    }
}

/// The address that is counted. A network of IPv6 has 2^64 addresses for one subscriber, so it counts as one.
fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::super::progress::{LargeHeads, PeerTimeouts};
    use super::*;

    fn connection() -> Arc<Connection> {
        let second = Duration::from_secs(1);
        let timeouts = PeerTimeouts { head: second, idle: second, write: second, write_bytes_per_s: 1_024 };
        Arc::new(Connection::new(timeouts, LargeHeads::new()))
    }

    async fn admit(admission: &Arc<Admission>, address: &str) -> Result<ConnectionPermit, Full> {
        admission.admit(address.parse().unwrap(), false, &connection()).await
    }

    #[tokio::test]
    async fn an_address_has_its_share() {
        let admission = Admission::new(9, 2);
        let first = admit(&admission, "192.0.2.1").await.unwrap();
        let _second = admit(&admission, "::ffff:192.0.2.1").await.unwrap();
        assert_eq!(admit(&admission, "192.0.2.1").await.err(), Some(Full::Address));
        let exempt = admission.admit("192.0.2.1".parse().unwrap(), true, &connection()).await;
        assert!(exempt.is_ok(), "a proxy speaks for many");
        drop(exempt);
        admit(&admission, "192.0.2.2").await.unwrap();
        drop(first);
        admit(&admission, "192.0.2.1").await.unwrap();
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let counted = |address: &str| group(address.parse().unwrap()).to_string();
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(counted("::ffff:192.0.2.1"), "192.0.2.1");
    }

    #[tokio::test]
    async fn a_connection_without_a_request_makes_room_and_one_with_a_request_does_not() {
        let admission = Admission::new(2, 2);
        let (idle, busy) = (connection(), connection());
        let address = "192.0.2.1".parse().unwrap();
        let _busy = admission.admit(address, false, &busy).await.unwrap();
        let request = busy.begin_request();
        let of_idle = admission.admit(address, false, &idle).await.unwrap();
        // The task of a connection ends at this notification.
        let ended = tokio::spawn(async move {
            idle.close.notified().await;
            drop(of_idle);
        });
        let _third = admit(&admission, "192.0.2.2").await.unwrap();
        ended.await.unwrap();
        assert_eq!(admission.count(), 2);
        drop(request);
    }

    #[tokio::test]
    async fn if_all_connections_are_used_another_one_is_refused() {
        let admission = Admission::new(1, 1);
        let busy = connection();
        let _place = admission.admit("192.0.2.1".parse().unwrap(), false, &busy).await.unwrap();
        let _request = busy.begin_request();
        assert_eq!(admit(&admission, "192.0.2.2").await.err(), Some(Full::All));
    }
}
