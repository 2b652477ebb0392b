//! The XML of cells of every kind (ECMA-376 part 1, 18.3.1.4 `c`). What is written here is the body of a cell: everything after the reference, beginning with the quote that closes it. A cell
//! without a value has no body and is not written at all; the references of the others keep their positions.

use crate::calendar::{Civil, Serial, TrimZeros as _};
use crate::error::TextTooLong;
use crate::escape;
use crate::limits::MAX_CELL_UNITS;

/// Significant digits of a number in Excel (Excel specifications and limits, "number precision").
const NUMBER_DIGITS: usize = 15;

/// A cell format; `parts::styles` lists them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Header,
    Text,
    Integer,
    Decimal,
    DateTime,
    /// A number with more digits than a number cell has.
    Digits,
    Count,
    Title,
    TotalText,
    TotalCount,
    TotalDecimal,
    /// The header of a column of numbers in a sheet that is not a table.
    RightHeader,
}

impl Style {
    /// The value of the attribute `s`. Index 0 is the default format, which no cell uses.
    pub(crate) fn index(self) -> u8 {
        match self {
            Self::Header => 1,
            Self::Text => 2,
            Self::Integer => 3,
            Self::Decimal => 4,
            Self::DateTime => 5,
            Self::Digits => 6,
            Self::Count => 7,
            Self::Title => 8,
            Self::TotalText => 9,
            Self::TotalCount => 10,
            Self::TotalDecimal => 11,
            Self::RightHeader => 12,
        }
    }

    /// The body of a text cell up to the text.
    fn text_start(self) -> &'static [u8] {
        match self {
            Self::Header => b"\" s=\"1\" t=\"str\"><v>",
            Self::Digits => b"\" s=\"6\" t=\"str\"><v>",
            Self::Title => b"\" s=\"8\" t=\"str\"><v>",
            Self::TotalText => b"\" s=\"9\" t=\"str\"><v>",
            Self::RightHeader => b"\" s=\"12\" t=\"str\"><v>",
            _ => b"\" s=\"2\" t=\"str\"><v>",
        }
    }

    /// The body of a number cell up to the number.
    fn number_start(self) -> &'static [u8] {
        match self {
            Self::Decimal => b"\" s=\"4\"><v>",
            Self::DateTime => b"\" s=\"5\"><v>",
            Self::Count => b"\" s=\"7\"><v>",
            Self::TotalCount => b"\" s=\"10\"><v>",
            Self::TotalDecimal => b"\" s=\"11\"><v>",
            _ => b"\" s=\"3\"><v>",
        }
    }
}

/// The body of a cell without a value, which has the line above a total.
pub(crate) const EMPTY_TOTAL: &[u8] = b"\" s=\"9\"/>";

const VALUE_END: &[u8] = b"</v></c>";

/// Appends a text that no program takes for a formula, whatever it begins with; nothing if it is empty.
///
/// Its type is `str`, which `SheetJS` writes too: it is short, and every reader knows it, also those that do not know
/// inline strings. Texts with characters that are escaped or white space that must be preserved are inline strings: the
/// element of the other type has no attribute for white space, and exceljs decodes its content twice.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str, style: Style) -> Result<(), TextTooLong> {
    if text.is_empty() {
        return Ok(());
    }
    // A text has at most as many UTF-16 units as bytes, so most texts need not be counted.
    if text.len() > MAX_CELL_UNITS {
        let units = text.encode_utf16().count();
        if units > MAX_CELL_UNITS {
            return Err(TextTooLong { units });
        }
    }
    let is_plain = escape::is_plain(text);
    if is_plain {
        out.extend_from_slice(style.text_start());
    } else {
        out.extend_from_slice(format!("\" s=\"{}\" t=\"inlineStr\"", style.index()).as_bytes());
        out.extend_from_slice(b"><is><t xml:space=\"preserve\">");
    }
    if is_plain {
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(VALUE_END);
    } else {
        escape::push_content(out, text);
        out.extend_from_slice(b"</t></is></c>");
    }
    Ok(())
}

