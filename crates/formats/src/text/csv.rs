//! CSV after RFC 4180: records, cells and quotes, in bounded memory and with the number of each record's first line.
//!
//! The `csv` crate is not used because its parser accepts every input: a quote inside an unquoted cell, text after a
//! closing quote and a quote that is never closed become cells without an error, so an order file could be read as
//! orders that it does not state. It also keeps a whole record in memory, so that a lost quote costs as much memory as
//! the rest of the file has bytes; it numbers a record after blank lines by the first blank line; and it ends a record
//! at a lone carriage return.

use std::borrow::Cow;
use std::io::BufRead;
use std::ops::Range;

use super::error::StreamError;
use super::lines::{LineReader, MAX_LINE_BYTES, NextLine};

/// A cell of a record.
#[derive(Clone, Debug)]
struct Cell {
    bytes: Range<usize>,
    /// Whether it contains doubled quotes.
    doubled: bool,
}

/// A quoted cell whose closing quote is not found yet.
#[derive(Clone, Copy)]
struct OpenCell {
    start: usize,
    doubled: bool,
    /// The search for the closing quote continues at this byte.
    searched: usize,
}

/// Splits lines into cells.
#[derive(Default)]
struct Splitter {
    cells: Vec<Cell>,
    open: Option<OpenCell>,
    /// Why the record is malformed; the first reason.
    refused: Option<String>,
}

/// Position of the splitter after a line.
enum LineEnd {
    /// At the end of a record.
    EndOfRecord,
    /// Within quotes: the record continues in the next line.
    InQuotes,
}

impl Splitter {
    fn clear(&mut self) {
        self.cells.clear();
        self.open = None;
        self.refused = None;
    }

    /// Splits a record, or as much of it as was read. Bytes that were searched before are not searched again.
    fn split(&mut self, record: &[u8]) -> LineEnd {
        let mut at = 0;
        loop {
            if self.open.is_none() && record.get(at) == Some(&b'"') {
                self.open = Some(OpenCell { start: at + 1, doubled: false, searched: at + 1 });
            }
            if let Some(open) = self.open {
                at = match close(record, open) {
                    Ok((cell, after)) => {
                        self.cells.push(cell);
                        self.open = None;
                        after
                    }
                    Err(open) => {
                        self.open = Some(open);
                        return LineEnd::InQuotes;
                    }
                };
                if !matches!(&record[at..], [] | [b'\r'] | [b',', ..]) {
                    let cell = self.cells.len();
                    return self.refuse(format!("cell {cell} has something behind its closing quote"));
                }
                if record.get(at) == Some(&b'\r') {
                    at += 1;
                }
            } else {
                let rest = &record[at..];
                let length = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
                let mut cell = at..at + length;
                at = cell.end;
                if at == record.len() && record[cell.clone()].ends_with(b"\r") {
                    cell.end -= 1;
                }
                if record[cell.clone()].contains(&b'"') {
                    let cell = self.cells.len() + 1;
                    return self.refuse(format!("cell {cell} has a quote but is not quoted"));
                }
                self.cells.push(Cell { bytes: cell, doubled: false });
            }
            if at == record.len() {
                return LineEnd::EndOfRecord;
            }
            at += 1;
        }
    }

    fn refuse(&mut self, reason: String) -> LineEnd {
        self.refused = Some(reason);
        LineEnd::EndOfRecord
    }
}

/// Finds the closing quote of a cell: the cell and the byte after the quote, or how far the search got.
fn close(record: &[u8], mut open: OpenCell) -> Result<(Cell, usize), OpenCell> {
    loop {
        let Some(quote) = record[open.searched..].iter().position(|byte| *byte == b'"') else {
            return Err(OpenCell { searched: record.len(), ..open });
        };
        let at = open.searched + quote;
        if record.get(at + 1) != Some(&b'"') {
            return Ok((Cell { bytes: open.start..at, doubled: open.doubled }, at + 1));
        }
        open.doubled = true;
        open.searched = at + 2;
    }
}

/// Reads the records of a CSV file, of which the header is the first.
pub(crate) struct CsvReader<R> {
    lines: LineReader<R>,
    splitter: Splitter,
}

impl<R: BufRead> CsvReader<R> {
    pub(crate) fn new(from: R) -> Self {
        Self { lines: LineReader::new(from), splitter: Splitter::default() }
    }

    /// Number of the line that was read last.
    pub(super) fn line(&self) -> u64 {
        self.lines.line()
    }

