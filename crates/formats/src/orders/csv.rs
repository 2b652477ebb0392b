//! The header and the cells of a CSV order file to the values of a record. What a field must be is in `record.rs`.

use std::io::BufRead;

use super::field::{Field, Name, Need};
use super::record::Record;
use crate::text::json::JsonValue;
use crate::text::{Broken, CsvReader};

/// Reads the header: the field of each column.
pub(super) fn header<R: BufRead>(reader: &mut CsvReader<R>) -> Result<Vec<Name>, Broken> {
    reader.header(|cells| {
        let mut seen = 0;
        let mut columns = Vec::new();
        for cell in cells {
            let name = Name::find(&cell)?;
            if seen & name.bit() != 0 {
                return Err(format!("{}: occurs twice", name.text()));
            }
            seen |= name.bit();
            columns.push(name);
        }
        let missing = |field: &&Field| field.need() != Need::Maybe && seen & Name::Field(**field).bit() == 0;
        match Field::ALL.iter().find(missing) {
            Some(field) => Err(format!("{}: is required", field.name())),
            None => Ok(columns),
        }
    })
}

/// The values of the record that was read last; the error is the reason why it is none.
pub(super) fn record<'r, R: BufRead>(
    reader: &'r CsvReader<R>,
    columns: &[Name],
) -> Result<Record<'r>, String> {
    let mut record = Record::default();
    for (column, cell) in columns.iter().zip(reader.cells_of(columns.len())?) {
        // An empty cell states nothing, except where the empty text is a value.
        if let Name::Field(field) = *column
            && (!cell.is_empty() || field.need() == Need::Text)
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
            let Err(Broken::Form(at, got)) = got else { panic!("{reason}: {got:?}") };
            assert_eq!((at, got.as_str()), (line, reason));
        }
    }
}
