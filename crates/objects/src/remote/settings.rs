//! Settings of a remote store.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::ObjectStoreError;
use crate::key_pair::ObjectKeys;
use crate::spool::SpoolLimits;

/// Returns the current time in Unix seconds, which S3 signs.
pub type NowS = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Settings of a [`RemoteStore`](crate::RemoteStore) other than its URL.
#[derive(Clone)]
pub struct RemoteSettings {
    /// The data directory; `spool/` is created in it.
    pub data_directory: PathBuf,
    /// The key pair that the store knows.
    pub keys: ObjectKeys,
    /// The session token of temporary keys; S3 only.
    pub session_token: Option<String>,
    /// How long an object is kept after it is stored, in seconds.
    pub retention_s: i64,
    /// Limits on this store's spool files.
    pub spool: SpoolLimits,
    /// Time-outs and concurrency.
    pub tuning: Tuning,
    /// The clock.
    pub now_s: NowS,
}

/// Time-outs and concurrency of requests.
#[derive(Clone, PartialEq, Eq)]
pub struct Tuning {
    /// Number of parts of one file that are uploaded at the same time.
    pub upload_threads: usize,
    /// Time-out for establishing a connection.
    pub connect_timeout: Duration,
    /// Time-out for one request, including the body of a part. Also the deadline, with all attempts, of every
    /// operation other than an upload.
    pub request_timeout: Duration,
    /// Deadline for the upload of a file with all attempts.
    pub upload_timeout: Duration,
    /// The pause before the second attempt; later pauses are longer.
    pub first_pause: Duration,
    /// An HTTP proxy for all connections, e.g. `http://proxy.example:3128`.
    pub proxy: Option<String>,
    /// A PEM file with the certificates of the authorities that are trusted; `None`: the public ones.
    pub authorities: Option<PathBuf>,
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
            authorities: None,
        }
    }
}

impl fmt::Debug for RemoteSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSettings")
            .field("data_directory", &self.data_directory)
            .field("retention_s", &self.retention_s)
            .field("spool", &self.spool)
            .field("tuning", &self.tuning)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Tuning {
    /// Omits the proxy's address, which may contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tuning")
            .field("upload_threads", &self.upload_threads)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("upload_timeout", &self.upload_timeout)
            .field("first_pause", &self.first_pause)
            .field("authorities", &self.authorities)
            .finish_non_exhaustive()
    }
}

/// A [`RemoteStore`](crate::RemoteStore) cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// US3 has no temporary keys.
    #[error("a session token belongs to s3 stores; us3 has none")]
    SessionToken,
    /// The bucket's name cannot be part of a URL of the style.
    #[error("bucket {bucket:?} and endpoint {endpoint} make no url of this style")]
    Bucket {
        /// The bucket in the store's URL.
        bucket: String,
        /// The endpoint in the store's URL.
        endpoint: String,
    },
    /// The proxy's address is invalid.
    #[error("the proxy is not an http url with host and port")]
    Proxy,
    /// The file of authorities cannot be read, or has no certificate.
    #[error("{}: {reason}", file.display())]
    Authorities {
        /// The file.
        file: PathBuf,
        /// What is wrong: lowercase, no full stop.
        reason: String,
    },
    /// The spool cannot be created.
    #[error(transparent)]
    Store(#[from] ObjectStoreError),
}
