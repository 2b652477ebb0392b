//! The order files, written as `tollbook` itself would.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use tollbook_domain::Catalogue;
use tollbook_ops::demo::BenchOrders;
use tollbook_testkit::order_file::{push_csv_header, push_csv_record, push_json_line};

use crate::Result;

/// A form of order file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    JsonLines,
    JsonLinesZstd,
    Csv,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::JsonLines, Self::JsonLinesZstd, Self::Csv];

    pub(super) fn file_name(self) -> &'static str {
        match self {
            Self::JsonLines => "orders.jsonl",
            Self::JsonLinesZstd => "orders.jsonl.zst",
            Self::Csv => "orders.csv",
        }
    }
}

/// Writes a file whole or not at all.
pub(super) fn write(kind: Kind, orders: &BenchOrders, path: &Path) -> Result {
    let unfinished = path.with_extension("unfinished");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&unfinished)?);
    match kind {
        Kind::JsonLinesZstd => {
            let mut compressed = zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            records(kind, orders, &mut compressed)?;
            compressed.finish()?.flush()?;
        }
        Kind::JsonLines | Kind::Csv => {
            records(kind, orders, &mut out)?;
            out.flush()?;
        }
    }
    std::fs::rename(unfinished, path)?;
    Ok(())
}

fn records(kind: Kind, orders: &BenchOrders, out: &mut impl Write) -> Result {
    let mut record = Vec::new();
    if kind == Kind::Csv {
        push_csv_header(&mut record);
    }
    for order in orders.orders(&Catalogue::built_in()) {
        match kind {
            Kind::Csv => push_csv_record(&order, &mut record),
            Kind::JsonLines | Kind::JsonLinesZstd => push_json_line(&order, &mut record),
        }
        out.write_all(&record)?;
        record.clear();
    }
    Ok(())
}
