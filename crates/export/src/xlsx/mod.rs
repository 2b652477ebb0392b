//! Exports as Excel workbooks: sheets of orders and a sheet of totals, or the two sheets of the order summary.

mod cells;
mod totals;

use tollbook_domain::OrderQuery;
use tollbook_domain::catalogue::NameKind;
use tollbook_objects::SpoolFile;
use tollbook_store::{Snapshot, StoredOrder};
use tollbook_workbook::{Chunk, ChunkEncoder, Column, ColumnKind, Properties, Sheet, Workbook};

use self::cells::{SharedCells, write_cell};
use self::totals::write_totals;
use crate::build::{Build, Written};
use crate::document::{Document, SummaryQueries};
use crate::error::{ExportError, no_line};
use crate::fields::{
    Field, FieldKind, ORDER_ITEM_DETAIL, ORDER_SUMMARY_ITEM, OrderField, SummaryField, UNPAID_ORDER_ITEM,
};
use crate::pipeline::{self, Assemble, Encode};
use crate::presentation::{LineViews, Presentation, summary};
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
    let mut sheet = OrderSheet(workbook.sheet(&name, &columns(fields, presentation))?);
    let lines = snapshot.lines(query.company_id)?;
    let chunks = sheet.0.encoder();
    let cells = SharedCells::new(fields, lines.len());
    let encoder = || OrderRows {
        views: presentation.lines(lines.clone()),
        cells: &cells,
        offsets: presentation.zone.offsets(),
        chunk: chunks.another(),
    };
    let measures = pipeline::run(snapshot, query, build.threads, encoder, &mut sheet, build.progress)?;
    write_totals(build, query, &measures, workbook)?;
    Ok(Written { rows: measures.orders, measures })
}

/// Encodes orders as chunks of a sheet.
struct OrderRows<'a> {
    views: LineViews<'a>,
    cells: &'a SharedCells<'a>,
    offsets: Offsets<'a>,
    chunk: ChunkEncoder,
}

impl Encode for OrderRows<'_> {
    type Piece = Chunk;

    fn encode(&mut self, orders: &[StoredOrder]) -> Result<Chunk, ExportError> {
        let Self { views, cells, offsets, chunk } = self;
        for stored in orders {
            let shown = views
                .show(stored, |row| chunk.row(|writer| cells.write(stored.line_no, row, writer, offsets)));
            shown.ok_or_else(|| no_line(stored))??;
        }
        Ok(chunk.finish())
    }
}

/// The sheet that chunks are appended to.
struct OrderSheet<'w>(Sheet<'w, SpoolFile>);

impl Assemble for OrderSheet<'_> {
    type Piece = Chunk;

    fn append(&mut self, chunk: Chunk) -> Result<(), ExportError> {
        Ok(self.0.append(&chunk)?)
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
    let mut sheet = workbook.sheet(&name, &columns(fields, presentation))?;
    let mut offsets = presentation.zone.offsets();
    let mut written = Written::default();
    for row in summary(snapshot, query)? {
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

/// The columns of fields, with headers in the language of the brand.
fn columns<F>(fields: &[Field<F>], presentation: &Presentation) -> Vec<Column> {
    fields
        .iter()
        .map(|field| {
            let header = presentation.header(field.name, field.kind);
            match field.kind {
                FieldKind::Text => Column::new(header, 22, ColumnKind::Text),
                FieldKind::Integer | FieldKind::WideInteger => Column::new(header, 14, ColumnKind::Integer),
                FieldKind::Decimal { .. } => Column::new(header, 16, ColumnKind::Decimal),
                FieldKind::Time | FieldKind::TextTime => Column::new(header, 26, ColumnKind::DateTime),
            }
        })
        .collect()
}
