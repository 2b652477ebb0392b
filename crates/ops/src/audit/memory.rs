//! What a data directory remembers of the audit log: the ends of its chains, one small file for each, so that a chain that
//! was cut together with its head, or written again as a whole, is noticed.

use std::fs::DirBuilder;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tollbook_store::ChainHead;

/// The remembered ends of the chains of one database.
#[derive(Clone, Debug)]
pub struct AuditMemory {
    folder: PathBuf,
}

/// A file of the folder.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Remembered {
    #[serde(rename = "DeploymentID")]
    deployment_id: String,
    #[serde(rename = "CompanyID")]
    company_id: i64,
    entries: i64,
    hash: String,
}

impl AuditMemory {
    /// The memory in a folder, which need not exist.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn file(&self, company_id: i64) -> PathBuf {
        self.folder.join(format!("{company_id}.json"))
    }

    /// The remembered end of a chain; `None` if nothing is remembered of this deployment.
    pub fn head(&self, deployment_id: &str, company_id: i64) -> Option<ChainHead> {
        let remembered: Remembered =
            serde_json::from_slice(&std::fs::read(self.file(company_id)).ok()?).ok()?;
        if remembered.deployment_id != deployment_id || remembered.company_id != company_id {
            return None;
        }
        let hash = hex::decode(&remembered.hash).ok()?.try_into().ok()?;
        Some(ChainHead { company_id, entries: remembered.entries, hash })
    }

    /// Remembers ends of chains. The commit is done, so a failure is logged only. Files are not synced: after a crash of the
    /// machine an older one is as good, only less strict.
    pub(crate) fn keep(&self, deployment_id: &str, heads: &[ChainHead]) {
        for head in heads {
            if let Err(error) = self.write(deployment_id, head) {
                let file = self.file(head.company_id);
                tracing::warn!(file = %file.display(), %error, "the end of the audit log cannot be remembered");
            }
        }
    }

    fn write(&self, deployment_id: &str, head: &ChainHead) -> std::io::Result<()> {
        let is_older = |known: ChainHead| known.entries > head.entries;
        // Another process, or thread, may have remembered a later end.
        if self.head(deployment_id, head.company_id).is_some_and(is_older) {
            return Ok(());
        }
        // A command with a database elsewhere makes no data directory for it: the folder is two below it.
        if !self.folder.ancestors().nth(2).is_some_and(Path::is_dir) {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let remembered = Remembered {
            deployment_id: deployment_id.to_owned(),
            company_id: head.company_id,
            entries: head.entries,
            hash: hex::encode(head.hash),
        };
        let mut temporary = tempfile::Builder::new().prefix(".audit-").tempfile_in(&self.folder)?;
        serde_json::to_writer(&mut temporary, &remembered)?;
        writeln!(temporary)?;
        temporary.persist(self.file(head.company_id)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Forgets everything, so that the chains are accepted as they are.
    ///
    /// # Errors
    /// The folder cannot be deleted.
    pub(crate) fn forget(&self) -> std::io::Result<()> {
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_end_of_each_chain_is_remembered() {
        let data = tempfile::tempdir().unwrap();
        let memory = AuditMemory::new(data.path().join("audit").join("x"));
        let head = |company_id, entries: i64| {
            let byte = u8::try_from(entries).unwrap();
            ChainHead { company_id, entries, hash: [byte; 32] }
        };
        assert_eq!(memory.head("one", 0), None);
        memory.keep("one", &[head(0, 3), head(7, 1)]);
        memory.keep("one", &[head(0, 5)]);
        memory.keep("one", &[head(0, 4)]);
        assert_eq!((memory.head("one", 0), memory.head("one", 7)), (Some(head(0, 5)), Some(head(7, 1))));
        assert_eq!(memory.head("two", 0), None, "another deployment's");
        memory.keep("two", &[head(0, 1)]);
        assert_eq!(memory.head("two", 0), Some(head(0, 1)));
        memory.forget().unwrap();
        memory.forget().unwrap();
        assert_eq!(memory.head("two", 0), None);
        // Without a data directory nothing is remembered.
        let absent = AuditMemory::new(data.path().join("absent").join("audit").join("x"));
        absent.keep("one", &[head(0, 3)]);
        assert!(!data.path().join("absent").exists());
    }
}
