//! Companies, organizations, API keys and operator keys, and the secrets that protect them.

pub mod companies;
pub mod operator_keys;
pub mod secrets;
