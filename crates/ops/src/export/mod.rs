//! Exports: rows of one snapshot into a file in the spool, then into the object store, then a link.
//!
//! No export holds its rows, and no snapshot is held while bytes leave the machine. What was written is counted and
//! added up, and must be what the store's own sums say, or there is no file.

mod cells;
mod csv;
mod csv_cells;
mod desk;
mod document;
mod focus;
mod format;
mod gzip;
mod limits;
mod parquet;
mod pipeline;
mod progress;
pub mod registry;
mod totals;
mod turns;
mod workbook;

use std::num::NonZeroUsize;

use tokio_util::sync::CancellationToken;
use tollbook_domain::Measures;
use tollbook_objects::{KeyError, ObjectKey, ObjectKeys, ObjectStore, PutOptions};
use tollbook_store::{Snapshot, StoreError, StoredOrder};

use self::gzip::Packing;
use crate::presentation::Presentation;
use crate::secrets::MasterKey;

pub use desk::{Ask, Desk, DeskError, DeskParts, Patience};
pub use document::{Document, SummaryQueries};
pub use format::{FocusVersion, Format, UnknownFormat};
pub use limits::ExportLimits;
pub use progress::Progress;

/// What to make a file of.
#[derive(Clone, Copy, Debug)]
pub struct Build<'a> {
    /// Which orders or sums.
    pub document: &'a Document,
    /// What the file is.
    pub format: Format,
    /// Display texts.
    pub presentation: &'a Presentation,
    /// When the snapshot was taken, Unix seconds.
    pub snapshot_s: i64,
    /// 128 random bits that make the object's name impossible to guess.
    pub random: u128,
    /// Threads that format and compress.
    pub threads: NonZeroUsize,
    /// Told of every row written.
    pub progress: &'a Progress,
    /// Cancelled when nobody wants the file any more: what is under way then ends, and leaves nothing.
    pub abandoned: &'a CancellationToken,
}

/// A file in the object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    /// Its name in the store.
    pub key: ObjectKey,
    /// What it is called.
    pub file_name: String,
    /// In bytes, exact.
    pub bytes: u64,
    /// Of its bytes.
    pub sha256: [u8; 32],
    /// Orders, or rows of both summaries; no headers and no totals.
    pub rows: i64,
    /// Sum of `OrderTotalPrice` in 10⁻⁸ currency units.
    pub total: i128,
    /// When its orders were read, Unix seconds; it is stored a moment later.
    pub stored_s: i64,
}

/// How a link to a file is made.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where customers reach this deployment, without a slash at the end.
    pub base_url: String,
    /// When it stops working, Unix seconds, exclusive.
    pub expires_s: i64,
}

impl ExportedFile {
    /// A presigned link to the file.
    pub fn link(&self, objects: &dyn ObjectStore, link: &Link) -> Result<String, ExportError> {
        Ok(objects.presign_get(&link.base_url, &self.key, &self.file_name, link.expires_s)?)
    }
}

/// Why there is no export. Nothing of a failed one is left behind.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Reading the orders failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Writing the workbook failed; a full disk is an I/O error in here.
    #[error("the workbook cannot be written: {0}")]
    Workbook(#[from] tollbook_workbook::Error),
    /// Writing a file of another format failed.
    #[error("the file cannot be written: {0}")]
    File(#[from] std::io::Error),
    /// Storing the file failed.
    #[error("the export cannot be stored: {0}")]
    Objects(#[from] tollbook_objects::StoreError),
    /// The object's name is not one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A defect of this program.
    #[error("building the export panicked")]
    Panicked,
    /// The format has no rows of this kind.
    #[error("an order summary cannot be written as {0}")]
    NoSummary(Format),
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Written {
    /// Rows without headers and totals.
    rows: i64,
    /// What the orders of the rows add up to.
    measures: Measures,
}

impl Written {
    fn add(&mut self, more: &Self) {
        self.rows += more.rows;
        self.measures.add(&more.measures);
    }
}

/// The key pair that links are signed with: the deployment's own, the same on every server that has the master key,
/// and never a customer's.
pub fn object_keys(master: &MasterKey) -> ObjectKeys {
    let [public, private] = ["object public key", "object private key"].map(|purpose| master.derive(purpose));
    ObjectKeys::new(format!("TOKEN_{}", hex::encode(&public[..16])), hex::encode(private))
}

/// Makes the file and stores it. Takes the snapshot, to end it before the file is stored.
pub fn export(
    build: &Build<'_>,
    mut snapshot: Box<dyn Snapshot>,
    objects: &dyn ObjectStore,
) -> Result<ExportedFile, ExportError> {
    let file_name = format!("{}.{}", build.document.stem(build.presentation), build.format.extension());
    let key = ObjectKey::export(build.presentation.company_id, build.random, &file_name)?;
    let expected = expected(snapshot.as_mut(), build.document)?;
    build.progress.expect(expected.orders);
    let (rows, spool) = (snapshot.as_mut(), objects.spool()?);
    let (spool, written) = match build.format {
        Format::Workbook => workbook::write(build, rows, spool)?,
        Format::Csv => csv::write(build, rows, spool, Packing::Plain)?,
        Format::CsvGzip => csv::write(build, rows, spool, Packing::Gzip)?,
        Format::Parquet => parquet::write(build, rows, spool)?,
        Format::FocusCsv(version) => focus::write_csv(build, rows, spool, version)?,
        Format::FocusParquet(version) => focus::write_parquet(build, rows, spool, version)?,
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

/// A snapshot has the line of each of its orders.
fn no_line(stored: &StoredOrder) -> StoreError {
    StoreError::Damaged(format!("order {} has no line", stored.order.number))
}

/// What the store says the rows will add up to.
fn expected(snapshot: &mut dyn Snapshot, document: &Document) -> Result<Measures, StoreError> {
    let mut sums = Measures::default();
    for query in document.queries() {
        for (_, measures) in snapshot.sums(query)? {
            sums.add(&measures);
        }
    }
    Ok(sums)
}
