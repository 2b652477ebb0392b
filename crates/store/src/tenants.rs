//! Companies, organizations, API keys, keys of the operator's programs, whom the usage of other programs belongs to, and
//! settings of the deployment.

use tollbook_domain::OperatorRole;
use tollbook_domain::OwnerRule;
use tollbook_domain::tenant::{ApiKey, Company, Organization};

use crate::error::StoreResult;

/// A key of the operator's own programs. The key itself is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorKey {
    /// SHA-256 of the key.
    pub digest: [u8; 32],
    /// Name for display.
    pub name: String,
    /// When it was created, Unix seconds.
    pub created_s: i64,
    /// A disabled key is refused like an unknown one.
    pub disabled: bool,
    /// What it may do; never empty.
    pub roles: Vec<OperatorRole>,
}

/// Reads of tenants and their keys.
pub trait TenantReads {
    /// An API key by its public key, including disabled keys.
    fn api_key(&mut self, public_key: &str) -> StoreResult<Option<ApiKey>>;

    /// The keys of a company, or of all companies, by company and public key.
    fn api_keys(&mut self, company_id: Option<i64>) -> StoreResult<Vec<ApiKey>>;

    /// The keys of a company that have been used since their use is noted, each with a recent second of its use.
    fn key_uses(&mut self, company_id: i64) -> StoreResult<Vec<(String, i64)>>;

    /// A company.
    fn company(&mut self, company_id: i64) -> StoreResult<Option<Company>>;

    /// All companies, by number.
    fn companies(&mut self) -> StoreResult<Vec<Company>>;

    /// The organizations of a company, by number.
    fn organizations(&mut self, company_id: i64) -> StoreResult<Vec<Organization>>;

    /// Counts the renamings of companies and organizations. Names that are kept in memory are read again when it has
    /// changed.
    fn names_version(&mut self) -> StoreResult<i64>;
}

/// Changes of tenants and their keys.
pub trait TenantWrites {
    /// Adds a company; its number is the next free one.
    fn add_company(&mut self, name: &str, currency: &str, brand: &str) -> StoreResult<Company>;

    /// Adds an organization; its number is the next free one of the company.
    fn add_organization(
        &mut self,
        company_id: i64,
        project_id: &str,
        name: &str,
    ) -> StoreResult<Organization>;

    /// Changes the name of a company; `false` if there is none of the number. Orders keep the names that they have.
    fn rename_company(&mut self, company_id: i64, name: &str) -> StoreResult<bool>;

    /// Changes the name of an organization; `false` if there is none of the number. Orders keep the names that they have.
    fn rename_organization(&mut self, company_id: i64, organization_id: i64, name: &str)
    -> StoreResult<bool>;

    /// Adds a key; its public key must be unique in the deployment.
    fn add_api_key(&mut self, key: &ApiKey) -> StoreResult<()>;

    /// Disables a key permanently. `false` if it does not exist.
    fn disable_api_key(&mut self, public_key: &str) -> StoreResult<bool>;

    /// Stores the name, permissions, end, suspension, networks, rate limit and demand for strict signatures of a key. Returns whether there is the key.
    fn update_api_key(&mut self, key: &ApiKey) -> StoreResult<bool>;

    /// Notes that a key was used at a second, unless a later use is noted.
    fn note_key_use(&mut self, company_id: i64, public_key: &str, used_s: i64) -> StoreResult<()>;

    /// Counts a request with a key at `now_s`, over all servers, and returns the number of its requests in that second.
    fn count_request(&mut self, key: &ApiKey, now_s: i64) -> StoreResult<i64>;
}

/// Reads of keys of the operator's programs.
pub trait OperatorKeyReads {
    /// A key by its digest, including disabled keys.
    fn operator_key(&mut self, digest: &[u8; 32]) -> StoreResult<Option<OperatorKey>>;

    /// All keys, oldest first.
    fn operator_keys(&mut self) -> StoreResult<Vec<OperatorKey>>;
}

/// Changes of keys of the operator's programs.
pub trait OperatorKeyWrites {
    /// Adds a key.
    fn add_operator_key(&mut self, key: &OperatorKey) -> StoreResult<()>;

    /// Disables all keys of a name permanently. Returns their number.
    fn disable_operator_keys(&mut self, name: &str) -> StoreResult<u64>;
}

/// Result of writing rules of owners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PutOwners {
    /// New rules.
    pub added: usize,
    /// Rules that replaced one of the same source, kind and key.
    pub changed: usize,
    /// Rules that already existed.
    pub unchanged: usize,
}

/// Reads of the rules that say whom the usage of other programs belongs to.
pub trait OwnerReads {
    /// All rules, by source, kind and key.
    fn owner_rules(&mut self) -> StoreResult<Vec<OwnerRule>>;

    /// Number of changes of the rules. Rules that are kept in memory are read again when it has changed.
    fn owner_version(&mut self) -> StoreResult<i64>;
}

/// Changes of the rules that say whom the usage of other programs belongs to.
pub trait OwnerWrites {
    /// Adds rules, or replaces those of the same source, kind and key. Of several in `rules` the last one holds.
    fn put_owner_rules(&mut self, rules: &[OwnerRule]) -> StoreResult<PutOwners>;

    /// Removes a rule; `false` if there is none.
    fn remove_owner_rule(&mut self, source: &str, kind: &str, key: &str) -> StoreResult<bool>;
}

/// Reads of settings.
pub trait SettingReads {
    /// A setting of the deployment, such as the fingerprint of its master key.
    fn setting(&mut self, name: &str) -> StoreResult<Option<String>>;
}

/// Changes of settings, and locks by name.
pub trait SettingWrites {
    /// Writes a setting of the deployment; replaces an older value.
    fn set_setting(&mut self, name: &str, value: &str) -> StoreResult<()>;

    /// Locks a name until this transaction ends; waits if another transaction has locked it. For objects that must be
    /// created only once.
    fn lock_name(&mut self, name: &str) -> StoreResult<()>;
}