/// Appends a text that is known to be short and to need no escaping: digits, signs, dates.
fn push_short_text(out: &mut Vec<u8>, style: Style, parts: &[&[u8]]) {
    out.extend_from_slice(style.text_start());
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(VALUE_END);
}

/// Appends a whole number, as text if it has more than 15 digits.
pub(crate) fn push_integer(out: &mut Vec<u8>, value: i128, style: Style) {
    let mut buffer = itoa::Buffer::new();
    let text = match i64::try_from(value) {
        Ok(value) => buffer.format(value),
        Err(_) => buffer.format(value),
    };
    if text.trim_start_matches('-').len() > NUMBER_DIGITS {
        push_short_text(out, Style::Digits, &[text.as_bytes()]);
    } else {
        out.extend_from_slice(style.number_start());
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(VALUE_END);
    }
}

/// Whether the decimal `mantissa × 10^-scale` has more digits than a number cell, so that it is written as a text, which
/// sums of spreadsheets skip. Leading zeros and trailing zeros of the decimals do not count.
#[must_use]
pub fn is_written_as_text(mantissa: i128, scale: u8) -> bool {
    let mut digits = mantissa.unsigned_abs();
    if digits < 10_u128.pow(15) {
        return false;
    }
    for _ in 0..scale {
        if !digits.is_multiple_of(10) {
            break;
        }
        digits /= 10;
    }
    digits >= 10_u128.pow(15)
}

/// Appends `mantissa × 10^-scale`, as text with at least two decimals if it has more than 15 significant digits.
/// Leading zeros and trailing zeros of the decimals do not count.
pub(crate) fn push_decimal(out: &mut Vec<u8>, mantissa: i128, scale: u8, style: Style) {
    const ZEROS: [u8; 256] = [b'0'; 256];
    // The most frequent amount: most accounts pay nothing of an order.
    if mantissa == 0 {
        out.extend_from_slice(style.number_start());
        out.extend_from_slice(b"0</v></c>");
        return;
    }
    let mut buffer = itoa::Buffer::new();
    let digits = match u64::try_from(mantissa.unsigned_abs()) {
        Ok(small) => buffer.format(small),
        Err(_) => buffer.format(mantissa.unsigned_abs()),
    };
    let digits = digits.as_bytes();
    let scale = usize::from(scale);
    // Zeros between the point and the first digit if the number is below one.
    let leading = ZEROS.split_at(scale.saturating_sub(digits.len())).0;
    let (whole, decimals) = digits.split_at(digits.len().saturating_sub(scale));
    let decimals = decimals.trim_suffix_zeros();
    let leading = if decimals.is_empty() { b"" } else { leading };
    let whole: &[u8] = if whole.is_empty() { b"0" } else { whole };

    // Below one, `decimals` begins with the first digit other than zero.
    let significant = if whole == b"0" { decimals.len() } else { whole.len() + decimals.len() };
    if significant > NUMBER_DIGITS {
        let sign: &[u8] = if mantissa < 0 { b"-" } else { b"" };
        let padding = ZEROS.split_at(2_usize.saturating_sub(leading.len() + decimals.len())).0;
        push_short_text(out, Style::Digits, &[sign, whole, b".", leading, decimals, padding]);
    } else {
        // Every copy of a length that is not known is a call, so that of nothing is left out.
        out.extend_from_slice(style.number_start());
        if mantissa < 0 {
            out.push(b'-');
        }
        out.extend_from_slice(whole);
        if !decimals.is_empty() {
            out.push(b'.');
            if !leading.is_empty() {
                out.extend_from_slice(leading);
            }
            out.extend_from_slice(decimals);
        }
        out.extend_from_slice(VALUE_END);
    }
}

