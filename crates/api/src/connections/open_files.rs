//! The process's limit of open files, which bounds the number of connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are kept for the database, exports and downloads, at least.
const RESERVED: u64 = 256;

/// Raises the limit of open files to what the system allows, and returns it.
pub(super) fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = if limit.current == limit.maximum || setrlimit(Resource::Nofile, raised).is_err() {
        limit.current
    } else {
        limit.maximum
    };
    // No value means no limit.
    current.unwrap_or(u64::MAX)
}

/// The number of connections that fit into a limit of open files: an eighth of it, and at least [`RESERVED`], is for
/// other files. Every process serves a few.
pub(super) fn connections_within(open_files: u64) -> usize {
    let others = RESERVED.max(open_files / 8);
    usize::try_from(open_files.saturating_sub(others).max(16)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_rest() {
        for (open_files, connections) in [(64, 16), (1_024, 768), (4_096, 3_584), (1 << 20, 917_504)] {
            assert_eq!(connections_within(open_files), connections);
        }
    }
}
