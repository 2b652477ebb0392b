//! The remote store: the [`ObjectStore`] over a protocol.

use std::fmt;

use super::client::Client;
use super::protocol::Protocol;
use super::s3::S3;
use super::settings::{OpenError, RemoteSettings};
use super::store_url::{StoreUrl, Target};
use super::transport::Http;
use super::us3::Us3;
use crate::error::ObjectStoreError;
use crate::files::make_directories;
use crate::key::{ObjectKey, PREFIX};
use crate::spool::{SpoolDirectory, SpoolFile, Stored};
use crate::store::{Cancelled, ObjectStore, PutOptions, Swept};

/// An object store that is accessed over HTTP. Opening it sends nothing.
pub struct RemoteStore {
    client: Client,
    spool: SpoolDirectory,
    retention_s: i64,
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
        let http = Http::new(settings)?;
        let spool = SpoolDirectory::new(spool, settings.spool)?;
        let client = Client::new(protocol, http, settings.tuning.clone(), spool.folder().to_owned());
        Ok(Self { client, spool, retention_s: settings.retention_s })
    }

    fn sweep_objects(&self, limit_s: i64) -> Result<Swept, ObjectStoreError> {
        let Client { protocol, http, .. } = &self.client;
        let mut swept = Swept::default();
        let mut first_error = None;
        let mut from = None;
        loop {
            let page = protocol.list(&http.caller(), PREFIX, from.as_deref())?;
            for object in page.objects.iter().filter(|object| object.modified_s < limit_s) {
                match protocol.delete(&http.caller(), &object.key) {
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
                // A store that repeats a page would otherwise cause an endless loop.
                Some(next) if Some(&next) != from.as_ref() => from = Some(next),
                _ => break,
            }
        }
        first_error.map_or(Ok(swept), Err)
    }
}

impl ObjectStore for RemoteStore {
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
        options: &PutOptions,
        cancelled: Cancelled<'_>,
    ) -> Result<Stored, ObjectStoreError> {
        self.client.upload(key, &spool.finish()?, options, cancelled)
    }

    fn len_of(&self, key: &ObjectKey) -> Result<Option<u64>, ObjectStoreError> {
        self.client.protocol.len_of(&self.client.http.caller(), key)
    }

    fn identity(&self) -> String {
        self.client.protocol.identity()
    }

    fn clear_spool(&self) -> Result<u64, ObjectStoreError> {
        let removed = self.spool.clear()?;
        match self.client.clean_up_leftovers() {
            Err(error @ ObjectStoreError::Remote(_)) => {
                tracing::warn!(%error, "cannot end unfinished uploads; will retry");
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
        Ok(self.client.protocol.presign_get(key, file_name, expires_unix_s))
    }

    fn delete(&self, key: &ObjectKey) -> Result<(), ObjectStoreError> {
        self.client.protocol.delete(&self.client.http.caller(), key.as_str())
    }

    fn sweep(&self, now_s: i64) -> Result<Swept, ObjectStoreError> {
        let limit_s = now_s.saturating_sub(self.retention_s);
        let leftovers = self.client.clean_up_leftovers();
        let uploads = self.client.end_uploads_older_than(limit_s);
        let swept = self.sweep_objects(limit_s)?;
        leftovers.and(uploads).map(|()| swept)
    }
}

impl fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteStore").field("identity", &self.identity()).finish_non_exhaustive()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;

    use super::*;
    use crate::{ObjectKeys, SpoolLimits, Tuning};

    #[test]
    fn a_full_disk_is_reported_before_anything_is_sent() {
        let directory = tempfile::tempdir().expect("directory");
        let settings = RemoteSettings {
            data_directory: directory.path().to_owned(),
            keys: ObjectKeys::new("public", "private"),
            session_token: None,
            retention_s: 1,
            spool: SpoolLimits { bytes: 1 << 20, free_bytes: 0 },
            tuning: Tuning::default(),
            now_s: Arc::new(|| 0),
        };
        // A closed port: a request would fail as unavailable.
        let url: StoreUrl =
            "us3://bucket?endpoint=http://127.0.0.1:1&style=custom-domain".parse().expect("url");
        let store = RemoteStore::open(&url, &settings).expect("store");
        let mut spool = store.spool.create_on_full_disk();
        spool.write_all(b"buffered").expect("write");
        let key = ObjectKey::export(1, 1, "a.csv").expect("key");
        let error = store.put(&key, spool, &PutOptions::named("a.csv"), &|| false).expect_err("full");
        assert!(error.is_full() && !error.is_unavailable(), "{error}");
        assert_eq!(std::fs::read_dir(store.spool.folder()).expect("list").count(), 0);
    }
}
