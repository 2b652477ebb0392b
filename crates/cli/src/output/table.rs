//! Tables of results: for people as wide as their terminal, with thousands separators and right-aligned numbers; as CSV
//! with the values as they are.

use std::io::IsTerminal as _;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Width};
use serde_json::Value;
use terminal_size::terminal_size_of;
use tollbook_domain::money::{AMOUNT_PLACES, format_amount_sum, format_decimal, parse_amount_sum};
use tollbook_export::push_csv_text;

use super::safe::printable;

/// Columns between two cells of a table.
const GAP: u16 = 2;
/// Columns that a text has at least, however narrow the terminal is.
const NARROWEST: u16 = 8;

/// What a column holds, which decides how it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text, broken over several lines if the terminal is narrow.
    Text,
    /// A text to copy, such as an order number: never broken.
    Code,
    /// A number, exact or with a fraction: right-aligned, its thousands separated.
    Number,
    /// An amount that is summed under its column.
    Sum,
    /// A whole number that is summed under its column.
    Count,
}

impl Kind {
    const fn is_summed(self) -> bool {
        matches!(self, Self::Sum | Self::Count)
    }

    const fn is_number(self) -> bool {
        self.is_summed() || matches!(self, Self::Number)
    }
}

/// A column of a table.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) heading: String,
    pub(crate) kind: Kind,
}

impl Column {
    pub(crate) fn new(heading: impl Into<String>, kind: Kind) -> Self {
        Self { heading: heading.into(), kind }
    }
}

/// A table whose rows may come in parts, which are all as wide as the first.
pub(crate) struct Table {
    columns: Vec<Column>,
    /// The width of each column; of a file, the least.
    widths: Option<Vec<u16>>,
    terminal: Option<u16>,
    /// The sums of the columns that are summed, over all parts; `None` after a text that is not an amount.
    sums: Vec<Option<i128>>,
}

impl Table {
    /// A table for standard output.
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self::fitted(columns, terminal_width())
    }

    fn fitted(columns: Vec<Column>, terminal: Option<u16>) -> Self {
        let sums = vec![Some(0); columns.len()];
        Self { columns, widths: None, terminal, sums }
    }

    /// Rows as lines, under the headings if they are the first ones.
    pub(crate) fn part(&mut self, rows: &[Vec<String>]) -> String {
        for row in rows {
            for ((column, sum), cell) in self.columns.iter().zip(&mut self.sums).zip(row) {
                if column.kind.is_summed() {
                    *sum = sum.zip(parse_amount_sum(cell).ok()).and_then(|(sum, more)| sum.checked_add(more));
                }
            }
        }
        self.lines(self.widths.is_none(), rows)
    }

    /// The line of sums, after a label in the first column; `None` if an amount could not be read.
    pub(crate) fn total(&mut self, label: &str) -> Option<String> {
        let mut cells = Vec::with_capacity(self.columns.len());
        for (place, column) in self.columns.iter().enumerate() {
            cells.push(match (column.kind, place) {
                (Kind::Sum, _) => format_amount_sum(self.sums.get(place).copied().flatten()?),
                (Kind::Count, _) => {
                    format_decimal(self.sums.get(place).copied().flatten()?, AMOUNT_PLACES, 0)
                }
                (_, 0) => label.to_owned(),
                _ => String::new(),
            });
        }
        Some(self.lines(false, &[cells]))
    }

    fn lines(&mut self, has_headings: bool, rows: &[Vec<String>]) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        if has_headings {
            table.set_header(self.columns.iter().map(|column| column.heading.clone()));
        }
        for row in rows {
            let cells = self.columns.iter().zip(row).map(|(column, cell)| match column.kind {
                kind if kind.is_number() => with_thousands(&printable(cell)),
                _ => printable(cell),
            });
            table.add_row(cells);
        }
        let natural = table.column_max_content_widths();
        let widths = match &self.widths {
            Some(widths) => widths.clone(),
            None => self.widths.insert(self.shares(natural)).clone(),
        };
        table.set_content_arrangement(match self.terminal {
            // Without an own width, the library would look for a terminal itself.
            Some(_) => ContentArrangement::Dynamic,
            None => ContentArrangement::Disabled,
        });
        let total = widths.iter().map(|width| width.saturating_add(GAP)).fold(0, u16::saturating_add);
        table.set_width(total);
        for ((place, column), width) in self.columns.iter().enumerate().zip(&widths) {
            let Some(shown) = table.column_mut(place) else { continue };
            // A width of the library includes the cell's padding.
            let width = Width::Fixed(width.saturating_add(GAP));
            shown.set_constraint(match self.terminal {
                Some(_) => ColumnConstraint::Absolute(width),
                None => ColumnConstraint::LowerBoundary(width),
            });
            if column.kind.is_number() {
                shown.set_cell_alignment(CellAlignment::Right);
            }
        }
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }

    /// The widths of the columns: as wide as their content, or if the terminal is narrower, with the widest texts made
    /// narrower until they fit.
    fn shares(&self, mut widths: Vec<u16>) -> Vec<u16> {
        let Some(terminal) = self.terminal else { return widths };
        let gaps = GAP.saturating_mul(u16::try_from(widths.len()).unwrap_or(u16::MAX));
        let available = terminal.saturating_sub(gaps);
        while widths.iter().copied().fold(0, u16::saturating_add) > available {
            let texts = widths.iter_mut().zip(&self.columns).filter(|(_, column)| column.kind == Kind::Text);
            let widest = texts.map(|(width, _)| width).filter(|width| **width > NARROWEST).max();
            let Some(widest) = widest else { break };
            *widest = widest.saturating_sub(1);
        }
        widths
    }
}

