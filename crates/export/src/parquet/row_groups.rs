//! Writes row groups of bounded size from batches of rows. The values of a group are kept until it is full; then each
//! column becomes a chunk.

use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ScopedJoinHandle;

use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnDescPtr;
use tollbook_store::LineNo;

use super::columns::{ColumnSchema, Storage, Values, file_schema, statistics};
use super::dictionary::{self, Limits};
use super::lines::{KnownLines, LineTable};
use super::pages::{Chunk, ChunkMaker};
use crate::error::ExportError;
use crate::pipeline::BATCH_ROWS;
use crate::priority;

/// Rows of a group: enough that readers can skip groups and dictionaries pay, few enough to keep their values in memory.
const GROUP_ROWS: usize = 64 * BATCH_ROWS;

/// Size of the dictionary of a column whose values differ from row to row. Larger ones are written without.
const DICTIONARY: Limits = Limits { values: 8_192, bytes: 128 * 1_024 };

/// Some rows: the lines of orders, and the columns that differ from row to row.
#[derive(Debug, Default)]
pub(crate) struct RowBatch {
    pub(crate) lines: Vec<LineNo>,
    pub(crate) columns: Vec<Values>,
    pub(crate) rows: usize,
}

/// A column of the file.
struct Column {
    schema: ColumnSchema,
    source: Source,
}

/// Where the values of a column come from.
enum Source {
    /// From a column of the line table.
    Line(usize),
    /// From the rows. The values are those of the open group.
    Rows {
        values: Values,
        /// Whether a dictionary is worth trying: not if it was abandoned in the group before.
        try_dictionary: bool,
    },
}

/// Writes a file batch by batch.
pub(crate) struct RowGroupWriter<'a, W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Column>,
    lines: Option<LineTable<'a>>,
    /// One for each thread that makes chunks.
    makers: Vec<ChunkMaker>,
    /// Rows in the open group.
    rows: usize,
}

impl<'a, W: Write + Send> RowGroupWriter<'a, W> {
    /// Begins a file. Each column is of the lines or of the rows, in the order of both.
    pub(crate) fn begin(
        file: W,
        columns: &[(ColumnSchema, bool)],
        lines: Option<LineTable<'a>>,
        threads: NonZeroUsize,
    ) -> Result<Self, ParquetError> {
        let schemas: Vec<ColumnSchema> = columns.iter().map(|(schema, _)| *schema).collect();
        let properties = Arc::new(WriterProperties::builder().build());
        let file = SerializedFileWriter::new(file, file_schema(&schemas)?, properties)?;
        let mut of_lines = 0..;
        let columns = columns.iter().map(|(schema, per_line)| {
            let source = if *per_line {
                Source::Line(of_lines.next().unwrap_or_default())
            } else {
                Source::Rows { values: Values::new(*schema), try_dictionary: true }
            };
            Column { schema: *schema, source }
        });
        let makers = (0..threads.get()).map(|_| ChunkMaker::new()).collect();
        Ok(Self { file, columns: columns.collect(), lines, makers, rows: 0 })
    }

    /// Appends rows.
    pub(crate) fn append(&mut self, batch: &RowBatch) -> Result<(), ExportError> {
        if let Some(lines) = &mut self.lines {
            lines.append(&batch.lines)?;
        }
        let mut of_rows = batch.columns.iter();
        for column in &mut self.columns {
            if let Source::Rows { values, .. } = &mut column.source
                && let Some(more) = of_rows.next()
            {
                values.append(more);
            }
        }
        self.rows += batch.rows;
        if self.rows >= GROUP_ROWS { self.end_group() } else { Ok(()) }
    }

