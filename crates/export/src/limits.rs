//! How many exports a server builds and how long it lets others wait.

use std::time::Duration;

/// What exports may take of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportLimits {
    /// Built at a time; background jobs are among them.
    pub at_once: usize,
    /// Waiting for their turn, of all companies.
    pub waiting: usize,
    /// Waiting for their turn, of one company.
    pub waiting_per_company: usize,
    /// Longest wait for a turn.
    pub queue: Duration,
    /// Longest wait for the link, that for the turn included. Published clients give up after 30 to 60 seconds
    /// (docs/WIRE.md, "Timeouts and retries").
    pub answer: Duration,
    /// Threads that format and compress one export; 0 for as many as there are cores.
    pub threads: usize,
    /// Background jobs of one company that have not ended.
    pub jobs_per_company: i64,
}

impl Default for ExportLimits {
    fn default() -> Self {
        Self {
            at_once: 2,
            waiting: 16,
            waiting_per_company: 8,
            queue: Duration::from_secs(15),
            answer: Duration::from_secs(28),
            threads: 0,
            jobs_per_company: 16,
        }
    }
}

impl ExportLimits {
    /// Threads that format and compress one export.
    pub fn encoders(&self) -> std::num::NonZeroUsize {
        std::num::NonZeroUsize::new(self.threads)
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(std::num::NonZeroUsize::MIN)
    }
}
