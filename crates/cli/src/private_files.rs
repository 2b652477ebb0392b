//! The modes of what operator commands write: only the user of the process may read it, whatever its umask is
//! (docs/OPERATIONS.md, "Files and their modes").

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::Mode;

/// The permissions that no new file has.
const GROUP_AND_OTHERS: u32 = 0o077;
const STICKY: u32 = 0o1000;
/// What a data directory consists of, besides names that begin with `tollbook`.
const OWN_NAMES: [&str; 6] = ["audit", "deployment-id", "marks", "master.key", "objects", "spool"];

/// Makes every file and directory that this process creates accessible to its user alone.
pub(crate) fn restrict_new_files() {
    rustix::process::umask(Mode::from_raw_mode(GROUP_AND_OTHERS));
}

/// Creates the data directory if it is absent. One that is accessible to others is closed, unless it has files of other
/// programs: they may need it as it is.
pub(crate) fn create_data_directory(path: &Path) -> io::Result<()> {
    create(path, is_ours)
}

/// Creates a directory inside the data directory if it is absent, and closes it if it is accessible to others.
pub(crate) fn create_own_directory(path: &Path) -> io::Result<()> {
    create(path, |_| Ok(true))
}

fn create(path: &Path, is_ours: impl Fn(&Path) -> io::Result<bool>) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o7777;
    if mode & GROUP_AND_OTHERS == 0 {
        return Ok(());
    }
    let directory = path.display();
    let closed = if mode & STICKY != 0 || !is_ours(path)? {
        Err("it has files of other programs".to_owned())
    } else {
        let private = Permissions::from_mode(mode & !GROUP_AND_OTHERS);
        std::fs::set_permissions(path, private).map_err(|error| error.to_string())
    };
    let mode = format!("{mode:o}");
    match closed {
        Ok(()) => {
            tracing::warn!(%directory, mode, "the directory was accessible to other users; it is closed now");
        }
        Err(reason) => tracing::warn!(
            %directory,
            mode,
            reason,
            "the directory is accessible to other users and was left so; its own files are not"
        ),
    }
    Ok(())
}

/// Whether everything in a directory belongs to a deployment.
fn is_ours(path: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with("tollbook") && !name.starts_with(".master-key-") && !OWN_NAMES.contains(&&*name)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode_after(names: &[&str], mode: u32) -> u32 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        std::fs::create_dir(&path).unwrap();
        for name in names {
            std::fs::write(path.join(name), "").unwrap();
        }
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        create_data_directory(&path).unwrap();
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_directory_of_a_deployment_is_closed() {
        assert_eq!(mode_after(&[], 0o755), 0o700);
        assert_eq!(mode_after(&["tollbook.db", "tollbook.db-wal", "master.key", "spool"], 0o775), 0o700);
        assert_eq!(mode_after(&["tollbook.db"], 0o2750), 0o2700);
        assert_eq!(mode_after(&["tollbook.db"], 0o500), 0o500);
    }

    #[test]
    fn a_directory_that_others_use_is_left_as_it_is() {
        assert_eq!(mode_after(&["tollbook.db", "notes.txt"], 0o755), 0o755);
        assert_eq!(mode_after(&[], 0o1777), 0o1777);
    }
}
