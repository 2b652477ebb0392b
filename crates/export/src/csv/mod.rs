//! Exports as comma-separated values: one table of orders, or of the rows of both summaries. `cells` writes a cell, `gzip`
//! compresses the file.

mod cells;
mod gzip;

use tollbook_domain::OrderQuery;
use tollbook_objects::SpoolFile;
use tollbook_store::{LineNo, Snapshot, StoredOrder};

use self::cells::{ROW_END, Style, push_cell};
use self::gzip::{Packed, PackedFile, Packer};
use crate::build::{Build, Written};
use crate::document::{Document, SummaryQueries};
use crate::error::{ExportError, no_line};
use crate::fields::{
    Field, ORDER_ITEM_DETAIL, ORDER_SUMMARY_ITEM, OrderField, OrderRow, Scope, SummaryField,
    UNPAID_ORDER_ITEM, runs_of_one_scope,
};
use crate::format::Separator;
use crate::line_cache::LineCache;
use crate::pipeline::{self, Assemble, Encode};
use crate::presentation::{LineViews, summary};

pub(crate) use cells::Times;
pub use cells::push_text;
pub(crate) use gzip::Packing;

/// Tells spreadsheets that a file is UTF-8.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Lines whose formatted cells an encoder caches, some 500 bytes each.
const CACHED_LINES: usize = 16_384;

/// Writes a document with headers in the language and times in the time zone of the brand.
pub(crate) fn write(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    spool: SpoolFile,
    packing: Packing,
) -> Result<(SpoolFile, Written), ExportError> {
    let presentation = build.presentation;
    let times = || Times::Local(presentation.zone.offsets());
    let mut file = CsvFile::begin(build, spool, packing)?;
    let written = match build.document {
        Document::PaidOrders(query) => {
            file.headers(header_row(build, ORDER_ITEM_DETAIL))?;
            file.orders(build, snapshot, query, ORDER_ITEM_DETAIL, times)?
        }
        Document::UnpaidOrders(query) => {
            file.headers(header_row(build, UNPAID_ORDER_ITEM))?;
            file.orders(build, snapshot, query, UNPAID_ORDER_ITEM, times)?
        }
        Document::Summary(queries) => {
            file.headers(header_row(build, ORDER_SUMMARY_ITEM))?;
            let SummaryQueries { paid, unpaid } = queries.as_ref();
            let mut written = file.summary(build, snapshot, paid, ORDER_SUMMARY_ITEM)?;
            written.add(&file.summary(build, snapshot, unpaid, ORDER_SUMMARY_ITEM)?);
            written
        }
    };
    Ok((file.finish()?, written))
}

/// The byte order mark, the line that names the separator if there is one, and the row of headers.
fn header_row<F>(build: &Build<'_>, fields: &[Field<F>]) -> String {
    let mut text = String::from(BYTE_ORDER_MARK);
    let separator = build.separator.character();
    if build.separator == Separator::SemicolonNamed {
        text.push_str("sep=");
        text.push(separator);
        text.push_str(ROW_END);
    }
    let headers = fields.iter().map(|field| build.presentation.header(field.name, field.kind));
    push_row(&mut text, headers, separator);
    text
}

/// Appends a row of texts.
pub(crate) fn push_row<T: AsRef<str>>(text: &mut String, cells: impl Iterator<Item = T>, separator: char) {
    for (number, cell) in cells.enumerate() {
        if number > 0 {
            text.push(separator);
        }
        push_text(text, cell.as_ref());
    }
    text.push_str(ROW_END);
}

/// A CSV file in the spool.
pub(crate) struct CsvFile {
    packed: PackedFile<SpoolFile>,
    packing: Packing,
}

impl CsvFile {
    pub(crate) fn begin(build: &Build<'_>, spool: SpoolFile, packing: Packing) -> Result<Self, ExportError> {
        Ok(Self { packed: PackedFile::begin(spool, packing, build.snapshot_s)?, packing })
    }

    /// Writes the first row, given as text.
    pub(crate) fn headers(&mut self, text: String) -> Result<(), ExportError> {
        let piece = Packer::new(self.packing).pack(text)?;
        self.append(piece)
    }

