//! Errors of operations on tenants and their keys.

use tollbook_store::StoreError;

use super::names::NameError;
use super::secrets::SecretError;

/// Why a company, organization or key was not created, changed or listed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// The name breaks the rule for names.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The currency is not one of the supported ones.
    #[error("currency \"{0}\" is not supported: it must be CNY or USD")]
    Currency(String),
    /// The brand is not in the configuration.
    #[error("brand \"{name}\" is not configured; configured are {known}")]
    Brand {
        /// The requested brand.
        name: String,
        /// The configured brands.
        known: String,
    },
    /// The company does not exist.
    #[error("company {0} does not exist")]
    UnknownCompany(i64),
    /// The company has no such organization.
    #[error("company {company_id} has no organization {organization_id}")]
    UnknownOrganization {
        /// The company.
        company_id: i64,
        /// The requested organization.
        organization_id: i64,
    },
    /// A text is not an address range.
    #[error("allowed network \"{text}\" {reason}")]
    Network {
        /// The text.
        text: String,
        /// The broken rule.
        reason: String,
    },
    /// The key has too many organizations or networks.
    #[error("a key can have at most 1000 {0}")]
    TooMany(&'static str),
    /// The key is disabled, suspended or has ended.
    #[error("the key \"{0}\" is disabled, suspended or has ended; add a new one")]
    NotUsable(String),
    /// The end of a key is over.
    #[error("the key would end in the past")]
    Ended,
    /// The key does not exist.
    #[error("there is no key with the public key \"{0}\"")]
    UnknownKey(String),
    /// The private key cannot be encrypted with this process's master key.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A key without a role.
    #[error("a key must have a role")]
    NoRole,
    /// No operator key has the name.
    #[error("there is no operator key named {0:?}")]
    UnknownOperatorKey(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
