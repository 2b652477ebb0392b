//! Writes row groups of bounded size from batches of columns. All columns of a group are open at once; only their encoded
//! and compressed pages are kept until the group is full.

use std::io::Write;
use std::mem::take;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use parquet::basic::Compression;
use parquet::column::page::{CompressedPage, PageWriteSpec, PageWriter};
use parquet::column::writer::{ColumnWriter, get_column_writer};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};

use super::columns::{ColumnSchema, ColumnValues, TypedValues, file_schema};
use crate::pipeline::BATCH_ROWS;

/// Rows of a group: enough that readers can skip groups and dictionaries pay, few enough to keep their pages in memory.
const GROUP_ROWS: usize = 64 * BATCH_ROWS;
/// Uncompressed bytes of a page. Each open column buffers one.
const PAGE_BYTES: usize = 64 * 1_024;
/// Bytes of a column's dictionary. Beyond them, values are written without a dictionary.
const DICTIONARY_BYTES: usize = 128 * 1_024;

/// Writes a file batch by batch.
pub(crate) struct RowGroupWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    properties: WriterPropertiesPtr,
    /// Columns of the open group; empty before its first row.
    open: Vec<OpenColumn>,
    /// Rows in the open group.
    rows: usize,
}

impl<W: Write + Send> RowGroupWriter<W> {
    pub(crate) fn begin(file: W, schemas: &[ColumnSchema]) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_data_page_size_limit(PAGE_BYTES)
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .build();
        let properties = Arc::new(properties);
        let file = SerializedFileWriter::new(file, file_schema(schemas)?, Arc::clone(&properties))?;
        Ok(Self { file, properties, open: Vec::new(), rows: 0 })
    }

    /// Appends rows, given as one list of values for each column.
    pub(crate) fn append(&mut self, columns: &[ColumnValues], rows: usize) -> Result<()> {
        if self.open.is_empty() {
            let descriptors = self.file.schema_descr().columns();
            self.open = descriptors
                .iter()
                .map(|column| {
                    let (sender, pages) = bounded(1);
                    let sink = PageBuffer { sink: TrackedWrite::new(Vec::new()), done: sender };
                    let properties = Arc::clone(&self.properties);
                    let writer = get_column_writer(Arc::clone(column), properties, Box::new(sink));
                    OpenColumn { writer, pages }
                })
                .collect();
        }
        for (open, values) in self.open.iter_mut().zip(columns) {
            open.write(values)?;
        }
        self.rows += rows;
        if self.rows >= GROUP_ROWS { self.end_group() } else { Ok(()) }
    }

    fn end_group(&mut self) -> Result<()> {
        let mut group = self.file.next_row_group()?;
        for open in take(&mut self.open) {
            let closed = open.writer.close()?;
            let pages =
                open.pages.recv().map_err(|_| ParquetError::General("a column has no pages".into()))?;
            group.append_column(&bytes::Bytes::from(pages), closed)?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }

    /// Ends the file, with key-value metadata.
    pub(crate) fn finish(mut self, metadata: Vec<KeyValue>) -> Result<W> {
        if self.rows > 0 {
            self.end_group()?;
        }
        for text in metadata {
            self.file.append_key_value_metadata(text);
        }
        self.file.into_inner()
    }
}

/// A column of the open group.
struct OpenColumn {
    writer: ColumnWriter<'static>,
    /// Receives the encoded column when the writer is closed.
    pages: Receiver<Vec<u8>>,
}

impl OpenColumn {
    fn write(&mut self, values: &ColumnValues) -> Result<()> {
        let present = values.present.as_deref();
        match (&mut self.writer, &values.not_null) {
            (ColumnWriter::ByteArrayColumnWriter(writer), TypedValues::Text(values)) => {
                writer.write_batch(values, present, None)?
            }
            (ColumnWriter::Int64ColumnWriter(writer), TypedValues::Integer(values)) => {
                writer.write_batch(values, present, None)?
            }
            (ColumnWriter::FixedLenByteArrayColumnWriter(writer), TypedValues::Decimal(values)) => {
                writer.write_batch(values, present, None)?
            }
            _ => return Err(ParquetError::General("values are not of their column's type".into())),
        };
        Ok(())
    }
}

/// Buffers the pages of a column writer. The writer owns its sink, so a channel returns the pages when it is closed.
struct PageBuffer {
    sink: TrackedWrite<Vec<u8>>,
    done: Sender<Vec<u8>>,
}

