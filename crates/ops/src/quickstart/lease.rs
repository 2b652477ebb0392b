//! One process at a time makes the demo. No clocks are compared: whoever waits watches whether the holder still moves.

use std::time::{Duration, Instant};

use tollbook_store::{Store, StoreResult};

use crate::random;

const SETTING: &str = "lease quickstart";
/// How often the holder shows that it lives, at most.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long a holder that does not move is believed to live.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The right to go on with the demo. Dropped, it is given back; a process that was killed loses it after a while.
pub(super) struct Lease<'a> {
    store: &'a dyn Store,
    holder: String,
    beat: u64,
    renewed: Instant,
}

impl<'a> Lease<'a> {
    /// Waits for it.
    pub(super) fn wait(store: &'a dyn Store) -> StoreResult<Self> {
        let mut lease = Self { store, holder: random::token_lower(12), beat: 0, renewed: Instant::now() };
        let mut seen = (String::new(), Instant::now());
        loop {
            let mut transaction = store.begin()?;
            transaction.hold(SETTING)?;
            let held = transaction.setting(SETTING)?.unwrap_or_default();
            if held.is_empty() || (held == seen.0 && seen.1.elapsed() >= PATIENCE) {
                transaction.set_setting(SETTING, &lease.text())?;
                transaction.commit()?;
                lease.renewed = Instant::now();
                return Ok(lease);
            }
            drop(transaction);
            if held != seen.0 {
                if seen.0.is_empty() {
                    tracing::info!(
                        "another start is making the demo, or was until a moment ago: waiting for it"
                    );
                }
                seen = (held, Instant::now());
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Shows that the holder lives, if that is due; `false` if someone took it for dead meanwhile.
    pub(super) fn keep(&mut self) -> StoreResult<bool> {
        if self.renewed.elapsed() < HEARTBEAT {
            return Ok(true);
        }
        let before = self.text();
        self.beat += 1;
        let is_ours = self.replace(&before, &self.text())?;
        self.renewed = Instant::now();
        Ok(is_ours)
    }

    fn text(&self) -> String {
        format!("{} {}", self.holder, self.beat)
    }

    fn replace(&self, before: &str, after: &str) -> StoreResult<bool> {
        let mut transaction = self.store.begin()?;
        transaction.hold(SETTING)?;
        if transaction.setting(SETTING)?.as_deref() != Some(before) {
            return Ok(false);
        }
        transaction.set_setting(SETTING, after)?;
        transaction.commit()?;
        Ok(true)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        // What cannot be given back is taken by the next one, later.
        if let Err(error) = self.replace(&self.text(), "") {
            tracing::warn!(%error, "the lease of the demo is not given back");
        }
    }
}
