//! Writes one file from one snapshot: rows to the spool, then the file to the object store.
//!
//! The rows written are counted and summed. If the counts and sums differ from those of the store, no file is stored.

use tollbook_domain::Measures;
use tollbook_objects::{ObjectKey, ObjectStore, PutOptions};
use tollbook_store::{Snapshot, StoreError};

use crate::build::Build;
use crate::csv::Packing;
use crate::document::Document;
use crate::error::ExportError;
use crate::file::ExportedFile;
use crate::format::Format;
use crate::{csv, focus, parquet, xlsx};

/// Builds the file and stores it. The snapshot is dropped before the file is stored.
pub fn export(
    build: &Build<'_>,
    mut snapshot: Box<dyn Snapshot>,
    objects: &dyn ObjectStore,
) -> Result<ExportedFile, ExportError> {
    let file_name = format!("{}.{}", build.document.stem(build.presentation), build.format.extension());
    let key = ObjectKey::export(build.presentation.company_id, build.random, &file_name)?;
    let expected = expected(snapshot.as_mut(), build.document)?;
    build.progress.expect(expected.orders);
    let rows = snapshot.as_mut();
    let spool = || Ok(objects.spool()?);
    let (spool, written) = match build.format {
        Format::Workbook | Format::Bill => xlsx::write(build, rows, spool)?,
        Format::Csv => csv::write(build, rows, spool()?, Packing::Plain)?,
        Format::CsvGzip => csv::write(build, rows, spool()?, Packing::Gzip)?,
        Format::Parquet => parquet::write(build, rows, spool()?, &expected)?,
        Format::FocusCsv(version) => focus::write_csv(build, rows, spool()?, version)?,
        Format::FocusParquet(version) => focus::write_parquet(build, rows, spool()?, version)?,
    };
    drop(snapshot);
    if written.measures != expected {
        let reason = format!("an export has {:?}, the rollups say {expected:?}", written.measures);
        return Err(StoreError::Damaged(reason).into());
    }
    let options =
        PutOptions { file_name: file_name.clone(), content_type: build.format.content_type().into() };
    let stored = objects.put(&key, spool, &options, &|| build.abandoned.is_cancelled())?;
    Ok(ExportedFile {
        key,
        file_name,
        bytes: stored.len,
        sha256: stored.sha256,
        rows: written.rows,
        total: written.measures.total,
        stored_s: build.snapshot_s,
    })
}

/// Counts and sums of the document's orders, from the store.
fn expected(snapshot: &mut dyn Snapshot, document: &Document) -> Result<Measures, StoreError> {
    let mut sums = Measures::default();
    for query in document.queries() {
        for (_, measures) in snapshot.sums(query)? {
            sums.add(&measures);
        }
    }
    Ok(sums)
}
