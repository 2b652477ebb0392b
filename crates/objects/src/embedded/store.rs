//! The embedded store: the [`ObjectStore`] over the data directory. Requests to it are answered in `read` and
//! `endpoint`.

use std::path::PathBuf;

use super::deployment::{DeploymentError, DeploymentId};
use super::directory::{Object, ObjectDirectory};
use super::sweep::sweep_older_than;
use crate::error::ObjectStoreError;
use crate::files::make_directories;
use crate::key::ObjectKey;
use crate::key_pair::ObjectKeys;
use crate::spool::{SpoolDirectory, SpoolFile, SpoolLimits, Stored};
use crate::store::{Cancelled, ObjectStore, PutOptions, Swept};
use crate::us3;

/// Settings of an [`EmbeddedStore`].
#[derive(Clone, Debug)]
pub struct EmbeddedSettings {
    /// The data directory. `objects/` and `spool/` are created in it, accessible to their owner alone.
    pub data_directory: PathBuf,
    /// The bucket's name, which is signed but not part of any URL.
    pub bucket: String,
    /// The deployment's key pair.
    pub keys: ObjectKeys,
    /// How long an object is kept after it is stored, in seconds.
    pub retention_s: i64,
    /// Limits on this store's spool files.
    pub spool: SpoolLimits,
}

/// Objects as files under `<data>/objects/`, each beside a small file with its `ETag`.
///
/// Several servers may share a data directory, on one machine or, over a file system with file locks, on several.
#[derive(Debug)]
pub struct EmbeddedStore {
    objects: ObjectDirectory,
    spool: SpoolDirectory,
    deployment: DeploymentId,
    bucket: String,
    keys: ObjectKeys,
    retention_s: i64,
}

impl EmbeddedStore {
    /// Opens the store. Creates missing directories and a spool folder of its own, which is removed when the store is
    /// dropped. Spool files of crashed processes are kept until [`clear_spool`](ObjectStore::clear_spool).
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::Io`].
    pub fn new(settings: EmbeddedSettings) -> Result<Self, ObjectStoreError> {
        let EmbeddedSettings { data_directory, bucket, keys, retention_s, spool: limits } = settings;
        let objects = ObjectDirectory::create(data_directory.join("objects"))?;
        let spool = data_directory.join("spool");
        make_directories(&spool).map_err(ObjectStoreError::io("create directory", &spool))?;
        let spool = SpoolDirectory::new(spool, limits)?;
        let deployment =
            DeploymentId::new(data_directory, objects.root().to_owned(), spool.folder().to_owned());
        Ok(Self { objects, spool, deployment, bucket, keys, retention_s })
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    pub(super) fn keys(&self) -> &ObjectKeys {
        &self.keys
    }

    pub(super) fn objects(&self) -> &ObjectDirectory {
        &self.objects
    }

    #[cfg(all(test, target_os = "linux"))]
    pub(super) fn spool_on_full_disk(&self) -> SpoolFile {
        self.spool.create_on_full_disk()
    }

    #[cfg(test)]
    pub(super) fn spool_folder(&self) -> &std::path::Path {
        self.spool.folder()
    }

    /// Opens an object.
    ///
    /// Its `ETag` is computed when it is stored. If the file that holds it is lost or damaged, the object is read to
    /// compute it again.
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::NotFound`], [`ObjectStoreError::Io`].
    pub fn open(&self, key: &ObjectKey) -> Result<Object, ObjectStoreError> {
        self.objects.open(key)
    }

    /// Checks that the data directory is the deployment's, and returns its id.
    ///
    /// `expected` is the id that the deployment's database has recorded, `None` before the first start. Only then is a
    /// missing id created, from `random`, 128 bits of the caller's source of randomness. Servers that start at the same
    /// time on one directory get the same id; on different directories they do not, so a caller that records an id must
    /// check which id was recorded.
    ///
    /// # Errors
    ///
    /// [`DeploymentError`].
    pub fn identify(&self, expected: Option<&str>, random: u128) -> Result<String, DeploymentError> {
        self.deployment.identify(expected, random)
    }
}

impl ObjectStore for EmbeddedStore {
    fn spool_bytes(&self) -> Option<u64> {
        Some(self.spool.used_bytes())
    }

    fn spool(&self) -> Result<SpoolFile, ObjectStoreError> {
        self.spool.create()
    }

    fn put(
        &self,
        key: &ObjectKey,
        spool: SpoolFile,
        _options: &PutOptions,
        cancelled: Cancelled<'_>,
    ) -> Result<Stored, ObjectStoreError> {
        let finished = spool.finish()?;
        if cancelled() {
            return Err(ObjectStoreError::Cancelled);
        }
        self.objects.put(key, finished.file, &finished.stored.etag)?;
        Ok(finished.stored)
    }

    fn len_of(&self, key: &ObjectKey) -> Result<Option<u64>, ObjectStoreError> {
        match self.objects.open(key) {
            Ok(object) => Ok(Some(object.len)),
            Err(ObjectStoreError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The deployment's id, which servers on several machines have checked ([`EmbeddedStore::identify`]). A deployment
    /// of one machine has no id and only one store.
    fn identity(&self) -> String {
        match self.deployment.recorded() {
            Some(id) => format!("embedded:{id}"),
            None => "embedded".to_owned(),
        }
    }

    /// Journals of a remote store that the deployment used before are kept: if it is configured again, it ends their
    /// uploads.
    fn clear_spool(&self) -> Result<u64, ObjectStoreError> {
        self.spool.clear()
    }

    fn presign_get(
        &self,
        base_url: &str,
        key: &ObjectKey,
        file_name: &str,
        expires_unix_s: i64,
    ) -> Result<String, ObjectStoreError> {
        let base = checked_base_url(base_url)?;
        let path = us3::encode_path(key.as_str());
        let query = us3::presign_get(&self.keys, &self.bucket, key.as_str(), expires_unix_s, Some(file_name));
        Ok(format!("{base}/{path}?{query}"))
    }

    fn delete(&self, key: &ObjectKey) -> Result<(), ObjectStoreError> {
        self.objects.remove(key)
    }

    fn sweep(&self, now_s: i64) -> Result<Swept, ObjectStoreError> {
        sweep_older_than(&self.objects, now_s.saturating_sub(self.retention_s))
    }
}

/// The URL without trailing slashes.
fn checked_base_url(base_url: &str) -> Result<&str, ObjectStoreError> {
    let refused = || ObjectStoreError::BaseUrl(base_url.to_owned());
    let host_and_path =
        base_url.strip_prefix("https://").or_else(|| base_url.strip_prefix("http://")).ok_or_else(refused)?;
    let has_host = !host_and_path.is_empty() && !host_and_path.starts_with(['/', ':']);
    if !has_host || base_url.contains(|c: char| matches!(c, '?' | '#') || c.is_whitespace() || c.is_control())
    {
        return Err(refused());
    }
    Ok(base_url.trim_end_matches('/'))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
