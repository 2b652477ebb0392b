//! Lines of a text file in bounded memory, with their numbers.

use std::io::{self, BufRead, Read};

/// The longest line, and the longest CSV record, in bytes. A record has at most some 4 KB.
pub(super) const MAX_LINE_BYTES: usize = 1 << 20;

/// Result of reading a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextLine {
    /// A line; the buffer holds its bytes without the line feed.
    Line,
    /// A line over the bound, which was skipped; the content of the buffer is undefined.
    TooLong,
    /// The end of the file.
    End,
}

/// Reads lines into one buffer, which is reused.
pub(super) struct LineReader<R> {
    from: R,
    buffer: Vec<u8>,
    line: u64,
}

impl<R: BufRead> LineReader<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, buffer: Vec::new(), line: 0 }
    }

    /// Number of the line that was read last, from 1; 0 before the first.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The line that was read last, and those that [`Self::append`] added.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads the next line in place of the last one. A byte order mark at the start of the file is removed.
    pub(super) fn advance(&mut self) -> io::Result<NextLine> {
        self.buffer.clear();
        let next = self.read()?;
        if self.line == 1 && next == NextLine::Line && self.buffer.starts_with(b"\xef\xbb\xbf") {
            self.buffer.drain(..3);
        }
        Ok(next)
    }

    /// Adds the next line to the last one, with the line feed between them. The bound is on both together.
    pub(super) fn append(&mut self) -> io::Result<NextLine> {
        self.buffer.push(b'\n');
        self.read()
    }

    fn read(&mut self) -> io::Result<NextLine> {
        let before = self.buffer.len();
        let room = (MAX_LINE_BYTES + 1).saturating_sub(before);
        let read = (&mut self.from).take(room as u64).read_until(b'\n', &mut self.buffer)?;
        if read == 0 && room > 0 {
            return Ok(NextLine::End);
        }
        self.line += 1;
        if self.buffer.last() == Some(&b'\n') && read > 0 {
            self.buffer.pop();
        } else if self.buffer.len() > MAX_LINE_BYTES {
            self.skip_line()?;
            return Ok(NextLine::TooLong);
        }
        Ok(NextLine::Line)
    }

    /// Reads to the end of the line and discards what it reads.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            self.buffer.clear();
            let read = (&mut self.from).take(64 << 10).read_until(b'\n', &mut self.buffer)?;
            if read == 0 || self.buffer.last() == Some(&b'\n') {
                self.buffer.clear();
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<(u64, NextLine, String)> {
        let mut lines = LineReader::new(text);
        let mut seen = Vec::new();
        loop {
            let next = lines.advance().unwrap();
            if next == NextLine::End {
                return seen;
            }
            seen.push((lines.line(), next, String::from_utf8_lossy(lines.bytes()).into_owned()));
        }
    }

    #[test]
    fn lines_have_numbers_and_the_last_needs_no_line_feed() {
        let expected = [
            (1, NextLine::Line, "a".into()),
            (2, NextLine::Line, String::new()),
            (3, NextLine::Line, "b".into()),
        ];
        assert_eq!(all(b"\xef\xbb\xbfa\n\nb"), expected);
        assert_eq!(all(b"a\n\nb\n"), expected);
        assert_eq!(all(b""), []);
    }

    #[test]
    fn a_line_over_the_bound_is_skipped_and_counted() {
        for (excess, ending) in [(1, "\nb"), (200_000, "\nb"), (1, ""), (0, "\nb")] {
            let text = format!("a\n{}{ending}", "x".repeat(MAX_LINE_BYTES + excess));
            let seen = all(text.as_bytes());
            assert_eq!(seen[1].1, if excess == 0 { NextLine::Line } else { NextLine::TooLong });
            let last = seen.last().unwrap();
            assert_eq!((last.0, last.2 == "b"), if ending.is_empty() { (2, false) } else { (3, true) });
        }
    }

    #[test]
    fn an_appended_line_shares_the_bound() {
        let text = format!("{}\n{}\nc", "x".repeat(600_000), "y".repeat(600_000));
        let mut lines = LineReader::new(text.as_bytes());
        assert_eq!(lines.advance().unwrap(), NextLine::Line);
        assert_eq!(lines.append().unwrap(), NextLine::TooLong);
        assert_eq!(lines.advance().unwrap(), NextLine::Line);
        assert_eq!((lines.line(), lines.bytes()), (3, &b"c"[..]));
        let exact = format!("{}\n\nc", "x".repeat(MAX_LINE_BYTES));
        let mut lines = LineReader::new(exact.as_bytes());
        assert_eq!(lines.advance().unwrap(), NextLine::Line);
        assert_eq!(lines.append().unwrap(), NextLine::TooLong);
    }
}
