//! Operations on files and directories that other servers of the deployment change at the same time.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error::ObjectStoreError;

/// Whether the error says that another server removed the file first. A network file system has an error of its own for
/// files that were open or listed here.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle)
}

/// As `create_dir_all`; new directories are accessible to their owner alone.
pub(crate) fn make_directories(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes and syncs a file.
pub(crate) fn write_durably(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Makes the names in a directory durable. On systems other than Unix a directory cannot be opened for that.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Removes a file. Returns whether it existed.
pub(crate) fn remove_if_present(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if is_gone(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The files in a directory, without its subdirectories. A directory that does not exist has none.
pub(crate) fn files_in(directory: &Path) -> Result<Vec<PathBuf>, ObjectStoreError> {
    let list = || {
        let mut files = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {}
                Ok(_) => files.push(entry.path()),
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    };
    match list() {
        Err(error) if is_gone(&error) => Ok(Vec::new()),
        listed => listed.map_err(ObjectStoreError::io("list", directory)),
    }
}
