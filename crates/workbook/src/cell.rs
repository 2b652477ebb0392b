//! The XML of cells of every kind (ECMA-376 part 1, 18.3.1.4 `c`), and encoded cells for repeated values. What is
//! written here is the body of a cell: everything after the reference, beginning with the quote that closes it. A cell
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
    escape::push_content(out, text);
    out.extend_from_slice(if is_plain { VALUE_END } else { b"</t></is></c>" });
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
    let sign: &[u8] = if mantissa < 0 { b"-" } else { b"" };
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
    let point: &[u8] = if decimals.is_empty() { b"" } else { b"." };
    if significant > NUMBER_DIGITS {
        let padding = ZEROS.split_at(2_usize.saturating_sub(leading.len() + decimals.len())).0;
        push_short_text(out, Style::Digits, &[sign, whole, b".", leading, decimals, padding]);
    } else {
        out.extend_from_slice(style.number_start());
        for part in [sign, whole, point, leading, decimals] {
            out.extend_from_slice(part);
        }
        out.extend_from_slice(VALUE_END);
    }
}

/// Appends a local time, as text of the same form if it is outside Excel's calendar.
pub(crate) fn push_date_time(out: &mut Vec<u8>, unix_s: i64, utc_offset_s: i32) {
    let local_s = unix_s.saturating_add(i64::from(utc_offset_s));
    let Some(serial) = Serial::of(local_s) else {
        push_short_text(out, Style::Text, &[Civil::of(local_s).plain().as_bytes()]);
        return;
    };
    out.extend_from_slice(Style::DateTime.number_start());
    out.extend_from_slice(itoa::Buffer::new().format(serial.days).as_bytes());
    serial.push_fraction(out);
    out.extend_from_slice(VALUE_END);
}

/// Bytes after the last body of a fragment, so that bodies can be copied in blocks of this size.
const BLOCK: usize = 32;

/// One or several adjacent cells, encoded once for values that many rows repeat.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fragment {
    /// The bodies of the cells, then a block of zeros.
    bodies: Box<[u8]>,
    /// The end of each body.
    ends: Box<[usize]>,
}

impl Fragment {
    /// A text cell, as [`RowWriter::text`](crate::RowWriter::text) writes it.
    ///
    /// # Errors
    ///
    /// The text is longer than [`MAX_CELL_UNITS`].
    pub fn text(text: &str) -> Result<Self, TextTooLong> {
        let mut body = Vec::new();
        push_text(&mut body, text, Style::Text)?;
        Ok(Self::of_bodies(&[&body]))
    }

    /// A cell as [`RowWriter::integer`](crate::RowWriter::integer) writes it.
    pub fn integer(value: impl Into<i128>) -> Self {
        Self::of(|body| push_integer(body, value.into(), Style::Integer))
    }

    /// A cell as [`RowWriter::decimal`](crate::RowWriter::decimal) writes it.
    pub fn decimal(mantissa: i128, scale: u8) -> Self {
        Self::of(|body| push_decimal(body, mantissa, scale, Style::Decimal))
    }

    /// A cell as [`RowWriter::date_time`](crate::RowWriter::date_time) writes it.
    pub fn date_time(unix_s: i64, utc_offset_s: i32) -> Self {
        Self::of(|body| push_date_time(body, unix_s, utc_offset_s))
    }

    /// Approximate memory use in bytes.
    pub fn size(&self) -> usize {
        self.bodies.len() + size_of_val(self.ends.as_ref())
    }

    /// Joins the cells of several fragments in order.
    pub fn joined<'f>(fragments: impl IntoIterator<Item = &'f Self>) -> Self {
        let fragments: Vec<_> = fragments.into_iter().collect();
        Self::of_bodies(&fragments.iter().flat_map(|fragment| fragment.bodies()).collect::<Vec<_>>())
    }

    fn of(write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut body = Vec::new();
        write(&mut body);
        Self::of_bodies(&[&body])
    }

    fn of_bodies(bodies: &[&[u8]]) -> Self {
        let mut joined = Vec::with_capacity(bodies.iter().map(|body| body.len()).sum::<usize>() + BLOCK);
        let mut ends = Vec::with_capacity(bodies.len());
        for body in bodies {
            joined.extend_from_slice(body);
            ends.push(joined.len());
        }
        joined.extend_from_slice(&[0; BLOCK]);
        Self { bodies: joined.into(), ends: ends.into() }
    }

    fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.positions().map(|(start, end)| self.bodies.get(start..end).unwrap_or_default())
    }

    /// Start and end of each body.
    fn positions(&self) -> impl Iterator<Item = (usize, usize)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.ends.iter().copied())
    }

    /// Each cell, to be copied with [`Body::push`].
    #[inline]
    pub(crate) fn cells(&self) -> impl Iterator<Item = Body<'_>> {
        self.positions().map(|(start, end)| Body {
            blocks: self.bodies.get(start..).unwrap_or_default(),
            len: end - start,
        })
    }
}

/// The body of a cell of a fragment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body<'a> {
    /// The body and at least one block after it.
    blocks: &'a [u8],
    len: usize,
}

impl Body<'_> {
    pub(crate) fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Appends the body. Copies of a fixed size, of which the end is dropped, take a few instructions each; a copy of
    /// any size is a call.
    #[inline]
    pub(crate) fn push(self, out: &mut Vec<u8>) {
        let end = out.len() + self.len;
        for block in self.blocks.as_chunks::<BLOCK>().0.iter().take(self.len.div_ceil(BLOCK)) {
            out.extend_from_slice(block);
        }
        out.truncate(end);
    }
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
        for (unix_s, utc_offset_s, expected) in [
            (0, 0, "5:25569"),
            (0, 28_800, "5:25569.33333333333"),
            (253_402_300_799, 0, "5:2958465.99998842593"),
            (253_402_300_799, 1, "\"10000-01-01 00:00:00\""),
            (-2_208_988_800, 0, "\"1900-01-01 00:00:00\""),
        ] {
            assert_eq!(shown(|xml| push_date_time(xml, unix_s, utc_offset_s)), expected);
        }
    }

    #[test]
    fn text_length_counts_utf16_units() {
        let limit = "🙂".repeat(16_383);
        assert!(Fragment::text(&format!("{limit}a")).is_ok());
        assert_eq!(Fragment::text(&format!("{limit}ab")), Err(TextTooLong { units: 32_768 }));
        assert!(Fragment::text(&"文".repeat(32_767)).is_ok());
    }
}