    fn end_group(&mut self) -> Result<(), ExportError> {
        let Self { file, columns, lines, makers, rows } = self;
        let descriptors: Vec<ColumnDescPtr> = file.schema_descr().columns().to_vec();
        // A small group takes less time than to start a thread.
        let threads = if *rows < GROUP_ROWS / 8 { 1 } else { makers.len() };
        let known = lines.as_ref().map(LineTable::known);
        let chunks = chunks(columns, &descriptors, known, &mut makers[..threads])?;
        let mut group = file.next_row_group()?;
        for Chunk { bytes, closed } in chunks {
            group.append_column(&bytes, closed)?;
        }
        group.close()?;
        *rows = 0;
        if let Some(lines) = lines {
            lines.end_group();
        }
        Ok(())
    }

    /// Ends the file, with key-value metadata.
    pub(crate) fn finish(mut self, metadata: Vec<KeyValue>) -> Result<W, ExportError> {
        if self.rows > 0 {
            self.end_group()?;
        }
        for text in metadata {
            self.file.append_key_value_metadata(text);
        }
        Ok(self.file.into_inner()?)
    }
}

/// The chunks of all columns, made on as many threads as there are makers.
fn chunks(
    columns: &mut [Column],
    descriptors: &[ColumnDescPtr],
    lines: Option<&KnownLines>,
    makers: &mut [ChunkMaker],
) -> Result<Vec<Chunk>, ParquetError> {
    let work = Mutex::new(columns.iter_mut().zip(descriptors).enumerate());
    let make_chunks = |maker: &mut ChunkMaker| {
        let mut made = Vec::new();
        loop {
            let next = work.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((number, (column, descriptor))) = next else { return made };
            made.push((number, column.chunk(lines, maker, descriptor)));
        }
    };
    let mut made = match makers {
        [maker] => make_chunks(maker),
        makers => std::thread::scope(|scope| {
            let make_chunks = &make_chunks;
            let threads = makers.iter_mut().map(|maker| {
                scope.spawn(move || {
                    priority::lower_priority();
                    make_chunks(maker)
                })
            });
            let threads: Vec<_> = threads.collect();
            let join = |thread: ScopedJoinHandle<'_, Vec<_>>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().flat_map(join).collect()
        }),
    };
    made.sort_unstable_by_key(|(number, _)| *number);
    made.into_iter().map(|(_, chunk)| chunk).collect()
}

impl Column {
    /// The chunk of the open group, which is emptied.
    fn chunk(
        &mut self,
        lines: Option<&KnownLines>,
        maker: &mut ChunkMaker,
        descriptor: &ColumnDescPtr,
    ) -> Result<Chunk, ParquetError> {
        let storage = self.schema.storage();
        match &mut self.source {
            Source::Line(column) => {
                let lines = lines.ok_or_else(|| ParquetError::General("there are no lines".into()))?;
                let rows = lines.rows(*column);
                let nulls = rows.present.as_ref().map_or(0, |present| present.len() - rows.numbers.len());
                let statistics = statistics(storage, rows.values.iter(), nulls);
                maker.of_dictionary(
                    descriptor,
                    &rows.values,
                    &rows.numbers,
                    rows.present.as_deref(),
                    statistics,
                )
            }
            Source::Rows { values, try_dictionary } => {
                let chunk = chunk_of_rows(values, storage, try_dictionary, maker, descriptor);
                values.clear();
                chunk
            }
        }
    }
}

fn chunk_of_rows(
    values: &Values,
    storage: Storage,
    try_dictionary: &mut bool,
    maker: &mut ChunkMaker,
    descriptor: &ColumnDescPtr,
) -> Result<Chunk, ParquetError> {
    let nulls = values.present.as_ref().map_or(0, |present| present.len() - values.len());
    if *try_dictionary {
        if let Some((dictionary, numbers)) = dictionary::of(values, DICTIONARY) {
            let distinct = dictionary.values();
            let statistics = statistics(storage, distinct.iter(), nulls);
            return maker.of_dictionary(
                descriptor,
                distinct,
                &numbers,
                values.present.as_deref(),
                statistics,
            );
        }
        *try_dictionary = false;
    }
    maker.of_values(descriptor, values, statistics(storage, values.iter(), nulls))
}

