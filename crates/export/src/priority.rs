//! The priority of threads that must not slow down requests: those of exports and of the self-check.

/// Niceness of such threads; the maximum is 19. The scheduler of Linux gives such a thread about a tenth of the time of
/// an ordinary thread while both are runnable, and all of an idle processor.
const NICENESS: i32 = 10;

/// Lowers the priority of the calling thread. Only a privileged process can raise it again, so the thread must not be
/// reused for other work. Does nothing on systems other than Linux, where niceness applies to the whole process.
pub fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "lowering the priority of a thread failed");
    }
}
