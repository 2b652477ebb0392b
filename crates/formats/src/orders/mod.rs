//! Order files (docs/ORDER_FILES.md): reading one, order by order in bounded memory, and writing one. Nothing here knows a
//! store; which company and organization exist is the import's business.

mod csv;
mod field;
mod json;
mod record;
pub mod write;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tollbook_domain::{Catalogue, NewOrder};

use crate::text::{Broken, MAX_LINE_BYTES, Next, Records, TextFile};
use field::Name;
use record::Record;

pub use crate::text::{BrokenFile, Compression, Format, LineError, form_of_name};

/// Why [`OrderReader`] gives no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// One record is not an order; the next can be read.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The file cannot be read any further. It is never silently shorter.
    #[error(transparent)]
    File(#[from] BrokenFile),
}

/// A file to read orders from, any number of times.
#[derive(Debug)]
pub struct OrderFile(TextFile);

impl OrderFile {
    /// Takes a regular file whose name says what it is: `.jsonl` or `.csv`, and `.gz` or `.zst` behind it. That it
    /// can be opened is tried at once.
    pub fn open(path: &Path) -> Result<Self, BrokenFile> {
        TextFile::open(path).map(Self)
    }

    /// The file as messages name it.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Its length on the disk, compressed as it is.
    pub fn bytes(&self) -> u64 {
        self.0.bytes()
    }

    /// Reads it from its start. Use one reader at a time: those of a file without a name share one position in it.
    /// What is read is added to `bytes_read`, compressed as it is.
    pub fn orders<'a>(
        &'a self,
        catalogue: &'a Catalogue,
        bytes_read: Arc<AtomicU64>,
    ) -> Result<OrderReader<'a>, BrokenFile> {
        let records = self.0.records(bytes_read)?;
        Ok(OrderReader { file: &self.0, catalogue, records, columns: None, ended: false })
    }
}

impl From<TextFile> for OrderFile {
    fn from(file: TextFile) -> Self {
        Self(file)
    }
}

/// The orders of a file with the lines they start on. Each obeys every rule that needs no store
/// ([`NewOrder::check`]).
pub struct OrderReader<'a> {
    file: &'a TextFile,
    catalogue: &'a Catalogue,
    records: Records,
    /// The fields of a CSV file's columns, once its header is read.
    columns: Option<Vec<Name>>,
    ended: bool,
}

impl OrderReader<'_> {
    fn advance(&mut self) -> Result<Option<(u64, Next)>, Broken> {
        if let Records::Csv(reader) = &mut self.records
            && self.columns.is_none()
        {
            self.columns = Some(csv::header(reader)?);
        }
        self.records.advance()
    }

    fn record(&self) -> Result<Record<'_>, String> {
        match &self.records {
            Records::Csv(reader) => csv::record(reader, self.columns.as_deref().unwrap_or_default()),
            Records::JsonLines(lines) => {
                let line = std::str::from_utf8(lines.bytes()).map_err(|_| "is not valid UTF-8")?;
                json::parse(line)
            }
        }
    }

    fn order(&self, next: Next) -> Result<NewOrder, String> {
        if next == Next::TooLong {
            return Err(format!("is longer than {MAX_LINE_BYTES} bytes"));
        }
        let order = self.record()?.into_order().map_err(|refused| refused.to_string())?;
        order.check(self.catalogue).map_err(|refused| refused.to_string())?;
        Ok(order)
    }
}

impl Iterator for OrderReader<'_> {
    type Item = Result<(u64, NewOrder), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.advance() {
            Ok(Some((line, next))) => {
                let order = self.order(next).map(|order| (line, order));
                Some(
                    order.map_err(|reason| {
                        LineError { file: self.file.name().to_owned(), line, reason }.into()
                    }),
                )
            }
            Ok(None) => {
                self.ended = true;
                None
            }
            Err(broken) => {
                self.ended = true;
                Some(Err(self.file.broken(&self.records, broken).into()))
            }
        }
    }
}
