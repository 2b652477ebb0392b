//! A file of orders.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tollbook_domain::Catalogue;

use super::reader::OrderReader;
use crate::text::{RecordFile, RecordFileError};

/// A file of orders that can be read any number of times.
#[derive(Debug)]
pub struct OrderFile(RecordFile);

impl OrderFile {
    /// Opens a regular file, to report at once if that fails. The name states format and compression: `.jsonl` or
    /// `.csv`, optionally followed by `.gz` or `.zst`.
    pub fn open(path: &Path) -> Result<Self, RecordFileError> {
        RecordFile::open(path).map(Self)
    }

    /// The name of the file in messages.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Size on disk in bytes, before decompression.
    pub fn bytes(&self) -> u64 {
        self.0.bytes()
    }

    /// Reads the file from its start. Use one reader at a time: readers of a spooled file share one position in it.
    /// The bytes that are read, before decompression, are added to `bytes_read`.
    pub fn orders<'a>(
        &'a self,
        catalogue: &'a Catalogue,
        bytes_read: Arc<AtomicU64>,
    ) -> Result<OrderReader<'a>, RecordFileError> {
        OrderReader::new(&self.0, catalogue, bytes_read)
    }
}

impl From<RecordFile> for OrderFile {
    fn from(file: RecordFile) -> Self {
        Self(file)
    }
}
