//! Whether the data directory is the deployment's: a server with another one would make links that the deployment's
//! other servers cannot open, so it must find out before it makes any.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::EmbeddedStore;
use crate::files::sync_directory;
use crate::store::ObjectStoreError;

/// Beside the objects, so that no key reaches it and no sweep removes it.
pub(super) const FILE_NAME: &str = "deployment-id";

const ID_DIGITS: usize = 32;

/// Why a server must not serve from its data directory.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// The directory has another deployment's id.
    #[error(
        "the objects directory {} belongs to another deployment: {} holds the id {found}, this deployment's is {expected}",
        directory.display(), file.display()
    )]
    Another {
        /// Of the objects.
        directory: PathBuf,
        /// That holds the id.
        file: PathBuf,
        /// The id in it.
        found: String,
        /// The id that the database has.
        expected: String,
    },
    /// The directory has no id, but the deployment has: it is not the directory in which the id was made.
    #[error(
        "the objects directory {} is not the one that this deployment's other servers use: {} is missing; links made \
         by one server would not open at another: let all servers share one data directory or, if the old one is gone \
         for good and this one is to take its place, write the id {expected} into that file",
        directory.display(), file.display()
    )]
    NotShared {
        /// Of the objects.
        directory: PathBuf,
        /// That is missing.
        file: PathBuf,
        /// The id that the database has.
        expected: String,
    },
    /// The file with the id holds something else.
    #[error("{} does not hold a deployment's id, which is {ID_DIGITS} hexadecimal digits", .0.display())]
    Damaged(PathBuf),
    /// The file could not be read or made.
    #[error(transparent)]
    Store(#[from] ObjectStoreError),
}

impl EmbeddedStore {
    /// The deployment's id as the data directory holds it, if it is the `expected` one.
    ///
    /// `expected` is what the deployment's database has recorded, `None` before the first start. Only then is a
    /// missing id made, from `random`, 128 bits of the caller's source of randomness. Servers that start at once on
    /// one directory get the same id; those on different directories do not, so a caller that records an id must
    /// check the one that came to be recorded.
    ///
    /// # Errors
    ///
    /// [`DeploymentError`].
    pub fn identify(&self, expected: Option<&str>, random: u128) -> Result<String, DeploymentError> {
        let file = || self.data_directory.join(FILE_NAME);
        let Some(expected) = expected else {
            if self.read_id()?.is_none() {
                self.make_id(random)?;
            }
            // Also when another server made it, as that one may not have come to do so yet.
            sync_directory(&self.data_directory)
                .map_err(ObjectStoreError::io("sync directory", &self.data_directory))?;
            let made = self.read_id()?;
            let lost = || ObjectStoreError::io("read", &file())(io::ErrorKind::NotFound.into());
            return Ok(made.ok_or_else(lost)?);
        };
        let (directory, expected) = (self.root.clone(), expected.to_owned());
        match self.read_id()? {
            Some(found) if found == expected => Ok(found),
            Some(found) => Err(DeploymentError::Another { directory, file: file(), found, expected }),
            None => Err(DeploymentError::NotShared { directory, file: file(), expected }),
        }
    }

    /// The id in the data directory, if there is one that can be read.
    pub(super) fn identified(&self) -> Option<String> {
        self.read_id().ok().flatten()
    }

