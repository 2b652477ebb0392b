//! CSV after RFC 4180: header, cells, quotes. What the cells mean is their reader's business.

use std::borrow::Cow;
use std::io::{self, BufRead};
use std::ops::Range;

use super::lines::{LineReader, MAX_LINE_BYTES, Next};

/// What ends the reading of a file, as opposed to one record.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The bytes could not be read.
    Io(io::Error),
    /// What the bytes are makes everything after them meaningless: the line, and why.
    Form(u64, String),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A cell within its record, and whether it has doubled quotes inside.
#[derive(Clone, Debug)]
struct Cell {
    bytes: Range<usize>,
    doubled: bool,
}

/// A quoted cell whose closing quote has not come yet.
#[derive(Clone, Copy)]
struct Open {
    start: usize,
    doubled: bool,
    /// Everything before it is looked at already.
    searched: usize,
}

/// Splits lines into cells.
#[derive(Default)]
struct Splitter {
    cells: Vec<Cell>,
    open: Option<Open>,
    /// Why the record is none; the first reason.
    refused: Option<String>,
}

/// Where the splitter stands after a line.
enum Ended {
    /// At the end of a record.
    Record,
    /// Within quotes: the record goes on in the next line.
    Quoted,
}

impl Splitter {
    fn clear(&mut self) {
        self.cells.clear();
        self.open = None;
        self.refused = None;
    }

    /// Splits a record, or as much of it as there is yet; what was looked at before is not looked at again.
    fn split(&mut self, record: &[u8]) -> Ended {
        let mut at = 0;
        loop {
            if self.open.is_none() && record.get(at) == Some(&b'"') {
                self.open = Some(Open { start: at + 1, doubled: false, searched: at + 1 });
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
                        return Ended::Quoted;
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
                return Ended::Record;
            }
            at += 1;
        }
    }

    fn refuse(&mut self, reason: String) -> Ended {
        self.refused = Some(reason);
        Ended::Record
    }
}

/// Finds the closing quote of a cell: the cell and where the record goes on, or how far it was looked for.
fn close(record: &[u8], mut open: Open) -> Result<(Cell, usize), Open> {
    loop {
        let Some(quote) = record[open.searched..].iter().position(|byte| *byte == b'"') else {
            return Err(Open { searched: record.len(), ..open });
        };
        let at = open.searched + quote;
        if record.get(at + 1) != Some(&b'"') {
            return Ok((Cell { bytes: open.start..at, doubled: open.doubled }, at + 1));
        }
        open.doubled = true;
        open.searched = at + 2;
    }
}

/// Reads the records of a CSV file; to it, the header is the first of them.
pub(crate) struct CsvReader<R> {
    lines: LineReader<R>,
    splitter: Splitter,
}

impl<R: BufRead> CsvReader<R> {
    pub(crate) fn new(from: R) -> Self {
        Self { lines: LineReader::new(from), splitter: Splitter::default() }
    }

    /// Number of the line that was read last.
    pub(crate) fn line(&self) -> u64 {
        self.lines.line()
    }

    /// Reads the header, which is called before anything else; `read` makes something of its cells or refuses them.
    pub(crate) fn header<T>(
        &mut self,
        read: impl FnOnce(&mut dyn Iterator<Item = Cow<'_, str>>) -> Result<T, String>,
    ) -> Result<T, Broken> {
        let Some(line) = self.advance()? else {
            return Err(Broken::Form(1, "the header is missing".to_owned()));
        };
        let header = self.cells().and_then(|mut cells| read(&mut cells));
        header.map_err(|reason| Broken::Form(line, format!("the header is not valid: {reason}")))
    }

    /// Reads the next record and gives the line that it starts on; `None` at the end of the file. The record itself is
    /// [`Self::cells`]'s.
    pub(crate) fn advance(&mut self) -> Result<Option<u64>, Broken> {
        loop {
            match self.lines.advance()? {
                Next::End => return Ok(None),
                Next::TooLong => return Err(too_long(self.lines.line())),
                Next::Line if matches!(self.lines.bytes(), [] | [b'\r']) => {}
                Next::Line => break,
            }
        }
        let start = self.lines.line();
        self.splitter.clear();
        while let Ended::Quoted = self.splitter.split(self.lines.bytes()) {
            match self.lines.append()? {
                Next::Line => {}
                Next::TooLong => return Err(too_long(start)),
                Next::End => {
                    return Err(Broken::Form(start, "a quote of this record is not closed".to_owned()));
                }
            }
        }
        Ok(Some(start))
    }

    /// The cells of the record that was read last; the error is the reason why it is none.
    pub(crate) fn cells(&self) -> Result<impl Iterator<Item = Cow<'_, str>>, String> {
        if let Some(reason) = &self.splitter.refused {
            return Err(reason.clone());
        }
        let record = std::str::from_utf8(self.lines.bytes()).map_err(|_| "is not valid UTF-8")?;
        Ok(self.splitter.cells.iter().map(|cell| {
            let text = &record[cell.bytes.clone()];
            if cell.doubled { Cow::Owned(text.replace("\"\"", "\"")) } else { Cow::Borrowed(text) }
        }))
    }

    /// The cells of the record that was read last, as many as the header has.
    pub(crate) fn cells_of(&self, columns: usize) -> Result<impl Iterator<Item = Cow<'_, str>>, String> {
        let cells = self.cells()?;
        let found = self.splitter.cells.len();
        if found != columns {
            return Err(format!("has {found} cells, the header has {columns}"));
        }
        Ok(cells)
    }
}

/// After too much text it is unknown whether the next line starts a record, so nothing behind it can be read.
fn too_long(start: u64) -> Broken {
    let reason = format!("this record is longer than {MAX_LINE_BYTES} bytes; perhaps a quote is not closed");
    Broken::Form(start, reason)
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
