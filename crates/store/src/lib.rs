//! Stores tenants, prices, usage, orders and accounts in a SQL database. The traits [`Store`], [`Snapshot`] and
//! [`Transaction`] are the whole interface; their supertraits, one or a few for each module, declare the reads and
//! writes. One set of SQL statements implements them for every database.
//!
//! This crate must not contain HTTP, JSON or Excel. Only `sqlite/` and `postgres/` may depend on a particular database.

mod accounts;
mod audit;
mod corrections;
mod deployment;
mod error;
mod exports;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod leases;
mod lines;
mod maintenance;
mod nonces;
mod orders;
mod pack;
mod postgres;
mod prices;
mod sealed_keys;
mod sql;
mod sqlite;
mod store;
mod tenants;
mod usage;
mod usage_pack;
mod usage_records;
mod users;
mod verification;
mod webhooks;

pub use accounts::{
    AccountReads, AccountState, AccountWrites, LedgerEntry, LedgerRange, LedgerSum, Settlement, StoredDeposit,
};
pub use audit::{
    Act, Actor, ActorKind, AuditEntry, AuditHash, AuditReads, AuditWrites, ChainCheck, ChainHead,
    ClaimedRequest, DEPLOYMENT_CHAIN, RequestClaim,
};
pub use corrections::{Correction, CorrectionKind, CorrectionReads, CorrectionWrites};
pub use deployment::{
    Deployed, DeploymentReads, DeploymentSetting, DeploymentState, DeploymentWrites, Moved,
};
pub use error::{StoreError, StoreResult};
pub use exports::{
    DueExportJob, ExportFile, ExportJob, ExportReads, ExportState, ExportWrites, LONGEST_FILE,
    LONGEST_JOB_ID, NewExportJob,
};
pub use leases::{Lease, LeaseKey, Leases};
pub use lines::{LineNo, Lines};
pub use maintenance::{Retention, Verification, Verify};
pub use nonces::NonceWrites;
pub use orders::{
    EachOrder, OrderLists, OrderLookup, OrderSums, OrderTransition, OrderTransitions, OrderWrites, Outcome,
    Page, StoredOrder,
};
pub use postgres::{
    Distribution, connect_postgres, database_name, distribute, open_postgres, postgres_connector,
};
pub use prices::{PriceReads, PriceSelection, PriceWrites, PutPrices};
pub use sealed_keys::SealedKeyWrites;
pub use sql::maintenance::copy::{Copied, copy};
pub use sql::store::OpenDatabase;
pub use sqlite::{COMPANION_SUFFIXES, ServersExcluded, connect_sqlite, exclude_servers, open_sqlite};
pub use store::{ConnectionUse, DeploymentGuard, Snapshot, Store, StoreOptions, Transaction};
pub use tenants::{
    OperatorKey, OperatorKeyReads, OperatorKeyWrites, OwnerReads, OwnerWrites, PutOwners, SettingReads,
    SettingWrites, TenantReads, TenantWrites,
};
pub use usage::{
    DueHour, HourClosing, HourFilter, IntakeContext, OpenUsage, RatedUsage, Uncharged, UnchargedKey,
    UnchargedReads, UnchargedUsage, UnchargedWrites, UsageOrder, UsageOutcome, UsageReads, UsageWrites,
};
pub use usage_records::{
    DayRange, OpenChange, RecordChange, RecordKey, RecordLock, RecordName, RecordReads, RecordState,
    RecordWrites, StoredCharge, StoredRecord, UsageHour,
};
pub use users::{Invitation, NewUser, UserReads, UserSession, UserWrites};
pub use verification::{PartSizes, VERIFICATION_KINDS, VerificationPart, VerifiedPart};
pub use webhooks::{
    DeliveryFilter, DeliveryKey, DeliveryProgress, DeliveryState, NewWebhookEvent, WEBHOOK_LOCK,
    WebhookBacklog, WebhookDelivery, WebhookEndpoint, WebhookReads, WebhookState, WebhookTally,
    WebhookWrites,
};
