//! Companies, organizations, API keys, operator keys and users of the console, and the secrets that protect them.

pub mod companies;
pub(crate) mod directory;
mod error;
pub mod keys;
mod names;
pub mod operator_keys;
pub mod overview;
pub mod owners;
pub mod passwords;
pub mod rotation;
pub mod secrets;
pub mod sessions;
pub mod users;

pub use error::TenantError;
pub use names::NameError;
pub(crate) use names::checked_name;

#[cfg(test)]
mod tests;