impl PageWriter for PageBuffer {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec> {
        SerializedPageWriter::new(&mut self.sink).write_page(page)
    }

    fn close(&mut self) -> Result<()> {
        let sink = std::mem::replace(&mut self.sink, TrackedWrite::new(Vec::new()));
        // The receiver is gone if writing the group failed.
        let _ = self.done.send(sink.into_inner()?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use bytes::Bytes;
    use parquet::file::metadata::RowGroupMetaData;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    use super::*;
    use crate::error::ExportError;
    use crate::fields::{AMOUNT, Cell, FieldKind};
    use crate::parquet::columns::ColumnValue;

    const SCHEMAS: [ColumnSchema; 3] = [
        ColumnSchema { name: "Text", kind: FieldKind::Text, nullable: false },
        ColumnSchema { name: "Number", kind: FieldKind::Integer, nullable: false },
        ColumnSchema { name: "Amount", kind: AMOUNT, nullable: true },
    ];

    /// One batch; every third amount is null.
    fn batch(number: i128) -> Vec<ColumnValues> {
        let rows = i128::try_from(BATCH_ROWS).unwrap();
        let mut columns: Vec<ColumnValues> =
            SCHEMAS.iter().map(|schema| ColumnValues::new(*schema, BATCH_ROWS)).collect();
        for row in number * rows..(number + 1) * rows {
            let amount = match row % 3 {
                0 => Cell::Text(""),
                _ => Cell::Decimal { mantissa: row * 7, places: 8 },
            };
            let cells = [Cell::OwnedText(format!("line {}", row % 10)), Cell::Integer(row), amount];
            for ((column, schema), cell) in columns.iter_mut().zip(SCHEMAS).zip(cells) {
                column.push(ColumnValue::of(&cell, schema).unwrap());
            }
        }
        columns
    }

    #[test]
    fn rows_are_split_into_groups() {
        let mut file = RowGroupWriter::begin(Vec::new(), &SCHEMAS).unwrap();
        for number in 0..130 {
            file.append(&batch(number), BATCH_ROWS).unwrap();
        }
        let reader = SerializedFileReader::new(Bytes::from(file.finish(Vec::new()).unwrap())).unwrap();
        let groups = reader.metadata().row_groups();
        let rows: Vec<i64> = groups.iter().map(RowGroupMetaData::num_rows).collect();
        assert_eq!(rows, [64 * 1_023, 64 * 1_023, 2 * 1_023]);
        for group in groups {
            let [text, number, _] = group.columns() else { panic!("{group:?}") };
            assert!(text.dictionary_page_offset().is_some());
            assert_eq!(number.compression(), Compression::SNAPPY);
            // An index into a dictionary of ten texts has four bits a row.
            assert!(text.uncompressed_size() < group.num_rows() + 1_000, "{}", text.uncompressed_size());
        }
        let mut count = 0;
        for (at, row) in (0_i64..).zip(reader.get_row_iter(None).unwrap()) {
            let row = row.unwrap();
            let cells: Vec<&Field> = row.get_column_iter().map(|(_, cell)| cell).collect();
            let [Field::Str(text), Field::Long(number), amount] = cells[..] else { panic!("{cells:?}") };
            assert_eq!((text.as_str(), *number), (format!("line {}", at % 10).as_str(), at));
            match amount {
                Field::Null => assert_eq!(at % 3, 0),
                Field::Decimal(amount) => {
                    assert_eq!(amount.data(), (i128::from(at) * 7).to_be_bytes());
                }
                other => panic!("{other:?}"),
            }
            count += 1;
        }
        assert_eq!(count, 130 * 1_023);
    }

    /// A disk with room for so many bytes.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_reported_as_such() {
        for room in [0, 100, 20_000, 60_000] {
            let written = RowGroupWriter::begin(Disk(room), &SCHEMAS).and_then(|mut file| {
                for number in 0..70 {
                    file.append(&batch(number), BATCH_ROWS)?;
                }
                file.finish(Vec::new())
            });
            let error = ExportError::from(written.err().unwrap());
            assert!(
                matches!(&error, ExportError::File(error) if error.kind() == io::ErrorKind::StorageFull),
                "{room}: {error:?}"
            );
        }
    }
}
