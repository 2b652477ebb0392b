//! Cells as comma-separated text (RFC 4180) that every reader can parse and that no spreadsheet runs as a formula. This
//! file does not know the columns.

use tollbook_domain::money;

use crate::fields::Cell;
use crate::format::Separator;
use crate::time_zone::{Offsets, push_date_time};

/// Ends a row.
pub(crate) const ROW_END: &str = "\r\n";

/// First characters of a formula: those that OWASP names ("CSV Injection"), and their full-width forms, which spreadsheets
/// treat alike.
const FORMULA_STARTS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// The format of times.
pub(crate) enum Times<'zone> {
    /// `2025-01-31 08:00:00` in the time zone that the header names; with its offset, `2025-10-26 02:00:00+01:00`, if the
    /// clocks show the time twice.
    Local(Offsets<'zone>),
    /// `2025-01-31T00:00:00Z` (ISO 8601).
    Utc,
}

const HOUR_S: i64 = 3_600;

/// Decimal places that every decimal has.
const MIN_PLACES: u32 = 2;

/// How cells are written.
pub(crate) struct Style<'zone> {
    times: Times<'zone>,
    pub(crate) separator: Separator,
    /// Texts of full hours, by hour modulo their number. Most charges begin and end at the same few in a row.
    hours: [(i64, String); 4],
}

impl<'zone> Style<'zone> {
    pub(crate) fn new(times: Times<'zone>, separator: Separator) -> Self {
        Self { times, separator, hours: Default::default() }
    }

    fn push_time(&mut self, line: &mut String, unix_s: i64) {
        let Self { times, hours, .. } = self;
        if unix_s % HOUR_S != 0 {
            return push_time(line, unix_s, times);
        }
        let place = usize::try_from((unix_s / HOUR_S) & 3).unwrap_or_default();
        let (hour_s, text) = &mut hours[place];
        if *hour_s != unix_s || text.is_empty() {
            text.clear();
            push_time(text, unix_s, times);
            *hour_s = unix_s;
        }
        line.push_str(text);
    }
}

/// Appends a cell without a separator.
pub(crate) fn push_cell(line: &mut String, cell: &Cell<'_>, style: &mut Style<'_>) {
    match cell {
        Cell::Text(text) => push_text(line, text),
        Cell::OwnedText(text) => push_text(line, text),
        Cell::Integer(number) => match i64::try_from(*number) {
            Ok(number) => line.push_str(itoa::Buffer::new().format(number)),
            Err(_) => money::push_decimal(line, *number, 0, 0),
        },
        Cell::Decimal { mantissa, places } => {
            push_decimal(line, *mantissa, *places, style.separator.decimal_sign());
        }
        Cell::Time(Some(unix_s)) => style.push_time(line, *unix_s),
        Cell::Time(None) => {}
    }
}

/// Appends the text of [`money::push_decimal`] with a decimal sign. Most decimals have 64 bits; they take a shorter way.
fn push_decimal(line: &mut String, mantissa: i128, places: u32, sign: char) {
    let Ok(narrow) = u64::try_from(mantissa.unsigned_abs()) else {
        let start = line.len();
        money::push_decimal(line, mantissa, places, MIN_PLACES);
        if sign != '.' {
            let text = line.split_off(start);
            line.extend(text.chars().map(|c| if c == '.' { sign } else { c }));
        }
        return;
    };
    if mantissa < 0 {
        line.push('-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(narrow);
    let places = places as usize;
    let (whole, fraction) = match digits.len().checked_sub(places) {
        Some(point @ 1..) => digits.split_at(point),
        _ => ("0", digits),
    };
    line.push_str(whole);
    line.push(sign);
    let start = line.len();
    line.extend(std::iter::repeat_n('0', places - fraction.len()));
    line.push_str(fraction);
    let kept = line[start..].trim_end_matches('0').len().max(MIN_PLACES as usize);
    line.truncate(start + kept);
}

fn push_time(line: &mut String, unix_s: i64, times: &mut Times<'_>) {
    match times {
        Times::Local(offsets) => offsets.local(unix_s).push_text(line, unix_s),
        Times::Utc => {
            push_date_time(line, unix_s, 'T');
            line.push('Z');
        }
    }
}

/// Whether a text is written as it is in any case: it begins with an ASCII letter or digit and has only ASCII characters
/// that need no quotes. Most texts of a row are so.
fn is_plain(text: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b'"' | b';');
    text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric) && text.as_bytes().iter().all(plain)
}

