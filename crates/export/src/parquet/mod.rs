//! Exports as Parquet: typed columns under the API's names, in row groups of bounded size. The encoder threads make the
//! values that differ from row to row; one thread looks the others up by line and makes pages.

mod columns;
mod dictionary;
mod hybrid;
mod lines;
mod pages;
mod row_groups;

use std::num::NonZeroUsize;

use parquet::file::metadata::KeyValue;
use tollbook_domain::money::format_amount_sum;
use tollbook_domain::{Measures, OrderQuery};
use tollbook_objects::SpoolFile;
use tollbook_store::{Snapshot, StoreError, StoredOrder};

use self::columns::{NARROW_END, Value, Values};
use self::lines::LineTable;
use self::row_groups::{RowBatch, RowGroupWriter};
use crate::build::{Build, Written};
use crate::document::{Document, SummaryQueries};
use crate::error::{ExportError, no_line};
use crate::fields::{
    AMOUNT, ORDER_ITEM_DETAIL, ORDER_SUMMARY_ITEM, OrderField, Scope, SummaryField, UNPAID_ORDER_ITEM,
};
use crate::pipeline::{self, Assemble, Encode};
use crate::presentation::{LineViews, summary};

pub(crate) use self::columns::ColumnSchema;

/// Most threads that make values. More would not help, because the thread that makes pages is no faster than two, and
/// each costs memory.
const MAX_ENCODERS: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");

/// Writes a document in the columns of the API. `expected` are the sums of its orders, by the store.
pub(crate) fn write(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    spool: SpoolFile,
    expected: &Measures,
) -> Result<(SpoolFile, Written), ExportError> {
    match build.document {
        Document::PaidOrders(query) => {
            let schemas = order_schemas(ORDER_ITEM_DETAIL, expected);
            write_orders(build, snapshot, query, spool, ORDER_ITEM_DETAIL, &schemas, Vec::new())
        }
        Document::UnpaidOrders(query) => {
            let schemas = order_schemas(UNPAID_ORDER_ITEM, expected);
            write_orders(build, snapshot, query, spool, UNPAID_ORDER_ITEM, &schemas, Vec::new())
        }
        Document::Summary(queries) => {
            let SummaryQueries { paid, unpaid } = queries.as_ref();
            let schemas: Vec<ColumnSchema> = ORDER_SUMMARY_ITEM.iter().map(ColumnSchema::of).collect();
            let columns: Vec<_> = schemas.iter().map(|schema| (*schema, false)).collect();
            let mut file = ParquetFile { row_groups: RowGroupWriter::begin(spool, &columns, None)? };
            let mut written = file.summary(build, snapshot, paid, &schemas)?;
            written.add(&file.summary(build, snapshot, unpaid, &schemas)?);
            file.finish(build, &[paid, unpaid], written, Vec::new())
        }
    }
}

/// The columns of orders. Amounts are narrow if the sums prove that none has more than 18 digits: no amount of an order
/// is negative, so none exceeds its sum.
fn order_schemas(fields: &[OrderField], expected: &Measures) -> Vec<ColumnSchema> {
    let narrow = amount_sums(expected).all(|sum| sum < NARROW_END.into());
    let schema = |field: &OrderField| ColumnSchema {
        narrow: narrow && field.kind == AMOUNT,
        ..ColumnSchema::of(field)
    };
    fields.iter().map(schema).collect()
}

fn amount_sums(measures: &Measures) -> impl Iterator<Item = i128> {
    [measures.total, measures.original].into_iter().chain(measures.deductions.values())
}

