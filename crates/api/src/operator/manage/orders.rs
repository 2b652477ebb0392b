//! Orders: revoked, and explained.

use serde_json::{Value, json};
use tollbook_ops::charging;
use tollbook_store::AuditEntry;

use super::call::{Call, values_after};
use super::failed::Failed;
use crate::views;

/// Most orders that one request revokes: as many as an entry of the audit log names.
const MAX_REVOKED: usize = 100;
/// Records of an order in one answer, unless fewer are asked for.
const RECORDS: usize = 1_000;

pub(super) fn revoke(call: &Call<'_>) -> Result<Value, Failed> {
    let numbers = call.values.texts("OrderNos");
    if numbers.is_empty() {
        return Err(Failed::parameter("OrderNos", "must name an order"));
    }
    if numbers.len() > MAX_REVOKED {
        return Err(Failed::parameter("OrderNos", format!("must name at most {MAX_REVOKED} orders")));
    }
    let reason = call.values.text_or_empty("Reason");
    let revoked = charging::revoke(&call.charging(), call.company(), &numbers, reason, call.now_s())?;
    let mut value = views::revoked(&revoked);
    value["Repeated"] = false.into();
    Ok(value)
}

pub(super) fn explain(call: &Call<'_>) -> Result<Value, Failed> {
    let (company_id, number) = (call.company(), call.values.text_or_empty("order_no"));
    let limit = call.values.limit("Limit", RECORDS);
    let found = charging::explain_order(&call.charging(), company_id, number, limit)?;
    found.as_ref().map(views::explained_order).ok_or_else(|| {
        let text = format!("company {company_id} has no order with the number {number:?}");
        Failed::not_found("order_no", text)
    })
}

/// What a repeated request has revoked before.
pub(super) fn revocation_again(_: &Call<'_>, entry: &AuditEntry) -> Result<Value, Failed> {
    let after = values_after(entry)?;
    Ok(json!({"Results": after["Results"], "FailureCount": after["FailureCount"], "Repeated": true}))
}
