//! The signals that stop a server in order. SIGHUP is one of them, and a supervisor starts the server again with the
//! configuration of that moment; of a server with TLS, SIGHUP makes it read its certificate again.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Bit of SIGHUP in a mask of signals.
const HANGUP_MASK: u64 = 1;

/// Signals, received from when it was made.
pub(super) struct StopSignals(Vec<(&'static str, Signal)>);

impl StopSignals {
    /// Receives SIGTERM, SIGINT and, unless it has another meaning, SIGHUP. A SIGHUP that the process was started to ignore,
    /// as by `nohup`, is ignored further.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn new(stops_at_hangup: bool) -> std::io::Result<Self> {
        let mut signals =
            vec![("SIGTERM", signal(SignalKind::terminate())?), ("SIGINT", signal(SignalKind::interrupt())?)];
        if stops_at_hangup && !is_hangup_ignored() {
            signals.push(("SIGHUP", signal(SignalKind::hangup())?));
        }
        Ok(Self(signals))
    }

    /// SIGHUP alone, for what is to be read again.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn hangup() -> std::io::Result<Self> {
        Ok(Self(vec![("SIGHUP", signal(SignalKind::hangup())?)]))
    }

    /// The name of the next signal.
    pub(super) async fn next(&mut self) -> &'static str {
        poll_fn(|context| {
            let received = self.0.iter_mut().find_map(|(name, signal)| {
                let received = pin!(signal.recv()).as_mut().poll(context);
                matches!(received, Poll::Ready(Some(()))).then_some(*name)
            });
            received.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Whether the process ignores SIGHUP. Where that cannot be read, it does not.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & HANGUP_MASK != 0)
}
