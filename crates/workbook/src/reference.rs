//! Cell references (ECMA-376 part 1, 18.3.1.4 `c`, attribute `r`): the beginning of a cell's XML up to and including its
//! reference, as a template of its column into which the digits of the row are patched.

/// The end of a row.
pub(crate) const ROW_END: &[u8] = b"</row>";

/// Bytes of a head: `<c r="`, at most three letters and at most seven digits.
const HEAD_BYTES: usize = 16;

/// Most digits of a row's number; 1,048,576 has seven.
const MAX_DIGITS: usize = 7;

/// The digits of a row's number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RowDigits {
    /// The digits as bytes, the first one lowest.
    bytes: u64,
    len: usize,
}

impl RowDigits {
    pub(crate) fn of(row: u32) -> Self {
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(row).as_bytes();
        let mut bytes = [0; 8];
        let len = digits.len().min(MAX_DIGITS);
        for (byte, digit) in bytes.iter_mut().zip(digits.iter().take(MAX_DIGITS)) {
            *byte = *digit;
        }
        Self { bytes: u64::from_le_bytes(bytes), len }
    }

    /// The digits at the end that differ from `above`; all of them if there are more than above.
    pub(crate) fn changed(self, above: Self) -> usize {
        let same = (self.bytes ^ above.bytes).trailing_zeros() as usize / 8;
        if self.len == above.len { self.len - same.min(self.len) } else { self.len }
    }
}

/// What precedes the digits of a row in the reference of a cell: `<c r="AB`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// The text as bytes, the first one lowest.
    bytes: u128,
    len: usize,
}

impl Head {
    /// The head of the cells of a column. Numbers begin at 1.
    pub(crate) fn of_column(number: usize) -> Self {
        Self::of(format!("<c r=\"{}", column_letters(number)).as_bytes())
    }

    /// The head of a row.
    pub(crate) fn of_row() -> Self {
        Self::of(b"<row r=\"")
    }

    fn of(text: &[u8]) -> Self {
        let mut bytes = [0; HEAD_BYTES];
        let len = text.len().min(HEAD_BYTES - MAX_DIGITS);
        for (byte, of_text) in bytes.iter_mut().zip(text.iter().take(len)) {
            *byte = *of_text;
        }
        Self { bytes: u128::from_le_bytes(bytes), len }
    }

    /// Appends the head with a row's digits.
    #[inline]
    pub(crate) fn push(self, out: &mut Vec<u8>, digits: RowDigits) {
        let end = out.len() + self.len + digits.len;
        // A copy of a fixed size, of which the end is dropped, takes two instructions.
        out.extend_from_slice(&(self.bytes | u128::from(digits.bytes) << (8 * self.len)).to_le_bytes());
        out.truncate(end);
    }
}

/// The letters of a column's number, which begins at 1: A to Z, AA to ZZ, AAA to XFD.
pub(crate) fn column_letters(mut number: usize) -> String {
    let mut letters = Vec::new();
    while number > 0 {
        let digit = (number - 1) % 26;
        letters.extend(('A'..='Z').nth(digit));
        number = (number - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters() {
        for (number, expected) in
            [(1, "A"), (26, "Z"), (27, "AA"), (702, "ZZ"), (703, "AAA"), (16_384, "XFD")]
        {
            assert_eq!(column_letters(number), expected);
        }
    }

    #[test]
    fn heads_of_rows_and_cells() {
        let pushed = |head: Head, row| {
            let mut out = b"x".to_vec();
            head.push(&mut out, RowDigits::of(row));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(pushed(Head::of_row(), 1), "x<row r=\"1");
        assert_eq!(pushed(Head::of_row(), 1_048_576), "x<row r=\"1048576");
        assert_eq!(pushed(Head::of_column(1), 90), "x<c r=\"A90");
        assert_eq!(pushed(Head::of_column(16_384), 1_048_576), "x<c r=\"XFD1048576");
    }

    #[test]
    fn digits_that_change() {
        for (above, row, expected) in [
            (1, 2, 1),
            (9, 10, 2),
            (10, 11, 1),
            (19, 20, 2),
            (99_999, 100_000, 6),
            (1_048_575, 1_048_576, 1),
            (7, 7, 0),
        ] {
            assert_eq!(RowDigits::of(row).changed(RowDigits::of(above)), expected, "{above} {row}");
        }
    }
}
