//! The configuration file of the server. Nothing here reads the environment or arguments; the command line does that.

mod brand;
mod charging;
pub mod check;
mod database;
mod exports;
mod file;
mod hosts;
mod keys;
mod limits;
mod metrics;
mod money;
mod objects;
pub mod reference;
mod server;
mod settings;
mod signing;
mod tls;
mod value;
mod webhooks;

pub use brand::{Brand, DEFAULT_BRAND};
pub use charging::ChargingConfig;
pub use hosts::{link_host, url_of_address};
pub use limits::Limits;
pub use metrics::MetricsListen;
pub use money::{MoneySettings, brand_of_setting, is_addition};
pub use objects::ObjectsConfig;
pub use server::ServerConfig;
pub use settings::Config;
pub use signing::SigningConfig;
pub use tls::TlsConfig;
pub use webhooks::WebhooksConfig;

#[cfg(test)]
mod tests;
