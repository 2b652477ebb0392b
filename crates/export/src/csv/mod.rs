//! Exports as comma-separated values: one table of orders, or of the rows of both summaries. How a cell is written is in
//! `csv_cells`, how the file is compressed in `gzip`.

mod cells;
mod gzip;

use std::collections::HashMap;

use tollbook_domain::OrderQuery;
use tollbook_objects::SpoolFile;
use tollbook_store::{LineNo, Snapshot, StoredOrder};

use self::cells::{ROW_END, push_cell, push_text};
use self::gzip::{Packed, PackedFile, Packer};
use crate::build::{Build, Written};
use crate::document::{Document, SummaryQueries};
use crate::error::{ExportError, no_line};
use crate::fields::{
    Field, ORDER_ITEM_DETAIL, OrderField, OrderRow, PAID_SUMMARY_ITEM, SummaryField, UNPAID_ORDER_ITEM,
};
use crate::pipeline::{self, Assemble, Encode};
use crate::presentation::{LineViews, Presentation, summary};

pub(crate) use cells::Times;
pub(crate) use gzip::Packing;

/// What tells spreadsheets that a file is UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Lines whose ready-made cells an encoder keeps at a time, some 500 bytes each.
const CACHED_LINES: usize = 8_192;

/// Writes a document for people: under headers in their language, times in their zone.
pub(crate) fn write(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    spool: SpoolFile,
    packing: Packing,
) -> Result<(SpoolFile, Written), ExportError> {
    let presentation = build.presentation;
    let times = || Times::Local(presentation.zone.offsets());
    let mut table = Table::begin(build, spool, packing)?;
    let written = match build.document {
        Document::PaidOrders(query) => {
            table.headers(for_people(ORDER_ITEM_DETAIL, presentation))?;
            table.orders(build, snapshot, query, ORDER_ITEM_DETAIL, times)?
        }
        Document::UnpaidOrders(query) => {
            table.headers(for_people(UNPAID_ORDER_ITEM, presentation))?;
            table.orders(build, snapshot, query, UNPAID_ORDER_ITEM, times)?
        }
        Document::Summary(queries) => {
            table.headers(for_people(PAID_SUMMARY_ITEM, presentation))?;
            let SummaryQueries { paid, unpaid } = queries.as_ref();
            let mut written = table.summary(build, snapshot, paid, PAID_SUMMARY_ITEM)?;
            written.add(&table.summary(build, snapshot, unpaid, PAID_SUMMARY_ITEM)?);
            written
        }
    };
    Ok((table.finish()?, written))
}

/// The row of headers, behind what tells spreadsheets that the file is UTF-8.
fn for_people<F>(fields: &[Field<F>], presentation: &Presentation) -> String {
    let mut text = String::from(BYTE_ORDER_MARK);
    push_row(&mut text, fields.iter().map(|field| presentation.header(field.name, field.kind)));
    text
}

/// Appends a row of texts.
pub(crate) fn push_row<T: AsRef<str>>(text: &mut String, cells: impl Iterator<Item = T>) {
    for (number, cell) in cells.enumerate() {
        if number > 0 {
            text.push(',');
        }
        push_text(text, cell.as_ref());
    }
    text.push_str(ROW_END);
}

/// A file of rows.
pub(crate) struct Table {
    file: PackedFile<SpoolFile>,
    packing: Packing,
}

impl Table {
    pub(crate) fn begin(build: &Build<'_>, spool: SpoolFile, packing: Packing) -> Result<Self, ExportError> {
        Ok(Self { file: PackedFile::begin(spool, packing, build.snapshot_s)?, packing })
    }

    /// Writes the first row, which is text already.
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
        let encoder = || OrderRows {
            views: build.presentation.lines(lines.clone()),
            ready: ReadyTexts::new(fields),
            times: times(),
            packer: Packer::new(packing),
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
        let mut times = Times::Local(presentation.zone.offsets());
        let mut written = Written::default();
        for rows in summary(snapshot, query)?.chunks(pipeline::BATCH) {
            let mut text = String::new();
            for row in rows {
                presentation.show_summary(row, |view| {
                    for (number, field) in fields.iter().enumerate() {
                        if number > 0 {
                            text.push(',');
                        }
                        push_cell(&mut text, &(field.value)(view), &mut times);
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
        Ok(self.file.finish()?)
    }
}

impl Assemble for Table {
    type Piece = Packed;

    fn append(&mut self, piece: Packed) -> Result<(), ExportError> {
        Ok(self.file.append(&piece)?)
    }
}

/// Makes rows of orders.
struct OrderRows<'a> {
    views: LineViews<'a>,
    ready: ReadyTexts<'a>,
    times: Times<'a>,
    packer: Packer,
}

impl Encode for OrderRows<'_> {
    type Piece = Packed;

    fn encode(&mut self, orders: &[StoredOrder]) -> Result<Packed, ExportError> {
        let Self { views, ready, times, packer } = self;
        let mut text = String::new();
        for stored in orders {
            views
                .show(stored, |row| ready.push(&mut text, stored.line_no, row, times))
                .ok_or_else(|| no_line(stored))?;
        }
        Ok(packer.pack(text)?)
    }
}

/// The cells that all orders of a line share, as text that is made once.
struct ReadyTexts<'f> {
    runs: Vec<Run<'f>>,
    /// By line; one text per run of fields that the line decides.
    lines: HashMap<LineNo, Vec<Box<str>>>,
}

/// Fields beside each other that are all the line's, or all the order's.
struct Run<'f> {
    of_line: bool,
    /// Whether it begins the row.
    first: bool,
    fields: &'f [OrderField],
}

impl Run<'_> {
    fn push(&self, text: &mut String, row: &OrderRow<'_>, times: &mut Times<'_>) {
        for (number, field) in self.fields.iter().enumerate() {
            if number > 0 || !self.first {
                text.push(',');
            }
            push_cell(text, &(field.value)(row), times);
        }
    }
}

impl<'f> ReadyTexts<'f> {
    fn new(fields: &'f [OrderField]) -> Self {
        let chunks = fields.chunk_by(|a, b| a.of_line == b.of_line).enumerate();
        let runs = chunks
            .map(|(number, fields)| Run {
                of_line: fields.iter().all(|field| field.of_line),
                first: number == 0,
                fields,
            })
            .collect();
        Self { runs, lines: HashMap::new() }
    }

    /// Appends the row of an order.
    fn push(&mut self, text: &mut String, line_no: LineNo, row: &OrderRow<'_>, times: &mut Times<'_>) {
        let Self { runs, lines } = self;
        if lines.len() >= CACHED_LINES && !lines.contains_key(&line_no) {
            lines.clear();
        }
        let shared = lines.entry(line_no).or_insert_with(|| {
            let of_line = runs.iter().filter(|run| run.of_line);
            of_line
                .map(|run| {
                    let mut text = String::new();
                    run.push(&mut text, row, times);
                    text.into_boxed_str()
                })
                .collect()
        });
        let mut shared = shared.iter();
        for run in runs {
            match shared.as_slice() {
                [ready, ..] if run.of_line => {
                    text.push_str(ready);
                    shared.next();
                }
                _ => run.push(text, row, times),
            }
        }
        text.push_str(ROW_END);
    }
}
