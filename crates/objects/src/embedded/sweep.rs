//! Removes objects after their retention. Symbolic links are not followed, and nothing outside `objects/` is changed.
//! Several servers may sweep one directory at once; each object is counted by the server that removed it.

use std::fs;
use std::io;
use std::path::Path;

use super::directory::{ObjectDirectory, etag_file_name, modified_unix_s};
use crate::error::ObjectStoreError;
use crate::files::{is_gone, remove_if_present};
use crate::store::Swept;

/// Removes the objects stored before `limit_unix_s`, and directories that are then empty. Continues after an error and
/// returns the first one.
pub(super) fn sweep_older_than(
    objects: &ObjectDirectory,
    limit_unix_s: i64,
) -> Result<Swept, ObjectStoreError> {
    let mut sweep = Sweep { objects, limit_unix_s, swept: Swept::default(), first_error: None };
    sweep.directory(objects.root());
    sweep.first_error.map_or(Ok(sweep.swept), Err)
}

struct Sweep<'a> {
    objects: &'a ObjectDirectory,
    limit_unix_s: i64,
    swept: Swept,
    first_error: Option<ObjectStoreError>,
}

impl Sweep<'_> {
    /// Recursion is bounded: keys have at most 512 bytes.
    fn directory(&mut self, path: &Path) {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.record("list", path, error),
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(&entry),
                Err(error) => self.record("list", path, error),
            }
        }
    }

    fn entry(&mut self, entry: &fs::DirEntry) {
        let path = entry.path();
        // `DirEntry::metadata` does not follow symbolic links.
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => {
                self.directory(&path);
                let _layout = self.objects.lock_layout();
                // Fails unless the directory is empty.
                let _ = fs::remove_dir(&path);
            }
            Ok(metadata) => self.file(&path, &metadata),
            Err(error) => self.record("inspect", &path, error),
        }
    }

    fn file(&mut self, path: &Path, metadata: &fs::Metadata) {
        match modified_unix_s(metadata) {
            Ok(modified) if modified < self.limit_unix_s => {}
            Ok(_) => return,
            Err(error) => return self.record("date", path, error),
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            // An ETag is removed with its object, which may be younger; an ETag without object is left by a crash.
            let owner = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".etag"));
            if owner.is_some_and(|owner| path.with_file_name(owner).symlink_metadata().is_ok()) {
                return;
            }
        }
        if let Err(error) = fs::remove_file(path) {
            return self.record("remove object", path, error);
        }
        if !name.starts_with('.') {
            self.swept.objects += 1;
            self.swept.bytes += metadata.len();
            let etag = path.with_file_name(etag_file_name(&name));
            if let Err(error) = remove_if_present(&etag) {
                self.record("remove", &etag, error);
            }
        }
    }

    /// Keeps the first error. A missing file was removed by another server and is no error. Nor is a busy file, which
    /// was removed while it is read: a network file system keeps it under a hidden name until it is closed.
    fn record(&mut self, doing: &'static str, path: &Path, error: io::Error) {
        let is_busy = error.kind() == io::ErrorKind::ResourceBusy;
        if !is_gone(&error) && !is_busy && self.first_error.is_none() {
            self.first_error = Some(ObjectStoreError::io(doing, path)(error));
        }
    }
}
