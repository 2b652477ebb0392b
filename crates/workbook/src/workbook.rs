//! The workbook from first byte to last: sheets are opened, filled with chunks in order, continued when they are full,
//! and listed at the end. Formatting and compression happen elsewhere; here only the order of things is decided.

use std::io::Write;
use std::sync::Arc;

use crate::MAX_SHEET_ROWS;
use crate::chunk::{CHUNK_ROWS, Chunk, ChunkEncoder, Piece};
use crate::column::{Column, Layout};
use crate::error::Error;
use crate::parts::{self, SheetEntry};
use crate::row::RowWriter;
use crate::sheet_name::SheetNames;
use crate::zip::ZipWriter;

/// Room kept in a sheet's entry for what follows its last row.
const SHEET_END_RESERVE: u64 = 4_096;

/// What a file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// Title of the document.
    pub title: String,
    /// Who made it: the name of the program, which is creator and application alike.
    pub creator: String,
    /// When it was made, in Unix seconds. The only time in the file.
    pub created_unix_s: i64,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Rows of all sheets, headers not counted.
    pub rows: u64,
    /// Sheets, those that continue another one included.
    pub sheets: u32,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// A workbook that is being written to `W`, which is never read or sought.
///
/// Call [`sheet`](Self::sheet) for each sheet in turn, then [`finish`](Self::finish). A workbook that is dropped, or
/// that met an error, leaves an unusable file behind.
#[derive(Debug)]
pub struct Workbook<W: Write> {
    zip: ZipWriter<W>,
    properties: Properties,
    names: SheetNames,
    sheets: Vec<SheetEntry>,
    open: Option<OpenSheet>,
    rows: u64,
    max_sheet_rows: u32,
    /// Set while a call may fail half-way, cleared when it did not.
    incomplete: bool,
}

/// The sheet that takes rows.
#[derive(Debug)]
struct OpenSheet {
    name: String,
    layout: Arc<Layout>,
    encoder: ChunkEncoder,
    /// Rows in the part being written, the header included.
    rows: u32,
}

impl<W: Write> Workbook<W> {
    /// Starts a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] of the output, as from every other call here.
    pub fn new(out: W, properties: &Properties) -> Result<Self, Error> {
        Self::with_sheet_rows(out, properties, MAX_SHEET_ROWS)
    }

    fn with_sheet_rows(out: W, properties: &Properties, max_sheet_rows: u32) -> Result<Self, Error> {
        let mut zip = ZipWriter::new(out, properties.created_unix_s);
        // These first: programs that look at a file's start alone know a spreadsheet by them.
        zip.stored("_rels/.rels", parts::root_relations().as_bytes())?;
        zip.stored("docProps/core.xml", parts::core_properties(properties).as_bytes())?;
        zip.stored("xl/styles.xml", parts::styles().as_bytes())?;
        Ok(Self {
            zip,
            properties: properties.clone(),
            names: SheetNames::default(),
            sheets: Vec::new(),
            open: None,
            rows: 0,
            max_sheet_rows,
            incomplete: false,
        })
    }

