//! The order files of the import.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use tollbook_domain::Catalogue;
use tollbook_ops::demo::BenchOrders;
use tollbook_testkit::order_file::{push_csv_header, push_csv_record, push_json_line};

use crate::result::Result;

/// A format of order files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileFormat {
    JsonLines,
    JsonLinesZstd,
    Csv,
}

impl FileFormat {
    pub(super) const ALL: [Self; 3] = [Self::JsonLines, Self::JsonLinesZstd, Self::Csv];

    pub(super) fn file_name(self) -> &'static str {
        match self {
            Self::JsonLines => "orders.jsonl",
            Self::JsonLinesZstd => "orders.jsonl.zst",
            Self::Csv => "orders.csv",
        }
    }
}

/// Writes a file atomically.
pub(super) fn write(format: FileFormat, orders: &BenchOrders, path: &Path) -> Result {
    let unfinished = path.with_extension("unfinished");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&unfinished)?);
    match format {
        FileFormat::JsonLinesZstd => {
            let mut compressed = zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            records(format, orders, &mut compressed)?;
            compressed.finish()?.flush()?;
        }
        FileFormat::JsonLines | FileFormat::Csv => {
            records(format, orders, &mut out)?;
            out.flush()?;
        }
    }
    std::fs::rename(unfinished, path)?;
    Ok(())
}

fn records(format: FileFormat, orders: &BenchOrders, out: &mut impl Write) -> Result {
    let mut record = Vec::new();
    if format == FileFormat::Csv {
        push_csv_header(&mut record);
    }
    for order in orders.orders(&Catalogue::built_in()) {
        match format {
            FileFormat::Csv => push_csv_record(&order, &mut record),
            FileFormat::JsonLines | FileFormat::JsonLinesZstd => push_json_line(&order, &mut record),
        }
        out.write_all(&record)?;
        record.clear();
    }
    Ok(())
}
