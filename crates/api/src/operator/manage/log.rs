//! The audit log.

use serde_json::{Value, json};
use tollbook_ops::audit::{AuditFilter, list, verify};

use super::call::Call;
use super::failed::Failed;

/// Entries in one answer, unless fewer are asked for.
const ENTRIES: usize = 1_000;

pub(super) fn entries(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let filter = AuditFilter {
        company_id: values.integer("CompanyID"),
        from_s: values.integer("From"),
        to_s: values.integer("To"),
        act: values.text("Act").map(ToOwned::to_owned),
    };
    let limit = values.limit("Limit", ENTRIES);
    let mut entries = list(call.store().snapshot()?.as_mut(), &filter, limit.saturating_add(1))?;
    let has_more = entries.len() > limit;
    if has_more {
        entries.remove(0);
    }
    Ok(json!({"Entries": entries, "HasMore": has_more}))
}

pub(super) fn check(call: &Call<'_>) -> Result<Value, Failed> {
    let report = verify(call.store().snapshot()?.as_mut(), None, call.values.integer("CompanyID"))?;
    Ok(json!({"Chains": report.chains, "Entries": report.entries, "Differences": report.differences}))
}
