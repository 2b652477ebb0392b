//! Exports as Excel workbooks: sheets of orders and a sheet of totals, or the two sheets of the order summary.

mod bill;
mod cells;
mod layout;
mod subtotals;
mod text_amounts;
mod totals;

use std::sync::{Mutex, PoisonError};

use tollbook_domain::{Measures, OrderQuery};
use tollbook_objects::SpoolFile;
use tollbook_store::{Snapshot, StoredOrder};
use tollbook_workbook::{Chunk, ChunkEncoder, Error, PlannedSheet, Properties, Sheet, Workbook};

use self::bill::write_bill;
use self::cells::{SharedCells, write_cell};
use self::text_amounts::TextAmounts;
use self::totals::write_totals;
use crate::build::{Build, Written};
use crate::document::{Document, SummaryQueries};
use crate::error::{ExportError, no_line};
use crate::fields::{ORDER_ITEM_DETAIL, ORDER_SUMMARY_ITEM, OrderField, UNPAID_ORDER_ITEM};
use crate::format::Format;
use crate::pipeline::{self, Assemble, Encode};
use crate::presentation::{LineViews, summary};
use crate::time_zone::Offsets;

/// Writes the workbook of a document. Its sheets are listed before their rows, unless one of them turned out to need more
/// parts than its rows do: then a second file is written that lists them at its end.
pub(crate) fn write(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    spool: impl Fn() -> Result<SpoolFile, ExportError>,
) -> Result<(SpoolFile, Written), ExportError> {
    let properties = Properties {
        title: build.document.stem(build.presentation),
        creator: "Tollbook".into(),
        created_unix_s: build.snapshot_s,
    };
    let plan = plan(build, snapshot)?;
    let planned = Workbook::planned(spool()?, &properties, &plan)?;
    match write_sheets(build, snapshot, &plan, planned) {
        Err(ExportError::Workbook(Error::Unplanned)) => {
            write_sheets(build, snapshot, &plan, Workbook::new(spool()?, &properties)?)
        }
        written => written,
    }
}

/// The sheets of a document, in order.
fn plan(build: &Build<'_>, snapshot: &mut dyn Snapshot) -> Result<Vec<PlannedSheet>, ExportError> {
    let mut plan = Vec::new();
    if build.format == Format::Bill {
        plan.push(bill::plan(build));
    }
    match build.document {
        Document::PaidOrders(query) | Document::UnpaidOrders(query) => {
            let rows = u64::try_from(snapshot.count(query)?).unwrap_or(0);
            let (key, fields) = match build.document {
                Document::UnpaidOrders(_) => ("unpaid", UNPAID_ORDER_ITEM),
                _ => ("paid", ORDER_ITEM_DETAIL),
            };
            plan.push(layout::plan(build, snapshot, query, key, fields, rows)?);
            plan.push(totals::plan(build, query));
        }
        Document::Summary(queries) => {
            for (key, query) in [("paid", &queries.paid), ("unpaid", &queries.unpaid)] {
                let rows = summary(snapshot, query)?.len() as u64;
                plan.push(layout::plan(build, snapshot, query, key, ORDER_SUMMARY_ITEM, rows)?);
            }
        }
    }
    Ok(plan)
}

fn write_sheets(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    plan: &[PlannedSheet],
    mut workbook: Workbook<SpoolFile>,
) -> Result<(SpoolFile, Written), ExportError> {
    let mut sheets = plan.iter();
    let mut next = || sheets.next().ok_or(Error::Unplanned);
    if build.format == Format::Bill {
        write_bill(build, snapshot, next()?, &mut workbook)?;
    }
    let written = match build.document {
        Document::PaidOrders(query) => {
            write_orders(build, snapshot, query, ORDER_ITEM_DETAIL, [next()?, next()?], &mut workbook)?
        }
        Document::UnpaidOrders(query) => {
            write_orders(build, snapshot, query, UNPAID_ORDER_ITEM, [next()?, next()?], &mut workbook)?
        }
        Document::Summary(queries) => {
            let SummaryQueries { paid, unpaid } = queries.as_ref();
            let mut written = write_summary(build, snapshot, paid, next()?, &mut workbook)?;
            written.add(&write_summary(build, snapshot, unpaid, next()?, &mut workbook)?);
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
    fields: &'static [OrderField],
    [plan, plan_of_totals]: [&PlannedSheet; 2],
    workbook: &mut Workbook<SpoolFile>,
) -> Result<Written, ExportError> {
    let presentation = build.presentation;
    let lines = snapshot.lines(query.company_id)?;
    let mut sheet = OrderSheet(workbook.sheet_with(&plan.name, &plan.columns, &plan.options)?);
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
    write_totals(build, snapshot, query, (&measures, &text_amounts), plan_of_totals, workbook)?;
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
    plan: &PlannedSheet,
    workbook: &mut Workbook<SpoolFile>,
) -> Result<Written, ExportError> {
    let presentation = build.presentation;
    let rows = summary(snapshot, query)?;
    let mut sheet = workbook.sheet_with(&plan.name, &plan.columns, &plan.options)?;
    let mut offsets = presentation.zone.offsets();
    let mut written = Written::default();
    for row in rows {
        presentation.show_summary(&row, |view| {
            sheet.row(|writer| {
                for field in ORDER_SUMMARY_ITEM {
                    write_cell(writer, (field.value)(view), &mut offsets);
                }
            })
        })?;
        written.add(&Written { rows: 1, measures: row.measures });
    }
    Ok(written)
}