    /// Writes the orders of a query.
    pub(crate) fn orders<'b>(
        &mut self,
        build: &Build<'b>,
        snapshot: &mut dyn Snapshot,
        query: &OrderQuery,
        fields: &[OrderField],
        times: impl Fn() -> Times<'b>,
    ) -> Result<Written, ExportError> {
        let lines = snapshot.lines(query.company_id)?;
        let packing = self.packing;
        let separator = build.separator;
        let encoder = || OrderRows {
            views: build.presentation.lines(lines.clone()),
            cells: SharedCells::new(fields),
            style: Style::new(times(), separator),
            packer: Packer::new(packing),
            capacity: 0,
        };
        let measures = pipeline::run(snapshot, query, build.threads, encoder, self, build.progress)?;
        Ok(Written { rows: measures.orders, measures })
    }

    /// Writes the rows of a summary.
    fn summary(
        &mut self,
        build: &Build<'_>,
        snapshot: &mut dyn Snapshot,
        query: &OrderQuery,
        fields: &[SummaryField],
    ) -> Result<Written, ExportError> {
        let presentation = build.presentation;
        let mut packer = Packer::new(self.packing);
        let times = Times::Local(presentation.zone.offsets());
        let mut style = Style::new(times, build.separator);
        let mut written = Written::default();
        for rows in summary(snapshot, query)?.chunks(pipeline::BATCH_ROWS) {
            let mut text = String::new();
            for row in rows {
                presentation.show_summary(row, |view| {
                    for (number, field) in fields.iter().enumerate() {
                        if number > 0 {
                            text.push(style.separator.character());
                        }
                        push_cell(&mut text, &(field.value)(view), &mut style);
                    }
                });
                text.push_str(ROW_END);
                written.add(&Written { rows: 1, measures: row.measures });
            }
            self.append(packer.pack(text)?)?;
        }
        Ok(written)
    }

    pub(crate) fn finish(self) -> Result<SpoolFile, ExportError> {
        Ok(self.packed.finish()?)
    }
}

impl Assemble for CsvFile {
    type Piece = Packed;

    fn append(&mut self, piece: Packed) -> Result<(), ExportError> {
        Ok(self.packed.append(&piece)?)
    }
}

/// Formats orders as rows.
struct OrderRows<'a> {
    views: LineViews<'a>,
    cells: SharedCells<'a>,
    style: Style<'a>,
    packer: Packer,
    /// Length of the longest piece so far.
    capacity: usize,
}

impl Encode for OrderRows<'_> {
    type Piece = Packed;

    fn encode(&mut self, orders: &[StoredOrder]) -> Result<Packed, ExportError> {
        let Self { views, cells, style, packer, capacity } = self;
        let mut text = String::with_capacity(*capacity);
        for stored in orders {
            views
                .show(stored, |row| cells.push_row(&mut text, stored.line_no, row, style))
                .ok_or_else(|| no_line(stored))?;
        }
        *capacity = (*capacity).max(text.len());
        Ok(packer.pack(text)?)
    }
}

/// The cells that all orders of a line share, formatted once per line.
struct SharedCells<'f> {
    runs: Vec<Run<'f>>,
    lines: LineCache<LineText>,
}

/// The runs of shared fields of a line, formatted one after the other.
struct LineText {
    text: Box<str>,
    /// Where each run ends in `text`.
    ends: Box<[usize]>,
}

/// Neighbouring fields of one scope.
struct Run<'f> {
    scope: Scope,
    /// Whether the run begins the row.
    first: bool,
    fields: &'f [OrderField],
}

impl Run<'_> {
    fn push(&self, text: &mut String, row: &OrderRow<'_>, style: &mut Style<'_>) {
        for (number, field) in self.fields.iter().enumerate() {
            if number > 0 || !self.first {
                text.push(style.separator.character());
            }
            push_cell(text, &(field.value)(row), style);
        }
    }
}

impl<'f> SharedCells<'f> {
    fn new(fields: &'f [OrderField]) -> Self {
        let runs = runs_of_one_scope(fields).enumerate();
        let runs = runs.map(|(number, (scope, fields))| Run { scope, first: number == 0, fields }).collect();
        Self { runs, lines: LineCache::with_capacity(CACHED_LINES) }
    }

    /// Appends the row of an order.
    fn push_row(&mut self, text: &mut String, line_no: LineNo, row: &OrderRow<'_>, style: &mut Style<'_>) {
        let Self { runs, lines } = self;
        let shared = lines.get_or_make(line_no, || LineText::of(runs, row, style));
        let (mut ends, mut start) = (shared.ends.iter(), 0);
        for run in runs.iter() {
            match (run.scope, ends.as_slice()) {
                (Scope::PerLine, [end, ..]) => {
                    text.push_str(&shared.text[start..*end]);
                    start = *end;
                    ends.next();
                }
                _ => run.push(text, row, style),
            }
        }
        text.push_str(ROW_END);
    }
}

impl LineText {
    fn of(runs: &[Run<'_>], row: &OrderRow<'_>, style: &mut Style<'_>) -> Self {
        let mut text = String::new();
        let per_line = runs.iter().filter(|run| run.scope == Scope::PerLine);
        let ends = per_line.map(|run| {
            run.push(&mut text, row, style);
            text.len()
        });
        let ends = ends.collect();
        Self { text: text.into_boxed_str(), ends }
    }
}
