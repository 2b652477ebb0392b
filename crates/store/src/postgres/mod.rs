//! The PostgreSQL implementation of the store's database driver.

mod connection;
mod database;
mod dialect;
mod distribute;
mod failure;
mod pool;
mod replica;
mod storage;
mod transaction;
mod url;
mod values;

pub use database::{connect_postgres, open_postgres};
pub use distribute::{Distribution, distribute};
pub use url::{database_name, postgres_connector};

#[cfg(feature = "fuzzing")]
pub(crate) fn check_url(url: &str) -> crate::error::StoreResult<()> {
    url::parse(url).map(drop)
}
