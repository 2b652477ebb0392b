//! The operations of the product that take more than one step: tenants, imports, charging, maintenance, the quickstart.
//! The API and the command line call the same functions.
//!
//! No HTTP and no argument parsing may be here.

pub mod audit;
pub mod charging;
pub mod clock;
pub mod config;
pub mod demo;
pub mod deployment;
pub mod guides;
pub mod import;
pub mod maintenance;
pub mod networks;
pub mod new_api;
pub mod pricing;
pub mod process;
pub mod quickstart;
pub mod random;
mod reasons;
pub mod stated_time;
pub mod status;
pub mod tasks;
pub mod tenancy;
pub mod webhooks;

pub use clock::{Clock, FixedClock, LeapWatch, Opinion, SystemClock};
pub use config::{Brand, Config};
pub use tenancy::secrets::{MasterKey, PrivateKey, SecretError};
