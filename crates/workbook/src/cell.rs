//! The XML of cells of every kind (ECMA-376 part 1, 18.3.1.4 `c`), and encoded cells for repeated values. Cells have no
//! reference; their order in the row is their position.

use crate::calendar::{Civil, Serial, TrimZeros as _};
use crate::error::TextTooLong;
use crate::escape;
use crate::limits::MAX_CELL_UNITS;

/// Significant digits of a number in Excel (Excel specifications and limits, "number precision").
const NUMBER_DIGITS: usize = 15;

/// Index of a cell format in the `cellXfs` of the styles part; `parts::STYLES` lists them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Header,
    Text,
    Integer,
    Decimal,
    DateTime,
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
        }
    }
}

const NUMBER_END: &[u8] = b"</v></c>";

/// A cell without a value, which keeps the positions of the cells after it.
pub(crate) fn empty(style: Style) -> &'static [u8] {
    match style {
        Style::Header => b"<c s=\"1\"/>",
        Style::Text => b"<c s=\"2\"/>",
        Style::Integer => b"<c s=\"3\"/>",
        Style::Decimal => b"<c s=\"4\"/>",
        Style::DateTime => b"<c s=\"5\"/>",
    }
}

fn number_start(style: Style) -> &'static [u8] {
    match style {
        Style::Header => b"<c s=\"1\"><v>",
        Style::Text => b"<c s=\"2\"><v>",
        Style::Integer => b"<c s=\"3\"><v>",
        Style::Decimal => b"<c s=\"4\"><v>",
        Style::DateTime => b"<c s=\"5\"><v>",
    }
}

/// Appends an inline string. Inline strings are never formulas, whatever they begin with.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str, style: Style) -> Result<(), TextTooLong> {
    if text.is_empty() {
        out.extend_from_slice(empty(style));
        return Ok(());
    }
    // A text has at most as many UTF-16 units as bytes, so most texts need not be counted.
    if text.len() > MAX_CELL_UNITS {
        let units = text.encode_utf16().count();
        if units > MAX_CELL_UNITS {
            return Err(TextTooLong { units });
        }
    }
    let preserved = escape::needs_space_preserved(text);
    out.extend_from_slice(match (style, preserved) {
        (Style::Header, false) => b"<c s=\"1\" t=\"inlineStr\"><is><t>",
        (Style::Header, true) => b"<c s=\"1\" t=\"inlineStr\"><is><t xml:space=\"preserve\">",
        (_, false) => b"<c s=\"2\" t=\"inlineStr\"><is><t>",
        (_, true) => b"<c s=\"2\" t=\"inlineStr\"><is><t xml:space=\"preserve\">",
    });
    escape::push_content(out, text);
    out.extend_from_slice(b"</t></is></c>");
    Ok(())
}

/// Appends a text that is known to be short and to need no escaping: digits, signs, dates.
fn push_short_text(out: &mut Vec<u8>, parts: &[&[u8]]) {
    out.extend_from_slice(b"<c s=\"2\" t=\"inlineStr\"><is><t>");
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"</t></is></c>");
}

/// Appends a whole number, as text if it has more than 15 digits.
pub(crate) fn push_integer(out: &mut Vec<u8>, value: i128) {
    let mut buffer = itoa::Buffer::new();
    let text = match i64::try_from(value) {
        Ok(value) => buffer.format(value),
        Err(_) => buffer.format(value),
    };
    if text.trim_start_matches('-').len() > NUMBER_DIGITS {
        push_short_text(out, &[text.as_bytes()]);
    } else {
        out.extend_from_slice(number_start(Style::Integer));
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(NUMBER_END);
    }
}

/// Appends `mantissa × 10^-scale`, as text with at least two decimals if it has more than 15 significant digits.
/// Leading zeros and trailing zeros of the decimals do not count.
pub(crate) fn push_decimal(out: &mut Vec<u8>, mantissa: i128, scale: u8) {
    const ZEROS: [u8; 256] = [b'0'; 256];
    // The most frequent amount: most accounts pay nothing of an order.
    if mantissa == 0 {
        out.extend_from_slice(b"<c s=\"4\"><v>0</v></c>");
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
        push_short_text(out, &[sign, whole, b".", leading, decimals, padding]);
    } else {
        out.extend_from_slice(number_start(Style::Decimal));
        for part in [sign, whole, point, leading, decimals] {
            out.extend_from_slice(part);
        }
        out.extend_from_slice(NUMBER_END);
    }
}