/// Appends a text: after an apostrophe if it could be read as a formula, and in quotes if it has a comma, a quote or a
/// line end. Other control characters than those of text become U+FFFD: a NUL ends the text for some readers, and U+001A
/// the whole file. Nothing separates it from the cell before it.
pub fn push_text(line: &mut String, text: &str) {
    if is_plain(text) {
        line.push_str(text);
        return;
    }
    let quoted = text.contains(needs_quotes) || text.starts_with(' ') || text.ends_with(' ');
    if quoted {
        line.push('"');
    }
    if is_formula(text) {
        line.push('\'');
    }
    if text.contains(|c| c == '"' || is_stray(c)) {
        for c in text.chars() {
            match c {
                '"' => line.push_str("\"\""),
                stray if is_stray(stray) => line.push(char::REPLACEMENT_CHARACTER),
                plain => line.push(plain),
            }
        }
    } else {
        line.push_str(text);
    }
    if quoted {
        line.push('"');
    }
}

/// Includes the separators of other dialects, because readers guess the separator.
fn needs_quotes(c: char) -> bool {
    matches!(c, ',' | '"' | '\r' | '\n' | ';' | '\t')
}

/// Whether a character is a control character other than tab and line ends.
fn is_stray(c: char) -> bool {
    c.is_ascii_control() && !matches!(c, '\t' | '\r' | '\n')
}

/// Whether a spreadsheet may read a text as a formula. Invisible characters at its start do not prevent that, because
/// importers trim them.
fn is_formula(text: &str) -> bool {
    text.starts_with(['\t', '\r', '\n']) || text.trim_start_matches(is_invisible).starts_with(FORMULA_STARTS)
}

