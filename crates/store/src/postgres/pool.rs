//! A connection pool for one database server, with a maximum size. While a server is down, many pools retry until the
//! caller's timeout; this pool returns the connection error immediately, and the next caller connects again, so that a
//! restarted server is used at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connection::PgConnection;
use super::url::Target;
use crate::error::{StoreError, StoreResult};
use crate::store::{ConnectionUse, StoreOptions};

/// A connection pool for one database server.
pub(super) struct Pool {
    config: Config,
    tls: MakeRustlsConnect,
    options: StoreOptions,
    state: Mutex<State>,
    freed: Condvar,
    failover_epoch: AtomicU64,
}

#[derive(Default)]
struct State {
    idle: Vec<PgConnection>,
    /// Number of open connections, idle and in use.
    open: usize,
    /// Number of callers that wait for one.
    waiting: usize,
}

impl Pool {
    pub(super) fn new(target: Target, options: &StoreOptions) -> Arc<Self> {
        Arc::new(Self {
            config: target.config,
            tls: target.tls,
            options: options.clone(),
            state: Mutex::default(),
            freed: Condvar::new(),
            failover_epoch: AtomicU64::new(0),
        })
    }

    /// An idle or new connection. An idle one is returned only if it is not known to be closed.
    pub(super) fn take(&self) -> StoreResult<PgConnection> {
        let deadline = Instant::now() + self.options.connect_timeout;
        let mut state = self.state();
        loop {
            if let Some(mut link) = state.idle.pop() {
                drop(state);
                if link.is_alive() {
                    return Ok(link);
                }
                self.give_back(link);
                state = self.state();
                continue;
            }
            if state.open < self.options.connections {
                state.open += 1;
                drop(state);
                return PgConnection::open(&self.config, &self.tls, self.options.connect_timeout)
                    .inspect_err(|_| self.close());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StoreError::Unavailable(format!(
                    "all {} connections were in use for {} s",
                    self.options.connections,
                    self.options.connect_timeout.as_secs_f64()
                )));
            }
            state.waiting += 1;
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
    }

    /// Returns a connection to the pool, or closes it if it cannot be reused.
    pub(super) fn give_back(&self, link: PgConnection) {
        if link.is_lost() {
            self.failover_epoch.fetch_add(1, Ordering::SeqCst);
        }
        if link.is_usable() {
            self.state().idle.push(link);
            self.freed.notify_one();
        } else {
            drop(link);
            self.close();
        }
    }

    /// The connections that are in use now.
    pub(super) fn in_use(&self, name: &'static str) -> ConnectionUse {
        let state = self.state();
        ConnectionUse {
            name,
            in_use: state.open - state.idle.len(),
            waiting: state.waiting,
            limit: Some(self.options.connections),
        }
    }

    fn close(&self) {
        self.state().open -= 1;
        self.freed.notify_one();
    }

    /// Number of lost connections. After each loss, the server may be a different one.
    pub(super) fn failover_epoch(&self) -> u64 {
        self.failover_epoch.load(Ordering::SeqCst)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
