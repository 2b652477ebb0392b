//! The files of an SQLite database are accessible to their owner alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use std::fs::{Permissions, metadata, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tollbook_store::{COMPANION_SUFFIXES, Store, StoreOptions, open_sqlite};

const NAME: &str = "tollbook.db";

/// The mode of each file of the database, by its suffix.
fn modes(directory: &Path) -> Vec<(&'static str, u32)> {
    let mode = |suffix: &'static str| {
        let path = directory.join(format!("{NAME}{suffix}"));
        (suffix, metadata(path).unwrap().permissions().mode() & 0o7777)
    };
    [""].into_iter().chain(COMPANION_SUFFIXES).map(mode).collect()
}

fn write(store: &dyn Store, value: &str) {
    let mut transaction = store.begin().unwrap();
    transaction.set_setting("test", value).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn database_and_lock_files_are_their_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    // Otherwise every user that may search the directory could open the files.
    set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let path = directory.path().join(NAME);
    let private: Vec<_> = [""].into_iter().chain(COMPANION_SUFFIXES).map(|suffix| (suffix, 0o600)).collect();
    let store = open_sqlite(&path, &StoreOptions::default()).unwrap();
    write(&*store, "a");
    assert_eq!(modes(directory.path()), private);
    // An earlier version made them with the modes of the umask.
    for suffix in [""].into_iter().chain(COMPANION_SUFFIXES) {
        set_permissions(directory.path().join(format!("{NAME}{suffix}")), Permissions::from_mode(0o664))
            .unwrap();
    }
    let again = open_sqlite(&path, &StoreOptions::default()).unwrap();
    assert_eq!(modes(directory.path()), private);
    write(&*again, "b");
    assert_eq!(store.snapshot().unwrap().setting("test").unwrap().as_deref(), Some("b"));
}
