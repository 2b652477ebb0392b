//! Companies, organizations, API keys and operator keys, and the secrets that protect them.

pub mod companies;
pub(crate) mod directory;
mod error;
pub mod keys;
mod names;
pub mod operator_keys;
pub mod owners;
pub mod rotation;
pub mod secrets;

pub use error::TenantError;
pub use names::NameError;
pub(crate) use names::checked_name;

#[cfg(test)]
mod tests;
