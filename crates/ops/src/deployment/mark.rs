//! The mark: a file in the data directory that remembers how far a database was when this directory's processes last
//! wrote to it. If the database has a lower number at a start, its write-ahead log was lost, or an older copy was put in
//! its place; if it has another id or none, it is another database, or was emptied.

use std::fs::DirBuilder;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tollbook_store::DeploymentState;

use crate::audit::AuditMemory;

/// The folder of marks in the data directory: one file for each database.
const FOLDER: &str = "marks";
/// The folder of the ends of audit logs: one folder for each database.
const AUDIT_FOLDER: &str = "audit";
/// Shortest time between two marks of a process.
const INTERVAL: Duration = Duration::from_secs(1);

/// What a mark file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkContent {
    /// The database, without a password.
    #[serde(rename = "Database")]
    pub database: String,
    /// The id of the deployment.
    #[serde(rename = "DeploymentID")]
    pub deployment_id: String,
    /// The number of the last commit that was remembered.
    #[serde(rename = "Mark")]
    pub mark_no: i64,
}

/// What a mark tells about a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkFault {
    /// There is no database any longer.
    #[error(
        "the database {database} is missing or empty, but this data directory has used it up to mark {mark_no}. \
         Restore it, or, to begin a new deployment on purpose, delete {file}"
    )]
    Missing {
        /// The database.
        database: String,
        /// The number in the file.
        mark_no: i64,
        /// The file.
        file: PathBuf,
    },
    /// It is another one.
    #[error(
        "the database {database} belongs to another deployment than the one that this data directory has used in its \
         place. Restore that one, or, to use this one on purpose, run `tollbook deployment adopt --yes`"
    )]
    Other {
        /// The database.
        database: String,
    },
    /// It lacks commits that it had.
    #[error(
        "the database {database} is at mark {found}, but was at {mark_no}: its write-ahead log was lost, or an older \
         copy was put in its place, and what was written since is missing. Restore the newest state, or, to use this \
         one on purpose, run `tollbook deployment adopt --yes`"
    )]
    Older {
        /// The database.
        database: String,
        /// The number in the database.
        found: i64,
        /// The number in the file.
        mark_no: i64,
    },
}

/// The mark of one database in one data directory.
pub struct Mark {
    database: String,
    file: PathBuf,
    audit_folder: PathBuf,
    last: Mutex<Option<Instant>>,
}

impl Mark {
    /// The mark of a database, given by its name without a password, in a data directory.
    pub fn new(data_directory: &Path, database: &str) -> Self {
        let digest = hex::encode(&Sha256::digest(database.as_bytes())[..8]);
        let file = data_directory.join(FOLDER).join(format!("{digest}.json"));
        let audit_folder = data_directory.join(AUDIT_FOLDER).join(digest);
        Self { database: database.to_owned(), file, audit_folder, last: Mutex::new(None) }
    }

    /// What this data directory remembers of the database's audit log.
    pub fn audit(&self) -> AuditMemory {
        AuditMemory::new(self.audit_folder.clone())
    }

    /// The databases of which a data directory has marks.
    pub fn databases(data_directory: &Path) -> Vec<String> {
        let files = std::fs::read_dir(data_directory.join(FOLDER)).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            files.filter_map(|entry| read(&entry.path())).map(|content| content.database).collect();
        names.sort();
        names
    }

    /// What the file holds; `None` if there is none, or if it was cut short by a crash.
    pub fn content(&self) -> Option<MarkContent> {
        read(&self.file).filter(|content| content.database == self.database)
    }

    /// The error for a database that is missing, if this directory has used it.
    ///
    /// # Errors
    /// [`MarkFault::Missing`].
    pub fn refuse_missing(&self) -> Result<(), MarkFault> {
        match self.content() {
            None => Ok(()),
            Some(content) => Err(MarkFault::Missing {
                database: content.database,
                mark_no: content.mark_no,
                file: self.file.clone(),
            }),
        }
    }

    /// Compares what the file held with the state of the database. The file must have been read before the database:
    /// meanwhile another process may raise both.
    ///
    /// # Errors
    /// What the difference means and what to do.
    pub fn compare(&self, content: Option<MarkContent>, state: &DeploymentState) -> Result<(), MarkFault> {
        let Some(MarkContent { database, deployment_id, mark_no }) = content else { return Ok(()) };
        if state.deployment_id.is_empty() {
            return Err(MarkFault::Missing { database, mark_no, file: self.file.clone() });
        }
        if state.deployment_id != deployment_id {
            return Err(MarkFault::Other { database });
        }
        if state.mark_no < mark_no {
            return Err(MarkFault::Older { database, found: state.mark_no, mark_no });
        }
        Ok(())
    }

