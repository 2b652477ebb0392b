//! CSV after RFC 4180 to the values of a record: header, cells, quotes. What a field must be is in `record.rs`.

use std::borrow::Cow;
use std::io::{self, BufRead};
use std::ops::Range;

use super::field::{Field, Name, Need};
use super::lines::{LineReader, MAX_LINE_BYTES, Next};
use super::record::{Record, Value};

/// What ends the reading of a file, as opposed to one record.
#[derive(Debug)]
pub(super) enum Broken {
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

/// Reads the records of a CSV file.
pub(super) struct CsvReader<R> {
    lines: LineReader<R>,
    columns: Vec<Name>,
    splitter: Splitter,
}

impl<R: BufRead> CsvReader<R> {
    pub(super) fn new(from: R) -> Self {
        Self { lines: LineReader::new(from), columns: Vec::new(), splitter: Splitter::default() }
    }

    /// Number of the line that was read last.
    pub(super) fn line(&self) -> u64 {
        self.lines.line()
    }

    /// Reads the next record and gives the line that it starts on; `None` at the end of the file.
    ///
    /// The record itself is [`Self::record`]'s. The first call reads the header as well.
    pub(super) fn advance(&mut self) -> Result<Option<u64>, Broken> {
        if self.columns.is_empty() {
            self.read_header()?;
        }
        self.read_record()
    }

    fn read_record(&mut self) -> Result<Option<u64>, Broken> {
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

    fn read_header(&mut self) -> Result<(), Broken> {
        let Some(line) = self.read_record()? else {
            return Err(Broken::Form(1, "the header is missing".to_owned()));
        };
        let malformed = |reason: String| Broken::Form(line, format!("the header is not valid: {reason}"));
        let mut seen = 0;
        let mut columns = Vec::new();
        for cell in self.cells().map_err(malformed)? {
            let name = Name::find(&cell).map_err(malformed)?;
            if seen & name.bit() != 0 {
                return Err(malformed(format!("{}: occurs twice", name.text())));
            }
            seen |= name.bit();
            columns.push(name);
        }
        let missing = |field: &&Field| field.need() != Need::Maybe && seen & Name::Field(**field).bit() == 0;
        if let Some(field) = Field::ALL.iter().find(missing) {
            return Err(malformed(format!("{}: is required", field.name())));
        }
        self.columns = columns;
        Ok(())
    }

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

    /// The values of the record that was read last; the error is the reason why it is none.
    pub(super) fn record(&self) -> Result<Record<'_>, String> {
        let cells = self.cells()?;
        let (found, expected) = (self.splitter.cells.len(), self.columns.len());
        if found != expected {
            return Err(format!("has {found} cells, the header has {expected}"));
        }
        let mut record = Record::default();
        for (column, cell) in self.columns.iter().zip(cells) {
            // An empty cell states nothing, except where the empty text is a value.
            if let Name::Field(field) = *column
                && (!cell.is_empty() || field.need() == Need::Text)
            {
                record.set(field, Value::Text(cell));
            }
        }
        Ok(record)
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

    /// A whole header, then a record with one text in its first cell.
    fn read(first_cell: &str) -> Vec<Result<(u64, String), String>> {
        let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
        let rest = ",".repeat(names.len() - 1);
        let file = format!("{}\r\n{first_cell}{rest}\r\nz{rest}", names.join(","));
        let mut reader = CsvReader::new(file.as_bytes());
        let mut seen = Vec::new();
        while let Some(line) = reader.advance().unwrap() {
            let cells = reader.cells().map(|mut cells| cells.next().unwrap().into_owned());
            seen.push(reader.record().and(cells).map(|cell| (line, cell)));
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
            ("a,b", "has 36 cells, the header has 35"),
        ] {
            assert_eq!(read(written), [Err(reason.to_owned()), Ok((3, "z".to_owned()))], "{written:?}");
        }
    }

    #[test]
    fn a_file_without_a_usable_header_is_refused() {
        let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
        let all = names.join(",");
        let quoted = "a\n".repeat(600_000);
        for (file, line, reason) in [
            (String::new(), 1, "the header is missing"),
            ("\n\r\n".to_owned(), 1, "the header is missing"),
            (format!("\n{all},Total\n"), 2, "the header is not valid: Total: is not a field of an order"),
            (format!("{all},Region\n"), 1, "the header is not valid: Region: occurs twice"),
            (all.replace(",Quantity", ""), 1, "the header is not valid: Quantity: is required"),
            (format!("{all},\"a"), 1, "a quote of this record is not closed"),
            (
                format!("{all}\n\"{quoted}"),
                2,
                "this record is longer than 1048576 bytes; perhaps a quote is not closed",
            ),
        ] {
            let got = CsvReader::new(file.as_bytes()).advance();
            let Err(Broken::Form(at, got)) = got else { panic!("{reason}: {got:?}") };
            assert_eq!((at, got.as_str()), (line, reason));
        }
    }
}
