//! Row groups of bounded size from batches of columns: all columns of a group are open at once, and only their encoded
//! and compressed pages are kept until it is full.

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

use super::columns::{Shape, Typed, Values, schema};
use crate::export::pipeline::BATCH;

/// Rows of a group: enough for readers to skip and for dictionaries to pay, few enough to be kept compressed.
const GROUP_ROWS: usize = 64 * BATCH;
/// Uncompressed bytes of a page. Each column has one under way.
const PAGE_BYTES: usize = 128 * 1_024;
/// Bytes of a column's dictionary, beyond which its values are written plainly.
const DICTIONARY_BYTES: usize = 256 * 1_024;

/// A file that is written batch by batch.
pub(super) struct RowGroups<W: Write + Send> {
    file: SerializedFileWriter<W>,
    properties: WriterPropertiesPtr,
    /// Of the group under way; none before its first row.
    open: Vec<OpenColumn>,
    /// In the group under way.
    rows: usize,
}

impl<W: Write + Send> RowGroups<W> {
    pub(super) fn begin(file: W, shapes: &[Shape]) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_data_page_size_limit(PAGE_BYTES)
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .build();
        let properties = Arc::new(properties);
        let file = SerializedFileWriter::new(file, schema(shapes)?, Arc::clone(&properties))?;
        Ok(Self { file, properties, open: Vec::new(), rows: 0 })
    }

    /// Appends rows, given as a value list for each column.
    pub(super) fn append(&mut self, columns: &[Values], rows: usize) -> Result<()> {
        if self.open.is_empty() {
            let descriptors = self.file.schema_descr().columns();
            self.open = descriptors
                .iter()
                .map(|column| {
                    let (sender, pages) = bounded(1);
                    let sink = Pages { sink: TrackedWrite::new(Vec::new()), done: sender };
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

    /// Ends the file, with texts that describe it.
    pub(super) fn finish(mut self, metadata: Vec<KeyValue>) -> Result<W> {
        if self.rows > 0 {
            self.end_group()?;
        }
        for text in metadata {
            self.file.append_key_value_metadata(text);
        }
        self.file.into_inner()
    }
}

/// A column of the group under way.
struct OpenColumn {
    writer: ColumnWriter<'static>,
    /// Has the encoded column once the writer is closed.
    pages: Receiver<Vec<u8>>,
}

impl OpenColumn {
    fn write(&mut self, values: &Values) -> Result<()> {
        let present = values.present.as_deref();
        match (&mut self.writer, &values.typed) {
            (ColumnWriter::ByteArrayColumnWriter(writer), Typed::Text(values)) => {
                writer.write_batch(values, present, None)?
            }
            (ColumnWriter::Int64ColumnWriter(writer), Typed::Integer(values)) => {
                writer.write_batch(values, present, None)?
            }
            (ColumnWriter::FixedLenByteArrayColumnWriter(writer), Typed::Decimal(values)) => {
                writer.write_batch(values, present, None)?
            }
            _ => return Err(ParquetError::General("values are not of their column's type".into())),
        };
        Ok(())
    }
}

/// Where a column writer puts its pages. It keeps what it is given, so that the pages come out of it by a channel.
struct Pages {
    sink: TrackedWrite<Vec<u8>>,
    done: Sender<Vec<u8>>,
}

impl PageWriter for Pages {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec> {
        SerializedPageWriter::new(&mut self.sink).write_page(page)
    }

    fn close(&mut self) -> Result<()> {
        let sink = std::mem::replace(&mut self.sink, TrackedWrite::new(Vec::new()));
        // Nobody takes it when the group was given up.
        let _ = self.done.send(sink.into_inner()?);
        Ok(())
    }
}