    /// Forgets what the file holds, so that the database is accepted as it is.
    ///
    /// # Errors
    /// The file cannot be deleted.
    pub fn forget(&self) -> std::io::Result<()> {
        self.audit().forget()?;
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Remembers the state of a database that was put in the place of the former one on purpose.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn restore(&self, state: &DeploymentState) -> std::io::Result<()> {
        // The ends of the audit log that are remembered may be later than those of the database that is there now.
        self.audit().forget()?;
        // A database that was never written to has no id, and nothing to be compared with.
        if state.deployment_id.is_empty() {
            return self.forget();
        }
        self.write(&MarkContent {
            database: self.database.clone(),
            deployment_id: state.deployment_id.clone(),
            mark_no: state.mark_no,
        })
    }

    /// Whether the last mark of this process is old enough for a new one. Counts as one: concurrent callers do not all
    /// get `true`.
    pub(super) fn is_due(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| last.elapsed() >= INTERVAL);
        if due {
            *last = Some(Instant::now());
        }
        due
    }

    /// Writes the file. The commit is done, so a failure is logged only; the mark is then less strict.
    pub(super) fn keep(&self, deployment_id: &str, mark_no: i64) {
        let content =
            MarkContent { database: self.database.clone(), deployment_id: deployment_id.to_owned(), mark_no };
        if let Err(error) = self.write(&content) {
            tracing::warn!(file = %self.file.display(), %error, "the mark of the database cannot be written");
        }
    }

    /// Replaces the file as a whole. It is not synced: after a crash of the machine an older mark is as good. A command
    /// with a database elsewhere makes no data directory for it.
    fn write(&self, content: &MarkContent) -> std::io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        if !folder.parent().is_some_and(Path::is_dir) {
            return Ok(());
        }
        // Its names tell the databases, so that it is their owner's alone, as the temporary file is that takes a mark's place.
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut temporary = tempfile::Builder::new().prefix(".mark-").tempfile_in(folder)?;
        serde_json::to_writer(&mut temporary, content)?;
        writeln!(temporary)?;
        temporary.persist(&self.file).map_err(|error| error.error)?;
        Ok(())
    }
}

fn read(file: &Path) -> Option<MarkContent> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(deployment_id: &str, mark_no: i64) -> DeploymentState {
        DeploymentState { deployment_id: deployment_id.to_owned(), mark_no, ..DeploymentState::default() }
    }

    fn compared(mark: &Mark, state: &DeploymentState) -> Result<(), MarkFault> {
        mark.compare(mark.content(), state)
    }

    #[test]
    fn a_mark_notices_what_became_of_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let mark = Mark::new(folder.path(), "sqlite:/data/tollbook.db");
        assert_eq!(compared(&mark, &state("", 0)), Ok(()), "nothing is remembered yet");
        mark.keep("one", 7);
        assert_eq!(compared(&mark, &state("one", 7)), Ok(()));
        assert_eq!(compared(&mark, &state("one", 9)), Ok(()));
        assert!(matches!(
            compared(&mark, &state("one", 6)),
            Err(MarkFault::Older { found: 6, mark_no: 7, .. })
        ));
        assert!(matches!(compared(&mark, &state("two", 9)), Err(MarkFault::Other { .. })));
        assert!(matches!(compared(&mark, &state("", 0)), Err(MarkFault::Missing { mark_no: 7, .. })));
        assert!(mark.refuse_missing().is_err());
        // Another database has a mark of its own.
        assert_eq!(compared(&Mark::new(folder.path(), "sqlite:/other.db"), &state("", 0)), Ok(()));
        assert_eq!(Mark::databases(folder.path()), ["sqlite:/data/tollbook.db"]);
        // A file that was cut short is none.
        std::fs::write(&mark.file, "{\"Data").unwrap();
        assert_eq!(compared(&mark, &state("two", 0)), Ok(()));
        mark.forget().unwrap();
        mark.forget().unwrap();
    }

    #[test]
    fn marks_are_not_due_at_once_again() {
        let folder = tempfile::tempdir().unwrap();
        let mark = Mark::new(folder.path(), "sqlite:x");
        assert!(mark.is_due());
        assert!(!mark.is_due());
    }
}
