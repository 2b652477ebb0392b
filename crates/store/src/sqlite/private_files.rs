//! The modes of the database file and of the files beside it: only their owner may read or lock them, whatever the umask
//! of the process and the modes of the directory are.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::failure::of_io;
use crate::error::StoreResult;

/// Only the owner of a file may read and write it.
const OWNER_ONLY: u32 = 0o600;

/// Creates the database file if it is absent, and takes the permissions of group and others off it and off the files
/// beside it. SQLite gives the files that it creates later the mode and the owner of the database file; here the lock files
/// get them, so that a command of root does not keep the owner's server from writing.
pub(super) fn make_private(database: &Path, companions: &[&str], lock_files: &[&str]) -> StoreResult<()> {
    match File::options().write(true).create_new(true).mode(OWNER_ONLY).open(database) {
        // An empty file is a new database to SQLite.
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        // SQLite reports what is wrong with the path.
        Err(error) if error.kind() != io::ErrorKind::StorageFull => return Ok(()),
        Err(error) => return Err(of_io(error)),
    }
    tighten(database);
    let beside = |suffix: &&str| {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    for path in companions.iter().map(beside) {
        tighten(&path);
    }
    for path in lock_files.iter().map(beside) {
        give_to_owner_of(database, &path);
    }
    Ok(())
}

/// Creates a file if it is absent, and gives it the owner of the database. Only root can; for any other user both have one
/// owner already, or nothing changes.
fn give_to_owner_of(database: &Path, path: &Path) {
    let created = File::options().write(true).create(true).truncate(false).mode(OWNER_ONLY).open(path);
    let (Ok(file), Ok(database)) = (created, std::fs::metadata(database)) else { return };
    if file.metadata().is_ok_and(|file| file.uid() != database.uid()) {
        let given = std::os::unix::fs::fchown(&file, Some(database.uid()), Some(database.gid()));
        if let Err(error) = given {
            tracing::warn!(%error, file = %path.display(), "the file belongs to another user than the database");
        }
    }
}

/// Takes the permissions of group and others off a file. Only its owner can; for another user of the file nothing changes.
fn tighten(path: &Path) {
    let Ok(metadata) = std::fs::metadata(path) else { return };
    if !metadata.is_file() || !is_exposed(&metadata) {
        return;
    }
    let mode = metadata.mode() & 0o7777;
    match std::fs::set_permissions(path, Permissions::from_mode(mode & 0o700)) {
        Ok(()) => tracing::warn!(
            file = %path.display(),
            mode = format!("{mode:o}"),
            "the file was accessible to other users; it is its owner's alone now"
        ),
        Err(error) => tracing::warn!(
            %error,
            file = %path.display(),
            mode = format!("{mode:o}"),
            "the file is accessible to other users; its owner should take the permissions off it"
        ),
    }
}

fn is_exposed(metadata: &Metadata) -> bool {
    metadata.mode() & 0o077 != 0
}
