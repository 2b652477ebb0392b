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
    /// The keys of the demo cannot be opened.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The progress that an earlier start stored cannot be read.
    #[error("the setting \"quickstart\" cannot be read: {0}")]
    Recorded(String),
    /// A usage record of the demo was refused.
    #[error("usage of the demo is not taken: {0}")]
    Refused(String),
    /// The lease expired while this process was suspended, and another process continued the demo.
    #[error("another start went on with the demo")]
    Taken,
    /// An operation on accounts was refused.
    #[error(transparent)]
    Charging(#[from] ChargingError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
