//! Object stores of others, by URL: US3 by its native protocol, and S3. What both need is here and in the modules
//! beside: attempts and time-outs (`http`), uploads in parts (`upload`), what is left of failures (`journal`). The two
//! protocols are `us3` and `s3`.

mod error;
mod http;
mod journal;
mod location;
mod protocol;
mod s3;
mod upload;
mod us3;

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::files::{make_directories, remove_if_there};
use crate::key::{ObjectKey, PREFIX};
use crate::key_pair::ObjectKeys;
use crate::spool::SpoolFile;
use crate::spool_directory::SpoolDirectory;
use crate::store::{Cancelled, ObjectStore, ObjectStoreError, PutOptions, Stored, Swept};

use http::{Caller, Http};
use journal::{Entry, Journal, Remains};
use location::Target;
use protocol::Protocol;
use s3::S3;
use us3::Us3;

pub use error::RemoteError;
pub use location::{StoreUrl, StoreUrlError};

/// The present time in Unix seconds. Signatures of S3 have a date.
pub type NowS = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a [`RemoteStore`] needs besides its URL.
#[derive(Clone)]
pub struct RemoteSettings {
    /// The data directory; `spool/` is made in it.
    pub data_directory: PathBuf,
    /// The key pair that the store knows.
    pub keys: ObjectKeys,
    /// The token of temporary keys; S3 alone has it.
    pub session_token: Option<String>,
    /// How long an object is kept, in seconds since it was written.
    pub retention_s: i64,
    /// How many bytes all spool files of this store may hold together.
    pub spool_bytes: u64,
    /// Time-outs and the like.
    pub tuning: Tuning,
    /// The time.
    pub now_s: NowS,
}

/// How patient and how parallel requests are.
#[derive(Clone, PartialEq, Eq)]
pub struct Tuning {
    /// Parts of one file that are sent at a time.
    pub upload_threads: usize,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long one request may take from beginning to end, the body of a part included; also how long the store is
    /// tried for anything but an upload.
    pub request_timeout: Duration,
    /// How long the upload of a file may take with all attempts.
    pub upload_timeout: Duration,
    /// The pause before the second attempt, which grows from there.
    pub first_pause: Duration,
    /// An HTTP proxy to connect through, e.g. `http://proxy.example:3128`.
    pub proxy: Option<String>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            upload_threads: 4,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(120),
            upload_timeout: Duration::from_secs(3_600),
            first_pause: Duration::from_millis(250),
            proxy: None,
        }
    }
}

impl fmt::Debug for RemoteSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSettings")
            .field("data_directory", &self.data_directory)
            .field("retention_s", &self.retention_s)
            .field("spool_bytes", &self.spool_bytes)
            .field("tuning", &self.tuning)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Tuning {
    /// Without the proxy's address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tuning")
            .field("upload_threads", &self.upload_threads)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("upload_timeout", &self.upload_timeout)
            .field("first_pause", &self.first_pause)
            .finish_non_exhaustive()
    }
}

/// Why there is no [`RemoteStore`].
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// US3 has no temporary keys.
    #[error("a session token belongs to s3 stores; us3 has none")]
    SessionToken,
    /// The bucket's name cannot stand where the style puts it.
    #[error("bucket {bucket:?} and endpoint {endpoint} make no url of this style")]
    Bucket {
        /// As the store's URL has it.
        bucket: String,
        /// Likewise.
        endpoint: String,
    },
    /// The proxy's address is none.
    #[error("the proxy is not an http url with host and port")]
    Proxy,
    /// The spool could not be made.
    #[error(transparent)]
    Store(#[from] ObjectStoreError),
}

/// An object store that is reached by HTTP. Opening it sends nothing.
pub struct RemoteStore {
    protocol: Box<dyn Protocol>,
    http: Http,
    tuning: Tuning,
    spool: SpoolDirectory,
    retention_s: i64,
    /// Journals of uploads that go on.
    active: Mutex<HashSet<PathBuf>>,
}