/// The width of the terminal that standard output is; `None` if it is a file or a pipe.
fn terminal_width() -> Option<u16> {
    terminal_size_of(std::io::stdout()).map(|(width, _)| width.0).filter(|width| *width > 0)
}

/// Whether standard output is a terminal, which control characters would command.
pub(super) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// A table for people. Columns of amounts, which have a decimal point, are shown as numbers; those of ids and other texts
/// are not.
pub(crate) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    let columns = headings.iter().enumerate().map(|(place, heading)| {
        let cells = || rows.iter().filter_map(|row| row.get(place)).filter(|cell| !cell.is_empty());
        let is_amount = cells().all(|cell| is_decimal(cell) && cell.contains('.'));
        let kind = if is_amount && cells().next().is_some() { Kind::Number } else { Kind::Text };
        Column::new(*heading, kind)
    });
    Table::new(columns.collect()).part(&rows)
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(fraction)
}

/// A number with a comma between each three digits of its whole part; any other text as it is. A unit may follow.
pub(crate) fn with_thousands(text: &str) -> String {
    let (number, unit) =
        text.split_once(' ').map_or((text, ""), |(number, _)| (number, &text[number.len()..]));
    if !is_decimal(number) {
        return text.to_owned();
    }
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    let mut grouped = String::with_capacity(text.len() + whole.len() / 3);
    for (place, digit) in whole.char_indices() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{fraction}{unit}")
}

/// The headings of a CSV file as its first line, as RFC 4180 has it.
pub(crate) fn csv_headings(names: &[&str]) -> String {
    names.join(",")
}

/// A line of a CSV file: members of an object, exactly as they are; texts that a spreadsheet would run as a formula follow
/// an apostrophe, as in exports.
pub(crate) fn csv_row(names: &[&str], row: &Value) -> String {
    let mut line = String::new();
    for (place, name) in names.iter().enumerate() {
        if place > 0 {
            line.push(',');
        }
        match &row[*name] {
            Value::Null => {}
            Value::String(text) if is_decimal(text) => line.push_str(text),
            Value::String(text) => push_csv_text(&mut line, text),
            Value::Array(values) => {
                let texts: Vec<String> = values.iter().map(text_of).collect();
                push_csv_text(&mut line, &texts.join(" "));
            }
            other => push_csv_text(&mut line, &other.to_string()),
        }
    }
    if is_terminal() { printable(&line) } else { line }
}

/// A value of JSON as the text of a cell.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn thousands_are_separated_in_numbers_alone() {
        for (text, shown) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-1234567.00000001", "-1,234,567.00000001"),
            ("12345.678 K Tokens", "12,345.678 K Tokens"),
            ("qwen-max", "qwen-max"),
            ("1e9", "1e9"),
            ("12:30", "12:30"),
            ("", ""),
        ] {
            assert_eq!(with_thousands(text), shown);
        }
    }

    fn columns() -> Vec<Column> {
        vec![
            Column::new("OrderNo", Kind::Code),
            Column::new("Model", Kind::Text),
            Column::new("Total", Kind::Sum),
        ]
    }

    fn row(number: &str, model: &str, total: &str) -> Vec<String> {
        [number, model, total].map(ToOwned::to_owned).to_vec()
    }

    #[test]
    fn a_table_is_as_wide_as_its_terminal_and_breaks_texts_alone() {
        let number = "O2026110100000000000000001";
        let model = "a-model-with-a-very-long-name-that-does-not-fit";
        let mut table = Table::fitted(columns(), Some(60));
        let first = table.part(&[row(number, model, "1234567.89")]);
        let second = table.part(&[row(number, "short", "-0.5")]);
        let total = table.total("sum").unwrap();
        for line in first.lines().chain(second.lines()).chain(total.lines()) {
            assert!(line.len() <= 60, "{line:?}");
        }
        assert!(first.contains(number) && first.contains("1,234,567.89"), "{first}");
        assert!(!first.contains(model) && first.lines().count() > 2, "{first}");
        let ends = |text: &str| text.lines().map(str::len).max().unwrap();
        assert!(total.starts_with(" sum") && total.ends_with("1,234,567.39"), "{total}");
        assert_eq!(ends(&first), ends(&total), "numbers are below each other");
    }

    #[test]
    fn a_file_has_one_line_for_each_row_however_long() {
        let mut table = Table::fitted(columns(), None);
        let model = "m".repeat(500);
        let text = table.part(&[row("1", &model, "1"), row("2", "x", "2")]);
        assert_eq!(text.lines().count(), 3);
        assert!(text.contains(&model));
    }

    #[test]
    fn an_amount_that_cannot_be_read_is_not_summed() {
        let mut table = Table::fitted(columns(), None);
        let _ = table.part(&[row("1", "m", "1"), row("2", "m", "many")]);
        assert_eq!(table.total("sum"), None);
    }

    #[test]
    fn csv_has_exact_values_and_no_formulas() {
        let value = json!({
            "A": "=1+1", "B": "-12345.50", "C": 1_234_567, "D": null, "E": ["x", 1], "F": "a,\"b\"", "G": true,
        });
        let names = ["A", "B", "C", "D", "E", "F", "G", "absent"];
        assert_eq!(csv_row(&names, &value), "'=1+1,-12345.50,1234567,,x 1,\"a,\"\"b\"\"\",true,");
    }
}
