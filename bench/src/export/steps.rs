//! The steps that are measured, each on a loaded fixture and in a process of its own.

use std::fs::{self, File};
use std::hint::black_box;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollbook_domain::{OrderQuery, Status};
use tollbook_export::fields::{Cell, FieldKind, ORDER_ITEM_DETAIL, OrderRow, Scope};
use tollbook_export::{Build, Document, Format, Link, Progress, Separator, export};
use tollbook_ops::{Clock as _, SystemClock, random};
use tollbook_store::{LineNo, StoredOrder};
use tollbook_workbook::{CHUNK_ROWS, Column, ColumnKind, Fragment, Properties, RowWriter, Sheet, Workbook};

use super::columnar_programs::ROWS;
use super::rows::{Rows, presentation};
use super::{deflaters, foreign_programs, rust_xlsxwriter, server_process};
use crate::cost::Cost;
use crate::fixture::{self, Fixture};
use crate::in_process_server::objects;
use crate::lists::bare::Bare;
use crate::result::Result;
use crate::step::{Step, StepKind};

/// Runs one step in this process and prints its cost, unless it serves.
pub(crate) fn run(step: &Step) -> Result {
    if step.kind == StepKind::Serve {
        return server_process::serve(&step.data);
    }
    println!("{}", measure(step)?.json("step"));
    Ok(())
}

fn measure(step: &Step) -> Result<Cost> {
    let fixture = match &step.url {
        Some(url) => Fixture::on_postgres(&step.data, url)?,
        None => Fixture::open(&step.data)?,
    };
    let query = OrderQuery { range: fixture::year()?, ..fixture.everything(&[Status::Paid]) };
    match step.kind {
        StepKind::Export => {
            let cost = whole_export(&fixture, query, step.format)?;
            fs::remove_dir_all(fixture.directory.join("objects"))?;
            Ok(cost)
        }
        StepKind::Scan => scan(&fixture, &query),
        StepKind::ScanBare => scan_bare(&fixture, &query),
        StepKind::Workbook => ours(&fixture, &query, 1),
        StepKind::WorkbookTwoThreads => ours(&fixture, &query, 2),
        StepKind::ZlibRs => compress_again(&fixture, &query, deflaters::zlib_rs()),
        StepKind::Libdeflate => compress_again(&fixture, &query, deflaters::libdeflate()),
        StepKind::RustXlsxwriter => {
            let rows = Rows::read(&fixture, &query)?;
            measure_writer(&fixture, |path| rust_xlsxwriter::write(&rows, path))
        }
        StepKind::Cells => foreign_programs::write_cells(&Rows::read(&fixture, &query)?, &step.data),
        StepKind::Rows => write_rows(&fixture, query),
        StepKind::Serve => Err("serving is not measured".into()),
    }
}

/// Leaves the file in the directory `objects` of the fixture.
fn whole_export(fixture: &Fixture, query: OrderQuery, format: Format) -> Result<Cost> {
    let presentation = presentation(fixture)?;
    let objects = objects(fixture)?;
    let document = Document::PaidOrders(query);
    let now_s = SystemClock.now_s();
    let build = Build {
        document: &document,
        format,
        separator: Separator::default(),
        presentation: &presentation,
        snapshot_s: now_s,
        random: random::u128(),
        threads: std::thread::available_parallelism()?,
        progress: &Progress::default(),
        abandoned: &CancellationToken::new(),
    };
    let link = Link { base_url: "http://127.0.0.1".into(), expires_s: now_s + 3_600 };
    Cost::of(|| {
        let file = export(&build, fixture.store.snapshot()?, &objects)?;
        black_box(file.link(&objects, &link)?);
        Ok(file.bytes)
    })
}

/// The step `rows`: writes the file that the programs read.
fn write_rows(fixture: &Fixture, query: OrderQuery) -> Result<Cost> {
    let cost = whole_export(fixture, query, Format::Parquet)?;
    let objects = fixture.directory.join("objects");
    let mut pending = vec![objects.clone()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                fs::rename(&path, fixture.directory.join(ROWS))?;
            }
        }
    }
    fs::remove_dir_all(objects)?;
    Ok(cost)
}

fn scan(fixture: &Fixture, query: &OrderQuery) -> Result<Cost> {
    Cost::of(|| {
        fixture.store.snapshot()?.scan(query, &mut |stored| {
            black_box(stored);
            Ok(())
        })?;
        Ok(0)
    })
}

fn scan_bare(fixture: &Fixture, query: &OrderQuery) -> Result<Cost> {
    let bare = Bare::open(fixture)?;
    Cost::of(|| {
        black_box(bare.paid_list(query)?.run()?);
        Ok(0)
    })
}

/// Measures writing a file, and deletes it.
fn measure_writer(fixture: &Fixture, write: impl FnOnce(&Path) -> Result) -> Result<Cost> {
    let path = fixture.directory.join("written.xlsx");
    let mut cost = Cost::of(|| {
        write(&path)?;
        Ok(0)
    })?;
    cost.bytes = fs::metadata(&path)?.len();
    fs::remove_file(&path)?;
    // Write-back of the file should not disturb the next step.
    std::thread::sleep(Duration::from_millis(200));
    Ok(cost)
}