    /// Ends the current sheet, if there is one, and starts the next.
    ///
    /// The name is cleaned: characters that Excel refuses become spaces, more than 31 characters are cut, and a name
    /// that is taken gets a number. The first row holds the headers; it is bold, stays in view and has filters.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] for no column or too many, [`Error::Cell`] for a header that does not fit in a cell.
    pub fn sheet(&mut self, name: &str, columns: &[Column]) -> Result<Sheet<'_, W>, Error> {
        let layout = self.guarded(|workbook| {
            workbook.end_sheet()?;
            let layout = Arc::new(Layout::new(columns)?);
            let encoder = ChunkEncoder::new(Arc::clone(&layout));
            workbook.start_part(&layout, name)?;
            let name = name.to_owned();
            workbook.open = Some(OpenSheet { name, layout: Arc::clone(&layout), encoder, rows: 1 });
            Ok(layout)
        })?;
        Ok(Sheet { workbook: self, layout })
    }

    /// Ends the file and flushes the output.
    ///
    /// # Errors
    ///
    /// [`Error::NoSheet`] without a sheet; [`Error::Incomplete`] after an earlier error.
    pub fn finish(mut self) -> Result<(W, Summary), Error> {
        self.guarded(Self::end_sheet)?;
        if self.sheets.is_empty() {
            return Err(Error::NoSheet);
        }
        let sheets = self.sheets.len();
        self.zip.stored("xl/workbook.xml", &parts::workbook(&self.sheets))?;
        self.zip.stored("xl/_rels/workbook.xml.rels", parts::workbook_relations(sheets).as_bytes())?;
        self.zip.stored("docProps/app.xml", parts::extended_properties(&self.properties).as_bytes())?;
        self.zip.stored("[Content_Types].xml", parts::content_types(sheets).as_bytes())?;
        let (out, bytes) = self.zip.finish()?;
        let sheets = u32::try_from(sheets).unwrap_or(u32::MAX);
        Ok((out, Summary { rows: self.rows, sheets, bytes }))
    }

    /// Runs one step. After a step that failed no other one runs: whatever follows would go into a broken file.
    fn guarded<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.incomplete {
            return Err(Error::Incomplete);
        }
        self.incomplete = true;
        let done = step(self)?;
        self.incomplete = false;
        Ok(done)
    }

    /// Starts the part of a sheet, header row included.
    fn start_part(&mut self, layout: &Layout, name: &str) -> Result<(), Error> {
        let first = self.sheets.is_empty();
        let name = self.names.claim(name);
        self.sheets.push(SheetEntry { name, rows: 1, columns: layout.columns.len() });
        self.zip.start_entry(&parts::sheet_part(self.sheets.len()))?;
        self.put(&Piece::of(&parts::sheet_start(layout, first)))
    }

    /// Writes a piece of the current part, which must have room for it.
    fn put(&mut self, piece: &Piece) -> Result<(), Error> {
        if !self.zip.has_room(piece, 0) {
            return Err(Error::ChunkTooLarge { bytes: piece.raw_bytes });
        }
        Ok(self.zip.piece(piece)?)
    }

    fn end_part(&mut self, rows: u32) -> Result<(), Error> {
        if let Some(sheet) = self.sheets.last_mut() {
            sheet.rows = rows;
            let end = parts::sheet_end(sheet.columns, rows);
            self.put(&Piece::of(end.as_bytes()))?;
        }
        self.zip.end_entry()?;
        Ok(())
    }

    fn end_sheet(&mut self) -> Result<(), Error> {
        self.flush()?;
        match self.open.take() {
            Some(open) => self.end_part(open.rows),
            None => Ok(()),
        }
    }

    /// Writes the rows that the sheet's own encoder holds.
    fn flush(&mut self) -> Result<(), Error> {
        match &mut self.open {
            Some(open) if !open.encoder.is_empty() => {
                let chunk = open.encoder.finish();
                self.place(&chunk)
            }
            _ => Ok(()),
        }
    }

    /// Writes a chunk into the current part, or into a new one if it does not fit there whole.
    fn place(&mut self, chunk: &Chunk) -> Result<(), Error> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let fits = open.rows.saturating_add(chunk.rows) <= self.max_sheet_rows;
        if !fits || !self.zip.has_room(&chunk.piece, SHEET_END_RESERVE) {
            self.end_part(open.rows)?;
            self.start_part(&open.layout, &open.name)?;
            open.rows = 1;
        }
        self.put(&chunk.piece)?;
        open.rows += chunk.rows;
        self.rows += u64::from(chunk.rows);
        self.open = Some(open);
        Ok(())
    }
}

/// The sheet that a workbook is at. It is a handle only: the sheet ends when the next one starts or the workbook ends.
///
/// A sheet that is full continues on another one, named with a number, with the same header.
#[derive(Debug)]
pub struct Sheet<'a, W: Write> {
    workbook: &'a mut Workbook<W>,
    layout: Arc<Layout>,
}

impl<W: Write> Sheet<'_, W> {
    /// Appends a row for each item; `write` puts its cells. How items are divided over calls does not change the file.
    ///
    /// The bounds on `T` and `F` let items be encoded on several threads; today it is one.
    ///
    /// # Errors
    ///
    /// [`Error::Cell`] and [`Error::CellCount`] for a row that is wrong. The workbook is then of no use.
    pub fn rows<T, F>(&mut self, items: &[T], write: F) -> Result<(), Error>
    where
        T: Sync,
        F: Fn(&T, &mut RowWriter<'_>) + Sync,
    {
        for item in items {
            self.row(|row| write(item, row))?;
        }
        Ok(())
    }

    /// Appends one row.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    #[inline]
    pub fn row(&mut self, write: impl FnOnce(&mut RowWriter<'_>)) -> Result<(), Error> {
        self.workbook.guarded(|workbook| {
            let Some(open) = &mut workbook.open else { return Err(Error::NoSheet) };
            open.encoder.row(write)?;
            // Cut where the part is full too: chunks of other lengths may have been appended before.
            let left = workbook.max_sheet_rows.saturating_sub(open.rows);
            let limit = if left == 0 { workbook.max_sheet_rows - 1 } else { left };
            if open.encoder.len() >= limit.min(CHUNK_ROWS) { workbook.flush() } else { Ok(()) }
        })
    }

    /// An encoder for chunks of this sheet. Give one to each thread, cut the rows every [`CHUNK_ROWS`], and
    /// [`append`](Self::append) the chunks in order: the file is the one that [`rows`](Self::rows) writes.
    pub fn encoder(&self) -> ChunkEncoder {
        ChunkEncoder::new(Arc::clone(&self.layout))
    }

    /// Appends the rows of a chunk. A chunk is not divided: if it does not fit in the sheet, the sheet continues before
    /// it. An empty chunk is nothing.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignChunk`] for a chunk from another sheet's encoder.
    pub fn append(&mut self, chunk: &Chunk) -> Result<(), Error> {
        if !Arc::ptr_eq(&self.layout, &chunk.layout) {
            return Err(Error::ForeignChunk);
        }
        self.workbook.guarded(|workbook| {
            workbook.flush()?;
            if chunk.rows == 0 { Ok(()) } else { workbook.place(chunk) }
        })
    }
}

#[cfg(test)]
mod tests;
