//! Rows to a finished piece of a sheet's deflate stream: the unit of work that any thread may do. Nothing here knows
//! in which sheet or file a piece ends up, nor may it: that is what makes the bytes the same in whatever order
//! chunks are made.

use std::sync::Arc;

use crc32fast::Hasher;

use crate::column::Layout;
use crate::deflate::{Deflater, RowSpan};
use crate::error::Error;
use crate::row::RowWriter;

/// Rows of a full chunk. Large enough that the fixed cost of a piece vanishes, small enough for caches, and a divisor
/// of the 1,048,575 rows below a header (1,023 × 1,025), so full chunks fill a sheet to its last row.
pub const CHUNK_ROWS: u32 = 1_023;

/// XML that is kept before it is forgotten. What stays is the last row, which the next one is compared with.
const BUFFER_BYTES: usize = 128 * 1024;

/// The most XML in a chunk: far above any real one, and far below what a sheet holds.
const MAX_CHUNK_BYTES: u64 = 1 << 31;

/// Some rows of one sheet, formatted and compressed, to be [appended](crate::Sheet::append) in order.
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

/// A byte-aligned piece of a deflate stream, and the checksum and length of what it inflates to.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) deflated: Vec<u8>,
    pub(crate) crc: Hasher,
    pub(crate) raw_bytes: u64,
}

impl Piece {
    /// A piece of bytes that are not rows.
    pub(crate) fn of(raw: &[u8]) -> Self {
        let mut deflater = Deflater::new();
        deflater.plain(raw);
        let mut crc = Hasher::new();
        crc.update(raw);
        Self { deflated: deflater.finish(), crc, raw_bytes: raw.len() as u64 }
    }
}

/// Turns rows into chunks, without I/O. Made by [`Sheet::encoder`](crate::Sheet::encoder), one for each thread.
///
/// A chunk depends on its rows alone. Rows that are cut every [`CHUNK_ROWS`] give the same file whoever encodes them:
/// [`Sheet::rows`](crate::Sheet::rows) or encoders on several threads.
#[derive(Debug)]
pub struct ChunkEncoder {
    layout: Arc<Layout>,
    xml: Vec<u8>,
    /// How much of `xml` the checksum already covers.
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

    /// A new encoder for the same sheet, for another thread.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::new(Arc::clone(&self.layout))
    }

    /// Rows taken since the last chunk.
    pub fn len(&self) -> u32 {
        self.rows
    }

    /// Whether no row was taken since the last chunk.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether the chunk must be finished before the next row.
    pub fn is_full(&self) -> bool {
        self.rows >= CHUNK_ROWS
    }

    /// Takes one row. A refused row leaves no trace; the rows before it stay.
    ///
    /// # Errors
    ///
    /// [`Error::Cell`] and [`Error::CellCount`] for a wrong row, [`Error::ChunkFull`] after [`CHUNK_ROWS`] rows,
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

    /// Takes the rows so far as a chunk; the encoder is then ready for the next one.
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

    /// Drops all XML but the last row, which moves to the front.
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