impl RemoteStore {
    /// The store of that URL.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open(url: &StoreUrl, settings: &RemoteSettings) -> Result<Self, OpenError> {
        let protocol: Box<dyn Protocol> = match &url.target {
            Target::Us3 { .. } if settings.session_token.is_some() => return Err(OpenError::SessionToken),
            Target::Us3 { is_custom_domain } => Box::new(Us3::new(url, *is_custom_domain, settings)),
            Target::S3 { region, style, part_bytes } => {
                Box::new(S3::new(url, region, *style, *part_bytes, settings)?)
            }
        };
        let spool = settings.data_directory.join("spool");
        make_directories(&spool).map_err(ObjectStoreError::io("create directory", &spool))?;
        Ok(Self {
            protocol,
            http: Http::new(settings)?,
            tuning: settings.tuning.clone(),
            spool: SpoolDirectory::new(spool, settings.spool_bytes)?,
            retention_s: settings.retention_s,
            active: Mutex::default(),
        })
    }

    fn active(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        // A set of names, which a panic cannot leave half-changed.
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_journal(&self, key: &ObjectKey) -> Result<Journal, ObjectStoreError> {
        // Locked until it is known as active: a sweep would find it to be a dead one's.
        let mut active = self.active();
        let journal = Journal::begin(self.spool.folder(), self.protocol.identity(), key)?;
        active.insert(journal.path().to_owned());
        Ok(journal)
    }

    fn close_journal(&self, journal: Journal) {
        let path = journal.path().to_owned();
        journal.close();
        self.active().remove(&path);
    }

    fn abandon_journal(&self, journal: Journal) {
        let path = journal.path().to_owned();
        journal.abandon();
        self.active().remove(&path);
    }

    /// Ends the upload of a journal and, where a `put` has told its failure, removes the object that may be there
    /// nevertheless.
    fn clean_up(&self, caller: &Caller<'_>, entry: &Entry, has_failed: bool) -> Result<(), ObjectStoreError> {
        let uploads = if let Some(id) = &entry.upload_id {
            vec![id.clone()]
        } else {
            // The answer with the id was lost. Keys are used once: whatever is open under this one was ours.
            match self.protocol.open_uploads(caller, &entry.key) {
                // Who may not list them cannot be made to wait for them; the store's own rules must end them.
                Err(ObjectStoreError::Remote(error)) if !error.is_transient() => {
                    tracing::warn!(%error, "uploads that may have been left behind are not looked for");
                    Vec::new()
                }
                listed => {
                    let of_key = listed?.into_iter().filter(|upload| upload.key == entry.key);
                    of_key.map(|upload| upload.id).collect()
                }
            }
        };
        for id in &uploads {
            self.protocol.abort(caller, &entry.key, id)?;
        }
        if has_failed { self.protocol.delete(caller, &entry.key) } else { Ok(()) }
    }

    /// Cleans up after uploads that are over: of dead processes, and those that failed here. The first error is
    /// answered; the others are tried nevertheless.
    fn clean_up_remains(&self) -> Result<(), ObjectStoreError> {
        let remains = {
            let active = self.active();
            journal::remains(self.spool.folder(), |path| active.contains(path))?
        };
        let mut first_error = None;
        for Remains { path, entry, has_failed } in remains {
            if entry.store != self.protocol.identity() {
                tracing::warn!(
                    store = entry.store,
                    key = entry.key,
                    "an upload to another store waits to be ended"
                );
                continue;
            }
            let cleaned = self
                .clean_up(&self.http.caller(), &entry, has_failed)
                .and_then(|()| remove_if_there(&path).map_err(ObjectStoreError::io("remove", &path)));
            match cleaned {
                Ok(_) => tracing::info!(key = entry.key, "ended an upload that was left behind"),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn sweep_objects(&self, limit_s: i64) -> Result<Swept, ObjectStoreError> {
        let mut swept = Swept::default();
        let mut first_error = None;
        let mut from = None;
        loop {
            let page = self.protocol.list(&self.http.caller(), PREFIX, from.as_deref())?;
            for object in page.objects.iter().filter(|object| object.modified_s < limit_s) {
                match self.protocol.delete(&self.http.caller(), &object.key) {
                    Ok(()) => {
                        swept.objects += 1;
                        swept.bytes += object.len;
                    }
                    Err(error) => {
                        first_error.get_or_insert(error);
                    }
                }
            }
            match page.next {
                // A store that sends us in a circle is not followed.
                Some(next) if Some(&next) != from.as_ref() => from = Some(next),
                _ => break,
            }
        }
        first_error.map_or(Ok(swept), Err)
    }

    fn sweep_uploads(&self, limit_s: i64) -> Result<(), ObjectStoreError> {
        let uploads = self.protocol.open_uploads(&self.http.caller(), PREFIX)?;
        let mut first_error = None;
        for upload in uploads.iter().filter(|upload| upload.begun_s < limit_s) {
            match self.protocol.abort(&self.http.caller(), &upload.key, &upload.id) {
                Ok(()) => tracing::info!(key = upload.key, "ended an upload that was never finished"),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }
}

impl ObjectStore for RemoteStore {
    fn spool(&self) -> Result<SpoolFile, ObjectStoreError> {
        self.spool.create()
    }

    fn put(
        &self,
        key: &ObjectKey,
        spool: SpoolFile,
        options: &PutOptions,
        cancelled: Cancelled<'_>,
    ) -> Result<Stored, ObjectStoreError> {
        self.upload(key, &spool.finish()?, options, cancelled)
    }

    fn len_of(&self, key: &ObjectKey) -> Result<Option<u64>, ObjectStoreError> {
        self.protocol.len_of(&self.http.caller(), key)
    }

    fn identity(&self) -> String {
        self.protocol.identity()
    }

    fn clear_spool(&self) -> Result<u64, ObjectStoreError> {
        let removed = self.spool.clear()?;
        match self.clean_up_remains() {
            Err(error @ ObjectStoreError::Remote(_)) => {
                tracing::warn!(%error, "uploads that were left behind are ended later");
            }
            cleaned => cleaned?,
        }
        Ok(removed)
    }

    fn presign_get(
        &self,
        _base_url: &str,
        key: &ObjectKey,
        file_name: &str,
        expires_unix_s: i64,
    ) -> Result<String, ObjectStoreError> {
        Ok(self.protocol.presign_get(key, file_name, expires_unix_s))
    }

    fn delete(&self, key: &ObjectKey) -> Result<(), ObjectStoreError> {
        self.protocol.delete(&self.http.caller(), key.as_str())
    }

    fn sweep(&self, now_s: i64) -> Result<Swept, ObjectStoreError> {
        let limit_s = now_s.saturating_sub(self.retention_s);
        let remains = self.clean_up_remains();
        let uploads = self.sweep_uploads(limit_s);
        let swept = self.sweep_objects(limit_s)?;
        remains.and(uploads).map(|()| swept)
    }
}

impl fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteStore").field("identity", &self.protocol.identity()).finish_non_exhaustive()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_full_disk_is_told_before_anything_is_sent() {
        let directory = tempfile::tempdir().expect("directory");
        let settings = RemoteSettings {
            data_directory: directory.path().to_owned(),
            keys: ObjectKeys::new("public", "private"),
            session_token: None,
            retention_s: 1,
            spool_bytes: 1 << 20,
            tuning: Tuning::default(),
            now_s: Arc::new(|| 0),
        };
        // Nobody listens there: a request would be told as such.
        let url: StoreUrl =
            "us3://bucket?endpoint=http://127.0.0.1:1&style=custom-domain".parse().expect("url");
        let store = RemoteStore::open(&url, &settings).expect("store");
        let mut spool = SpoolFile::on_full_disk(&store.spool);
        spool.write_all(b"buffered").expect("write");
        let key = ObjectKey::export(1, 1, "a.csv").expect("key");
        let error = store.put(&key, spool, &PutOptions::named("a.csv"), &|| false).expect_err("full");
        assert!(error.is_full() && !error.is_unavailable(), "{error}");
        assert_eq!(std::fs::read_dir(store.spool.folder()).expect("list").count(), 0);
    }
}
