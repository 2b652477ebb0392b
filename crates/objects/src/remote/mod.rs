//! Remote object stores by URL: US3 by its native protocol, and S3. Both share requests with retries (`transport`),
//! uploads in parts (`upload`) and the removal of what failures leave (`journal`, `cleanup`); `us3` and `s3` are the
//! two protocols.

mod cleanup;
mod client;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod journal;
mod protocol;
mod s3;
mod settings;
mod store;
mod store_url;
mod transport;
mod upload;
mod us3;

pub use settings::{NowS, OpenError, RemoteSettings, Tuning};
pub use store::RemoteStore;
pub use store_url::{StoreUrl, StoreUrlError};
