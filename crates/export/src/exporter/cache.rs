//! Which exports lie in the object store, by what they were made of. The same request finds the file of the one before
//! as long as nothing has changed that its bytes depend on.

use sha2::{Digest as _, Sha256};
use tollbook_objects::ObjectStore;
use tollbook_store::{ExportFile, Snapshot, Store, StoreError};

use super::request::ExportRequest;
use crate::file::{ExportedFile, from_text, to_text};
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
    request: &ExportRequest,
    presentation: &Presentation,
) -> Result<Digest, StoreError> {
    let version = snapshot.orders_version(request.company.company_id)?;
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(env!("CARGO_PKG_VERSION"));
    add(&LAYOUT.to_string());
    add(&objects.identity());
    add(request.format.name());
    // What the document and the names are is all in their debugging form, and a new member comes into it by itself.
    add(&format!("{:?}", request.document));
    add(&presentation.fingerprint());
    add(&version.to_string());
    Ok(hash.finalize().into())
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
pub(super) fn record(
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