/// Appends a local time, as text of the same form if it is outside Excel's calendar.
pub(crate) fn push_date_time(out: &mut Vec<u8>, unix_s: i64, utc_offset_s: i32) {
    let local_s = unix_s.saturating_add(i64::from(utc_offset_s));
    let Some(serial) = Serial::of(local_s) else {
        push_short_text(out, &[Civil::of(local_s).plain().as_bytes()]);
        return;
    };
    out.extend_from_slice(number_start(Style::DateTime));
    out.extend_from_slice(itoa::Buffer::new().format(serial.days).as_bytes());
    serial.push_fraction(out);
    out.extend_from_slice(NUMBER_END);
}

/// One or several adjacent cells, encoded once for values that many rows repeat.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fragment {
    xml: Box<[u8]>,
    /// The end of each cell in `xml`.
    ends: Box<[usize]>,
}

impl Fragment {
    /// A text cell, as [`RowWriter::text`](crate::RowWriter::text) writes it.
    ///
    /// # Errors
    ///
    /// The text is longer than [`MAX_CELL_UNITS`].
    pub fn text(text: &str) -> Result<Self, TextTooLong> {
        let mut xml = Vec::new();
        push_text(&mut xml, text, Style::Text)?;
        Ok(Self::one(xml))
    }

    /// A cell as [`RowWriter::integer`](crate::RowWriter::integer) writes it.
    pub fn integer(value: impl Into<i128>) -> Self {
        Self::of(|xml| push_integer(xml, value.into()))
    }

    /// A cell as [`RowWriter::decimal`](crate::RowWriter::decimal) writes it.
    pub fn decimal(mantissa: i128, scale: u8) -> Self {
        Self::of(|xml| push_decimal(xml, mantissa, scale))
    }

    /// A cell as [`RowWriter::date_time`](crate::RowWriter::date_time) writes it.
    pub fn date_time(unix_s: i64, utc_offset_s: i32) -> Self {
        Self::of(|xml| push_date_time(xml, unix_s, utc_offset_s))
    }

    /// Approximate memory use in bytes.
    pub fn size(&self) -> usize {
        self.xml.len() + size_of_val(self.ends.as_ref())
    }

    /// Joins the cells of several fragments in order.
    pub fn joined<'f>(fragments: impl IntoIterator<Item = &'f Self>) -> Self {
        let (mut xml, mut ends) = (Vec::new(), Vec::new());
        for fragment in fragments {
            ends.extend(fragment.ends_from(xml.len()));
            xml.extend_from_slice(&fragment.xml);
        }
        Self { xml: xml.into(), ends: ends.into() }
    }

    fn of(write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut xml = Vec::new();
        write(&mut xml);
        Self::one(xml)
    }

    fn one(xml: Vec<u8>) -> Self {
        Self { ends: [xml.len()].into(), xml: xml.into() }
    }

    pub(crate) fn xml(&self) -> &[u8] {
        &self.xml
    }

    /// The ends of its cells if it is placed at `start`.
    pub(crate) fn ends_from(&self, start: usize) -> impl Iterator<Item = usize> {
        self.ends.iter().map(move |end| start + end)
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
        match xml.strip_prefix("<c s=\"2\" t=\"inlineStr\"><is><t>") {
            Some(text) => format!("{:?}", text.strip_suffix("</t></is></c>").unwrap()),
            None => {
                xml.replace("<c s=\"", "").replace("\"><v>", ":").strip_suffix("</v></c>").unwrap().to_owned()
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
            assert_eq!(shown(|xml| push_decimal(xml, mantissa, scale)), expected, "{mantissa}e-{scale}");
        }
        assert!(shown(|xml| push_decimal(xml, 1, u8::MAX)).ends_with("001"));
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
            assert_eq!(shown(|xml| push_integer(xml, value)), expected);
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
