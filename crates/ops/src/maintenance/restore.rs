//! Restores a backup as the SQLite database of a deployment. The former database is kept aside and nothing is written to it,
//! and the mark outside of the database agrees with the restored one afterwards.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tollbook_domain::{Catalogue, LineFilter, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_store::{
    COMPANION_SUFFIXES, DeploymentState, Moved, Snapshot, StoreError, StoreOptions, StoreResult,
    connect_sqlite, exclude_servers,
};

use super::recount::{Recount, recount};
use crate::deployment::Mark;

/// Suffixes of the files that belong to a database's content.
const CONTENT_SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// What is restored, and where.
pub struct Restore<'a> {
    /// The backup. It is not changed.
    pub backup: &'a Path,
    /// The database file of the deployment.
    pub target: &'a Path,
    /// The mark of that database in the data directory.
    pub mark: &'a Mark,
    /// Options of both databases.
    pub options: &'a StoreOptions,
    /// The catalogue by which orders are recounted.
    pub catalogue: &'a Catalogue,
    /// Whether a deployment that is there may be replaced.
    pub may_replace: bool,
    /// Unix seconds.
    pub now_s: i64,
}

/// A restored deployment.
#[derive(Debug)]
pub struct Restored {
    /// The recount of the restored database, without a difference.
    pub recount: Recount,
    /// The state of the restored database.
    pub state: DeploymentState,
    /// The number up to which the deployment's mark remembered the former database; `None` if there was none.
    pub former_mark_no: Option<i64>,
    /// The database that was there before.
    pub former: Option<Former>,
}

/// The database that was there before a restore.
#[derive(Debug)]
pub struct Former {
    /// Where it is kept.
    pub kept: PathBuf,
    /// What it has and the backup has not, by company; `None` if it cannot be read.
    pub gone: Option<Vec<Gone>>,
    /// Why it cannot be read.
    pub fault: Option<String>,
}

/// What a company has in the former database and not in the backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The company.
    pub company_id: i64,
    /// Its name if the backup does not have the company at all.
    pub missing: Option<String>,
    /// Orders.
    pub orders: i64,
    /// Entries of the ledger: deposits, payments, refunds.
    pub ledger_entries: i64,
}

/// Why a backup was not restored. Nothing was changed, unless the error is one of files.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is no such file.
    #[error("there is no backup {0}")]
    NoBackup(PathBuf),
    /// The backup is a database that a process uses, or that one left without closing it.
    #[error(
        "{0} has a write-ahead log beside it, so it is a database in use rather than a backup: make one by `tollbook \
         database backup`"
    )]
    NotClosed(PathBuf),
    /// The backup is the database itself.
    #[error("{0} is the database of the deployment itself")]
    Itself(PathBuf),
    /// A server runs.
    #[error(
        "a server runs on {0}: stop it first, because customers would be answered from a database that is put aside, and \
         what they pay would be lost"
    )]
    InUse(PathBuf),
    /// The recount of the backup found differences.
    #[error("the backup is damaged, and nothing was changed: {}", .0.join("; "))]
    Damaged(Vec<String>),
    /// There is a deployment already.
    #[error(
        "{target} has a deployment already ({what}); --replace restores the backup in its place and keeps it aside"
    )]
    NotEmpty {
        /// The database.
        target: PathBuf,
        /// What is in it.
        what: String,
    },
    /// The backup is of another deployment.
    #[error(
        "the backup is of another deployment than the one that this data directory has used; --replace restores it all the \
         same"
    )]
    Other,
    /// A database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file failed.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
}

