//! The same rows and columns by `rust_xlsxwriter` in its constant-memory mode: texts as strings, numbers as numbers, times
//! as dates, with a number format for amounts and times.

use std::path::Path;

use ::rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use tollbook_export::fields::{Cell, ORDER_ITEM_DETAIL, OrderRow};

use super::rows::Rows;
use crate::result::Result;

/// Days from the spreadsheet's day 0 to 1970-01-01.
const UNIX_DAY: f64 = 25_569.0;
const DAY_S: f64 = 86_400.0;

struct Formats {
    decimal: Format,
    time: Format,
}

pub(super) fn write(rows: &Rows, path: &Path) -> Result {
    let formats = Formats {
        decimal: Format::new().set_num_format("#,##0.00##########"),
        time: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
    };
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    for (column, field) in (0..).zip(ORDER_ITEM_DETAIL) {
        sheet.write_string(0, column, field.name)?;
    }
    let mut views = rows.presentation.lines(rows.lines.clone());
    for (number, stored) in (1..).zip(&rows.orders) {
        let row = |order: &OrderRow<'_>| {
            (0..).zip(ORDER_ITEM_DETAIL).try_for_each(|(column, field)| {
                write_cell(sheet, number, column, &(field.value)(order), &formats)
            })
        };
        views.show(stored, row).ok_or("an order has no line")??;
    }
    workbook.save(path)?;
    Ok(())
}

fn write_cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &Cell<'_>,
    formats: &Formats,
) -> std::result::Result<(), XlsxError> {
    match cell {
        Cell::Text("") | Cell::Time(None) => return Ok(()),
        Cell::Text(text) => sheet.write_string(row, column, *text)?,
        Cell::OwnedText(text) => sheet.write_string(row, column, text)?,
        Cell::Integer(number) => sheet.write_number(row, column, float(*number))?,
        Cell::Decimal { mantissa, places } => {
            let value = float(*mantissa) / 10f64.powi(i32::try_from(*places).unwrap_or(0));
            sheet.write_number_with_format(row, column, value, &formats.decimal)?
        }
        Cell::Time(Some(unix_s)) => {
            let serial = float(i128::from(*unix_s)) / DAY_S + UNIX_DAY;
            sheet.write_number_with_format(row, column, serial, &formats.time)?
        }
    };
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a spreadsheet's numbers are floats")]
fn float(number: i128) -> f64 {
    number as f64
}
