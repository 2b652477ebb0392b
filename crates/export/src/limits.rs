//! How many exports a server builds at once, and how long requests may wait.

use std::time::Duration;

/// Limits on exports of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportLimits {
    /// Exports built at once, background jobs included.
    pub at_once: usize,
    /// Queued exports of all companies.
    pub waiting: usize,
    /// Queued exports of one company.
    pub waiting_per_company: usize,
    /// Longest time in the queue.
    pub queue: Duration,
    /// Longest wait for the link, time in the queue included. Published clients time out after 30 to 60 seconds
    /// (docs/WIRE.md, "Timeouts and retries").
    pub answer: Duration,
    /// Threads that format and compress one export; 0 for the number of cores.
    pub threads: usize,
    /// Unfinished background jobs of one company.
    pub jobs_per_company: i64,
    /// Most bytes of files that are kept for one company; beyond it, its oldest files are deleted.
    pub company_bytes: i64,
    /// Most bytes of files that are kept for all companies; beyond it, the oldest files of the company with the most bytes
    /// are deleted.
    pub total_bytes: i64,
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
            company_bytes: 4 << 30,
            total_bytes: 32 << 30,
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
