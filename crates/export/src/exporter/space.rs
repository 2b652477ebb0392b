//! Keeps the files of exports within their limits: of a company, and of all companies together. Beyond a limit the oldest files
//! are deleted before their retention ends.

use tollbook_objects::ObjectStore;
use tollbook_store::{Snapshot, Store, StoreError, Transaction};

use super::cache::Digest;
use crate::file::ExportedFile;
use crate::limits::ExportLimits;

/// Most files that one transaction deletes.
const FILES_AT_ONCE: usize = 100;

/// A file that was just stored, which is never deleted to make room for itself.
#[derive(Clone, Copy)]
pub(super) struct Newest<'a> {
    pub(super) company_id: i64,
    pub(super) digest: &'a Digest,
}

/// Deletes files until the limits hold. Each transaction changes the files of one company, so that servers which do this
/// at once cannot block each other for ever.
pub(super) fn enforce(
    store: &dyn Store,
    objects: &dyn ObjectStore,
    limits: &ExportLimits,
    newest: Newest<'_>,
) -> Result<(), StoreError> {
    for company_id in companies_beyond(store.snapshot()?.as_mut(), limits, newest.company_id)? {
        loop {
            let mut transaction = store.begin()?;
            let taken = take_oldest(transaction.as_mut(), limits, company_id, newest)?;
            transaction.commit()?;
            for file in &taken {
                delete(objects, company_id, file);
            }
            if taken.len() < FILES_AT_ONCE {
                break;
            }
        }
    }
    Ok(())
}

/// The companies whose files are deleted while a limit is exceeded, in that order.
fn companies_beyond(
    snapshot: &mut dyn Snapshot,
    limits: &ExportLimits,
    company_id: i64,
) -> Result<Vec<i64>, StoreError> {
    let kept = snapshot.all_export_bytes()?;
    let total: i64 = kept.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes));
    let of_company = kept.iter().find(|(company, _)| *company == company_id).map_or(0, |(_, bytes)| *bytes);
    let mut companies = Vec::new();
    if of_company > limits.company_bytes {
        companies.push(company_id);
    }
    if total > limits.total_bytes {
        companies.extend(kept.iter().map(|(company, _)| *company));
    }
    Ok(companies)
}

/// Deletes the records of a company's oldest files while its limit or that of all companies is exceeded. Returns the files.
fn take_oldest(
    transaction: &mut dyn Transaction,
    limits: &ExportLimits,
    company_id: i64,
    newest: Newest<'_>,
) -> Result<Vec<ExportedFile>, StoreError> {
    let except = if company_id == newest.company_id { *newest.digest } else { [0; 32] };
    let mut taken = Vec::new();
    while taken.len() < FILES_AT_ONCE && is_beyond(transaction, limits, company_id)? {
        let Some(file) = transaction.take_oldest_export_file(company_id, &except)? else { break };
        taken.push(ExportedFile::from_record(&file.file)?);
    }
    Ok(taken)
}

fn is_beyond(
    transaction: &mut dyn Transaction,
    limits: &ExportLimits,
    company_id: i64,
) -> Result<bool, StoreError> {
    if transaction.export_bytes(company_id)? > limits.company_bytes {
        return Ok(true);
    }
    let kept = transaction.all_export_bytes()?;
    Ok(kept.iter().fold(0_i64, |sum, (_, bytes)| sum.saturating_add(*bytes)) > limits.total_bytes)
}

fn delete(objects: &dyn ObjectStore, company_id: i64, file: &ExportedFile) {
    let key = file.key.as_str();
    match objects.delete(&file.key) {
        Ok(()) => {
            tracing::info!(
                company_id,
                key,
                bytes = file.bytes,
                "deleted an old export to stay within the limits"
            );
        }
        // The sweep removes it when its retention ends.
        Err(error) => tracing::warn!(%error, company_id, key, "an old export could not be deleted"),
    }
}
