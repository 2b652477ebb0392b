//! Errors of the quickstart.

use tollbook_store::StoreError;

use crate::charging::ChargingError;
use crate::tenancy::TenantError;
use crate::tenancy::secrets::SecretError;

/// Why the demo could not be created or found.
#[derive(Debug, thiserror::Error)]
pub enum QuickstartError {
    /// The company or a key cannot be created.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// The private keys of the demo cannot be decrypted.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The progress that an earlier start stored cannot be read.
    #[error("the setting \"quickstart\" cannot be read: {0}")]
    InvalidProgress(String),
    /// A usage record of the demo was refused.
    #[error("a usage record of the demo was refused: {0}")]
    Refused(String),
    /// The lease expired while this process was suspended, and another process continued the demo.
    #[error("the lease on the demo expired, and another process continued it")]
    LeaseLost,
    /// An operation on accounts was refused.
    #[error(transparent)]
    Charging(#[from] ChargingError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
