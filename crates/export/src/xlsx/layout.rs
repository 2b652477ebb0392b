//! How sheets look on the screen and on paper: columns as wide as their content, and what printed pages say.

use tollbook_domain::OrderQuery;
use tollbook_domain::catalogue::NameKind;
use tollbook_domain::time::DAY_S;
use tollbook_store::{Lines, Snapshot, StoreResult};
use tollbook_workbook::{Column, ColumnKind, PlannedSheet, SheetOptions};

use crate::build::Build;
use crate::fields::{Field, FieldKind};
use crate::presentation::Presentation;

/// Lines that are looked at for the width of a column.
const LINES_MEASURED: u32 = 2_000;

/// Widths in characters of columns whose content is not of the line.
const AMOUNT_WIDTH: u8 = 18;
const COUNT_WIDTH: u8 = 14;
const TIME_WIDTH: u8 = 20;

/// Widest column of texts; longer ones are cut on the screen.
const MAX_TEXT_WIDTH: usize = 40;

/// A sheet of rows with the columns of fields.
pub(super) fn plan<F>(
    build: &Build<'_>,
    snapshot: &mut dyn Snapshot,
    query: &OrderQuery,
    key: &str,
    fields: &[Field<F>],
    rows: u64,
) -> StoreResult<PlannedSheet> {
    let presentation = build.presentation;
    let name = presentation.catalogue.text(NameKind::Sheet, key, presentation.language);
    let lines = snapshot.lines(query.company_id)?;
    let columns = columns(fields, presentation, &lines);
    Ok(PlannedSheet { columns, options: sheet_options(build, query, &name, Some(rows)), name })
}

/// The columns of fields, with headers in the language of the brand.
fn columns<F>(fields: &[Field<F>], presentation: &Presentation, lines: &Lines) -> Vec<Column> {
    fields
        .iter()
        .map(|field| {
            let header = presentation.header(field.name, field.kind);
            let kind = match field.kind {
                FieldKind::Text => ColumnKind::Text,
                FieldKind::Integer if COUNTS.contains(&field.name) => ColumnKind::Count,
                FieldKind::Integer => ColumnKind::Integer,
                FieldKind::WideInteger => ColumnKind::Count,
                FieldKind::Decimal { .. } => ColumnKind::Decimal,
                FieldKind::Time | FieldKind::TextTime => ColumnKind::DateTime,
            };
            // A header wraps at its spaces, and has the arrow of its filter beside it.
            let longest_word = header.split(' ').map(width).max().unwrap_or(0) + 5;
            let content = match kind {
                ColumnKind::Text => text_width(field.name, presentation, lines),
                ColumnKind::Integer => 9,
                ColumnKind::Count => COUNT_WIDTH.into(),
                ColumnKind::Decimal => AMOUNT_WIDTH.into(),
                ColumnKind::DateTime => TIME_WIDTH.into(),
            };
            let wide = content.max(longest_word.min(MAX_TEXT_WIDTH / 2)).min(MAX_TEXT_WIDTH);
            Column::new(header, u8::try_from(wide).unwrap_or(u8::MAX), kind)
        })
        .collect()
}

/// Fields that count something; other whole numbers are codes.
const COUNTS: [&str; 2] = ["Quantity", "OrderCount"];

/// The width of the texts of a field: that of the lines, or what its rows usually have.
fn text_width(field: &str, presentation: &Presentation, lines: &Lines) -> usize {
    let longest =
        |text: &dyn Fn(u32) -> Option<usize>| (0..LINES_MEASURED).map_while(text).max().unwrap_or(0) + 3;
    match field {
        "OrderNo" | "SourceOrderNo" | "UnpaidOrderNo" | "ReplacesOrderNo" | "ReplacedByOrderNo" => 24,
        "QuantityDisplay" | "SumQuantityDisplay" => 20,
        "UserEmail" => longest(&|line| lines.get(line).map(|line| width(&line.user_email))),
        "OrganizationName" => longest(&|line| lines.get(line).map(|line| width(&line.organization_name))),
        "ResourceID" | "ResourceId" => longest(&|line| lines.get(line).map(|line| width(&line.resource_id))),
        "ResourceName" => longest(&|line| lines.get(line).map(|line| width(line.shown_resource_name()))),
        "ModelID" => longest(&|line| lines.get(line).map(|line| width(&line.model_id))),
        "ModelName" => longest(&|line| lines.get(line).map(|line| width(&line.model_name))),
        "PricingSKU" => longest(&|line| lines.get(line).map(|line| width(&line.pricing_sku))),
        "Region" => longest(&|line| lines.get(line).map(|line| width(&line.region))),
        "ProductCode" => longest(&|line| lines.get(line).map(|line| width(&line.product_code))),
        "Currency" => width(&presentation.currency) + 3,
        // Names of the catalogue.
        _ => 13,
    }
}

/// The width of a text in characters of the default font; ideographs are as wide as two.
fn width(text: &str) -> usize {
    text.chars().map(|c| if c < '\u{1100}' { 1 } else { 2 }).sum()
}

/// Options of a sheet of rows. Printed pages state whose orders they are, of which range in which zone.
pub(super) fn sheet_options(
    build: &Build<'_>,
    query: &OrderQuery,
    name: &str,
    rows: Option<u64>,
) -> SheetOptions {
    let presentation = build.presentation;
    SheetOptions {
        rows,
        page_title: format!("{} · {name}", presentation.company_name),
        page_note: format!(
            "{} · {} {} · {}",
            range_text(query, presentation),
            presentation.catalogue.text(NameKind::Total, "TimeZone", presentation.language),
            presentation.zone.name(),
            presentation.currency
        ),
        ..SheetOptions::default()
    }
}

/// The range of a query, as people write it: its first and last day, or its times if it is not whole days.
pub(super) fn range_text(query: &OrderQuery, presentation: &Presentation) -> String {
    let local = |unix_s: i64| unix_s.saturating_add(i64::from(presentation.zone.offset_s(unix_s)));
    let (start_s, end_s) = (local(query.range.start_s()), local(query.range.end_s()));
    let mut text = String::new();
    if start_s.rem_euclid(DAY_S) == 0 && end_s.rem_euclid(DAY_S) == 0 {
        for (local_s, after) in [(start_s, " – "), (end_s - 1, "")] {
            let mut time = String::new();
            crate::time_zone::push_date_time(&mut time, local_s, ' ');
            text += time.split(' ').next().unwrap_or_default();
            text += after;
        }
    } else {
        crate::time_zone::push_date_time(&mut text, start_s, ' ');
        text += " – ";
        crate::time_zone::push_date_time(&mut text, end_s, ' ');
    }
    text
}
