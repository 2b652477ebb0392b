//! Names of settings that are of the moment: locks, and the mark of a copy.

/// Name of the setting that marks the target of a copy as incomplete.
pub(crate) const COPY_MARK: &str = "copy";
/// Prefix of the names of settings whose rows are locks.
pub(crate) const LOCK_PREFIX: &str = "lock ";

/// Whether a setting is a lock or the mark of a copy: they are neither copied nor in the digest.
pub(crate) fn is_transient(name: &str) -> bool {
    name == COPY_MARK || name.starts_with(LOCK_PREFIX)
}