    /// Reads the header. It must be called first. `read` interprets the cells; its error is the reason against them.
    pub(crate) fn header<T>(
        &mut self,
        read: impl FnOnce(&mut dyn Iterator<Item = Cow<'_, str>>) -> Result<T, String>,
    ) -> Result<T, StreamError> {
        let Some(line) = self.advance()? else {
            return Err(StreamError::malformed(1, "the header is missing"));
        };
        let header = self.cells().and_then(|mut cells| read(&mut cells));
        header.map_err(|reason| StreamError::malformed(line, format!("the header is not valid: {reason}")))
    }

    /// Reads the next record and returns its first line; `None` at the end of the file. [`Self::cells`] has the
    /// content.
    pub(crate) fn advance(&mut self) -> Result<Option<u64>, StreamError> {
        loop {
            match self.lines.advance()? {
                NextLine::End => return Ok(None),
                NextLine::TooLong => return Err(too_long(self.lines.line())),
                NextLine::Line if matches!(self.lines.bytes(), [] | [b'\r']) => {}
                NextLine::Line => break,
            }
        }
        let start = self.lines.line();
        self.splitter.clear();
        while let LineEnd::InQuotes = self.splitter.split(self.lines.bytes()) {
            match self.lines.append()? {
                NextLine::Line => {}
                NextLine::TooLong => return Err(too_long(start)),
                NextLine::End => {
                    return Err(StreamError::malformed(start, "a quote of this record is not closed"));
                }
            }
        }
        Ok(Some(start))
    }

    /// The cells of the record that was read last; the error is the reason why it is malformed.
    fn cells(&self) -> Result<impl Iterator<Item = Cow<'_, str>>, String> {
        if let Some(reason) = &self.splitter.refused {
            return Err(reason.clone());
        }
        let record = std::str::from_utf8(self.lines.bytes()).map_err(|_| "is not valid UTF-8")?;
        Ok(self.splitter.cells.iter().map(|cell| {
            let text = &record[cell.bytes.clone()];
            if cell.doubled { Cow::Owned(text.replace("\"\"", "\"")) } else { Cow::Borrowed(text) }
        }))
    }

    /// The cells of the record that was read last, which must be as many as the header has.
    pub(crate) fn cells_of(&self, columns: usize) -> Result<impl Iterator<Item = Cow<'_, str>>, String> {
        let cells = self.cells()?;
        let found = self.splitter.cells.len();
        if found != columns {
            return Err(format!("has {found} cells, the header has {columns}"));
        }
        Ok(cells)
    }
}

/// After a record over the bound it is unknown whether the next line starts a record, so nothing after it can be read.
fn too_long(start: u64) -> StreamError {
    let reason = format!("this record is longer than {MAX_LINE_BYTES} bytes; perhaps a quote is not closed");
    StreamError::malformed(start, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header, then a record with one text in its first cell.
    fn read(first_cell: &str) -> Vec<Result<(u64, String), String>> {
        let file = format!("a,b\r\n{first_cell},\r\nz,");
        let mut reader = CsvReader::new(file.as_bytes());
        let columns = reader.header(|cells| Ok(cells.count())).unwrap();
        let mut seen = Vec::new();
        while let Some(line) = reader.advance().unwrap() {
            let cell = reader.cells_of(columns).map(|mut cells| cells.next().unwrap().into_owned());
            seen.push(cell.map(|cell| (line, cell)));
        }
        seen
    }

    #[test]
    fn cells_are_read_after_rfc_4180() {
        for (written, cell, lines) in [
            ("a", "a", 1),
            ("\"a\"", "a", 1),
            ("\"a,b\"", "a,b", 1),
            ("\"say \"\"hi\"\"\"", "say \"hi\"", 1),
            ("\"\"\"\"", "\"", 1),
            ("\"\"", "", 1),
            ("\"a\r\nb\n\n\"", "a\r\nb\n\n", 4),
            (" a ", " a ", 1),
        ] {
            assert_eq!(
                read(written),
                [Ok((2, cell.to_owned())), Ok((2 + lines, "z".to_owned()))],
                "{written:?}"
            );
        }
    }

    #[test]
    fn a_malformed_record_is_one_error_and_the_next_is_read() {
        for (written, reason) in [
            ("5\" pipe", "cell 1 has a quote but is not quoted"),
            ("\"a\"b", "cell 1 has something behind its closing quote"),
            ("\"a\" ", "cell 1 has something behind its closing quote"),
            ("a,b", "has 3 cells, the header has 2"),
        ] {
            assert_eq!(read(written), [Err(reason.to_owned()), Ok((3, "z".to_owned()))], "{written:?}");
        }
    }
}
