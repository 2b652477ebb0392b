//! Retention: removing the objects that have been kept long enough. It follows no symbolic link and touches nothing
//! outside of `objects/`. Several servers may sweep one directory at once: each object is counted by the one that
//! removed it.

use std::fs;
use std::io;
use std::path::Path;

use super::{EmbeddedStore, etag_file_name, modified_unix_s};
use crate::files::{is_gone, remove_if_there};
use crate::store::{ObjectStoreError, Swept};

impl EmbeddedStore {
    /// Removes the objects written before `limit_unix_s`, and directories left empty. Goes on after an error and
    /// returns the first.
    pub(super) fn sweep_older_than(&self, limit_unix_s: i64) -> Result<Swept, ObjectStoreError> {
        let mut sweep = Sweep { store: self, limit_unix_s, swept: Swept::default(), first_error: None };
        let root = &self.root;
        sweep.directory(root);
        sweep.first_error.map_or(Ok(sweep.swept), Err)
    }
}

struct Sweep<'a> {
    store: &'a EmbeddedStore,
    limit_unix_s: i64,
    swept: Swept,
    first_error: Option<ObjectStoreError>,
}

impl Sweep<'_> {
    /// Keys are at most 512 bytes long, so directories are not nested deeper than a stack bears.
    fn directory(&mut self, path: &Path) {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.note("list", path, error),
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(&entry),
                Err(error) => self.note("list", path, error),
            }
        }
    }

    fn entry(&mut self, entry: &fs::DirEntry) {
        let path = entry.path();
        // Neither asks what a symbolic link points to.
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => {
                self.directory(&path);
                let _layout = self.store.lock_layout();
                // Refused by the system unless it is empty.
                let _ = fs::remove_dir(&path);
            }
            Ok(metadata) => self.file(&path, &metadata),
            Err(error) => self.note("look at", &path, error),
        }
    }

    fn file(&mut self, path: &Path, metadata: &fs::Metadata) {
        match modified_unix_s(metadata) {
            Ok(modified) if modified < self.limit_unix_s => {}
            Ok(_) => return,
            Err(error) => return self.note("date", path, error),
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            // An ETag goes with its object, whose date may be later; one without object is a killed put's.
            let owner = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".etag"));
            if owner.is_some_and(|owner| path.with_file_name(owner).symlink_metadata().is_ok()) {
                return;
            }
        }
        if let Err(error) = fs::remove_file(path) {
            return self.note("remove object", path, error);
        }
        if !name.starts_with('.') {
            self.swept.objects += 1;
            self.swept.bytes += metadata.len();
            let etag = path.with_file_name(etag_file_name(&name));
            if let Err(error) = remove_if_there(&etag) {
                self.note("remove", &etag, error);
            }
        }
    }

    /// A file that is gone was removed by somebody else, which is what we want. One that is busy was removed while
    /// it is read: a network file system keeps it under a hidden name until then.
    fn note(&mut self, doing: &'static str, path: &Path, error: io::Error) {
        let is_busy = error.kind() == io::ErrorKind::ResourceBusy;
        if !is_gone(&error) && !is_busy && self.first_error.is_none() {
            self.first_error = Some(ObjectStoreError::io(doing, path)(error));
        }
    }
}
