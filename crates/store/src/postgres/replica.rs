//! When a read replica may be used. The position up to which it has replayed the write-ahead log is compared with
//! positions that the primary reported as durable. The time of the last replayed transaction is not used, because it
//! does not advance while nothing is written.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::{PgConnection, StatementDeadline};
use super::pool::Pool;
use crate::error::{StoreError, StoreResult};
use crate::store::StoreOptions;

/// How long a replica is not used after an error.
const PAUSE: Duration = Duration::from_secs(5);
/// Minimum interval between two stored positions.
const BETWEEN_MARKS: Duration = Duration::from_millis(20);

/// A replica, and the positions that it must have replayed to be used.
pub(super) struct Replica {
    pool: Arc<Pool>,
    staleness: Duration,
    /// The position of this process's last write: a process must see its own writes.
    written: AtomicU64,
    /// Whether there is a later write whose position is unknown.
    unsure: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Positions of the primary and when it reported them, oldest first, none older than the allowed staleness.
    marks: VecDeque<(Instant, u64)>,
    /// The replica is not used before this time.
    paused_until: Option<Instant>,
}

impl Replica {
    pub(super) fn new(pool: Arc<Pool>, options: &StoreOptions) -> Self {
        let staleness = options.replica_staleness;
        Self {
            pool,
            staleness,
            written: AtomicU64::new(0),
            unsure: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Records a commit of this process before `position`. If it is `None`, the next position that the primary reports
    /// is used.
    pub(super) fn note_write(&self, position: Option<u64>) {
        match position {
            Some(position) => {
                self.written.fetch_max(position, Ordering::SeqCst);
            }
            None => self.unsure.store(true, Ordering::SeqCst),
        }
    }

    /// A connection to the replica, if it has replayed enough for use while the primary is at `position`.
    pub(super) fn link(&self, position: u64, deadline: &StatementDeadline) -> Option<PgConnection> {
        let now = Instant::now();
        if self.unsure.swap(false, Ordering::SeqCst) {
            self.written.fetch_max(position, Ordering::SeqCst);
        }
        let needed = {
            let mut state = self.state();
            if state.paused_until.is_some_and(|until| now < until) {
                return None;
            }
            state.note(now, position, self.staleness).max(self.written.load(Ordering::SeqCst))
        };
        match self.replayed(deadline) {
            Ok((link, replayed)) if replayed >= needed => Some(link),
            Ok((link, replayed)) => {
                tracing::debug!(replayed, needed, "read replica is too far behind; using the primary");
                self.pool.give_back(link);
                None
            }
            Err(StoreError::Cancelled) => None,
            Err(error) => {
                tracing::warn!(%error, "read replica is not available; using the primary");
                self.state().paused_until = Some(now + PAUSE);
                None
            }
        }
    }

    /// The position up to which the replica has replayed.
    pub(super) fn replayed_position(&self, deadline: &StatementDeadline) -> StoreResult<u64> {
        let (link, replayed) = self.replayed(deadline)?;
        self.pool.give_back(link);
        Ok(replayed)
    }

    /// A connection, and a position that its next snapshot includes.
    fn replayed(&self, deadline: &StatementDeadline) -> StoreResult<(PgConnection, u64)> {
        let mut link = self.pool.take()?;
        let asked = link.run(deadline, async |mut desk| {
            let statement = desk
                .prepare(
                    "SELECT coalesce(pg_last_wal_replay_lsn() - '0/0'::pg_lsn, 0)::bigint, \
                     pg_is_in_recovery()::int::bigint",
                )
                .await?;
            let row = desk.client.query_one(&statement, &[]).await?;
            Ok((row.try_get::<_, i64>(0)?, row.try_get::<_, i64>(1)? == 1))
        });
        match asked {
            Ok((replayed, true)) => Ok((link, u64::try_from(replayed).unwrap_or(0))),
            Ok((_, false)) => {
                self.pool.give_back(link);
                Err(StoreError::Refused(
                    "the read database is not a replica: it was promoted to primary".into(),
                ))
            }
            Err(error) => {
                self.pool.give_back(link);
                Err(error)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Stores the position of the primary, and returns the minimum position of a replica: that of the primary at the
    /// oldest time within the staleness.
    fn note(&mut self, now: Instant, position: u64, staleness: Duration) -> u64 {
        if self.marks.back().is_none_or(|(when, _)| now.duration_since(*when) >= BETWEEN_MARKS) {
            self.marks.push_back((now, position));
        }
        while self.marks.front().is_some_and(|(when, _)| now.duration_since(*when) > staleness) {
            self.marks.pop_front();
        }
        self.marks.front().map_or(position, |(_, oldest)| *oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_replica_must_have_is_as_old_as_allowed() {
        let mut state = State::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let staleness = Duration::from_secs(1);
        assert_eq!(state.note(at(0), 100, staleness), 100, "no older position is known");
        assert_eq!(state.note(at(500), 200, staleness), 100);
        assert_eq!(state.note(at(1_000), 300, staleness), 100);
        assert_eq!(state.note(at(1_001), 400, staleness), 200, "the first mark is too old");
        assert_eq!(state.note(at(9_000), 500, staleness), 500, "after a pause, only the current position");
        let mut strict = State::default();
        assert_eq!(strict.note(at(0), 100, Duration::ZERO), 100);
        assert_eq!(strict.note(at(1), 200, Duration::ZERO), 200, "no staleness: always the newest");
        assert_eq!(strict.note(at(2), 300, Duration::ZERO), 300);
    }
}