/// Appends a local time in seconds, as text of the same form if it is outside Excel's calendar.
pub(crate) fn push_date_time(out: &mut Vec<u8>, local_s: i64) {
    let Some(serial) = Serial::of(local_s) else {
        push_short_text(out, Style::Text, &[Civil::of(local_s).plain().as_bytes()]);
        return;
    };
    out.extend_from_slice(Style::DateTime.number_start());
    out.extend_from_slice(itoa::Buffer::new().format(serial.days).as_bytes());
    serial.push_fraction(out);
    out.extend_from_slice(VALUE_END);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The style and the value of a cell: `4:1.5` is a number, `"…"` is a text.
    fn shown(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut xml = Vec::new();
        write(&mut xml);
        let xml = String::from_utf8(xml).unwrap();
        match xml.strip_prefix("\" s=\"2\" t=\"str\"><v>").or(xml.strip_prefix("\" s=\"6\" t=\"str\"><v>")) {
            Some(text) => format!("{:?}", text.strip_suffix("</v></c>").unwrap()),
            None => {
                xml.replace("\" s=\"", "").replace("\"><v>", ":").strip_suffix("</v></c>").unwrap().to_owned()
            }
        }
    }

    #[test]
    fn decimals() {
        // mantissa, scale, cell
        let table: [(i128, u8, &str); 24] = [
            (0, 0, "4:0"),
            (0, 8, "4:0"),
            (420, 2, "4:4.2"),
            (400, 2, "4:4"),
            (-5, 1, "4:-0.5"),
            (15, 8, "4:0.00000015"),
            (10, 3, "4:0.01"),
            (100, 0, "4:100"),
            (1_200, 1, "4:120"),
            (999_999_999_999_999, 0, "4:999999999999999"),
            (1_000_000_000_000_000, 0, "\"1000000000000000.00\""),
            (999_999_999_999_999, 2, "4:9999999999999.99"),
            (9_999_999_999_999_999, 2, "\"99999999999999.99\""),
            (99_999_999_999_999_990, 3, "\"99999999999999.99\""),
            (-9_999_999_999_999_999, 1, "\"-999999999999999.90\""),
            (123_456_789_012_345, 20, "4:0.00000123456789012345"),
            (1_234_567_890_123_456, 20, "\"0.00001234567890123456\""),
            (1_234_567_890_123_456, 16, "\"0.1234567890123456\""),
            (1_000_000_000_000_000_000, 8, "4:10000000000"),
            (1, 39, "4:0.000000000000000000000000000000000000001"),
            (1_000_000_000_000_000_100, 20, "\"0.010000000000000001\""),
            (10_000_000_000_000_000_000_000_000, 10, "\"1000000000000000.00\""),
            (i128::MAX, 8, "\"1701411834604692317316873037158.84105727\""),
            (i128::MIN, 0, "\"-170141183460469231731687303715884105728.00\""),
        ];
        for (mantissa, scale, expected) in table {
            let cell = shown(|xml| push_decimal(xml, mantissa, scale, Style::Decimal));
            assert_eq!(cell, expected, "{mantissa}e-{scale}");
            assert_eq!(is_written_as_text(mantissa, scale), cell.starts_with('"'), "{mantissa}e-{scale}");
        }
        assert!(shown(|xml| push_decimal(xml, 1, u8::MAX, Style::Decimal)).ends_with("001"));
    }

    #[test]
    fn integers() {
        for (value, expected) in [
            (0, "3:0"),
            (-7, "3:-7"),
            (-999_999_999_999_999, "3:-999999999999999"),
            (1_000_000_000_000_000, "\"1000000000000000\""),
            (i128::MIN, "\"-170141183460469231731687303715884105728\""),
        ] {
            assert_eq!(shown(|xml| push_integer(xml, value, Style::Integer)), expected);
        }
    }

    #[test]
    fn date_times() {
        for (local_s, expected) in [
            (0, "5:25569"),
            (28_800, "5:25569.33333333333"),
            (253_402_300_799, "5:2958465.99998842593"),
            (253_402_300_800, "\"10000-01-01 00:00:00\""),
            (-2_208_988_800, "\"1900-01-01 00:00:00\""),
        ] {
            assert_eq!(shown(|xml| push_date_time(xml, local_s)), expected);
        }
    }
}
