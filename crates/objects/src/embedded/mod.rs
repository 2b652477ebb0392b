//! The store in the data directory, served by this process under US3's presigned-URL scheme and, to US3 clients, as a
//! read-only US3 host.

mod conditions;
mod deployment;
mod directory;
mod endpoint;
mod error;
mod listing;
mod range;
mod read;
mod store;
mod sweep;

pub use deployment::DeploymentError;
pub use directory::Object;
pub use error::ReadError;
pub use store::{EmbeddedSettings, EmbeddedStore};
