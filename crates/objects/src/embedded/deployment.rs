//! The deployment's id in the data directory. A server with another data directory would sign links that the
//! deployment's other servers cannot open, so it checks the id before it serves.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use crate::error::ObjectStoreError;
use crate::files::sync_directory;

/// The file that holds the id. It is beside the objects, so no key reaches it and no sweep removes it.
const FILE_NAME: &str = "deployment-id";

const ID_DIGITS: usize = 32;

/// The data directory is not the deployment's, or its id is unusable.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// The directory has the id of another deployment.
    #[error(
        "the objects directory {} belongs to another deployment: {} holds the id {found}, this deployment's is {expected}",
        directory.display(), file.display()
    )]
    Another {
        /// The directory of the objects.
        directory: PathBuf,
        /// The file that holds the id.
        file: PathBuf,
        /// The id in the file.
        found: String,
        /// The id in the database.
        expected: String,
    },
    /// The directory has no id, but the database has one: the id was created in another directory.
    #[error(
        "the objects directory {} is not the one that this deployment's other servers use: {} is missing; links made \
         by one server would not open at another: let all servers share one data directory or, if the old one is gone \
         for good and this one is to take its place, write the id {expected} into that file",
        directory.display(), file.display()
    )]
    NotShared {
        /// The directory of the objects.
        directory: PathBuf,
        /// The missing file.
        file: PathBuf,
        /// The id in the database.
        expected: String,
    },
    /// The file does not contain an id.
    #[error("{} does not contain a deployment id of {ID_DIGITS} hexadecimal digits", .0.display())]
    Damaged(PathBuf),
    /// The file cannot be read or created.
    #[error(transparent)]
    Store(#[from] ObjectStoreError),
}

/// The id of the deployment that a data directory belongs to.
#[derive(Debug)]
pub(super) struct DeploymentId {
    data_directory: PathBuf,
    /// The directory of the objects, for error texts.
    objects: PathBuf,
    /// The directory in which the file is written before it is moved to its place.
    temporary: PathBuf,
}

impl DeploymentId {
    pub(super) fn new(data_directory: PathBuf, objects: PathBuf, temporary: PathBuf) -> Self {
        Self { data_directory, objects, temporary }
    }

    /// See [`EmbeddedStore::identify`](super::EmbeddedStore::identify).
    pub(super) fn identify(&self, expected: Option<&str>, random: u128) -> Result<String, DeploymentError> {
        let Some(expected) = expected else {
            if self.read()?.is_none() {
                self.create(random)?;
            }
            // Another server may have created the file without having synced the directory yet.
            sync_directory(&self.data_directory)
                .map_err(ObjectStoreError::io("sync directory", &self.data_directory))?;
            let lost = || ObjectStoreError::io("read", &self.file())(io::ErrorKind::NotFound.into());
            return Ok(self.read()?.ok_or_else(lost)?);
        };
        let (directory, file, expected) = (self.objects.clone(), self.file(), expected.to_owned());
        match self.read()? {
            Some(found) if found == expected => Ok(found),
            Some(found) => Err(DeploymentError::Another { directory, file, found, expected }),
            None => Err(DeploymentError::NotShared { directory, file, expected }),
        }
    }

    /// The id in the data directory, `None` if there is none or it cannot be read.
    pub(super) fn recorded(&self) -> Option<String> {
        self.read().ok().flatten()
    }

    fn file(&self) -> PathBuf {
        self.data_directory.join(FILE_NAME)
    }

    fn read(&self) -> Result<Option<String>, DeploymentError> {
        let path = self.file();
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

    /// Writes the file atomically, unless another server has created it.
    fn create(&self, random: u128) -> Result<(), ObjectStoreError> {
        let path = self.file();
        // After a crash the temporary file is cleared with its folder.
        let mut file = tempfile::NamedTempFile::new_in(&self.temporary)
            .map_err(ObjectStoreError::io("create a file in", &self.temporary))?;
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

    use super::*;

    const ID: &str = "000000000000000000000000000000ab";

    fn id_in(directory: &Path) -> DeploymentId {
        let temporary = directory.join("spool");
        fs::create_dir_all(&temporary).expect("directory");
        DeploymentId::new(directory.to_owned(), directory.join("objects"), temporary)
    }

    fn text(error: &DeploymentError, directory: &Path) -> String {
        error.to_string().replace(&directory.display().to_string(), "DATA")
    }

    #[test]
    fn the_first_start_creates_the_id_and_later_starts_keep_it() {
        let directory = tempfile::tempdir().expect("directory");
        let first = id_in(directory.path());
        assert_eq!(first.identify(None, 0xab).expect("made"), ID);
        assert_eq!(first.identify(None, 1).expect("kept"), ID);
        assert_eq!(id_in(directory.path()).identify(Some(ID), 2).expect("expected"), ID);
        assert_eq!(fs::read_dir(&first.temporary).expect("list").count(), 0);
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
                let id = id_in(directory.path());
                barrier.wait();
                id.identify(None, random).expect("id")
            };
            let ids = std::thread::scope(|scope| {
                let servers = [1, 2, 3].map(|random| scope.spawn(move || start(random)));
                servers.map(|server| server.join().expect("server"))
            });
            assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
            assert_eq!(id_in(directory.path()).identify(None, 4).expect("id"), ids[0]);
        }
    }

    #[test]
    fn the_directory_of_another_deployment_is_refused() {
        let directory = tempfile::tempdir().expect("directory");
        let id = id_in(directory.path());
        id.identify(None, 0xab).expect("made");
        let expected = "00000000000000000000000000000001";
        let error = id.identify(Some(expected), 1).expect_err("another");
        assert_eq!(
            text(&error, directory.path()),
            format!(
                "the objects directory DATA/objects belongs to another deployment: DATA/deployment-id holds the id \
                 {ID}, this deployment's is {expected}"
            )
        );
        assert_eq!(id.identify(None, 1).expect("untouched"), ID);
    }

    #[test]
    fn a_directory_without_id_is_refused_until_the_operator_writes_it() {
        let directory = tempfile::tempdir().expect("directory");
        let id = id_in(directory.path());
        let error = id.identify(Some(ID), 1).expect_err("missing");
        assert_eq!(
            text(&error, directory.path()),
            format!(
                "the objects directory DATA/objects is not the one that this deployment's other servers use: \
                 DATA/deployment-id is missing; links made by one server would not open at another: let all servers \
                 share one data directory or, if the old one is gone for good and this one is to take its place, \
                 write the id {ID} into that file"
            )
        );
        assert!(!directory.path().join(FILE_NAME).exists(), "nothing is created");
        fs::write(directory.path().join(FILE_NAME), format!("{ID}\r\n")).expect("write");
        assert_eq!(id.identify(Some(ID), 1).expect("written"), ID);
    }

    #[test]
    fn a_damaged_id_is_reported_and_not_replaced() {
        let directory = tempfile::tempdir().expect("directory");
        let id = id_in(directory.path());
        let path = directory.path().join(FILE_NAME);
        for content in
            ["", "ab", "0000000000000000000000000000000g", &format!("{ID}0"), &format!("{ID} {ID}")]
        {
            fs::write(&path, content).expect("write");
            for expected in [None, Some(ID)] {
                let error = id.identify(expected, 1).expect_err("damaged");
                assert!(matches!(&error, DeploymentError::Damaged(file) if *file == path), "{error:?}");
            }
            assert_eq!(fs::read_to_string(&path).expect("read"), content);
        }
        fs::write(&path, b"\xff\xfe").expect("write");
        assert!(matches!(id.identify(None, 1), Err(DeploymentError::Damaged(_))));
    }
}