impl Restore<'_> {
    /// Restores. If it is interrupted, nothing was changed, or the same command completes it.
    ///
    /// # Errors
    /// Why nothing was restored.
    pub fn run(&self) -> Result<Restored, RestoreError> {
        self.check_backup()?;
        // Held until the end: no server begins meanwhile.
        let Some(_excluded) = exclude_servers(self.target)? else {
            return Err(RestoreError::InUse(self.target.to_owned()));
        };
        let remembered = self.mark.content();
        let part = beside(self.target, ".restoring");
        clear(&part)?;
        let prepared = self.prepare(&part);
        let (recount, state, counts) = prepared.inspect_err(|_| {
            // The next restore removes what is left; the error to report is the first one.
            let _ = clear(&part);
        })?;
        let checked =
            self.check_deployment(remembered.as_ref().map(|mark| mark.deployment_id.as_str()), &state);
        let former = checked.and_then(|()| self.put_aside(&counts));
        let former = former.inspect_err(|_| {
            let _ = clear(&part);
        })?;
        let former_mark_no = remembered
            .filter(|mark| mark.deployment_id == state.deployment_id)
            .map(|mark| mark.mark_no)
            .max(former.as_ref().and_then(|(_, mark_no)| *mark_no));
        // Before the database: if this process ends in between, the same command finds no database, and completes it.
        self.mark.restore(&state).map_err(|error| RestoreError::File(self.target.to_owned(), error))?;
        rename_all(&part, self.target)?;
        // What is left of it are lock files.
        clear(&part)?;
        Ok(Restored { recount, state, former_mark_no, former: former.map(|(former, _)| former) })
    }

    fn check_backup(&self) -> Result<(), RestoreError> {
        let backup = self.backup;
        if !backup.is_file() {
            return Err(RestoreError::NoBackup(backup.to_owned()));
        }
        if let (Ok(one), Ok(other)) = (backup.canonicalize(), self.target.canonicalize())
            && one == other
        {
            return Err(RestoreError::Itself(backup.to_owned()));
        }
        let log = beside(backup, "-wal");
        if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
            return Err(RestoreError::NotClosed(backup.to_owned()));
        }
        Ok(())
    }

    /// Copies the backup to a file beside the target, migrates and recounts the copy.
    fn prepare(&self, part: &Path) -> Result<(Recount, DeploymentState, Counts), RestoreError> {
        let of_file = |error| RestoreError::File(part.to_owned(), error);
        std::fs::copy(self.backup, part).map_err(of_file)?;
        let database = connect_sqlite(part, self.options)?;
        database.prepare()?;
        // A database that was moved away may be restored as well.
        database.set_moved(None)?;
        let store = database.into_store(self.options)?;
        let mut snapshot = store.snapshot()?;
        let found = recount(snapshot.as_mut(), self.catalogue)?;
        let differences = found.differences();
        if !differences.is_empty() {
            return Err(RestoreError::Damaged(differences));
        }
        let (state, counts) = (snapshot.deployment_state()?, counts(snapshot.as_mut())?);
        // The last connection that is closed writes the log into the file.
        drop(snapshot);
        drop(store);
        File::open(part).and_then(|file| file.sync_all()).map_err(of_file)?;
        Ok((found, state, counts))
    }

    fn check_deployment(&self, used: Option<&str>, state: &DeploymentState) -> Result<(), RestoreError> {
        match used {
            Some(used) if used != state.deployment_id && !self.may_replace => Err(RestoreError::Other),
            _ => Ok(()),
        }
    }

    /// Moves the database that is there aside. Returns it with its mark.
    fn put_aside(&self, restored: &Counts) -> Result<Option<(Former, Option<i64>)>, RestoreError> {
        let target = self.target;
        if !std::fs::metadata(target).is_ok_and(|file| file.len() > 0) {
            return Ok(None);
        }
        let kept = beside(target, &format!(".before-restore-{}", self.now_s));
        let read = self.read_former();
        if !self.may_replace {
            let what = match &read {
                Ok((counts, _)) if counts.is_empty() => None,
                Ok((counts, _)) => Some(format!("{} companies", counts.len())),
                Err(error) => Some(error.to_string()),
            };
            if let Some(what) = what {
                return Err(RestoreError::NotEmpty { target: target.to_owned(), what });
            }
        }
        let former = match read {
            Ok((counts, state)) => {
                // A process that has it open must not write to a database that is no longer the deployment's.
                let to = format!("sqlite:{}, where a backup was restored,", target.display());
                let moved = Moved { to, at_s: self.now_s, is_done: true };
                connect_sqlite(target, self.options)?.set_moved(Some(&moved))?;
                let gone = Some(gone(&counts, restored));
                (Former { kept: kept.clone(), gone, fault: None }, Some(state.mark_no))
            }
            Err(error) => (Former { kept: kept.clone(), gone: None, fault: Some(error.to_string()) }, None),
        };
        rename_all(target, &kept)?;
        Ok(Some(former))
    }

    fn read_former(&self) -> StoreResult<(Counts, DeploymentState)> {
        let database = connect_sqlite(self.target, self.options)?;
        let store = database.into_store(self.options)?;
        let mut snapshot = store.snapshot()?;
        Ok((counts(snapshot.as_mut())?, snapshot.deployment_state()?))
    }
}

/// Companies with their names, orders and entries of the ledger.
type Counts = Vec<(i64, String, i64, i64)>;

fn counts(snapshot: &mut dyn Snapshot) -> StoreResult<Counts> {
    let mut counts = Vec::new();
    for company in snapshot.companies()? {
        let company_id = company.company_id;
        let everything = OrderQuery {
            company_id,
            statuses: StatusSet::of(&Status::ALL),
            range: TimeRange::everything(),
            lines: LineFilter::default(),
            order_numbers: Vec::new(),
        };
        let orders = snapshot.count(&everything)?;
        counts.push((company_id, company.name, orders, snapshot.account_state(company_id)?.entries));
    }
    Ok(counts)
}

fn gone(former: &Counts, restored: &Counts) -> Vec<Gone> {
    let mut gone = Vec::new();
    for (company_id, name, orders, entries) in former {
        let kept = restored.iter().find(|(restored, ..)| restored == company_id);
        let (kept_orders, kept_entries) = kept.map_or((0, 0), |(_, _, orders, entries)| (*orders, *entries));
        let lost = Gone {
            company_id: *company_id,
            missing: kept.is_none().then(|| name.clone()),
            orders: (orders - kept_orders).max(0),
            ledger_entries: (entries - kept_entries).max(0),
        };
        if lost.missing.is_some() || lost.orders > 0 || lost.ledger_entries > 0 {
            gone.push(lost);
        }
    }
    gone
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Deletes what an earlier, interrupted restore has left.
fn clear(file: &Path) -> Result<(), RestoreError> {
    for suffix in std::iter::once("").chain(COMPANION_SUFFIXES) {
        let path = beside(file, suffix);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(RestoreError::File(path, error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Renames a database with its log. The lock files stay: processes that wait for them must not find others.
fn rename_all(from: &Path, to: &Path) -> Result<(), RestoreError> {
    // The log first: a database without its log would lack commits, a log without its database is not read.
    for suffix in CONTENT_SUFFIXES.iter().rev() {
        let (from, to) = (beside(from, suffix), beside(to, suffix));
        match std::fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound || suffix.is_empty() => {
                return Err(RestoreError::File(from, error));
            }
            _ => {}
        }
    }
    let folder = to.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| RestoreError::File(folder.to_owned(), error))
}
