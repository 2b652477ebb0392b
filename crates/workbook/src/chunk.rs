//! Encodes rows as a finished piece of a sheet's deflate stream: the unit of parallel work. A piece must not depend on
//! its sheet or file, so that the bytes are the same in whatever order chunks are encoded.

use std::sync::Arc;

use crc32fast::Hasher;

use crate::column::Layout;
use crate::deflate::{Deflater, RowSpan};
use crate::error::Error;
use crate::row::RowWriter;

/// Rows of a full chunk. Large enough to make the fixed cost of a piece negligible, small enough for caches, and a
/// divisor of the 1,048,575 rows below a header (1,023 × 1,025), so that full chunks fill a sheet to its last row.
pub const CHUNK_ROWS: u32 = 1_023;

/// Size of the XML, in bytes, at which all rows but the last are dropped. The next row is compared with the last one.
const BUFFER_BYTES: usize = 128 * 1024;

/// Limit on the XML of a chunk, in bytes: far above any real chunk, and far below the limit of a sheet.
const MAX_CHUNK_BYTES: u64 = 1 << 31;

/// Encoded rows of one sheet, to be [appended](crate::Sheet::append) in order.
#[derive(Debug)]
pub struct Chunk {
    pub(crate) layout: Arc<Layout>,
    pub(crate) piece: Piece,
    pub(crate) rows: u32,
}

impl Chunk {
    /// Rows in the chunk.
    pub fn rows(&self) -> u32 {
        self.rows
    }
}

/// A byte-aligned piece of a deflate stream, with the checksum and length of the inflated bytes.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) deflated: Vec<u8>,
    pub(crate) crc: Hasher,
    pub(crate) raw_bytes: u64,
}

impl Piece {
    /// Encodes bytes that are not rows.
    pub(crate) fn of(raw: &[u8]) -> Self {
        let mut deflater = Deflater::new();
        deflater.plain(raw);
        let mut crc = Hasher::new();
        crc.update(raw);
        Self { deflated: deflater.finish(), crc, raw_bytes: raw.len() as u64 }
    }
}

/// Encodes rows as chunks, without I/O. Created by [`Sheet::encoder`](crate::Sheet::encoder), one for each thread.
///
/// A chunk depends only on its rows. If rows are divided every [`CHUNK_ROWS`], [`Sheet::rows`](crate::Sheet::rows) and
/// encoders on several threads give the same file.
#[derive(Debug)]
pub struct ChunkEncoder {
    layout: Arc<Layout>,
    xml: Vec<u8>,
    /// The length of the part of `xml` that `crc` covers.
    hashed: usize,
    row: RowSpan,
    above: RowSpan,
    rows: u32,
    crc: Hasher,
    raw_bytes: u64,
    deflater: Deflater,
}

impl ChunkEncoder {
    pub(crate) fn new(layout: Arc<Layout>) -> Self {
        Self {
            layout,
            xml: Vec::new(),
            hashed: 0,
            row: RowSpan::default(),
            above: RowSpan::default(),
            rows: 0,
            crc: Hasher::new(),
            raw_bytes: 0,
            deflater: Deflater::new(),
        }
    }

    /// Another encoder for the same sheet, e.g. for another thread.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::new(Arc::clone(&self.layout))
    }

    /// Rows since the last chunk.
    pub fn len(&self) -> u32 {
        self.rows
    }

    /// Whether there are no rows since the last chunk.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether the chunk must be finished before the next row.
    pub fn is_full(&self) -> bool {
        self.rows >= CHUNK_ROWS
    }

    /// Adds a row. A row with a fault is dropped; the rows before it are kept.
    ///
    /// # Errors
    ///
    /// [`Error::Cell`] and [`Error::CellCount`] for a faulty row, [`Error::ChunkFull`] after [`CHUNK_ROWS`] rows,
    /// [`Error::ChunkTooLarge`] after 2 GiB of XML.
    #[inline]
    pub fn row(&mut self, write: impl FnOnce(&mut RowWriter<'_>)) -> Result<(), Error> {
        if self.is_full() {
            return Err(Error::ChunkFull);
        }
        self.row.start = self.xml.len();
        let mut row = RowWriter::new(&self.layout, &mut self.xml, &mut self.row.ends);
        write(&mut row);
        let written = row.finish();
        self.row.end = self.xml.len();
        let raw_bytes = self.raw_bytes + (self.row.end - self.row.start) as u64;
        let fits =
            if raw_bytes > MAX_CHUNK_BYTES { Err(Error::ChunkTooLarge { bytes: raw_bytes }) } else { Ok(()) };
        if let Err(fault) = written.and(fits) {
            self.xml.truncate(self.row.start);
            return Err(fault);
        }

        if self.rows == 0 {
            self.deflater.plain(&self.xml);
        } else {
            self.deflater.row(&self.xml, &self.row, &self.above);
        }
        std::mem::swap(&mut self.row, &mut self.above);
        self.raw_bytes = raw_bytes;
        self.rows += 1;
        if self.xml.len() >= BUFFER_BYTES {
            self.keep_last_row();
        }
        Ok(())
    }

    /// Returns the rows as a chunk and starts the next one.
    pub fn finish(&mut self) -> Chunk {
        self.hash();
        self.xml.clear();
        self.hashed = 0;
        Chunk {
            layout: Arc::clone(&self.layout),
            piece: Piece {
                deflated: self.deflater.finish(),
                crc: std::mem::take(&mut self.crc),
                raw_bytes: std::mem::take(&mut self.raw_bytes),
            },
            rows: std::mem::take(&mut self.rows),
        }
    }

    fn hash(&mut self) {
        self.crc.update(&self.xml[self.hashed..]);
        self.hashed = self.xml.len();
    }

    /// Drops all XML but the last row, which is moved to the front.
    fn keep_last_row(&mut self) {
        self.hash();
        let start = self.above.start;
        self.xml.copy_within(start.., 0);
        self.xml.truncate(self.xml.len() - start);
        self.hashed = self.xml.len();
        self.above.start = 0;
        self.above.end -= start;
        for end in &mut self.above.ends {
            *end -= start;
        }
    }
}
