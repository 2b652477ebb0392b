//! What one connection is doing: waiting for a request, receiving its head, or answering it. The deadline of its peer
//! follows from that.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Bytes of a head that need no permit.
const SMALL_HEAD_BYTES: usize = 16 * 1024;
/// Longest head, and so the most of a head that the HTTP library buffers, in bytes.
pub(super) const MAX_HEAD_BYTES: usize = 128 * 1024;
/// Most connections whose heads are longer than [`SMALL_HEAD_BYTES`] at a time: 32 MiB of heads.
const LARGE_HEADS: usize = 256;

/// How long the peer of a connection may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerTimeouts {
    pub(super) head: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
    /// Fewest bytes that it must accept for each second that it is waited for.
    pub(super) write_bytes_per_s: u64,
}

/// What a peer has accepted of its answers, against the time that it was waited for. Only the time in which it accepts
/// nothing counts, so that an answer that is made slowly is not held against its reader.
#[derive(Debug, Default)]
pub(super) struct Acceptance {
    waited: Duration,
    bytes: u64,
}

impl Acceptance {
    /// Some bytes were accepted after a wait. Returns whether the peer is fast enough: over each stretch of waits as long
    /// as the write time-out together, it must keep the least rate.
    pub(super) fn has_accepted(&mut self, bytes: usize, waited: Duration, timeouts: &PeerTimeouts) -> bool {
        self.waited += waited;
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.waited < timeouts.write {
            return true;
        }
        let least = u128::from(timeouts.write_bytes_per_s) * self.waited.as_millis() / 1_000;
        let is_enough = u128::from(self.bytes) >= least;
        *self = Self::default();
        is_enough
    }
}

/// The right of connections to have a large head.
#[derive(Clone, Debug)]
pub(super) struct LargeHeads(Arc<Semaphore>);

impl LargeHeads {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LARGE_HEADS)))
    }
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No byte of the next request has arrived.
    Idle,
    /// The head of a request has begun to arrive.
    Head,
    /// A request is answered.
    Request,
}

/// One open connection, as its task and the accept loop see it.
pub(super) struct Connection {
    pub(super) timeouts: PeerTimeouts,
    /// Tells the task of the connection to end it, if no request is answered on it.
    pub(super) close: Notify,
    large_heads: LargeHeads,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    since: Instant,
    head_bytes: usize,
    large_head: Option<OwnedSemaphorePermit>,
}

impl Connection {
    pub(super) fn new(timeouts: PeerTimeouts, large_heads: LargeHeads) -> Self {
        let state = State { phase: Phase::Idle, since: Instant::now(), head_bytes: 0, large_head: None };
        Self { timeouts, close: Notify::new(), large_heads, state: Mutex::new(state) }
    }

    pub(super) fn phase(&self) -> Phase {
        self.state().phase
    }

