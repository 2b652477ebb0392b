//! Corrections of usage: records are taken out, replaced, or rated again. Orders that they are in are refunded or revoked
//! whole, and what is left of an order becomes a supplementary one in the same transaction.

mod changes;
mod explain;
mod list;
mod request;
mod rerate;
mod usage;

pub use explain::{
    ExplainedCharge, ExplainedOrder, ExplainedRecord, OrderRecord, explain_order, explain_usage,
};
pub use list::{ListedCorrection, list_corrections};
pub use request::{
    Corrected, CorrectionError, CorrectionRequest, OrderReplacement, RecordRefusal, UsageName,
};
pub use rerate::{RerateDifference, RerateRequest, Rerated, rerate};
pub use usage::{correct_usage, replace_usage, void_usage};
