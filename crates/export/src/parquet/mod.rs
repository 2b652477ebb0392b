//! Exports as Parquet: typed columns under the API's names, in row groups of bounded size. ColumnValues are made on the
//! encoder threads; one thread encodes pages.

mod columns;
mod row_groups;

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;

use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use tollbook_domain::OrderQuery;
use tollbook_domain::money::format_amount_sum;
use tollbook_objects::SpoolFile;
use tollbook_store::{LineNo, Snapshot, StoreError, StoredOrder};

use self::columns::{ColumnValue, ColumnValues};
use self::row_groups::RowGroups;
use crate::build::{Build, Written};
use crate::document::{Document, SummaryQueries};
use crate::error::{ExportError, no_line};
use crate::fields::{
    ORDER_ITEM_DETAIL, OrderField, OrderRow, PAID_SUMMARY_ITEM, SummaryField, UNPAID_ORDER_ITEM,
};
use crate::pipeline::{self, Assemble, Encode};
use crate::presentation::{LineViews, summary};

pub(crate) use self::columns::{Form, Shape};

/// Lines whose values an encoder keeps at a time, some 3 kB each.
const CACHED_LINES: usize = 2_048;

/// Threads that make values. The thread that encodes pages is no faster than these, and each costs memory.
const MOST_ENCODERS: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");

/// Writes a document with the API's columns.
pub(crate) fn write(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    spool: SpoolFile,
) -> Result<(SpoolFile, Written), ExportError> {
    match build.document {
        Document::PaidOrders(query) => {
            let shapes = ORDER_ITEM_DETAIL.iter().map(Shape::of).collect();
            write_orders(build, snapshot, query, spool, ORDER_ITEM_DETAIL, shapes, Vec::new())
        }
        Document::UnpaidOrders(query) => {
            let shapes = UNPAID_ORDER_ITEM.iter().map(Shape::of).collect();
            write_orders(build, snapshot, query, spool, UNPAID_ORDER_ITEM, shapes, Vec::new())
        }
        Document::Summary(queries) => {
            let SummaryQueries { paid, unpaid } = queries.as_ref();
            let mut table = Table::begin(spool, PAID_SUMMARY_ITEM.iter().map(Shape::of).collect())?;
            let mut written = table.summary(build, snapshot, paid, PAID_SUMMARY_ITEM)?;
            written.add(&table.summary(build, snapshot, unpaid, PAID_SUMMARY_ITEM)?);
            table.finish(build, &[paid, unpaid], written, Vec::new())
        }
    }
}

/// Writes the orders of a query in columns of these shapes, one for each field.
pub(crate) fn write_orders(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    query: &OrderQuery,
    spool: SpoolFile,
    fields: &[OrderField],
    shapes: Vec<Shape>,
    more: Vec<KeyValue>,
) -> Result<(SpoolFile, Written), ExportError> {
    let lines = snapshot.lines(query.company_id)?;
    let mut table = Table::begin(spool, shapes.clone())?;
    let encoder = || OrderColumns {
        views: build.presentation.lines(lines.clone()),
        fields,
        shapes: shapes.clone(),
        lines: HashMap::new(),
    };
    let encoders = build.threads.min(MOST_ENCODERS);
    let measures = pipeline::run(snapshot, query, encoders, encoder, &mut table, build.progress)?;
    table.finish(build, &[query], Written { rows: measures.orders, measures }, more)
}

/// A file of rows.
struct Table {
    file: RowGroups<SpoolFile>,
    shapes: Vec<Shape>,
}

impl Table {
    fn begin(spool: SpoolFile, shapes: Vec<Shape>) -> Result<Self, ExportError> {
        Ok(Self { file: RowGroups::begin(spool, &shapes).map_err(failed)?, shapes })
    }

    fn summary(
        &mut self,
        build: &Build<'_>,
        snapshot: &mut dyn Snapshot,
        query: &OrderQuery,
        fields: &[SummaryField],
    ) -> Result<Written, ExportError> {
        let mut written = Written::default();
        for rows in summary(snapshot, query)?.chunks(pipeline::BATCH) {
            let mut columns = Batch::new(&self.shapes, rows.len());
            for row in rows {
                build.presentation.show_summary(row, |view| {
                    columns.push_row(
                        fields
                            .iter()
                            .zip(&self.shapes)
                            .map(|(field, shape)| ColumnValue::of(&(field.value)(view), *shape)),
                    )
                })?;
                written.add(&Written { rows: 1, measures: row.measures });
            }
            self.append(columns)?;
        }
        Ok(written)
    }