    /// Since when no request is answered; `None` if one is.
    pub(super) fn unused_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.phase != Phase::Request).then_some(state.since)
    }

    /// Bytes have arrived. Returns whether they may be kept: not if they belong to one large head too many.
    pub(super) fn has_read(&self, bytes: usize) -> bool {
        let mut state = self.state();
        match state.phase {
            // A body, or the head of the next request, which is read later.
            Phase::Request => return true,
            Phase::Head => {}
            Phase::Idle => {
                state.phase = Phase::Head;
                state.since = Instant::now();
                state.head_bytes = 0;
            }
        }
        state.head_bytes += bytes;
        if state.head_bytes <= SMALL_HEAD_BYTES || state.large_head.is_some() {
            return true;
        }
        state.large_head = Arc::clone(&self.large_heads.0).try_acquire_owned().ok();
        state.large_head.is_some()
    }

    /// The handshake of TLS is complete: its deadline was that of a head, and the connection is idle now.
    pub(super) fn end_handshake(&self) {
        let mut state = self.state();
        state.phase = Phase::Idle;
        state.since = Instant::now();
    }

    /// When the connection is to be closed unless bytes arrive; `None` while a request is answered.
    pub(super) fn read_deadline(&self) -> Option<Instant> {
        let state = self.state();
        match state.phase {
            Phase::Idle => Some(state.since + self.timeouts.idle),
            Phase::Head => Some(state.since + self.timeouts.head),
            Phase::Request => None,
        }
    }

    /// When to look at the deadline again: when it passes, or before that if a phase that begins now could have an earlier
    /// one.
    pub(super) fn next_check(&self) -> Instant {
        let soonest = Instant::now() + self.timeouts.head.min(self.timeouts.idle);
        self.read_deadline().map_or(soonest, |deadline| deadline.min(soonest))
    }

    /// A request has begun. It ends when the guard is dropped.
    pub(super) fn begin_request(self: &Arc<Self>) -> RequestGuard {
        let mut state = self.state();
        state.phase = Phase::Request;
        state.since = Instant::now();
        state.large_head = None;
        drop(state);
        RequestGuard(Arc::clone(self))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered, up to the last byte of its answer.
pub(super) struct RequestGuard(Arc<Connection>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.phase = Phase::Idle;
        state.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(large_heads: &LargeHeads) -> Arc<Connection> {
        let second = Duration::from_secs(1);
        let timeouts =
            PeerTimeouts { head: second, idle: 10 * second, write: second, write_bytes_per_s: 1_024 };
        Arc::new(Connection::new(timeouts, large_heads.clone()))
    }

    #[tokio::test]
    async fn the_deadline_follows_from_what_the_connection_does() {
        let connection = connection(&LargeHeads::new());
        let left =
            || connection.read_deadline().map(|deadline| deadline.duration_since(Instant::now()).as_secs());
        assert_eq!(left(), Some(9), "idle");
        assert!(connection.has_read(1));
        assert_eq!((connection.phase(), left()), (Phase::Head, Some(0)));
        let request = connection.begin_request();
        assert_eq!((connection.phase(), left(), connection.unused_since()), (Phase::Request, None, None));
        assert!(connection.has_read(1 << 30), "a body is bounded elsewhere");
        drop(request);
        assert_eq!((connection.phase(), left()), (Phase::Idle, Some(9)));
    }

    #[tokio::test]
    async fn a_byte_more_of_a_head_does_not_move_its_deadline() {
        let connection = connection(&LargeHeads::new());
        connection.has_read(1);
        let deadline = connection.read_deadline();
        connection.has_read(1);
        assert_eq!(connection.read_deadline(), deadline);
    }

    #[test]
    fn a_peer_keeps_the_least_rate_while_it_is_waited_for() {
        let second = Duration::from_secs(1);
        let timeouts =
            PeerTimeouts { head: second, idle: second, write: 10 * second, write_bytes_per_s: 100 };
        // Seconds waited and bytes accepted, each time; whether the peer may go on after the last.
        let table: [(&[(u64, usize)], bool); 7] = [
            (&[(0, 1), (0, 1), (0, 1)], true),
            (&[(9, 1)], true),
            (&[(9, 1), (1, 1)], false),
            (&[(9, 1), (1, 998)], false),
            (&[(9, 1), (1, 999)], true),
            // What was accepted before a stretch does not count in it.
            (&[(10, 1_000_000), (5, 1), (5, 1)], false),
            (&[(10, 1_000), (0, 500), (10, 500)], true),
        ];
        for (accepted, may_go_on) in table {
            let mut acceptance = Acceptance::default();
            let mut results = accepted.iter().map(|(seconds, bytes)| {
                acceptance.has_accepted(*bytes, Duration::from_secs(*seconds), &timeouts)
            });
            let last = results.by_ref().take(accepted.len() - 1).all(|is_enough| is_enough);
            assert!(last, "{accepted:?}");
            assert_eq!(results.next(), Some(may_go_on), "{accepted:?}");
        }
    }

    #[tokio::test]
    async fn only_so_many_heads_are_large() {
        let large_heads = LargeHeads::new();
        let open: Vec<_> = (0..=LARGE_HEADS).map(|_| connection(&large_heads)).collect();
        let (last, others) = open.split_last().unwrap();
        for connection in others {
            assert!(
                connection.has_read(SMALL_HEAD_BYTES) && connection.has_read(1) && connection.has_read(1)
            );
        }
        assert!(last.has_read(SMALL_HEAD_BYTES) && !last.has_read(1));
        drop(others[0].begin_request());
        assert!(last.has_read(1), "a head that has arrived makes room");
    }
}
