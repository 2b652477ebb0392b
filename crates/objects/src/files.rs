//! What the store's parts do with files and directories that other servers of the deployment change at the same time.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::store::ObjectStoreError;

/// Whether the error says that another server removed the file first. A network file system says so with an error of
/// its own when the file was open or listed here.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle)
}

/// As `create_dir_all`; new directories are their owner's alone.
pub(crate) fn make_directories(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

pub(crate) fn write_durably(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Makes the names in a directory durable. Systems other than Unix do not let a directory be opened for it.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Removes a file and tells whether it was there.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if is_gone(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The files in a directory, without the directories in it. A directory that is gone has none.
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