/// Writes the orders of a query. `schemas` has the column of each field, `metadata` what the file says besides
/// [`describe`].
pub(crate) fn write_orders(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    query: &OrderQuery,
    spool: SpoolFile,
    fields: &[OrderField],
    schemas: &[ColumnSchema],
    metadata: Vec<KeyValue>,
) -> Result<(SpoolFile, Written), ExportError> {
    let lines = snapshot.lines(query.company_id)?;
    let scopes = fields.iter().map(|field| field.scope == Scope::PerLine);
    let columns: Vec<_> = schemas.iter().copied().zip(scopes).collect();
    let (of_lines, of_rows): (Vec<_>, Vec<_>) = fields
        .iter()
        .copied()
        .zip(schemas.iter().copied())
        .partition(|(field, _)| field.scope == Scope::PerLine);
    let line_table = line_table(build.presentation.lines(lines.clone()), of_lines);
    let mut file = ParquetFile { row_groups: RowGroupWriter::begin(spool, &columns, Some(line_table))? };
    let encoder = || RowValues { views: build.presentation.lines(lines.clone()), columns: &of_rows };
    let encoders = build.threads.min(MAX_ENCODERS);
    let measures = pipeline::run(snapshot, query, encoders, encoder, &mut file, build.progress)?;
    file.finish(build, &[query], Written { rows: measures.orders, measures }, metadata)
}

/// The table of the columns that all orders of a line share.
fn line_table<'a>(mut views: LineViews<'a>, columns: Vec<(OrderField, ColumnSchema)>) -> LineTable<'a> {
    let nullable: Vec<bool> = columns.iter().map(|(_, schema)| schema.nullable).collect();
    let make = move |line_no, each: &mut dyn FnMut(Value<'_>)| {
        let made = views.show_line(line_no, |row| {
            columns.iter().try_for_each(|(field, schema)| {
                each(Value::of(&(field.value)(row), *schema)?);
                Ok::<_, StoreError>(())
            })
        });
        let unknown = || StoreError::Damaged(format!("there is no line {line_no}"));
        made.ok_or_else(unknown)?.map_err(ExportError::from)
    };
    LineTable::new(nullable.into_iter(), Box::new(make))
}

/// A Parquet file in the spool.
struct ParquetFile<'a> {
    row_groups: RowGroupWriter<'a, SpoolFile>,
}

impl ParquetFile<'_> {
    fn summary(
        &mut self,
        build: &Build<'_>,
        snapshot: &mut dyn Snapshot,
        query: &OrderQuery,
        schemas: &[ColumnSchema],
    ) -> Result<Written, ExportError> {
        let fields: &[SummaryField] = ORDER_SUMMARY_ITEM;
        let mut written = Written::default();
        for rows in summary(snapshot, query)?.chunks(pipeline::BATCH_ROWS) {
            let mut columns: Vec<Values> = schemas.iter().map(|schema| Values::new(*schema)).collect();
            for row in rows {
                build.presentation.show_summary(row, |view| {
                    fields.iter().zip(schemas).zip(&mut columns).try_for_each(|((field, schema), values)| {
                        values.push(Value::of(&(field.value)(view), *schema)?);
                        Ok::<_, StoreError>(())
                    })
                })?;
                written.add(&Written { rows: 1, measures: row.measures });
            }
            self.append(RowBatch { lines: Vec::new(), columns, rows: rows.len() })?;
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

impl Assemble for ParquetFile<'_> {
    type Piece = RowBatch;

    fn append(&mut self, batch: RowBatch) -> Result<(), ExportError> {
        self.row_groups.append(&batch)
    }
}

/// Turns orders into the columns that differ from row to row.
struct RowValues<'a> {
    views: LineViews<'a>,
    columns: &'a [(OrderField, ColumnSchema)],
}

impl Encode for RowValues<'_> {
    type Piece = RowBatch;

    fn encode(&mut self, orders: &[StoredOrder]) -> Result<RowBatch, ExportError> {
        let Self { views, columns } = self;
        let mut values: Vec<Values> = columns.iter().map(|(_, schema)| Values::new(*schema)).collect();
        for stored in orders {
            let pushed = views.show(stored, |row| {
                columns.iter().zip(&mut values).try_for_each(|((field, schema), values)| {
                    values.push(Value::of(&(field.value)(row), *schema)?);
                    Ok::<_, StoreError>(())
                })
            });
            pushed.ok_or_else(|| no_line(stored))??;
        }
        let lines = orders.iter().map(|stored| stored.line_no).collect();
        Ok(RowBatch { lines, columns: values, rows: orders.len() })
    }
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
