//! Header and cells of a CSV order file to the values of a record.

use std::io::BufRead;

use super::field::{Field, FieldName, Presence};
use super::record::Record;
use crate::text::json::JsonValue;
use crate::text::{CsvReader, StreamError};

/// Reads the header: the field of each column.
pub(super) fn header<R: BufRead>(reader: &mut CsvReader<R>) -> Result<Vec<FieldName>, StreamError> {
    reader.header(|cells| {
        let mut seen = 0;
        let mut columns = Vec::new();
        for cell in cells {
            let name = FieldName::find(&cell)?;
            if seen & name.bit() != 0 {
                return Err(format!("{}: occurs twice", name.text()));
            }
            seen |= name.bit();
            columns.push(name);
        }
        let missing = |field: &&Field| {
            field.presence() != Presence::Optional && seen & FieldName::Stored(**field).bit() == 0
        };
        match Field::ALL.iter().find(missing) {
            Some(field) => Err(format!("{}: is required", field.name())),
            None => Ok(columns),
        }
    })
}

/// The values of the record that was read last; the error is the reason why it is malformed.
pub(super) fn record<'r, R: BufRead>(
    reader: &'r CsvReader<R>,
    columns: &[FieldName],
) -> Result<Record<'r>, String> {
    let mut record = Record::default();
    for (column, cell) in columns.iter().zip(reader.cells_of(columns.len())?) {
        // An empty cell is an absent value, except where the empty text is a value.
        if let FieldName::Stored(field) = *column
            && (!cell.is_empty() || field.presence() == Presence::Text)
        {
            record.set(field, JsonValue::Text(cell));
        }
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let mut reader = CsvReader::new(file.as_bytes());
            let got = header(&mut reader).and_then(|_| reader.advance());
            let Err(StreamError::Malformed { line: at, reason: got }) = got else {
                panic!("{reason}: {got:?}")
            };
            assert_eq!((at, got.as_str()), (line, reason));
        }
    }
}
