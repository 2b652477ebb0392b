//! Which exports lie in the object store, by what they were made of. The same request finds the file of the one before
//! as long as nothing has changed that its bytes depend on.

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tollbook_objects::{ObjectKey, ObjectStore};
use tollbook_store::{ExportFile, Snapshot, Store, StoreError};

use super::ExportedFile;
use super::desk::Ask;
use crate::presentation::Presentation;

/// What a file is known by.
pub type Digest = [u8; 32];

/// Raised when the same orders make other files than before, within one version of the program.
const LAYOUT: u32 = 1;

/// Everything that the bytes of a file depend on, but the time and the random bits of its name: program, object store,
/// request, names for people, and which changes of the company's orders the snapshot has seen.
pub(super) fn digest(
    snapshot: &mut dyn Snapshot,
    objects: &dyn ObjectStore,
    ask: &Ask,
    presentation: &Presentation,
) -> Result<Digest, StoreError> {
    let version = snapshot.orders_version(ask.company.company_id)?;
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(env!("CARGO_PKG_VERSION"));
    add(&LAYOUT.to_string());
    add(&objects.identity());
    add(ask.format.name());
    // What the document and the names are is all in their debugging form, and a new member comes into it by itself.
    add(&format!("{:?}", ask.document));
    add(&presentation.fingerprint());
    add(&version.to_string());
    Ok(hash.finalize().into())
}

/// A file as the registry keeps it.
#[derive(Deserialize)]
struct Entry {
    key: String,
    file_name: String,
    bytes: u64,
    sha256: String,
    rows: i64,
    /// As text: it may exceed what JSON's numbers are read as.
    total: String,
    stored_s: i64,
}

/// A file as text, for the registry and for jobs.
pub fn to_text(file: &ExportedFile) -> String {
    let entry = json!({
        "key": file.key.as_str(),
        "file_name": file.file_name,
        "bytes": file.bytes,
        "sha256": hex::encode(file.sha256),
        "rows": file.rows,
        "total": file.total.to_string(),
        "stored_s": file.stored_s,
    });
    entry.to_string()
}

/// The file of a text that [`to_text`] made.
///
/// # Errors
/// [`StoreError::Damaged`].
pub fn from_text(text: &str) -> Result<ExportedFile, StoreError> {
    let damaged = || StoreError::Damaged("a record of an export cannot be read".into());
    let entry: Entry = serde_json::from_str(text).map_err(|_| damaged())?;
    let sha256 = hex::decode(&entry.sha256).ok().and_then(|bytes| bytes.try_into().ok());
    Ok(ExportedFile {
        key: ObjectKey::parse(&entry.key).map_err(|_| damaged())?,
        file_name: entry.file_name,
        bytes: entry.bytes,
        sha256: sha256.ok_or_else(damaged)?,
        rows: entry.rows,
        total: entry.total.parse().map_err(|_| damaged())?,
        stored_s: entry.stored_s,
    })
}

/// The file of a digest, if it was stored after `after_s` and is still there.
pub(super) fn find(
    store: &dyn Store,
    objects: &dyn ObjectStore,
    company_id: i64,
    digest: &Digest,
    after_s: i64,
) -> Result<Option<ExportedFile>, StoreError> {
    let known = store.snapshot()?.export_file(company_id, digest)?;
    let Some(known) = known.filter(|known| known.stored_s > after_s) else { return Ok(None) };
    let file = from_text(&known.file)?;
    // Somebody may have deleted it, or half of a bucket was lost.
    match objects.len_of(&file.key) {
        Ok(len) => Ok((len == Some(file.bytes)).then_some(file)),
        Err(error) => {
            tracing::warn!(%error, "it cannot be told whether an export is still there");
            Ok(None)
        }
    }
}

/// Records a file.
pub(super) fn remember(
    store: &dyn Store,
    company_id: i64,
    digest: &Digest,
    file: &ExportedFile,
) -> Result<(), StoreError> {
    let mut transaction = store.begin()?;
    transaction.put_export_file(
        company_id,
        digest,
        &ExportFile { stored_s: file.stored_s, file: to_text(file) },
    )?;
    transaction.commit()
}
