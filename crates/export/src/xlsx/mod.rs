//! Exports as Excel workbooks: sheets of orders and a sheet of totals, or the two sheets of the order summary.

mod bill;
mod cells;
mod layout;
mod subtotals;
mod text_amounts;
mod totals;

use std::sync::{Mutex, PoisonError};

use tollbook_domain::catalogue::NameKind;
use tollbook_domain::{Measures, OrderQuery};
use tollbook_objects::SpoolFile;
use tollbook_store::{Snapshot, StoredOrder};
use tollbook_workbook::{Chunk, ChunkEncoder, Properties, Sheet, Workbook};

use self::bill::write_bill;
use self::cells::{SharedCells, write_cell};
use self::layout::{columns, sheet_options};
use self::text_amounts::TextAmounts;
use self::totals::write_totals;
use crate::build::{Build, Written};
use crate::document::{Document, SummaryQueries};
use crate::error::{ExportError, no_line};
use crate::fields::{ORDER_ITEM_DETAIL, ORDER_SUMMARY_ITEM, OrderField, SummaryField, UNPAID_ORDER_ITEM};
use crate::format::Format;
use crate::pipeline::{self, Assemble, Encode};
use crate::presentation::{LineViews, summary};
use crate::time_zone::Offsets;

/// Writes the workbook of a document.
pub(crate) fn write(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    spool: SpoolFile,
) -> Result<(SpoolFile, Written), ExportError> {
    let properties = Properties {
        title: build.document.stem(build.presentation),
        creator: "Tollbook".into(),
        created_unix_s: build.snapshot_s,
    };
    let mut workbook = Workbook::new(spool, &properties)?;
    if build.format == Format::Bill {
        write_bill(build, snapshot, &mut workbook)?;
    }
    let written = match build.document {
        Document::PaidOrders(query) => {
            write_orders(build, snapshot, query, "paid", ORDER_ITEM_DETAIL, &mut workbook)?
        }
        Document::UnpaidOrders(query) => {
            write_orders(build, snapshot, query, "unpaid", UNPAID_ORDER_ITEM, &mut workbook)?
        }
        Document::Summary(queries) => {
            let SummaryQueries { paid, unpaid } = queries.as_ref();
            let mut written =
                write_summary(build, snapshot, paid, "paid", ORDER_SUMMARY_ITEM, &mut workbook)?;
            let more = write_summary(build, snapshot, unpaid, "unpaid", ORDER_SUMMARY_ITEM, &mut workbook)?;
            written.add(&more);
            written
        }
    };
    let (spool, _) = workbook.finish()?;
    Ok((spool, written))
}

fn write_orders(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    query: &OrderQuery,
    sheet: &str,
    fields: &'static [OrderField],
    workbook: &mut Workbook<SpoolFile>,
) -> Result<Written, ExportError> {
    let presentation = build.presentation;
    let name = presentation.catalogue.text(NameKind::Sheet, sheet, presentation.language);
    let lines = snapshot.lines(query.company_id)?;
    let options = sheet_options(build, query, &name, u64::try_from(snapshot.count(query)?).ok());
    let mut sheet =
        OrderSheet(workbook.sheet_with(&name, &columns(fields, presentation, &lines), &options)?);
    let chunks = sheet.0.encoder();
    let cells = SharedCells::new(fields, lines.len());
    let text_amounts = Mutex::new(TextAmounts::default());
    let encoder = || OrderRows {
        views: presentation.lines(lines.clone()),
        cells: &cells,
        offsets: presentation.zone.offsets(),
        chunk: chunks.another(),
        text_amounts: &text_amounts,
    };
    let measures = pipeline::run(snapshot, query, build.threads, encoder, &mut sheet, build.progress)?;
    let text_amounts = text_amounts.into_inner().unwrap_or_else(PoisonError::into_inner);
    write_totals(build, snapshot, query, &measures, &text_amounts, workbook)?;
    Ok(Written { rows: measures.orders, measures })
}

/// Encodes orders as chunks of a sheet.
struct OrderRows<'a> {
    views: LineViews<'a>,
    cells: &'a SharedCells<'a>,
    offsets: Offsets<'a>,
    chunk: ChunkEncoder,
    text_amounts: &'a Mutex<TextAmounts>,
}

impl Encode for OrderRows<'_> {
    type Piece = Chunk;

    fn start_at(&mut self, orders_before: u64) {
        self.chunk.start_at(orders_before);
    }

    fn encode(&mut self, orders: &[StoredOrder]) -> Result<Chunk, ExportError> {
        let Self { views, cells, offsets, chunk, text_amounts } = self;
        let mut found = TextAmounts::default();
        for stored in orders {
            found.add(&Measures::of(&stored.order));
            let shown = views
                .show(stored, |row| chunk.row(|writer| cells.write(stored.line_no, row, writer, offsets)));
            shown.ok_or_else(|| no_line(stored))??;
        }
        if !found.is_empty() {
            text_amounts.lock().unwrap_or_else(PoisonError::into_inner).merge(&found);
        }
        Ok(chunk.finish())
    }
}

/// The sheet that chunks are appended to.
struct OrderSheet<'w>(Sheet<'w, SpoolFile>);

impl Assemble for OrderSheet<'_> {
    type Piece = Chunk;

    fn append(&mut self, chunk: Chunk) -> Result<(), ExportError> {
        Ok(self.0.append(chunk)?)
    }
}

fn write_summary(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    query: &OrderQuery,
    sheet: &str,
    fields: &[SummaryField],
    workbook: &mut Workbook<SpoolFile>,
) -> Result<Written, ExportError> {
    let presentation = build.presentation;
    let name = presentation.catalogue.text(NameKind::Sheet, sheet, presentation.language);
    let rows = summary(snapshot, query)?;
    let lines = snapshot.lines(query.company_id)?;
    let options = sheet_options(build, query, &name, Some(rows.len() as u64));
    let mut sheet = workbook.sheet_with(&name, &columns(fields, presentation, &lines), &options)?;
    let mut offsets = presentation.zone.offsets();
    let mut written = Written::default();
    for row in rows {
        presentation.show_summary(&row, |view| {
            sheet.row(|writer| {
                for field in fields {
                    write_cell(writer, (field.value)(view), &mut offsets);
                }
            })
        })?;
        written.add(&Written { rows: 1, measures: row.measures });
    }
    Ok(written)
}
