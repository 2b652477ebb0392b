//! Rules for single fields of orders and usage records: limits, and the refusal that names a field and a reason.

/// The longest stored text, in bytes of UTF-8, so that it can be used in a filter (docs/ORDERS.md, "Limits").
pub const MAX_TEXT_BYTES: usize = 256;
/// The longest order or arrears number, in bytes.
pub const MAX_NUMBER_BYTES: usize = 64;
/// The largest enumeration number: published clients decode 32-bit integers (docs/WIRE.md, "What clients decode").
pub const MAX_ENUM: i64 = 2_147_483_647;

/// A broken rule: the field as the input names it, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Refused {
    /// Name of the field; for orders one of docs/ORDERS.md, "Fields".
    pub field: &'static str,
    /// Reason for the message: lowercase, no full stop.
    pub reason: String,
}

pub(crate) fn refuse(field: &'static str, reason: impl Into<String>) -> Result<(), Refused> {
    Err(Refused { field, reason: reason.into() })
}

pub(crate) fn require(holds: bool, field: &'static str, reason: &str) -> Result<(), Refused> {
    if holds { Ok(()) } else { refuse(field, reason) }
}
