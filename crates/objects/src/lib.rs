//! Where an export file is put and how a link to it is signed: the [`ObjectStore`] trait, the store in the data
//! directory ([`EmbeddedStore`]), stores of others by URL ([`RemoteStore`]) and US3's native signature ([`us3`]).
//! Nothing here knows what is in a file, reads a clock or serves HTTP: requests and replies are plain data that the
//! `api` crate translates. As a client, `remote` alone speaks HTTP.

pub mod embedded;
mod files;
mod headers;
mod key;
mod key_pair;
mod remote;
mod reply;
mod spool;
mod spool_budget;
mod spool_directory;
mod store;
pub mod us3;

pub use embedded::{DeploymentError, EmbeddedSettings, EmbeddedStore, Object, ReadError};
pub use key::{KeyError, ObjectKey};
pub use key_pair::ObjectKeys;
pub use remote::{
    NowS, OpenError, RemoteError, RemoteSettings, RemoteStore, StoreUrl, StoreUrlError, Tuning,
};
pub use reply::{Reply, ReplyBody};
pub use spool::SpoolFile;
pub use store::{Cancelled, ObjectStore, ObjectStoreError, PutOptions, Stored, Swept};
