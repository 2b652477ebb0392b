//! A column chunk: dictionary page, data pages, and their metadata. Page headers and metadata are those of the `parquet`
//! crate; its own column writers hash and copy every value, which takes several times as long.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{CompressedPage, Page, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::columns::Values;
use super::hybrid;

/// Uncompressed bytes after which a page of values without a dictionary ends.
const PAGE_BYTES: usize = 512 * 1_024;

/// A finished column chunk.
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    pub(super) closed: ColumnCloseResult,
}

/// Makes column chunks. Its buffers are reused.
pub(super) struct ChunkMaker {
    snappy: snap::raw::Encoder,
    /// A page before compression.
    page: Vec<u8>,
}

/// What has been written of a chunk.
struct Pages {
    sink: TrackedWrite<Vec<u8>>,
    uncompressed: usize,
    dictionary_offset: Option<u64>,
    data_offset: Option<u64>,
}

impl ChunkMaker {
    pub(super) fn new() -> Self {
        Self { snappy: snap::raw::Encoder::new(), page: Vec::new() }
    }

    /// A chunk whose rows have the numbers of values in a dictionary. `present` states for each row whether it has a
    /// value, in a nullable column.
    pub(super) fn of_dictionary(
        &mut self,
        column: &ColumnDescPtr,
        dictionary: &Values,
        numbers: &[u32],
        present: Option<&[bool]>,
        statistics: Statistics,
    ) -> Result<Chunk> {
        let mut pages = Pages::begin();
        self.page.clear();
        self.page.extend_from_slice(dictionary.bytes());
        let count = number_of(dictionary.len())?;
        let compressed = self.compress()?;
        pages.dictionary_offset = Some(pages.sink.bytes_written() as u64);
        let page = Page::DictionaryPage {
            buf: compressed,
            num_values: count,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        pages.write(page, self.page.len())?;
        self.begin_data_page(present);
        let width = hybrid::width(dictionary.len());
        self.page.push(width.to_le_bytes()[0]);
        hybrid::encode(numbers, width, &mut self.page);
        let rows = present.map_or(numbers.len(), <[bool]>::len);
        self.end_data_page(&mut pages, rows, Encoding::RLE_DICTIONARY)?;
        pages.finish(column, rows, vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY], statistics)
    }

    /// A chunk of the values themselves.
    pub(super) fn of_values(
        &mut self,
        column: &ColumnDescPtr,
        values: &Values,
        statistics: Statistics,
    ) -> Result<Chunk> {
        let mut pages = Pages::begin();
        let rows = values.present.as_ref().map_or(values.len(), Vec::len);
        let (mut row, mut number) = (0, 0);
        while row < rows {
            let (page_rows, page_values) = values.page(row, number, PAGE_BYTES);
            self.begin_data_page(values.present.as_ref().map(|present| &present[row..row + page_rows]));
            self.page.extend_from_slice(values.bytes_of(number, page_values));
            self.end_data_page(&mut pages, page_rows, Encoding::PLAIN)?;
            row += page_rows;
            number += page_values;
        }
        pages.finish(column, rows, vec![Encoding::PLAIN, Encoding::RLE], statistics)
    }

    /// Definition levels come first, after their length; columns without nulls have none.
    fn begin_data_page(&mut self, present: Option<&[bool]>) {
        self.page.clear();
        if let Some(present) = present {
            self.page.extend_from_slice(&[0; 4]);
            hybrid::encode_flags(present, &mut self.page);
            let len = u32::try_from(self.page.len() - 4).expect("a page is shorter than 4 GiB");
            self.page[..4].copy_from_slice(&len.to_le_bytes());
        }
    }

    fn end_data_page(&mut self, pages: &mut Pages, rows: usize, encoding: Encoding) -> Result<()> {
        let offset = pages.sink.bytes_written() as u64;
        pages.data_offset.get_or_insert(offset);
        let page = Page::DataPage {
            buf: self.compress()?,
            num_values: number_of(rows)?,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        pages.write(page, self.page.len())
    }

    fn compress(&mut self) -> Result<Bytes> {
        let compressed = self.snappy.compress_vec(&self.page);
        compressed.map(Bytes::from).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

impl Pages {
    fn begin() -> Self {
        Self {
            sink: TrackedWrite::new(Vec::new()),
            uncompressed: 0,
            dictionary_offset: None,
            data_offset: None,
        }
    }

    fn write(&mut self, page: Page, uncompressed: usize) -> Result<()> {
        let page = CompressedPage::new(page, uncompressed);
        self.uncompressed += SerializedPageWriter::new(&mut self.sink).write_page(page)?.uncompressed_size;
        Ok(())
    }

    fn finish(
        self,
        column: &ColumnDescPtr,
        rows: usize,
        encodings: Vec<Encoding>,
        statistics: Statistics,
    ) -> Result<Chunk> {
        let bytes = Bytes::from(self.sink.into_inner()?);
        let offset = |offset: Option<u64>| offset.map(|offset| number_of(offset)).transpose();
        let metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression(Compression::SNAPPY)
            .set_encodings(encodings)
            .set_num_values(number_of(rows)?)
            .set_total_compressed_size(number_of(bytes.len())?)
            .set_total_uncompressed_size(number_of(self.uncompressed)?)
            .set_dictionary_page_offset(offset(self.dictionary_offset)?)
            .set_data_page_offset(offset(self.data_offset)?.unwrap_or_default())
            .set_statistics(statistics)
            .build()?;
        let closed = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok(Chunk { bytes, closed })
    }
}

/// A number in the type of a metadata field.
fn number_of<F, T: TryFrom<F>>(number: F) -> Result<T> {
    T::try_from(number).map_err(|_| ParquetError::General("a row group is too large".into()))
}