#[cfg(test)]
mod tests {
    use std::io;

    use bytes::Bytes;
    use parquet::basic::{Compression, Encoding};
    use parquet::data_type::AsBytes as _;
    use parquet::file::metadata::RowGroupMetaData;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::file::statistics::Statistics;
    use parquet::record::Field;

    use super::*;
    use crate::fields::{AMOUNT, Cell, FieldKind};
    use crate::parquet::columns::Value;

    const fn schema(name: &'static str, kind: FieldKind, nullable: bool) -> ColumnSchema {
        ColumnSchema { name, kind, nullable, narrow: false }
    }

    const SCHEMAS: [ColumnSchema; 6] = [
        schema("Few", FieldKind::Text, false),
        schema("Number", FieldKind::Integer, false),
        schema("Amount", AMOUNT, true),
        ColumnSchema { narrow: true, ..schema("Narrow", AMOUNT, false) },
        schema("Nothing", FieldKind::Text, true),
        schema("Rare", FieldKind::Time, true),
    ];

    const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    fn begin<W: Write + Send>(file: W) -> RowGroupWriter<'static, W> {
        RowGroupWriter::begin(file, &SCHEMAS.map(|schema| (schema, false)), None, TWO).unwrap()
    }

    fn text(row: i64) -> String {
        format!("line {}", row % 10)
    }

    /// An amount, or null in every third row.
    fn amount(row: i64) -> Option<i128> {
        (row % 3 != 0).then(|| (i128::from(row) - 50_000) * 7 * (1 << 40))
    }

    /// A time in every thousandth row.
    fn rare(row: i64) -> Option<i64> {
        (row % 1_000 == 999).then_some(row)
    }

    fn batch(number: i64) -> RowBatch {
        let rows = i64::try_from(BATCH_ROWS).unwrap();
        let mut columns: Vec<Values> = SCHEMAS.iter().map(|schema| Values::new(*schema)).collect();
        for row in number * rows..(number + 1) * rows {
            let decimal = |mantissa| Cell::Decimal { mantissa, places: 8 };
            let cells = [
                Cell::OwnedText(text(row)),
                Cell::Integer(row.into()),
                amount(row).map_or(Cell::Text(""), decimal),
                decimal(i128::from(row % 2) * -999_999_999_999_999_999),
                Cell::Text(""),
                Cell::Time(rare(row)),
            ];
            for ((column, schema), cell) in columns.iter_mut().zip(SCHEMAS).zip(cells) {
                column.push(Value::of(&cell, schema).unwrap());
            }
        }
        RowBatch { lines: Vec::new(), columns, rows: BATCH_ROWS }
    }

    fn file(batches: i64) -> SerializedFileReader<Bytes> {
        let mut file = begin(Vec::new());
        for number in 0..batches {
            file.append(&batch(number)).unwrap();
        }
        SerializedFileReader::new(Bytes::from(file.finish(Vec::new()).unwrap())).unwrap()
    }

    #[test]
    fn rows_are_split_into_groups() {
        let reader = file(130);
        let groups = reader.metadata().row_groups();
        let rows: Vec<i64> = groups.iter().map(RowGroupMetaData::num_rows).collect();
        assert_eq!(rows, [64 * 1_023, 64 * 1_023, 2 * 1_023]);
        for group in groups {
            let [few, number, amount, narrow, nothing, _] = group.columns() else { panic!("{group:?}") };
            assert!(few.dictionary_page_offset().is_some());
            assert_eq!(few.compression(), Compression::SNAPPY);
            // An index into a dictionary of ten texts has four bits a row.
            assert!(few.uncompressed_size() < group.num_rows() / 2 + 1_000, "{}", few.uncompressed_size());
            assert!(few.encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY));
            // Every number is another one.
            for distinct in [number, amount] {
                assert_eq!(distinct.dictionary_page_offset(), None);
            }
            assert!(narrow.uncompressed_size() < group.num_rows() / 8 + 1_000);
            // A run for the levels, and nothing else.
            assert!(nothing.uncompressed_size() < 100, "{}", nothing.uncompressed_size());
        }
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let reader = file(130);
        let mut count = 0;
        for (at, row) in (0_i64..).zip(reader.get_row_iter(None).unwrap()) {
            let row = row.unwrap();
            let cells: Vec<&Field> = row.get_column_iter().map(|(_, cell)| cell).collect();
            let [Field::Str(few), Field::Long(number), found, Field::Decimal(narrow), Field::Null, time] =
                cells[..]
            else {
                panic!("{cells:?}")
            };
            assert_eq!((few.as_str(), *number), (text(at).as_str(), at));
            let expected = if at % 2 == 0 { 0_i64 } else { -999_999_999_999_999_999 };
            assert_eq!((narrow.data(), narrow.precision()), (&expected.to_be_bytes()[..], 18));
            match (found, amount(at)) {
                (Field::Null, None) => {}
                (Field::Decimal(found), Some(amount)) => assert_eq!(found.data(), amount.to_be_bytes()),
                other => panic!("{other:?}"),
            }
            match (time, rare(at)) {
                (Field::Null, None) => {}
                (Field::TimestampMillis(millis), Some(time)) => assert_eq!(*millis, time * 1_000),
                other => panic!("{other:?}"),
            }
            count += 1;
        }
        assert_eq!(count, 130 * 1_023);
    }

    #[test]
    fn statistics_have_the_ends_and_nulls_of_each_group() {
        let reader = file(65);
        let statistics = |group: usize, column: usize| {
            reader.metadata().row_group(group).column(column).statistics().unwrap().clone()
        };
        let last = 64 * 1_023 - 1;
        let Statistics::ByteArray(few) = statistics(0, 0) else { panic!() };
        assert_eq!([few.min_opt(), few.max_opt()].map(|end| end.unwrap().as_bytes()), [b"line 0", b"line 9"]);
        let Statistics::Int64(number) = statistics(0, 1) else { panic!() };
        assert_eq!(
            (number.min_opt(), number.max_opt(), number.null_count_opt()),
            (Some(&0), Some(&last), Some(0))
        );
        let Statistics::FixedLenByteArray(found) = statistics(0, 2) else { panic!() };
        let ends = [1, last].map(|row| amount(row).unwrap().to_be_bytes());
        assert_eq!(
            [found.min_opt(), found.max_opt()].map(|end| end.unwrap().as_bytes()),
            [&ends[0][..], &ends[1]]
        );
        assert_eq!(found.null_count_opt(), Some(u64::try_from(last + 1).unwrap() / 3));
        let Statistics::Int64(narrow) = statistics(1, 3) else { panic!() };
        assert_eq!((narrow.min_opt(), narrow.max_opt()), (Some(&-999_999_999_999_999_999), Some(&0)));
        let Statistics::ByteArray(nothing) = statistics(1, 4) else { panic!() };
        assert_eq!((nothing.min_opt(), nothing.null_count_opt()), (None, Some(1_023)));
    }

    #[test]
    fn long_texts_and_nulls_are_split_into_pages() {
        let schemas = [schema("Text", FieldKind::Text, true)];
        let mut file = RowGroupWriter::begin(Vec::new(), &[(schemas[0], false)], None, TWO).unwrap();
        // Nulls at both ends and between; texts of up to 200 kB, one larger than a page.
        let texts: Vec<Option<String>> = (0..200_usize)
            .map(|row| (10..180).contains(&row).then_some(row).filter(|row| row % 7 != 3))
            .map(|row| row.map(|row| format!("{row} ").repeat(if row == 100 { 200_000 } else { row * 200 })))
            .collect();
        let mut column = Values::new(schemas[0]);
        for text in &texts {
            column.push(text.as_deref().map_or(Value::Null, Value::Text));
        }
        file.append(&RowBatch { lines: Vec::new(), columns: vec![column], rows: texts.len() }).unwrap();
        let bytes = Bytes::from(file.finish(Vec::new()).unwrap());
        let reader = SerializedFileReader::new(bytes).unwrap();
        let pages = reader.get_row_group(0).unwrap().get_column_page_reader(0).unwrap().count();
        assert!(pages > 5, "{pages}");
        let found: Vec<Option<String>> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| match row.unwrap().get_column_iter().next().unwrap().1 {
                Field::Null => None,
                Field::Str(text) => Some(text.clone()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(found == texts);
        // Texts of this length are not in the statistics.
        let statistics = reader.metadata().row_group(0).column(0).statistics().unwrap();
        assert_eq!((statistics.min_bytes_opt(), statistics.null_count_opt()), (None, Some(55)));
    }

    #[test]
    fn columns_of_lines_are_looked_up_in_every_group() {
        let columns = [(SCHEMAS[0], true), (SCHEMAS[1], false), (SCHEMAS[5], true)];
        let of_line = |line_no: LineNo| (!line_no.is_multiple_of(3)).then(|| i64::from(line_no) * 1_000);
        let make = move |line_no: LineNo, each: &mut dyn FnMut(Value<'_>)| {
            each(Value::Text(&format!("line {line_no}")));
            each(of_line(line_no).map_or(Value::Null, Value::Int64));
            Ok(())
        };
        let lines = LineTable::new([false, true].into_iter(), Box::new(make));
        let mut file = RowGroupWriter::begin(Vec::new(), &columns, Some(lines), TWO).unwrap();
        // Lines begin in every group, and some go on into the next one.
        let line_of = |row: i64| LineNo::try_from(row / 997 % 100 + row % 2).unwrap();
        let rows = i64::try_from(BATCH_ROWS).unwrap();
        for number in 0..130 {
            let mut numbers = Values::new(SCHEMAS[1]);
            let of_batch = number * rows..(number + 1) * rows;
            of_batch.clone().for_each(|row| numbers.push(Value::Int64(row)));
            let lines = of_batch.map(line_of).collect();
            file.append(&RowBatch { lines, columns: vec![numbers], rows: BATCH_ROWS }).unwrap();
        }
        let reader = SerializedFileReader::new(Bytes::from(file.finish(Vec::new()).unwrap())).unwrap();
        assert_eq!(reader.metadata().num_row_groups(), 3);
        let mut count = 0;
        for (at, row) in (0_i64..).zip(reader.get_row_iter(None).unwrap()) {
            let row = row.unwrap();
            let cells: Vec<&Field> = row.get_column_iter().map(|(_, cell)| cell).collect();
            let [Field::Str(text), Field::Long(number), time] = cells[..] else { panic!("{cells:?}") };
            assert_eq!((text, *number), (&format!("line {}", line_of(at)), at));
            match (time, of_line(line_of(at))) {
                (Field::Null, None) => {}
                (Field::TimestampMillis(millis), Some(time)) => assert_eq!(*millis, time),
                other => panic!("{other:?}"),
            }
            count += 1;
        }
        assert_eq!(count, 130 * rows);
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
            let mut file =
                match RowGroupWriter::begin(Disk(room), &SCHEMAS.map(|schema| (schema, false)), None, TWO) {
                    Ok(file) => file,
                    Err(error) => {
                        assert_storage_full(room, &error.into());
                        continue;
                    }
                };
            let written = (0..70).try_for_each(|number| file.append(&batch(number)));
            assert_storage_full(room, &written.and_then(|()| file.finish(Vec::new())).err().unwrap());
        }
    }

    fn assert_storage_full(room: usize, error: &ExportError) {
        assert!(
            matches!(error, ExportError::File(error) if error.kind() == io::ErrorKind::StorageFull),
            "{room}: {error:?}"
        );
    }
}
