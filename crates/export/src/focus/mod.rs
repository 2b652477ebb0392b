//! Exports in the columns of the FinOps Open Cost and Usage Specification (FOCUS), one row for each order. `columns` has
//! the table of columns; docs/FOCUS.md has the reasons.

mod columns;
mod sku;

use parquet::file::metadata::KeyValue;
use tollbook_domain::OrderQuery;
use tollbook_objects::SpoolFile;
use tollbook_store::Snapshot;

use self::columns::{COLUMNS, FocusColumn};
use crate::build::{Build, Written};
use crate::csv::{BYTE_ORDER_MARK, CsvFile, Packing, Times, push_row};
use crate::document::Document;
use crate::error::ExportError;
use crate::fields::OrderField;
use crate::format::{FocusVersion, Format, Separator};
use crate::parquet::write_orders;

/// Writes comma-separated values under the specification's column ids. There is a byte order mark only if display names
/// are not ASCII: a program that does not know it would read it as part of the first id.
pub(crate) fn write_csv(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    spool: SpoolFile,
    version: FocusVersion,
) -> Result<(SpoolFile, Written), ExportError> {
    let query = orders_of(build.document, Format::FocusCsv(version))?;
    let fields: Vec<OrderField> = columns_of(version).map(|column| column.field).collect();
    let mut ids = String::new();
    if !build.presentation.has_ascii_names() {
        ids.push(BYTE_ORDER_MARK);
    }
    push_row(&mut ids, fields.iter().map(|field| field.name), Separator::Comma.character());
    let build = &Build { separator: Separator::Comma, ..*build };
    let mut file = CsvFile::begin(build, spool, Packing::Plain)?;
    file.headers(ids)?;
    let written = file.orders(build, snapshot, query, &fields, || Times::Utc)?;
    Ok((file.finish()?, written))
}

/// Writes typed columns under the specification's column ids.
pub(crate) fn write_parquet(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    spool: SpoolFile,
    version: FocusVersion,
) -> Result<(SpoolFile, Written), ExportError> {
    let query = orders_of(build.document, Format::FocusParquet(version))?;
    let fields: Vec<OrderField> = columns_of(version).map(|column| column.field).collect();
    let schemas: Vec<_> = columns_of(version).map(FocusColumn::schema).collect();
    let metadata = vec![KeyValue::new("FocusVersion".to_owned(), version.number().to_owned())];
    write_orders(build, snapshot, query, spool, &fields, &schemas, metadata)
}

fn columns_of(version: FocusVersion) -> impl Iterator<Item = &'static FocusColumn> {
    COLUMNS.iter().filter(move |column| column.is_in(version))
}

fn orders_of(document: &Document, format: Format) -> Result<&OrderQuery, ExportError> {
    match document {
        Document::PaidOrders(query) | Document::UnpaidOrders(query) => Ok(query),
        Document::Summary(_) => Err(ExportError::NoSummary(format)),
    }
}