    fn read_id(&self) -> Result<Option<String>, DeploymentError> {
        let path = self.data_directory.join(FILE_NAME);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ObjectStoreError::io("read", &path)(error).into()),
        };
        // An operator's editor may have added a line end.
        match bytes.trim_ascii() {
            id if id.len() == ID_DIGITS && id.iter().all(u8::is_ascii_hexdigit) => {
                Ok(Some(String::from_utf8_lossy(id).into_owned()))
            }
            _ => Err(DeploymentError::Damaged(path)),
        }
    }

    /// Whole or not at all, and never over another server's.
    fn make_id(&self, random: u128) -> Result<(), ObjectStoreError> {
        let path = self.data_directory.join(FILE_NAME);
        // What a killed server leaves of it is cleared with its folder.
        let mut file = tempfile::NamedTempFile::new_in(self.spool.folder())
            .map_err(ObjectStoreError::io("create a file in", self.spool.folder()))?;
        writeln!(file, "{random:032x}").map_err(ObjectStoreError::io("write", file.path()))?;
        file.as_file().sync_all().map_err(ObjectStoreError::io("sync", file.path()))?;
        match file.persist_noclobber(&path) {
            Err(refused) if refused.error.kind() != io::ErrorKind::AlreadyExists => {
                Err(ObjectStoreError::io("write", &path)(refused.error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Barrier;

    use super::super::tests::store;
    use super::*;

    const ID: &str = "000000000000000000000000000000ab";

    fn text(error: &DeploymentError, directory: &Path) -> String {
        error.to_string().replace(&directory.display().to_string(), "DATA")
    }

    #[test]
    fn the_first_start_makes_the_id_and_later_ones_keep_it() {
        let directory = tempfile::tempdir().expect("directory");
        let first = store(directory.path());
        assert_eq!(first.identify(None, 0xab).expect("made"), ID);
        assert_eq!(first.identify(None, 1).expect("kept"), ID);
        assert_eq!(store(directory.path()).identify(Some(ID), 2).expect("expected"), ID);
        assert_eq!(fs::read_dir(first.spool.folder()).expect("list").count(), 0);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let metadata = fs::metadata(directory.path().join(FILE_NAME)).expect("metadata");
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn servers_that_start_at_once_get_one_id() {
        for _ in 0..20 {
            let directory = tempfile::tempdir().expect("directory");
            let barrier = Barrier::new(3);
            let start = |random| {
                let store = store(directory.path());
                barrier.wait();
                store.identify(None, random).expect("id")
            };
            let ids = std::thread::scope(|scope| {
                let servers = [1, 2, 3].map(|random| scope.spawn(move || start(random)));
                servers.map(|server| server.join().expect("server"))
            });
            assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
            assert_eq!(store(directory.path()).identify(None, 4).expect("id"), ids[0]);
        }
    }

    #[test]
    fn another_deployments_directory_is_refused() {
        let directory = tempfile::tempdir().expect("directory");
        let store = store(directory.path());
        store.identify(None, 0xab).expect("made");
        let expected = "00000000000000000000000000000001";
        let error = store.identify(Some(expected), 1).expect_err("another");
        assert_eq!(
            text(&error, directory.path()),
            format!(
                "the objects directory DATA/objects belongs to another deployment: DATA/deployment-id holds the id \
                 {ID}, this deployment's is {expected}"
            )
        );
        assert_eq!(store.identify(None, 1).expect("untouched"), ID);
    }

    #[test]
    fn a_directory_without_id_is_refused_until_the_operator_writes_it() {
        let directory = tempfile::tempdir().expect("directory");
        let store = store(directory.path());
        let error = store.identify(Some(ID), 1).expect_err("missing");
        assert_eq!(
            text(&error, directory.path()),
            format!(
                "the objects directory DATA/objects is not the one that this deployment's other servers use: \
                 DATA/deployment-id is missing; links made by one server would not open at another: let all servers \
                 share one data directory or, if the old one is gone for good and this one is to take its place, \
                 write the id {ID} into that file"
            )
        );
        assert!(!directory.path().join(FILE_NAME).exists(), "nothing is made");
        fs::write(directory.path().join(FILE_NAME), format!("{ID}\r\n")).expect("write");
        assert_eq!(store.identify(Some(ID), 1).expect("written"), ID);
    }

    #[test]
    fn a_damaged_id_is_told_and_not_replaced() {
        let directory = tempfile::tempdir().expect("directory");
        let store = store(directory.path());
        let path = directory.path().join(FILE_NAME);
        for content in
            ["", "ab", "0000000000000000000000000000000g", &format!("{ID}0"), &format!("{ID} {ID}")]
        {
            fs::write(&path, content).expect("write");
            for expected in [None, Some(ID)] {
                let error = store.identify(expected, 1).expect_err("damaged");
                assert!(matches!(&error, DeploymentError::Damaged(told) if *told == path), "{error:?}");
            }
            assert_eq!(fs::read_to_string(&path).expect("read"), content);
        }
        fs::write(&path, b"\xff\xfe").expect("write");
        assert!(matches!(store.identify(None, 1), Err(DeploymentError::Damaged(_))));
    }
}
