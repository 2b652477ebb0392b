//! The last sheet of a workbook of orders: the request, the time of the snapshot and the sums, so that the file explains
//! itself.

use tollbook_domain::catalogue::NameKind;
use tollbook_domain::{Measures, OrderQuery};
use tollbook_objects::SpoolFile;
use tollbook_store::Snapshot;
use tollbook_workbook::{Column, ColumnKind, PlannedSheet, SheetOptions, Workbook};

use super::cells::write_cell;
use super::layout::sheet_options;
use super::subtotals::Subtotals;
use super::text_amounts::TextAmounts;
use crate::build::Build;
use crate::error::ExportError;
use crate::fields::{AMOUNT, Cell, amount_sum, amount_sums};

/// The sheet as it is announced.
pub(super) fn plan(build: &Build<'_>, query: &OrderQuery) -> PlannedSheet {
    let presentation = build.presentation;
    let text = |kind, key: &str| presentation.catalogue.text(kind, key, presentation.language);
    let columns = vec![
        Column::new(text(NameKind::Total, "Item"), 60, ColumnKind::Text),
        Column::new(text(NameKind::Total, "Value"), 30, ColumnKind::Text),
    ];
    let name = text(NameKind::Sheet, "totals");
    let options = SheetOptions { has_filter: false, ..sheet_options(build, query, &name, None) };
    PlannedSheet { name, columns, options }
}

/// Appends the sheet. The sums are those of the orders that were written.
pub(super) fn write_totals(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    query: &OrderQuery,
    (measures, text_amounts): (&Measures, &TextAmounts),
    plan: &PlannedSheet,
    workbook: &mut Workbook<SpoolFile>,
) -> Result<(), ExportError> {
    let presentation = build.presentation;
    let text = |kind, key: &str| presentation.catalogue.text(kind, key, presentation.language);
    let subtotals = Subtotals::read(snapshot, &[query], presentation)?;
    let mut sheet = workbook.sheet_with(&plan.name, &plan.columns, &plan.options)?;
    let mut offsets = presentation.zone.offsets();
    let mut line = |item: String, cell: Cell<'_>| {
        sheet.row(|writer| {
            writer.text(&item);
            write_cell(writer, cell, &mut offsets);
        })
    };
    line(text(NameKind::Total, "Company"), Cell::Text(&presentation.company_name))?;
    line(text(NameKind::Total, "Provider"), Cell::Text(&presentation.provider))?;
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
    for (dimension, sums) in [("project", &subtotals.by_project), ("model", &subtotals.by_model)] {
        let dimension = text(NameKind::Dimension, dimension);
        for (name, sums) in sums {
            line(format!("{dimension}: {name}"), amount_sum(sums.total))?;
        }
    }
    for (field, cells, sum) in text_amounts.columns() {
        let column = presentation.header(field, AMOUNT);
        line(format!("{column}: {}", text(NameKind::Total, "TextCells")), Cell::Integer(cells.into()))?;
        line(format!("{column}: {}", text(NameKind::Total, "TextCellSum")), sum)?;
    }
    line(text(NameKind::Column, "Currency"), Cell::Text(&presentation.currency))?;
    Ok(())
}
