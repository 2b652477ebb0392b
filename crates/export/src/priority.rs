//! Threads that must not be felt by those who wait for an answer.

/// How much nicer than others a background thread is; of 19 the most. The scheduler of Linux then gives it about a
/// tenth of what an ordinary thread gets while both want the processor, and all of it while nobody else does.
const NICENESS: i32 = 10;

/// Lets the calling thread step back behind others. On Linux niceness is a thread's own; elsewhere it would be the
/// whole process's, so there nothing is done. It cannot be taken back without privileges: only for threads of one's own.
pub(crate) fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "a background thread keeps its priority");
    }
}
