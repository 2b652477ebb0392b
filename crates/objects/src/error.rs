//! Errors of object stores, embedded and remote.

use std::io;
use std::path::{Path, PathBuf};

use crate::remote_error::RemoteError;

/// An operation of an object store that failed.
#[derive(Debug, thiserror::Error)]
pub enum ObjectStoreError {
    /// The store has no object under this key.
    #[error("object does not exist")]
    NotFound,
    /// The store already has an object under this key; it is unchanged.
    #[error("object already exists")]
    AlreadyExists,
    /// The base URL is not absolute, not http(s), or has a query, a fragment, a space or a control character.
    #[error("base url {0:?} is not an absolute http or https url without query and fragment")]
    BaseUrl(String),
    /// The caller cancelled the operation.
    #[error("cancelled")]
    Cancelled,
    /// A remote store refused the request or could not be reached.
    #[error(transparent)]
    Remote(Box<RemoteError>),
    /// The file system failed. `source` is the system's error, e.g. of kind [`io::ErrorKind::StorageFull`].
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// The operation: a verb phrase whose object is the path.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl ObjectStoreError {
    /// Whether storage is exhausted: the disk is full or a quota is used up. Retrying does not help until space is
    /// freed.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// Whether a remote store is unreachable or temporarily unable to answer. Retrying later may help.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Remote(error) if error.is_transient())
    }

    /// For `map_err`: adds the operation and its path to an I/O error.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}
