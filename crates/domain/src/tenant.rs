//! Companies, their organizations and the API keys that act for them.

/// A tenant: the unit of isolation. It has one currency and one brand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company {
    /// Number in the whole deployment.
    pub company_id: i64,
    /// For people.
    pub name: String,
    /// `CNY` or `USD`.
    pub currency: String,
    /// Name of its `[brand.<name>]` section; `default` without one.
    pub brand: String,
}

/// A part of a company; a key may be bound to some of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its company.
    pub company_id: i64,
    /// Number within the company.
    pub organization_id: i64,
    /// The `ProjectId` of requests, `org-…`.
    pub project_id: String,
    /// For people.
    pub name: String,
}

/// An API key as the store keeps it: its private half is encrypted under the master key.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Unique in the whole deployment.
    pub public_key: String,
    /// Its company.
    pub company_id: i64,
    /// Nonce and ciphertext; what encrypted it decides the format.
    pub sealed_private_key: Vec<u8>,
    /// Organizations it is bound to; empty: the whole company.
    pub organization_ids: Vec<i64>,
    /// CIDR ranges it may be used from, as text; empty: anywhere.
    pub allowed_networks: Vec<String>,
    /// Requests per second; `None`: unlimited.
    pub rate_limit_per_s: Option<u32>,
    /// A disabled key is unknown to callers.
    pub disabled: bool,
}

impl ApiKey {
    /// What an order filter of this key is narrowed to.
    pub fn visible_organizations(&self) -> Option<Vec<i64>> {
        (!self.organization_ids.is_empty()).then(|| self.organization_ids.clone())
    }

    /// Whether the key may act for an organization.
    pub fn may_use(&self, organization_id: i64) -> bool {
        self.organization_ids.is_empty() || self.organization_ids.contains(&organization_id)
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKey")
            .field("public_key", &self.public_key)
            .field("company_id", &self.company_id)
            .field("organization_ids", &self.organization_ids)
            .finish_non_exhaustive()
    }
}

/// The currencies a company can be billed in (docs/ORDERS.md, "Catalogue numbers").
pub const CURRENCIES: [&str; 2] = ["CNY", "USD"];
