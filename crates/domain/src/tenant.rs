//! Tenants: companies, their organizations and their API keys.

/// A company: the tenant and unit of isolation. It has one currency and one brand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company {
    /// Number, unique in the deployment.
    pub company_id: i64,
    /// Display name.
    pub name: String,
    /// Currency: `CNY` or `USD`.
    pub currency: String,
    /// Name of its `[brand.<name>]` section; `default` if it has none.
    pub brand: String,
}

/// An organization: a part of a company. API keys may be bound to some organizations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// The company.
    pub company_id: i64,
    /// Number within the company.
    pub organization_id: i64,
    /// `ProjectId` of requests, `org-…`.
    pub project_id: String,
    /// Display name.
    pub name: String,
}

/// An API key as it is stored: the private key is encrypted with the master key.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Public key, unique in the deployment.
    pub public_key: String,
    /// The company.
    pub company_id: i64,
    /// Encrypted private key: nonce and ciphertext, opaque here.
    pub sealed_private_key: Vec<u8>,
    /// Organizations that the key is bound to; empty: the whole company.
    pub organization_ids: Vec<i64>,
    /// CIDR ranges that requests may come from, as text; empty: any address.
    pub allowed_networks: Vec<String>,
    /// Limit of requests per second; `None`: unlimited.
    pub rate_limit_per_s: Option<u32>,
    /// Whether the key is disabled for ever; requests with it are refused as if it did not exist.
    pub disabled: bool,
    /// What people call it; may be empty.
    pub name: String,
    /// What the key may do; empty: everything.
    pub permissions: Vec<Permission>,
    /// When it was made, Unix seconds; `None`: not known.
    pub created_s: Option<i64>,
    /// When it ends, Unix seconds, exclusive; `None`: never.
    pub expires_s: Option<i64>,
    /// Whether it is suspended: refused like a disabled key, until it is resumed.
    pub suspended: bool,
    /// What it must sign strictly; `None`: what the configuration says.
    pub strict: Option<StrictSigning>,
}

/// Something that a key may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Listing and summing orders.
    Read,
    /// Downloading orders as files.
    Export,
    /// Paying unpaid orders.
    Pay,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 3] = [Self::Read, Self::Export, Self::Pay];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Export => "export",
            Self::Pay => "pay",
        }
    }

    /// The permission of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == name)
    }
}

/// What must be signed strictly (docs/SIGNING.md, "Strict signatures").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StrictSigning {
    /// Nothing; every request may be signed strictly.
    #[default]
    Off,
    /// Payments.
    Pay,
    /// Every request.
    All,
}

impl StrictSigning {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Off, Self::Pay, Self::All];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Pay => "pay",
            Self::All => "all",
        }
    }

    /// The value of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strict| strict.name() == name)
    }

    /// Whether a request that needs a permission must be signed strictly.
    pub fn demands(self, needed: Permission) -> bool {
        match self {
            Self::Off => false,
            Self::Pay => needed == Permission::Pay,
            Self::All => true,
        }
    }
}

impl ApiKey {
    /// A key that may do everything in its company, from any address and without an end.
    pub fn unrestricted(public_key: impl Into<String>, company_id: i64, sealed_private_key: Vec<u8>) -> Self {
        Self {
            public_key: public_key.into(),
            company_id,
            sealed_private_key,
            organization_ids: Vec::new(),
            allowed_networks: Vec::new(),
            rate_limit_per_s: None,
            disabled: false,
            name: String::new(),
            permissions: Vec::new(),
            strict: None,
            created_s: None,
            expires_s: None,
            suspended: false,
        }
    }

    /// Whether requests with the key are answered at a time, Unix seconds.
    pub fn is_usable(&self, now_s: i64) -> bool {
        !self.disabled && !self.suspended && self.expires_s.is_none_or(|end_s| now_s < end_s)
    }

    /// Whether the key may do something.
    pub fn allows(&self, permission: Permission) -> bool {
        self.permissions.is_empty() || self.permissions.contains(&permission)
    }

    /// Organizations whose orders the key may read; `None`: all of the company.
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