    fn finish(
        self,
        build: &Build<'_>,
        queries: &[&OrderQuery],
        written: Written,
        more: Vec<KeyValue>,
    ) -> Result<(SpoolFile, Written), ExportError> {
        let mut metadata = describe(build, queries, &written);
        metadata.extend(more);
        Ok((self.file.finish(metadata).map_err(failed)?, written))
    }
}

impl Assemble for Table {
    type Piece = Batch;

    fn append(&mut self, piece: Batch) -> Result<(), ExportError> {
        self.file.append(&piece.columns, piece.rows).map_err(failed)
    }
}

/// Some rows, by column.
struct Batch {
    columns: Vec<ColumnValues>,
    rows: usize,
}

impl Batch {
    fn new(shapes: &[Shape], rows: usize) -> Self {
        Self { columns: shapes.iter().map(|shape| ColumnValues::new(*shape, rows)).collect(), rows: 0 }
    }

    fn push_row(
        &mut self,
        values: impl Iterator<Item = Result<ColumnValue, StoreError>>,
    ) -> Result<(), StoreError> {
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(value?);
        }
        self.rows += 1;
        Ok(())
    }
}

/// Makes columns of orders.
struct OrderColumns<'a> {
    views: LineViews<'a>,
    fields: &'a [OrderField],
    shapes: Vec<Shape>,
    /// By line; the values that all of its orders share, and none for the other fields.
    lines: HashMap<LineNo, Vec<Option<ColumnValue>>>,
}

impl Encode for OrderColumns<'_> {
    type Piece = Batch;

    fn encode(&mut self, orders: &[StoredOrder]) -> Result<Batch, ExportError> {
        let Self { views, fields, shapes, lines } = self;
        let mut batch = Batch::new(shapes, orders.len());
        for stored in orders {
            if lines.len() >= CACHED_LINES && !lines.contains_key(&stored.line_no) {
                lines.clear();
            }
            let pushed = views.show(stored, |row| {
                let value =
                    |(field, shape): (&OrderField, &Shape)| ColumnValue::of(&(field.value)(row), *shape);
                let shared = match lines.get(&stored.line_no) {
                    Some(shared) => shared,
                    None => lines.entry(stored.line_no).or_insert(shared_values(fields, shapes, row)?),
                };
                let columns = fields.iter().zip(shapes.iter()).zip(shared);
                batch.push_row(columns.map(|(column, shared)| match shared {
                    Some(shared) => Ok(shared.clone()),
                    None => value(column),
                }))
            });
            pushed.ok_or_else(|| no_line(stored))??;
        }
        Ok(batch)
    }
}

fn shared_values(
    fields: &[OrderField],
    shapes: &[Shape],
    row: &OrderRow<'_>,
) -> Result<Vec<Option<ColumnValue>>, StoreError> {
    let columns = fields.iter().zip(shapes);
    columns
        .map(|(field, shape)| field.of_line.then(|| ColumnValue::of(&(field.value)(row), *shape)).transpose())
        .collect()
}

/// What was asked, when, and what it adds up to, for whoever is sent the file.
fn describe(build: &Build<'_>, queries: &[&OrderQuery], written: &Written) -> Vec<KeyValue> {
    let presentation = build.presentation;
    let mut texts = Vec::new();
    let mut text = |key: &str, value: String| texts.push(KeyValue::new(format!("tollbook.{key}"), value));
    text("document", build.document.kind().to_owned());
    text("company_id", presentation.company_id.to_string());
    text("time_zone", presentation.zone.name().to_owned());
    text("currency", presentation.currency.clone());
    text("snapshot_time", build.snapshot_s.to_string());
    text("rows", written.rows.to_string());
    text("orders", written.measures.orders.to_string());
    text("total", format_amount_sum(written.measures.total));
    let statuses = queries.iter().flat_map(|query| query.statuses.iter());
    text("statuses", statuses.map(|status| status.number().to_string()).collect::<Vec<_>>().join(","));
    // The queries of both halves of a summary differ in their statuses alone.
    if let Some(query) = queries.first() {
        text("start_time", query.range.start_s().to_string());
        text("end_time", query.range.end_s().to_string());
        for (name, values) in query.lines.lists() {
            text(name, serde_json::Value::from(values).to_string());
        }
        if !query.order_numbers.is_empty() {
            text("OrderNos", serde_json::Value::from(query.order_numbers.clone()).to_string());
        }
    }
    texts
}

/// The system's own error, if that is the cause: a full disk stays a full disk.
fn failed(error: ParquetError) -> ExportError {
    let error = match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::other(other),
    };
    error.into()
}
