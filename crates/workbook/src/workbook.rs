//! The workbook as a whole: opens sheets, appends chunks in order, continues full sheets on new ones, and lists the
//! sheets at the end of the file.

use std::io::Write;
use std::sync::Arc;

use crate::chunk::{CHUNK_ROWS, Chunk, ChunkEncoder, FIRST_ROW, Piece};
use crate::column::{Column, Layout};
use crate::error::Error;
use crate::limits::MAX_SHEET_ROWS;
use crate::parts::{self, SheetEntry};
use crate::planned_sheet::PlannedSheet;
use crate::properties::Properties;
use crate::renumber::renumbered;
use crate::row::RowWriter;
use crate::sheet_name::SheetNames;
use crate::sheet_options::SheetOptions;
use crate::zip::ZipWriter;

/// Bytes of a sheet's zip entry that are reserved for the XML after its last row.
const SHEET_END_RESERVE: u64 = 4_096;

/// Totals of a finished workbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Rows of all sheets without headers.
    pub rows: u64,
    /// Sheets, including continuation sheets.
    pub sheets: u32,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// A workbook that is written sequentially to `W`.
///
/// Call [`sheet`](Self::sheet) for each sheet in turn, then [`finish`](Self::finish). If the workbook is dropped before
/// that, or after an error, the file is unusable.
#[derive(Debug)]
pub struct Workbook<W: Write> {
    zip: ZipWriter<W>,
    names: SheetNames,
    sheets: Vec<SheetEntry>,
    open: Option<OpenSheet>,
    rows: u64,
    max_sheet_rows: u32,
    /// The parts of sheets, if the file already lists them.
    planned: Option<Vec<SheetEntry>>,
    /// Set at the start of a step and cleared when it succeeds.
    incomplete: bool,
}

/// The sheet to which rows are appended.
#[derive(Debug)]
struct OpenSheet {
    name: String,
    layout: Arc<Layout>,
    encoder: ChunkEncoder,
    /// Encodes chunks again that were encoded for another place.
    again: ChunkEncoder,
    /// Rows of the current part, the header included.
    rows: u32,
    /// Rows of the parts before, without headers.
    rows_before: u64,
    /// Rows of all parts, without headers, if they were stated.
    stated: Option<u64>,
}

impl OpenSheet {
    /// Rows of all parts until now, without headers.
    fn written(&self) -> u64 {
        self.rows_before + u64::from(self.rows - 1)
    }

    /// Rows of a part that begins now, the header included, if they are known.
    fn planned_rows(&self) -> Option<u32> {
        let left = self.stated?.saturating_sub(self.rows_before).min(self.layout.part_rows.into());
        u32::try_from(left).ok().map(|rows| rows + 1)
    }
}

impl<W: Write> Workbook<W> {
    /// Starts a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the output fails, as for every method.
    pub fn new(out: W, properties: &Properties) -> Result<Self, Error> {
        Self::with_sheet_rows(out, properties, MAX_SHEET_ROWS)
    }

    /// Starts a file that lists its sheets before their rows. Programs that read a file as a stream need this; exceljs is
    /// one. The sheets must then be written as planned.
    ///
    /// # Errors
    ///
    /// As [`sheet_with`](Self::sheet_with). A sheet that turns out to need more parts than its rows do is
    /// [`Error::Unplanned`] later: write the file again with [`new`](Self::new).
    pub fn planned(out: W, properties: &Properties, plan: &[PlannedSheet]) -> Result<Self, Error> {
        let mut workbook = Self::with_sheet_rows(out, properties, MAX_SHEET_ROWS)?;
        workbook.list(plan)?;
        Ok(workbook)
    }

    fn with_sheet_rows(out: W, properties: &Properties, max_sheet_rows: u32) -> Result<Self, Error> {
        let mut zip = ZipWriter::new(out, properties.created_unix_s);
        // First, because programs that read only the start of a file recognize a spreadsheet by these parts.
        zip.whole("_rels/.rels", parts::root_relations().as_bytes())?;
        zip.whole("docProps/core.xml", parts::core_properties(properties).as_bytes())?;
        zip.whole("docProps/app.xml", parts::extended_properties(properties).as_bytes())?;
        zip.whole("xl/styles.xml", parts::styles().as_bytes())?;
        // Without strings; programs that read a stream wait for this part before they read a sheet.
        zip.whole("xl/sharedStrings.xml", parts::shared_strings().as_bytes())?;
        Ok(Self {
            zip,
            names: SheetNames::default(),
            sheets: Vec::new(),
            open: None,
            rows: 0,
            max_sheet_rows,
            planned: None,
            incomplete: false,
        })
    }