fn ours(fixture: &Fixture, query: &OrderQuery, threads: usize) -> Result<Cost> {
    let rows = Rows::read(fixture, query)?;
    measure_writer(fixture, |path| {
        let mut workbook = Workbook::new(File::create(path)?, &Properties::default())?;
        let mut sheet = workbook.sheet("Paid orders", &columns())?;
        match threads {
            1 => one_thread(&mut sheet, &rows)?,
            _ => many_threads(&mut sheet, &rows, threads)?,
        }
        workbook.finish()?;
        Ok(())
    })
}

fn compress_again(fixture: &Fixture, query: &OrderQuery, encoder: deflaters::Encoder) -> Result<Cost> {
    let path = fixture.directory.join("compressed.xlsx");
    let rows = Rows::read(fixture, query)?;
    let mut workbook = Workbook::new(File::create(&path)?, &Properties::default())?;
    one_thread(&mut workbook.sheet("Paid orders", &columns())?, &rows)?;
    workbook.finish()?;
    drop(rows);
    let cost = deflaters::compress_again(&path, encoder);
    fs::remove_file(&path)?;
    cost
}

fn columns() -> Vec<Column> {
    let kind = |kind| match kind {
        FieldKind::Text => ColumnKind::Text,
        FieldKind::Integer | FieldKind::WideInteger => ColumnKind::Integer,
        FieldKind::Decimal { .. } => ColumnKind::Decimal,
        FieldKind::Time | FieldKind::TextTime => ColumnKind::DateTime,
    };
    ORDER_ITEM_DETAIL.iter().map(|field| Column::new(field.name, 22, kind(field.kind))).collect()
}

fn one_thread(sheet: &mut Sheet<'_, File>, rows: &Rows) -> Result {
    let mut views = rows.presentation.lines(rows.lines.clone());
    let mut line_cells = LineCells::new(rows);
    for stored in &rows.orders {
        let row = |order: &OrderRow<'_>| sheet.row(|writer| line_cells.put(stored.line_no, order, writer));
        views.show(stored, row).ok_or("an order has no line")??;
    }
    Ok(())
}

/// Each thread encodes every n-th chunk; this one appends them in order.
fn many_threads(sheet: &mut Sheet<'_, File>, rows: &Rows, threads: usize) -> Result {
    let chunks: Vec<&[StoredOrder]> = rows.orders.chunks(usize::try_from(CHUNK_ROWS)?).collect();
    std::thread::scope(|scope| {
        let mut made = Vec::new();
        for thread in 0..threads {
            let mut encoder = sheet.encoder();
            let (sender, receiver) = mpsc::sync_channel(4);
            made.push(receiver);
            let chunks = &chunks;
            scope.spawn(move || {
                let mut views = rows.presentation.lines(rows.lines.clone());
                let mut line_cells = LineCells::new(rows);
                for (number, chunk) in chunks.iter().enumerate().skip(thread).step_by(threads) {
                    encoder.start_at(number as u64 * u64::from(CHUNK_ROWS));
                    for stored in *chunk {
                        let row = |order: &OrderRow<'_>| {
                            encoder.row(|writer| line_cells.put(stored.line_no, order, writer))
                        };
                        if let Some(Err(error)) = views.show(stored, row) {
                            let _ = sender.send(Err(error));
                            return;
                        }
                    }
                    if sender.send(Ok(encoder.finish())).is_err() {
                        return;
                    }
                }
            });
        }
        for receiver in made.iter().cycle().take(chunks.len()) {
            sheet.append(receiver.recv()??)?;
        }
        Ok(())
    })
}

/// The cells that all orders of a line share, made for the first order of a line, as the export does.
struct LineCells(Vec<Option<Vec<Option<Fragment>>>>);

impl LineCells {
    fn new(rows: &Rows) -> Self {
        Self(vec![None; rows.lines.len()])
    }

    fn put(&mut self, line_no: LineNo, row: &OrderRow<'_>, writer: &mut RowWriter<'_>) {
        let index = usize::try_from(line_no).unwrap_or(usize::MAX);
        let Some(cells) = self.0.get_mut(index) else { return };
        let cells = cells.get_or_insert_with(|| {
            let fields = ORDER_ITEM_DETAIL.iter();
            fields
                .map(|field| if field.scope == Scope::PerLine { fragment(&(field.value)(row)) } else { None })
                .collect()
        });
        for (field, cell) in ORDER_ITEM_DETAIL.iter().zip(cells) {
            match cell {
                Some(fragment) => writer.fragment(fragment),
                None => put_cell(writer, (field.value)(row)),
            }
        }
    }
}

fn scale(places: u32) -> u8 {
    u8::try_from(places).unwrap_or(u8::MAX)
}

fn fragment(cell: &Cell<'_>) -> Option<Fragment> {
    match cell {
        Cell::Text(text) => Fragment::text(text).ok(),
        Cell::OwnedText(text) => Fragment::text(text).ok(),
        Cell::Integer(number) => Some(Fragment::integer(*number)),
        Cell::Decimal { mantissa, places } => Some(Fragment::decimal(*mantissa, scale(*places))),
        Cell::Time(_) => None,
    }
}

fn put_cell(writer: &mut RowWriter<'_>, cell: Cell<'_>) {
    match cell {
        Cell::Text(text) => writer.text(text),
        Cell::OwnedText(text) => writer.text(&text),
        Cell::Integer(number) => writer.integer(number),
        Cell::Decimal { mantissa, places } => writer.decimal(mantissa, scale(places)),
        Cell::Time(Some(unix_s)) => writer.date_time(unix_s, 0),
        Cell::Time(None) => writer.empty(),
    }
}
