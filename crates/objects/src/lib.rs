//! Storage of export files and signing of their links: the [`ObjectStore`] trait, the store in the data directory
//! ([`EmbeddedStore`]), remote stores by URL ([`RemoteStore`]) and US3's native signature ([`us3`]). Nothing here
//! interprets a file's content, reads a clock or serves HTTP; requests and replies are plain data that the `api` crate
//! translates. Only `remote` sends HTTP requests.

mod embedded;
mod error;
mod files;
mod headers;
mod key;
mod key_pair;
mod remote;
mod remote_error;
mod reply;
mod spool;
mod store;
pub mod us3;

pub use embedded::{DeploymentError, EmbeddedSettings, EmbeddedStore, Object, ReadError};
pub use error::ObjectStoreError;
pub use key::{KeyError, ObjectKey};
pub use key_pair::ObjectKeys;
#[cfg(feature = "fuzzing")]
pub use remote::fuzzing;
pub use remote::{NowS, OpenError, RemoteSettings, RemoteStore, StoreUrl, StoreUrlError, Tuning};
pub use remote_error::RemoteError;
pub use reply::{Reply, ReplyBody};
pub use spool::{SpoolFile, SpoolLimits, Stored, free_bytes};
pub use store::{Cancelled, ObjectStore, PutOptions, Swept};
