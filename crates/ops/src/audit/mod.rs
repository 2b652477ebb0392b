//! The audit log: the acts that it records, who is said to do them, and reading, checking and exporting it.

mod acting;
mod acts;
mod log;
mod memory;

pub use acting::ActingStore;
pub use acts::ActKind;
pub(crate) use acts::{record, record_with_reason};
pub use log::{
    AuditFilter, AuditLogError, ChainReport, ExportChecked, ListedEntry, check_export, export_log, list,
    verify,
};
pub use memory::AuditMemory;
