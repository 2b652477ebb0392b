//! Events about exports and imports.

use serde_json::json;
use tollbook_export::ExportedFile;
use tollbook_store::{Store, StoreResult, Transaction};

use super::event_kinds::EventKind;
use super::subscribers::Subscribers;

/// Names of files and reasons that an event has.
pub(super) const LISTED: usize = 20;

/// Writes that the file of a background export can be downloaded. It has no link: that is signed when it is asked for.
///
/// # Errors
/// Those of the store.
pub fn export_ready(
    transaction: &mut dyn Transaction,
    company_id: i64,
    job_id: &str,
    file: &ExportedFile,
    now_s: i64,
) -> StoreResult<()> {
    let data = json!({
        "CompanyID": company_id,
        "JobId": job_id,
        "FileName": file.file_name,
        "Rows": file.rows,
        "Bytes": file.bytes,
        "SHA256": hex::encode(file.sha256),
    });
    Subscribers::of(transaction, company_id)?.record(transaction, EventKind::ExportReady, &data, now_s)
}

/// Writes that records of imported files were refused. `kind` is `orders` or `usage`.
///
/// # Errors
/// Those of the store.
pub fn import_refused(
    store: &dyn Store,
    kind: &str,
    files: &[&str],
    (read, refused): (u64, u64),
    reasons: &[String],
    now_s: i64,
) -> StoreResult<()> {
    if !Subscribers::of(store.snapshot()?.as_mut(), 0)?.wants(EventKind::ImportRefused) {
        return Ok(());
    }
    let data = json!({
        "Kind": kind,
        "Files": files.iter().take(LISTED).collect::<Vec<_>>(),
        "Read": read,
        "Refused": refused,
        "Reasons": reasons.iter().take(LISTED).collect::<Vec<_>>(),
    });
    let mut transaction = store.begin()?;
    let subscribers = Subscribers::of(transaction.as_mut(), 0)?;
    subscribers.record(transaction.as_mut(), EventKind::ImportRefused, &data, now_s)?;
    transaction.commit()
}
