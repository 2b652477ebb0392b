//! Events about differences between what is stored and what a recount finds.

use serde_json::{Value, json};
use tollbook_domain::time::DAY_S;
use tollbook_store::{Store, StoreResult};

use super::event_kinds::EventKind;
use super::outbox::LISTED;
use super::subscribers::Subscribers;

/// Writes that a recount found differences: `source` is what recounted, `verify` or `self-check`; `company_id` is `None`
/// if they are of the deployment or of several companies. The same differences are written once a day, however often they
/// are found. Without differences, nothing is written.
///
/// # Errors
/// Those of the store.
pub fn difference_found(
    store: &dyn Store,
    source: &str,
    company_id: Option<i64>,
    differences: &[String],
    now_s: i64,
) -> StoreResult<()> {
    if differences.is_empty()
        || !Subscribers::of(store.snapshot()?.as_mut(), 0)?.wants(EventKind::DifferenceFound)
    {
        return Ok(());
    }
    let data = json!({
        "Source": source,
        "CompanyID": company_id,
        "DifferenceCount": differences.len(),
        "Differences": differences.iter().take(LISTED).collect::<Vec<_>>(),
    });
    let mut transaction = store.begin()?;
    let since_s = now_s.saturating_sub(DAY_S);
    let known = transaction.webhook_payloads(0, EventKind::DifferenceFound.name(), since_s)?;
    let is_known = known
        .iter()
        .any(|body| serde_json::from_str::<Value>(body).is_ok_and(|body| body.get("data") == Some(&data)));
    if is_known {
        return Ok(());
    }
    let subscribers = Subscribers::of(transaction.as_mut(), 0)?;
    subscribers.record(transaction.as_mut(), EventKind::DifferenceFound, &data, now_s)?;
    transaction.commit()
}
