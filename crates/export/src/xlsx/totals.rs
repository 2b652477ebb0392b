//! The last sheet of a workbook of orders: the request, the time of the snapshot and the sums, so that the file explains
//! itself.

use tollbook_domain::catalogue::NameKind;
use tollbook_domain::{Measures, OrderQuery};
use tollbook_objects::SpoolFile;
use tollbook_workbook::{Column, ColumnKind, Workbook};

use super::cells::write_cell;
use crate::build::Build;
use crate::error::ExportError;
use crate::fields::{AMOUNT, Cell, amount_sums};

/// Appends the sheet.
pub(super) fn write_totals(
    build: &Build<'_>,
    query: &OrderQuery,
    measures: &Measures,
    workbook: &mut Workbook<SpoolFile>,
) -> Result<(), ExportError> {
    let presentation = build.presentation;
    let text = |kind, key: &str| presentation.catalogue.text(kind, key, presentation.language);
    let columns = [
        Column::new(text(NameKind::Total, "Item"), 40, ColumnKind::Text),
        Column::new(text(NameKind::Total, "Value"), 40, ColumnKind::Text),
    ];
    let mut sheet = workbook.sheet(&text(NameKind::Sheet, "totals"), &columns)?;
    let mut offsets = presentation.zone.offsets();
    let mut line = |item: String, cell: Cell<'_>| {
        sheet.row(|writer| {
            writer.text(&item);
            write_cell(writer, cell, &mut offsets);
        })
    };
    let time = |key: &str| format!("{} ({})", text(NameKind::Total, key), presentation.zone.name());
    line(time("StartTime"), Cell::Time(Some(query.range.start_s())))?;
    line(time("EndTime"), Cell::Time(Some(query.range.end_s())))?;
    line(text(NameKind::Total, "TimeZone"), Cell::Text(presentation.zone.name()))?;
    let statuses: Vec<&str> = query.statuses.iter().map(|status| presentation.status(status)).collect();
    line(text(NameKind::Total, "Statuses"), Cell::OwnedText(statuses.join(", ")))?;
    for (name, values) in query.lines.lists() {
        line(text(NameKind::Total, name), Cell::OwnedText(values.join(", ")))?;
    }
    if !query.order_numbers.is_empty() {
        line(text(NameKind::Total, "OrderNos"), Cell::OwnedText(query.order_numbers.join(", ")))?;
    }
    line(time("SnapshotTime"), Cell::Time(Some(build.snapshot_s)))?;
    line(text(NameKind::Total, "RowCount"), Cell::Integer(measures.orders.into()))?;
    for (name, cell) in amount_sums(measures) {
        line(presentation.header(name, AMOUNT), cell)?;
    }
    line(text(NameKind::Column, "Currency"), Cell::Text(&presentation.currency))?;
    Ok(())
}
