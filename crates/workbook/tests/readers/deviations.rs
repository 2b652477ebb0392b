//! What readers do not represent as it was written, by name. docs/EXPORTS.md, "Readers", lists the same.

/// Something that a reader does with cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deviation {
    /// `_x0001_`, by which workbooks denote characters that XML does not allow, and `_x005F_`, by which they denote that
    /// such a text is meant literally, are not decoded.
    KeepsEscapes,
    /// `_X000D_` is decoded as well, which no other program does.
    DecodesCapitalEscapes,
    /// `&amp;` as a text is read as `&`.
    DecodesEntitiesTwice,
    /// Texts with characters that are escaped or white space that is preserved are empty: inline strings are unknown.
    DropsInlineStrings,
    /// Digits as a text are a number if a double has them all.
    DigitsAreNumbers,
    /// Dates are numbers of days since 1899-12-30.
    DatesAreNumbers,
    /// A column has one type: numbers beside texts are texts.
    TypesByColumn,
    /// Numbers have six decimals at most.
    SixDecimals,
    /// The line separator U+2028 is dropped.
    DropsLineSeparators,
    /// Every cell is a text.
    TextsOnly,
}

use Deviation::*;

type Rows = Vec<Vec<String>>;

/// The rows as a reader with these deviations returns them. They take effect in the order in which they are given.
pub(crate) fn applied(mut rows: Rows, deviations: &[Deviation]) -> Rows {
    for deviation in deviations {
        if *deviation == TypesByColumn {
            rows = by_column(rows);
            continue;
        }
        for cell in rows.iter_mut().flatten() {
            *cell = deviation.of(cell);
        }
    }
    for row in &mut rows {
        while row.pop_if(|cell| cell.is_empty()).is_some() {}
    }
    rows
}

impl Deviation {
    fn of(self, cell: &str) -> String {
        let Some((kind, value)) = cell.split_once(':') else { return cell.to_owned() };
        match (self, kind) {
            (KeepsEscapes, "s") => format!("s:{}", escaped(value)),
            (DecodesCapitalEscapes, "s") => format!("s:{}", value.replace("_X000D_", "\r")),
            (DecodesEntitiesTwice, "s") => format!("s:{}", value.replace("&amp;", "&")),
            (DropsInlineStrings, "s") if is_inline(value) => String::new(),
            (DropsLineSeparators, "s") => format!("s:{}", value.replace('\u{2028}', "")),
            (DigitsAreNumbers, "s") if value.parse().is_ok_and(|number: f64| number.to_string() == value) => {
                format!("n:{value}")
            }
            (DatesAreNumbers, "d") => format!("n:{}", serial(value)),
            (SixDecimals, "n") => match value.split_once('.') {
                Some((whole, decimals)) => format!("n:{whole}.{}", decimals.get(..6).unwrap_or(decimals)),
                None => cell.to_owned(),
            },
            (TextsOnly, _) => format!("s:{value}"),
            _ => cell.to_owned(),
        }
    }
}

/// The text as XML has it, entities decoded. The sampler has these characters only.
fn escaped(text: &str) -> String {
    let text = text.replace("_x005F_", "_x005F_x005F_").replace("_x000D_", "_x005F_x000D_");
    text.replace('\u{1}', "_x0001_").replace('\u{1f}', "_x001F_")
}

/// Whether the text is written as an inline string.
fn is_inline(text: &str) -> bool {
    let is_special = |c: char| matches!(c, '<' | '>' | '&' | '\0'..='\u{1f}');
    text.starts_with(' ') || text.ends_with(' ') || text.contains(is_special) || escaped(text) != text
}

/// The serial numbers of the sampler's times.
fn serial(time: &str) -> &'static str {
    match time {
        "2023-11-15 06:13:20" => "45245.25925925926",
        "2025-01-01 00:00:00" => "45658",
        "2099-12-31 23:59:59" => "73050.99998842593",
        _ => panic!("{time} is not in the sampler"),
    }
}

/// Numbers below the header are texts in columns that have a text there.
fn by_column(mut rows: Rows) -> Rows {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..columns {
        let mut cells: Vec<&mut String> =
            rows.iter_mut().skip(1).filter_map(|row| row.get_mut(column)).collect();
        if cells.iter().any(|cell| cell.starts_with("s:")) {
            for cell in &mut cells {
                **cell = TextsOnly.of(cell);
            }
        }
    }
    rows
}
