//! The cache of stored exports, by a digest of everything that their bytes depend on. A repeated request gets the stored
//! file as long as the digest is the same.

use sha2::{Digest as _, Sha256};
use tollbook_domain::Catalogue;
use tollbook_objects::ObjectStore;
use tollbook_store::{ExportFile, Snapshot, Store, StoreError};

use super::request::ExportRequest;
use crate::file::ExportedFile;
use crate::presentation::Presentation;

/// Identifies the content of a file.
pub type Digest = [u8; 32];

/// Version of the file layouts. Raised when a layout changes within one version of the program.
const LAYOUT: u32 = 5;

/// Digest of a catalogue. It is part of every file's digest, and made once, because a catalogue is large.
pub(super) fn catalogue_digest(catalogue: &Catalogue) -> Digest {
    Sha256::digest(format!("{catalogue:?}")).into()
}

/// Digest of everything that the bytes of a file depend on, except the time of the snapshot: program, object store,
/// request, display texts, and the version of the company's orders in the snapshot.
pub(super) fn digest(
    snapshot: &mut dyn Snapshot,
    objects: &dyn ObjectStore,
    request: &ExportRequest,
    presentation: &Presentation,
    catalogue: &Digest,
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
    add(request.separator.name());
    // The debug format includes every member of a document, also future ones.
    add(&format!("{:?}", request.document));
    add(&presentation.fingerprint());
    add(&version.to_string());
    hash.update(catalogue);
    Ok(hash.finalize().into())
}

/// The file of a digest, if it was stored after `after_s` and still exists.
pub(super) fn find(
    store: &dyn Store,
    objects: &dyn ObjectStore,
    company_id: i64,
    digest: &Digest,
    after_s: i64,
) -> Result<Option<ExportedFile>, StoreError> {
    let known = store.snapshot()?.export_file(company_id, digest)?;
    let Some(known) = known.filter(|known| known.stored_s > after_s) else { return Ok(None) };
    let file = ExportedFile::from_record(&known.file)?;
    Ok(is_stored(objects, &file).then_some(file))
}

/// Whether the object of a file is in the object store: it may have been deleted or damaged there.
pub(super) fn is_stored(objects: &dyn ObjectStore, file: &ExportedFile) -> bool {
    objects.len_of(&file.key).map_or_else(
        |error| {
            let key = file.key.as_str();
            tracing::warn!(%error, key, "export lookup in the object store failed; will build the file");
            false
        },
        |len| len == Some(file.bytes),
    )
}

/// Records a stored file.
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
        &ExportFile {
            stored_s: file.stored_s,
            bytes: i64::try_from(file.bytes).unwrap_or(i64::MAX),
            file: file.to_record(),
        },
    )?;
    transaction.commit()
}