    /// Lists the planned sheets.
    fn list(&mut self, plan: &[PlannedSheet]) -> Result<(), Error> {
        let mut names = SheetNames::default();
        let mut listed = Vec::new();
        for sheet in plan {
            let layout = Arc::new(Layout::new(&sheet.columns, &sheet.options, self.max_sheet_rows)?);
            let (per_part, mut left) = (u64::from(layout.part_rows), sheet.options.rows.unwrap_or(0));
            loop {
                let rows = left.min(per_part);
                left -= rows;
                let (name, layout) = (names.claim(&sheet.name), Arc::clone(&layout));
                listed.push(SheetEntry { name, rows: u32::try_from(rows + 1).unwrap_or(u32::MAX), layout });
                if left == 0 {
                    break;
                }
            }
        }
        self.put_list(&listed)?;
        self.planned = Some(listed);
        Ok(())
    }

    /// Writes the parts that list the sheets.
    fn put_list(&mut self, sheets: &[SheetEntry]) -> Result<(), Error> {
        let count = sheets.len();
        self.zip.whole("xl/workbook.xml", &parts::workbook(sheets))?;
        self.zip.whole("xl/_rels/workbook.xml.rels", parts::workbook_relations(count).as_bytes())?;
        self.zip.whole("[Content_Types].xml", parts::content_types(count).as_bytes())?;
        Ok(())
    }

    /// Ends the current sheet, if any, and starts the next one.
    ///
    /// In the name, characters that Excel refuses become spaces, characters after the 31st are dropped, and a number is
    /// added if the name is in use. The first row has the headers; it is bold and frozen, and has filters.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] for no or too many columns, [`Error::Cell`] for a header that does not fit in a cell.
    pub fn sheet(&mut self, name: &str, columns: &[Column]) -> Result<Sheet<'_, W>, Error> {
        self.sheet_with(name, columns, &SheetOptions::default())
    }

    /// Like [`sheet`](Self::sheet), with options.
    ///
    /// # Errors
    ///
    /// As [`sheet`](Self::sheet). If rows are stated and there are more or fewer, the sheet cannot be ended:
    /// [`Error::RowCount`].
    pub fn sheet_with(
        &mut self,
        name: &str,
        columns: &[Column],
        options: &SheetOptions,
    ) -> Result<Sheet<'_, W>, Error> {
        let layout = self.guarded(|workbook| {
            workbook.end_sheet()?;
            let layout = Arc::new(Layout::new(columns, options, workbook.max_sheet_rows)?);
            let mut open = OpenSheet {
                name: name.to_owned(),
                layout: Arc::clone(&layout),
                encoder: ChunkEncoder::new(Arc::clone(&layout)),
                again: ChunkEncoder::new(Arc::clone(&layout)),
                rows: 1,
                rows_before: 0,
                stated: options.rows,
            };
            workbook.start_part(&mut open)?;
            workbook.open = Some(open);
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
        let sheets = std::mem::take(&mut self.sheets);
        match self.planned.take() {
            Some(planned) if planned != sheets => return Err(Error::Unplanned),
            Some(_) => {}
            None => self.put_list(&sheets)?,
        }
        let (out, bytes) = self.zip.finish()?;
        let sheets = u32::try_from(sheets.len()).unwrap_or(u32::MAX);
        Ok((out, Summary { rows: self.rows, sheets, bytes }))
    }

    /// Runs one step. After a failed step no other step runs, because the file is broken.
    fn guarded<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.incomplete {
            return Err(Error::Incomplete);
        }
        self.incomplete = true;
        let done = step(self)?;
        self.incomplete = false;
        Ok(done)
    }

    /// Starts a part of a sheet, with its header row.
    fn start_part(&mut self, open: &mut OpenSheet) -> Result<(), Error> {
        open.rows_before = open.written();
        open.rows = 1;
        let first = self.sheets.is_empty();
        let name = self.names.claim(&open.name);
        let index = self.sheets.len();
        if self
            .planned
            .as_ref()
            .is_some_and(|planned| planned.get(index).is_none_or(|part| part.name != name))
        {
            return Err(Error::Unplanned);
        }
        self.sheets.push(SheetEntry { name, rows: 1, layout: Arc::clone(&open.layout) });
        self.zip.start_entry(&parts::sheet_part(self.sheets.len()))?;
        self.put(&Piece::of(&parts::sheet_start(&open.layout, first, open.planned_rows())))
    }

    /// Appends a piece to the current part. Fails if it does not fit.
    fn put(&mut self, piece: &Piece) -> Result<(), Error> {
        if !self.zip.has_room(piece, 0) {
            return Err(Error::ChunkTooLarge { bytes: piece.raw_bytes });
        }
        Ok(self.zip.piece(piece)?)
    }

    fn end_part(&mut self, rows: u32) -> Result<(), Error> {
        if let Some(sheet) = self.sheets.last_mut() {
            sheet.rows = rows;
            let end = Piece::of(&parts::sheet_end(&sheet.layout, rows));
            self.put(&end)?;
        }
        self.zip.end_entry()?;
        Ok(())
    }

    fn end_sheet(&mut self) -> Result<(), Error> {
        self.flush()?;
        let Some(open) = self.open.take() else { return Ok(()) };
        let found = open.written();
        match open.stated {
            Some(stated) if stated != found => Err(Error::RowCount { stated, found }),
            _ => self.end_part(open.rows),
        }
    }

    /// Writes the rows of the sheet's own encoder.
    fn flush(&mut self) -> Result<(), Error> {
        match &mut self.open {
            Some(open) if !open.encoder.is_empty() => {
                let chunk = open.encoder.finish();
                self.place(chunk)
            }
            _ => Ok(()),
        }
    }

    /// Writes a chunk to the current part, or to a new part if it does not fit as a whole.
    fn place(&mut self, chunk: Chunk) -> Result<(), Error> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let fits = open.rows.saturating_add(chunk.rows) <= self.max_sheet_rows;
        if !fits || !self.zip.has_room(&chunk.piece, SHEET_END_RESERVE) {
            self.end_part(open.rows)?;
            self.start_part(&mut open)?;
        }
        let first_row = open.rows - 1 + FIRST_ROW;
        let chunk = if chunk.first_row == first_row {
            chunk
        } else {
            renumbered(&chunk, &mut open.again, first_row)?
        };
        self.put(&chunk.piece)?;
        open.rows += chunk.rows;
        open.encoder.start_at_row(open.rows - 1 + FIRST_ROW);
        self.rows += u64::from(chunk.rows);
        self.open = Some(open);
        Ok(())
    }
}

