//! The first sheet of a bill: whose bill it is, for what, for what range in which zone, and its totals by status, project,
//! model and billing item, exact and rounded to 0.01, on one printed page if it fits.

use tollbook_domain::catalogue::NameKind;
use tollbook_domain::money::{AMOUNT_PLACES, rounded_to_cents};
use tollbook_domain::{AccountKind, Measures};
use tollbook_objects::SpoolFile;
use tollbook_store::Snapshot;
use tollbook_workbook::{
    Column, ColumnKind, Error, PlannedSheet, Sheet, SheetOptions, Workbook, is_written_as_text,
};

use super::layout::range_text;
use super::subtotals::{Named, Subtotals};
use crate::build::Build;
use crate::error::ExportError;
use crate::fields::AMOUNT;
use crate::presentation::Presentation;
use crate::time_zone::push_date_time;

/// Decimals of amounts.
const PLACES: u8 = {
    assert!(AMOUNT_PLACES < 256, "an amount has few places");
    AMOUNT_PLACES.to_le_bytes()[0]
};

/// The sheet as it is announced.
pub(super) fn plan(build: &Build<'_>) -> PlannedSheet {
    let presentation = build.presentation;
    let name = presentation.catalogue.text(NameKind::Sheet, "bill", presentation.language);
    let columns = vec![
        Column::new(format!("{name} · {}", presentation.company_name), 36, ColumnKind::Text),
        Column::new("", 11, ColumnKind::Count),
        Column::new("", 19, ColumnKind::Decimal),
        Column::new("", 19, ColumnKind::Decimal),
        Column::new("", 17, ColumnKind::Decimal),
    ];
    let options = SheetOptions { is_table: false, has_filter: false, ..SheetOptions::default() };
    PlannedSheet { name, columns, options }
}

/// Writes the sheet.
pub(super) fn write_bill(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    plan: &PlannedSheet,
    workbook: &mut Workbook<SpoolFile>,
) -> Result<(), ExportError> {
    let presentation = build.presentation;
    let queries = build.document.queries();
    let subtotals = Subtotals::read(snapshot, &queries, presentation)?;
    let text = |kind, key: &str| presentation.catalogue.text(kind, key, presentation.language);
    let mut bill =
        Bill { sheet: workbook.sheet_with(&plan.name, &plan.columns, &plan.options)?, presentation };
    let mut as_of = String::new();
    let offset_s = presentation.zone.offset_s(build.snapshot_s);
    push_date_time(&mut as_of, build.snapshot_s.saturating_add(offset_s.into()), ' ');
    bill.fact(&text(NameKind::Total, "Company"), &presentation.company_name)?;
    bill.fact(&text(NameKind::Column, "CompanyID"), &presentation.company_id.to_string())?;
    bill.fact(&text(NameKind::Total, "Provider"), &presentation.provider)?;
    let products: Vec<&str> = subtotals.products.iter().map(String::as_str).collect();
    bill.fact(&text(NameKind::Total, "For"), &products.join(", "))?;
    if let Some(query) = queries.first() {
        bill.fact(&text(NameKind::Total, "Range"), &range_text(query, presentation))?;
    }
    bill.fact(&text(NameKind::Total, "TimeZone"), presentation.zone.name())?;
    bill.fact(&text(NameKind::Total, "SnapshotTime"), &as_of)?;
    bill.fact(&text(NameKind::Column, "Currency"), &presentation.currency)?;
    if let Some(query) = queries.first() {
        for (name, values) in query.lines.lists() {
            bill.fact(&text(NameKind::Total, name), &values.join(", "))?;
        }
        if !query.order_numbers.is_empty() {
            bill.fact(&text(NameKind::Total, "OrderNos"), &query.order_numbers.join(", "))?;
        }
    }
    let statuses = subtotals.by_status.iter();
    let statuses: Named =
        statuses.map(|(status, sums)| (presentation.status(*status).to_owned(), *sums)).collect();
    bill.section(&text(NameKind::Total, "ByStatus"), &statuses, &subtotals.total)?;
    bill.section(&text(NameKind::Dimension, "project"), &subtotals.by_project, &subtotals.total)?;
    bill.section(&text(NameKind::Dimension, "model"), &subtotals.by_model, &subtotals.total)?;
    bill.section(&text(NameKind::Total, "ByItem"), &subtotals.by_item, &subtotals.total)?;
    bill.accounts(&subtotals.total)?;
    bill.blank()?;
    for rule in ["RoundingRule", "RoundedTotals"] {
        bill.remark(&text(NameKind::Total, rule))?;
    }
    if is_written_as_text(subtotals.total.total, PLACES)
        || is_written_as_text(subtotals.total.original, PLACES)
    {
        bill.remark(&text(NameKind::Total, "RedAmounts"))?;
    }
    Ok(())
}

