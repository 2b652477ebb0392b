//! Exports as Parquet: typed columns under the API's names, in row groups of bounded size. The encoder threads make the
//! values; one thread encodes pages.

mod columns;
mod row_groups;

use std::collections::HashMap;
use std::num::NonZeroUsize;

use parquet::file::metadata::KeyValue;
use tollbook_domain::OrderQuery;
use tollbook_domain::money::format_amount_sum;
use tollbook_objects::SpoolFile;
use tollbook_store::{LineNo, Snapshot, StoreError, StoredOrder};

use self::columns::{ColumnValue, ColumnValues};
use self::row_groups::RowGroupWriter;
use crate::build::{Build, Written};
use crate::document::{Document, SummaryQueries};
use crate::error::{ExportError, no_line};
use crate::fields::{
    ORDER_ITEM_DETAIL, ORDER_SUMMARY_ITEM, OrderField, OrderRow, Scope, SummaryField, UNPAID_ORDER_ITEM,
};
use crate::pipeline::{self, Assemble, Encode};
use crate::presentation::{LineViews, summary};

pub(crate) use self::columns::ColumnSchema;

/// Lines whose shared values an encoder caches, some 3 kB each.
const CACHED_LINES: usize = 2_048;

/// Most threads that make values. More would not help, because the thread that encodes pages is no faster than two, and
/// each costs memory.
const MAX_ENCODERS: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");

/// Writes a document in the columns of the API.
pub(crate) fn write(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    spool: SpoolFile,
) -> Result<(SpoolFile, Written), ExportError> {
    match build.document {
        Document::PaidOrders(query) => {
            let schemas = ORDER_ITEM_DETAIL.iter().map(ColumnSchema::of).collect();
            write_orders(build, snapshot, query, spool, ORDER_ITEM_DETAIL, schemas, Vec::new())
        }
        Document::UnpaidOrders(query) => {
            let schemas = UNPAID_ORDER_ITEM.iter().map(ColumnSchema::of).collect();
            write_orders(build, snapshot, query, spool, UNPAID_ORDER_ITEM, schemas, Vec::new())
        }
        Document::Summary(queries) => {
            let SummaryQueries { paid, unpaid } = queries.as_ref();
            let mut file =
                ParquetFile::begin(spool, ORDER_SUMMARY_ITEM.iter().map(ColumnSchema::of).collect())?;
            let mut written = file.summary(build, snapshot, paid, ORDER_SUMMARY_ITEM)?;
            written.add(&file.summary(build, snapshot, unpaid, ORDER_SUMMARY_ITEM)?);
            file.finish(build, &[paid, unpaid], written, Vec::new())
        }
    }
}

/// Writes the orders of a query. `schemas` has the column of each field, `metadata` what the file says besides
/// [`describe`].
pub(crate) fn write_orders(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    query: &OrderQuery,
    spool: SpoolFile,
    fields: &[OrderField],
    schemas: Vec<ColumnSchema>,
    metadata: Vec<KeyValue>,
) -> Result<(SpoolFile, Written), ExportError> {
    let lines = snapshot.lines(query.company_id)?;
    let mut file = ParquetFile::begin(spool, schemas.clone())?;
    let encoder = || OrderColumns {
        views: build.presentation.lines(lines.clone()),
        fields,
        schemas: schemas.clone(),
        lines: HashMap::new(),
    };
    let encoders = build.threads.min(MAX_ENCODERS);
    let measures = pipeline::run(snapshot, query, encoders, encoder, &mut file, build.progress)?;
    file.finish(build, &[query], Written { rows: measures.orders, measures }, metadata)
}

/// A Parquet file in the spool.
struct ParquetFile {
    row_groups: RowGroupWriter<SpoolFile>,
    schemas: Vec<ColumnSchema>,
}

impl ParquetFile {
    fn begin(spool: SpoolFile, schemas: Vec<ColumnSchema>) -> Result<Self, ExportError> {
        Ok(Self { row_groups: RowGroupWriter::begin(spool, &schemas)?, schemas })
    }

    fn summary(
        &mut self,
        build: &Build<'_>,
        snapshot: &mut dyn Snapshot,
        query: &OrderQuery,
        fields: &[SummaryField],
    ) -> Result<Written, ExportError> {
        let mut written = Written::default();
        for rows in summary(snapshot, query)?.chunks(pipeline::BATCH_ROWS) {
            let mut batch = ColumnBatch::new(&self.schemas, rows.len());
            for row in rows {
                build.presentation.show_summary(row, |view| {
                    batch.push_row(
                        fields
                            .iter()
                            .zip(&self.schemas)
                            .map(|(field, schema)| ColumnValue::of(&(field.value)(view), *schema)),
                    )
                })?;
                written.add(&Written { rows: 1, measures: row.measures });
            }
            self.append(batch)?;
        }
        Ok(written)
    }

    fn finish(
        self,
        build: &Build<'_>,
        queries: &[&OrderQuery],
        written: Written,
        metadata: Vec<KeyValue>,
    ) -> Result<(SpoolFile, Written), ExportError> {
        let mut all = describe(build, queries, &written);
        all.extend(metadata);
        Ok((self.row_groups.finish(all)?, written))
    }
}

impl Assemble for ParquetFile {
    type Piece = ColumnBatch;

    fn append(&mut self, batch: ColumnBatch) -> Result<(), ExportError> {
        Ok(self.row_groups.append(&batch.columns, batch.rows)?)
    }
}

/// Some rows, by column.
struct ColumnBatch {
    columns: Vec<ColumnValues>,
    rows: usize,
}

impl ColumnBatch {
    fn new(schemas: &[ColumnSchema], rows: usize) -> Self {
        Self { columns: schemas.iter().map(|schema| ColumnValues::new(*schema, rows)).collect(), rows: 0 }
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

/// Turns orders into columns.
struct OrderColumns<'a> {
    views: LineViews<'a>,
    fields: &'a [OrderField],
    schemas: Vec<ColumnSchema>,
    /// By line and field: the value that all orders of the line share, none if they do not share it.
    lines: HashMap<LineNo, Vec<Option<ColumnValue>>>,
}

impl Encode for OrderColumns<'_> {
    type Piece = ColumnBatch;

    fn encode(&mut self, orders: &[StoredOrder]) -> Result<ColumnBatch, ExportError> {
        let Self { views, fields, schemas, lines } = self;
        let mut batch = ColumnBatch::new(schemas, orders.len());
        for stored in orders {
            if lines.len() >= CACHED_LINES && !lines.contains_key(&stored.line_no) {
                lines.clear();
            }
            let pushed = views.show(stored, |row| {
                let value = |(field, schema): (&OrderField, &ColumnSchema)| {
                    ColumnValue::of(&(field.value)(row), *schema)
                };
                let shared = match lines.get(&stored.line_no) {
                    Some(shared) => shared,
                    None => lines.entry(stored.line_no).or_insert(shared_values(fields, schemas, row)?),
                };
                let columns = fields.iter().zip(schemas.iter()).zip(shared);
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
    schemas: &[ColumnSchema],
    row: &OrderRow<'_>,
) -> Result<Vec<Option<ColumnValue>>, StoreError> {
    let columns = fields.iter().zip(schemas);
    columns
        .map(|(field, schema)| match field.scope {
            Scope::PerLine => ColumnValue::of(&(field.value)(row), *schema).map(Some),
            Scope::PerRow => Ok(None),
        })
        .collect()
}

/// Metadata that makes the file explain itself: the request, the time of the snapshot and the sums.
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
    // The two queries of a summary differ only in their statuses.
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
