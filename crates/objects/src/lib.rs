//! Where an export file is put and how a link to it is signed: the [`ObjectStore`] trait, the store in the data
//! directory ([`EmbeddedStore`]) and US3's native signature ([`us3`]). Nothing here knows what is in a file, reads a
//! clock, draws randomness or speaks HTTP: requests and replies are plain data that the `api` crate translates.

pub mod embedded;
mod files;
mod key;
mod key_pair;
mod reply;
mod spool;
mod spool_directory;
mod store;
pub mod us3;

pub use embedded::{DeploymentError, EmbeddedSettings, EmbeddedStore, Object, ReadError};
pub use key::{KeyError, ObjectKey};
pub use key_pair::ObjectKeys;
pub use reply::{Reply, ReplyBody};
pub use spool::SpoolFile;
pub use store::{ObjectStore, StoreError, Stored, Swept};