/// A handle to the current sheet of a workbook. The sheet ends when the next one starts or the workbook ends.
///
/// A full sheet continues on another sheet with a number in its name and the same header.
#[derive(Debug)]
pub struct Sheet<'a, W: Write> {
    workbook: &'a mut Workbook<W>,
    layout: Arc<Layout>,
}

impl<W: Write> Sheet<'_, W> {
    /// Appends a row for each item; `write` writes its cells. The file does not depend on how items are divided into
    /// calls.
    ///
    /// The bounds on `T` and `F` allow encoding on several threads; currently it uses one.
    ///
    /// # Errors
    ///
    /// [`Error::Cell`] and [`Error::CellCount`] for a faulty row. The workbook is then unusable.
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
            // Also end the chunk if the part is full: chunks of other lengths may have been appended before.
            let left = workbook.max_sheet_rows.saturating_sub(open.rows);
            let limit = if left == 0 { workbook.max_sheet_rows - 1 } else { left };
            if open.encoder.len() >= limit.min(CHUNK_ROWS) { workbook.flush() } else { Ok(()) }
        })
    }

    /// An encoder for chunks of this sheet. With one encoder for each thread, rows divided every [`CHUNK_ROWS`], and
    /// the chunks [appended](Self::append) in order, the file is the same as with [`rows`](Self::rows).
    pub fn encoder(&self) -> ChunkEncoder {
        ChunkEncoder::new(Arc::clone(&self.layout))
    }

    /// Appends the rows of a chunk. A chunk is not divided: if it does not fit in the sheet, it begins a continuation
    /// sheet. A chunk that was encoded for another place in the sheet is encoded again. An empty chunk is ignored.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignChunk`] for a chunk from another sheet's encoder.
    pub fn append(&mut self, chunk: Chunk) -> Result<(), Error> {
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
