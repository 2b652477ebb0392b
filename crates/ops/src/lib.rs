//! What the product does in more than one step: importing, setting up tenants, configuring, keeping secrets. The API
//! and the command line call the same functions.
//!
//! No HTTP and no argument parsing may be here.

mod background;
mod by_line;
pub mod catalogue_file;
pub mod charging;
pub mod clock;
pub mod config;
pub mod demo;
pub mod export;
pub mod export_jobs;
pub mod fields;
pub mod import;
pub mod networks;
pub mod presentation;
pub mod price_list;
pub mod quickstart;
pub mod random;
pub mod retention;
pub mod secrets;
pub mod shared_objects;
pub mod tenants;
pub mod text_file;
pub mod time_zone;
mod toml_file;
pub mod usage_file;
pub mod usage_import;

pub use clock::{Clock, FixedClock, SystemClock};
pub use config::{Brand, Config};
pub use secrets::{MasterKey, PrivateKey, SecretError};
pub use time_zone::Zone;
pub use toml_file::FileError;
