//! The API described from its own table: the reference page and the `OpenAPI` 3.1 document.

mod openapi;
mod reference;

pub use openapi::openapi;
pub use reference::reference;
use tollbook_export::fields::{Field, FieldKind};

/// One member of an object, as the descriptions show it.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// Exact spelling.
    pub name: &'static str,
    /// `string` or `integer`.
    pub json_type: &'static str,
    /// Meaning.
    pub meaning: &'static str,
}

/// The members of an object that is written from a field table.
pub(crate) fn describe<F>(fields: &[Field<F>]) -> Vec<Described> {
    fields
        .iter()
        .map(|field| Described {
            name: field.name,
            json_type: match field.kind {
                FieldKind::Text | FieldKind::Decimal { .. } | FieldKind::TextTime => "string",
                FieldKind::Integer | FieldKind::WideInteger | FieldKind::Time => "integer",
            },
            meaning: field.meaning,
        })
        .collect()
}

/// Every `RetCode` with when it is answered (docs/WIRE.md, "Return codes").
pub(crate) const RET_CODES: &[(i64, &str, &str)] = &[
    (0, "success", ""),
    (150, "the service cannot answer now; try again later", "Service unavailable"),
    (153, "the key's rate limit", "Request rate limited"),
    (160, "no `Action`", "Missing Action"),
    (161, "unknown `Action`", "Action [X] not found"),
    (170, "no `Signature`", "Missing signature"),
    (171, "wrong signature, or a key of another brand's host", "Signature VerifyAC Error"),
    (172, "`PublicKey` missing, unknown or disabled", "User Not Exists"),
    (220, "required parameters missing, empty or null", "Missing params [A|B]"),
    (230, "a value is not valid; what is allowed follows", "Params [X] not available: …"),
    (240, "body, list or value too long", "Params [X] too large"),
    (292, "`ProjectId` is unknown to the company", "Project [x] not exists"),
    (294, "the caller's address is not on the key's allow list", "Access IP denied"),
    (299, "the key may not use this action or project", "Permission denied"),
    (5000, "an unforeseen failure; safe to retry", "Internal error"),
];