/// The sheet as it is written.
struct Bill<'a> {
    sheet: Sheet<'a, SpoolFile>,
    presentation: &'a Presentation,
}

impl Bill<'_> {
    fn text(&self, kind: NameKind, key: &str) -> String {
        self.presentation.catalogue.text(kind, key, self.presentation.language)
    }

    /// A name and a text.
    fn fact(&mut self, name: &str, text: &str) -> Result<(), Error> {
        self.sheet.row(|row| {
            row.bold_text(name);
            row.text(text);
            (0..3).for_each(|_| row.empty());
        })
    }

    /// A sentence.
    fn remark(&mut self, text: &str) -> Result<(), Error> {
        self.sheet.row(|row| {
            row.text(text);
            (0..4).for_each(|_| row.empty());
        })
    }

    fn blank(&mut self) -> Result<(), Error> {
        self.sheet.row(|row| (0..5).for_each(|_| row.empty()))
    }

    /// A table of sums with their total.
    fn section(&mut self, heading: &str, sums: &[(String, Measures)], total: &Measures) -> Result<(), Error> {
        let orders = self.text(NameKind::Total, "RowCount");
        let [original, amount] =
            ["OriginalPrice", "OrderTotalPrice"].map(|field| self.presentation.header(field, AMOUNT));
        let rounded = self.text(NameKind::Total, "RoundedAmount");
        let all = self.text(NameKind::Total, "All");
        self.blank()?;
        self.sheet.row(|row| {
            row.bold_text(heading);
            [&orders, &original, &amount, &rounded].into_iter().for_each(|text| row.right_text(text));
        })?;
        for (name, sums) in sums {
            self.sheet.row(|row| {
                row.text(name);
                row.count(sums.orders);
                row.decimal(sums.original, PLACES);
                row.decimal(sums.total, PLACES);
                row.decimal(rounded_to_cents(sums.total), PLACES);
            })?;
        }
        self.sheet.row(|row| {
            row.total_text(&all);
            row.total_count(total.orders);
            row.total_decimal(total.original, PLACES);
            row.total_decimal(total.total, PLACES);
            row.total_decimal(rounded_to_cents(total.total), PLACES);
        })
    }

    /// What was paid from which account.
    fn accounts(&mut self, total: &Measures) -> Result<(), Error> {
        let paid_from = AccountKind::ALL.map(|kind| (kind.order_field(), total.deductions.get(kind)));
        let paid_from: Vec<_> = paid_from.into_iter().filter(|(_, sum)| *sum != 0).collect();
        if paid_from.is_empty() {
            return Ok(());
        }
        let heading = self.text(NameKind::Total, "PaidFrom");
        self.blank()?;
        self.sheet.row(|row| {
            row.bold_text(&heading);
            (0..4).for_each(|_| row.empty());
        })?;
        for (field, sum) in paid_from {
            let name = self.presentation.header(field, AMOUNT);
            self.sheet.row(|row| {
                row.text(&name);
                row.empty();
                row.empty();
                row.decimal(sum, PLACES);
                row.decimal(rounded_to_cents(sum), PLACES);
            })?;
        }
        Ok(())
    }
}
