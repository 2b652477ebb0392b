//! JSON Lines: one record in each line that is not blank.

use std::io::{self, BufRead};

use super::lines::{LineReader, MAX_LINE_BYTES, NextLine};

/// Reads the records of a JSON Lines file.
pub(crate) struct JsonLinesReader<R> {
    lines: LineReader<R>,
    too_long: bool,
}

impl<R: BufRead> JsonLinesReader<R> {
    pub(super) fn new(from: R) -> Self {
        Self { lines: LineReader::new(from), too_long: false }
    }

    /// Number of the line that was read last.
    pub(super) fn line(&self) -> u64 {
        self.lines.line()
    }

    /// Reads the next record and returns its line; `None` at the end of the file.
    pub(super) fn advance(&mut self) -> io::Result<Option<u64>> {
        loop {
            self.too_long = match self.lines.advance()? {
                NextLine::End => return Ok(None),
                NextLine::Line if self.lines.bytes().trim_ascii().is_empty() => continue,
                NextLine::Line => false,
                NextLine::TooLong => true,
            };
            return Ok(Some(self.lines.line()));
        }
    }

    /// The text of the record that was read last; the error is the reason if the line is too long or not UTF-8.
    pub(crate) fn text(&self) -> Result<&str, String> {
        if self.too_long {
            return Err(format!("is longer than {MAX_LINE_BYTES} bytes"));
        }
        std::str::from_utf8(self.lines.bytes()).map_err(|_| "is not valid UTF-8".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_skipped_and_invalid_ones_are_refused_with_the_reason() {
        let long = "x".repeat(MAX_LINE_BYTES + 1);
        let mut file = format!("a\n\n \t\r\nb\r\n{long}\n").into_bytes();
        file.extend(b"\xff\nc");
        let mut reader = JsonLinesReader::new(file.as_slice());
        let mut seen = Vec::new();
        while let Some(line) = reader.advance().unwrap() {
            seen.push((line, reader.text().map(str::to_owned)));
        }
        let refuse = |reason: &str| Err(reason.to_owned());
        assert_eq!(
            seen,
            [
                (1, Ok("a".to_owned())),
                (4, Ok("b\r".to_owned())),
                (5, refuse("is longer than 1048576 bytes")),
                (6, refuse("is not valid UTF-8")),
                (7, Ok("c".to_owned())),
            ]
        );
    }
}