/// Whether a character is white space, a control or a format character.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time_zone::Zone;

    fn text(cell: &str) -> String {
        let mut line = String::new();
        push_text(&mut line, cell);
        line
    }

    fn cell_text(cell: &Cell<'_>, times: Times<'_>, separator: Separator) -> String {
        let mut line = String::new();
        push_cell(&mut line, cell, &mut Style::new(times, separator));
        line
    }

    #[test]
    fn decimals_have_the_decimal_sign_of_their_separator() {
        for (separator, expected) in [
            (Separator::Comma, ["-4.20", "0.00", "170141183460469231731687303715.884105727"]),
            (Separator::Tab, ["-4.20", "0.00", "170141183460469231731687303715.884105727"]),
            (Separator::Semicolon, ["-4,20", "0,00", "170141183460469231731687303715,884105727"]),
            (Separator::SemicolonNamed, ["-4,20", "0,00", "170141183460469231731687303715,884105727"]),
        ] {
            let decimals = [(-420_000_000, 8), (0, 12), (i128::MAX, 9)];
            let texts = decimals.map(|(mantissa, places)| {
                cell_text(&Cell::Decimal { mantissa, places }, Times::Utc, separator)
            });
            assert_eq!(texts, expected, "{separator}");
        }
    }

    /// Parses one row by the grammar of RFC 4180.
    fn read_row(row: &str) -> Vec<String> {
        let mut cells = vec![String::new()];
        let mut chars = row.chars().peekable();
        let mut inside = false;
        while let Some(c) = chars.next() {
            let cell = cells.last_mut().unwrap();
            match c {
                '"' if inside && chars.peek() == Some(&'"') => cell.extend(chars.next()),
                '"' => {
                    assert!(inside || cell.is_empty(), "a quote inside a bare cell: {row:?}");
                    inside = !inside;
                    assert!(inside || matches!(chars.peek(), None | Some(',')), "text after quotes: {row:?}");
                }
                ',' if !inside => cells.push(String::new()),
                '\r' | '\n' if !inside => panic!("a line end outside of quotes: {row:?}"),
                other => cell.push(other),
            }
        }
        assert!(!inside, "quotes are not closed: {row:?}");
        cells
    }

    #[test]
    fn texts_are_quoted_and_defused() {
        let table = [
            // text, cell
            ("", ""),
            ("plain", "plain"),
            ("深圳", "深圳"),
            ("a b", "a b"),
            (" a", "\" a\""),
            ("a,b", "\"a,b\""),
            ("say \"a\"", "\"say \"\"a\"\"\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("a;b", "\"a;b\""),
            ("'a", "'a"),
            ("a=b", "a=b"),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("=1,2", "\"'=1,2\""),
            ("+1", "'+1"),
            ("-2", "'-2"),
            ("-", "'-"),
            ("@x", "'@x"),
            ("＝x", "'＝x"),
            ("＋x", "'＋x"),
            ("－x", "'－x"),
            ("＠x", "'＠x"),
            ("  =x", "\"'  =x\""),
            ("\u{a0}=x", "'\u{a0}=x"),
            ("\u{feff}=x", "'\u{feff}=x"),
            ("\tx", "\"'\tx\""),
            ("\rx", "\"'\rx\""),
            ("\nx", "\"'\nx\""),
            ("a\0b\u{1a}c\u{7f}", "a\u{fffd}b\u{fffd}c\u{fffd}"),
            ("\0=x", "'\u{fffd}=x"),
            ("\u{fffe}", "\u{fffe}"),
        ];
        for (cell, expected) in table {
            assert_eq!(text(cell), expected, "{cell:?}");
        }
    }

    #[test]
    fn numbers_and_times_are_plain() {
        let shanghai = Zone::named("Asia/Shanghai").unwrap();
        let table = [
            // cell, in Shanghai, in UTC
            (Cell::Integer(0), "0", "0"),
            (Cell::Integer(-12), "-12", "-12"),
            (
                Cell::Integer(i128::MAX),
                "170141183460469231731687303715884105727",
                "170141183460469231731687303715884105727",
            ),
            (Cell::Decimal { mantissa: 420_000_000, places: 8 }, "4.20", "4.20"),
            (Cell::Decimal { mantissa: -1, places: 8 }, "-0.00000001", "-0.00000001"),
            (Cell::Decimal { mantissa: 0, places: 12 }, "0.00", "0.00"),
            (Cell::Time(None), "", ""),
            (Cell::Time(Some(0)), "1970-01-01 08:00:00", "1970-01-01T00:00:00Z"),
            (Cell::Time(Some(1_738_339_199)), "2025-01-31 23:59:59", "2025-01-31T15:59:59Z"),
        ];
        for (cell, local, utc) in table {
            let written = |times: Times<'_>| cell_text(&cell, times, Separator::Comma);
            assert_eq!(written(Times::Local(shanghai.offsets())), local, "{cell:?}");
            assert_eq!(written(Times::Utc), utc, "{cell:?}");
        }
    }

    #[test]
    fn times_that_the_clocks_show_twice_have_their_offset() {
        for (zone, table) in [
            (
                "Europe/Berlin",
                [
                    (1_761_433_200, "2025-10-26 01:00:00"),
                    (1_761_436_800, "2025-10-26 02:00:00+02:00"),
                    (1_761_440_400, "2025-10-26 02:00:00+01:00"),
                    (1_761_444_000, "2025-10-26 03:00:00"),
                    (1_743_296_400, "2025-03-30 03:00:00"),
                ],
            ),
            (
                "America/New_York",
                [
                    (1_762_056_000, "2025-11-02 00:00:00"),
                    (1_762_059_600, "2025-11-02 01:00:00-04:00"),
                    (1_762_063_200, "2025-11-02 01:00:00-05:00"),
                    (1_762_066_800, "2025-11-02 02:00:00"),
                    (1_741_503_600, "2025-03-09 03:00:00"),
                ],
            ),
        ] {
            let zone = Zone::named(zone).unwrap();
            for (unix_s, expected) in table {
                let times = Times::Local(zone.offsets());
                let line = cell_text(&Cell::Time(Some(unix_s)), times, Separator::Comma);
                assert_eq!(line, expected, "{zone}");
            }
        }
    }

    #[test]
    fn full_hours_are_those_of_a_style_without_memory() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let times = || Times::Local(berlin.offsets());
        let mut style = Style::new(times(), Separator::Comma);
        // The clocks are set back between the second and the third hour; hours come again, and between other times.
        for unix_s in
            [0, 1_761_433_200, 1_761_436_800, 1_761_440_400, 1_761_436_800, 1_761_440_401, -3_600, 0]
        {
            let cell = Cell::Time(Some(unix_s));
            let mut line = String::new();
            push_cell(&mut line, &cell, &mut style);
            assert_eq!(line, cell_text(&cell, times(), Separator::Comma));
        }
    }

    proptest! {
        #[test]
        fn decimals_are_those_of_the_domain(mantissa in any::<i128>(), bits in 0..127_u32, places in 2..=12_u32) {
            let mantissa = mantissa >> bits;
            let text = cell_text(&Cell::Decimal { mantissa, places }, Times::Utc, Separator::Comma);
            prop_assert_eq!(text, money::format_decimal(mantissa, places, 2));
        }

        #[test]
        fn a_row_is_read_as_it_was_written(
            cells in prop::collection::vec(
                "[ \t\r\n,;\"'=+@＝\u{feff}\u{a0}\\-\0\u{1a}ab深]{0,6}|(?s:.){0,6}", 1..6
            ),
        ) {
            let written: Vec<String> = cells.iter().map(|cell| text(cell)).collect();
            let read = read_row(&written.join(","));
            prop_assert_eq!(read.len(), cells.len());
            for (cell, read) in cells.iter().zip(&read) {
                let clean: String =
                    cell.chars().map(|c| if is_stray(c) { char::REPLACEMENT_CHARACTER } else { c }).collect();
                // The text itself, or with the one apostrophe that defuses it.
                let harmless = format!("'{clean}");
                prop_assert!(*read == clean || *read == harmless, "{cell:?} {read:?}");
                let first = read.trim_start().chars().next();
                prop_assert!(!first.is_some_and(|c| FORMULA_STARTS.contains(&c)), "{read:?}");
                prop_assert!(!read.starts_with(['\t', '\r', '\n']), "{read:?}");
                prop_assert!(!read.contains(is_stray));
            }
        }
    }
}
