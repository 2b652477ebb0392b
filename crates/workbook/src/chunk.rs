//! Encodes rows as a finished piece of a sheet's deflate stream: the unit of parallel work. A piece depends on its rows
//! and the number of the first one only, so that the bytes are the same in whatever order chunks are encoded.

use std::sync::Arc;

use crc32fast::Hasher;

use crate::column::Layout;
use crate::deflate::Deflater;
use crate::error::Error;
use crate::reference::{ROW_END, RowDigits};
use crate::row::RowWriter;
use crate::row_runs::RowSpan;
use crate::time_cells::TimeCells;

/// Rows of a full chunk. Large enough to make the fixed cost of a piece negligible, small enough for caches, and a
/// divisor of the 1,048,575 rows below a header (1,023 × 1,025), so that full chunks fill a sheet to its last row.
pub const CHUNK_ROWS: u32 = 1_023;

/// The number of the first row below the header.
pub(crate) const FIRST_ROW: u32 = 2;

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
    /// The number of the first row in its part of the sheet.
    pub(crate) first_row: u32,
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
/// A chunk depends on its rows and their place in the sheet. If rows are divided every [`CHUNK_ROWS`],
/// [`Sheet::rows`](crate::Sheet::rows) and encoders on several threads give the same file. An encoder that does not
/// encode all chunks of a sheet in turn must be told the place of each ([`start_at`](Self::start_at)); a chunk that was
/// encoded for another place is encoded again when it is appended.
#[derive(Debug)]
pub struct ChunkEncoder {
    layout: Arc<Layout>,
    xml: Vec<u8>,
    /// The length of the part of `xml` that `crc` covers.
    hashed: usize,
    row: RowSpan,
    above: RowSpan,
    /// The digits of the number of the row above.
    digits: RowDigits,
    times: TimeCells,
    rows: u32,
    first_row: u32,
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
            digits: RowDigits::default(),
            times: TimeCells::new(),
            rows: 0,
            first_row: FIRST_ROW,
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

    /// Sets the place of the next chunk: the number of rows of the sheet before it, on all its parts. Without this, the
    /// next chunk follows the last one of this encoder. It must be called between chunks.
    pub fn start_at(&mut self, rows_before: u64) {
        debug_assert!(self.is_empty(), "the rows of a chunk follow each other");
        let in_part = rows_before % u64::from(self.layout.part_rows.max(1));
        self.first_row = u32::try_from(in_part).unwrap_or(0) + FIRST_ROW;
    }

    /// Sets the number of the next chunk's first row in its part of the sheet.
    pub(crate) fn start_at_row(&mut self, number: u32) {
        self.first_row = number;
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
        let start = self.xml.len();
        let digits = RowDigits::of(self.first_row + self.rows);
        let mut row =
            RowWriter::new(&self.layout, digits, &mut self.xml, &mut self.row.cells, &mut self.times);
        write(&mut row);
        let written = row.finish();
        self.row.end = self.xml.len();
        self.row.cells_end = self.row.end.saturating_sub(ROW_END.len());
        let raw_bytes = self.raw_bytes + (self.row.end - start) as u64;
        let fits =
            if raw_bytes > MAX_CHUNK_BYTES { Err(Error::ChunkTooLarge { bytes: raw_bytes }) } else { Ok(()) };
        if let Err(fault) = written.and(fits) {
            self.xml.truncate(start);
            return Err(fault);
        }

        if self.rows == 0 {
            self.deflater.plain(&self.xml);
        } else {
            self.deflater.row(&self.xml, &self.row, &self.above, digits.changed(self.digits));
        }
        self.digits = digits;
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
        let (first_row, rows) = (self.first_row, std::mem::take(&mut self.rows));
        self.start_at(u64::from(first_row - FIRST_ROW + rows));
        Chunk {
            layout: Arc::clone(&self.layout),
            first_row,
            piece: Piece {
                deflated: self.deflater.finish(),
                crc: std::mem::take(&mut self.crc),
                raw_bytes: std::mem::take(&mut self.raw_bytes),
            },
            rows,
        }
    }

    fn hash(&mut self) {
        self.crc.update(&self.xml[self.hashed..]);
        self.hashed = self.xml.len();
    }

    /// Drops all XML but the last row, which is moved to the front.
    fn keep_last_row(&mut self) {
        self.hash();
        let start = self.above.start();
        self.xml.copy_within(start.., 0);
        self.xml.truncate(self.xml.len() - start);
        self.hashed = self.xml.len();
        self.above.end -= start;
        self.above.cells_end -= start;
        for cell in &mut self.above.cells {
            cell.move_back(start);
        }
    }
}
