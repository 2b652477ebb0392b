//! The steps that are measured, each on a site that is loaded.

use std::fs::{self, File};
use std::hint::black_box;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollbook_domain::{OrderQuery, Status};
use tollbook_export::fields::{Cell, FieldKind, ORDER_ITEM_DETAIL, OrderRow, Scope};
use tollbook_export::presentation::Presentation;
use tollbook_export::{Build, Document, Format, Link, Progress, export};
use tollbook_ops::{Clock as _, SystemClock, random};
use tollbook_store::{LineNo, Lines, StoredOrder};
use tollbook_workbook::{CHUNK_ROWS, Column, ColumnKind, Fragment, Properties, RowWriter, Sheet, Workbook};

use super::{deflaters, foreign, programs};
use crate::Result;
use crate::child::{Cost, Name};
use crate::lists::bare::Bare;
use crate::server::objects;
use crate::site::{self, Site};

/// Runs one step.
pub(crate) fn run(name: Name, directory: &Path, url: Option<&str>, format: Format) -> Result<Cost> {
    let site = match url {
        Some(url) => Site::on_postgres(directory, url)?,
        None => Site::open(directory)?,
    };
    let query = OrderQuery { range: site::year()?, ..site.everything(&[Status::Paid]) };
    match name {
        Name::Export => whole(&site, query, format),
        Name::Scan => scan(&site, &query),
        Name::ScanBare => scan_bare(&site, &query),
        Name::Workbook => ours(&site, &query, 1),
        Name::WorkbookTwoThreads => ours(&site, &query, 2),
        Name::ZlibRs => pack_again(&site, &query, deflaters::zlib_rs()),
        Name::Libdeflate => pack_again(&site, &query, deflaters::libdeflate()),
        Name::RustXlsxwriter => {
            let rows = Rows::read(&site, &query)?;
            written(&site, |path| foreign::write(&rows, path))
        }
        Name::Cells => programs::write_cells(&Rows::read(&site, &query)?, directory),
        Name::Serve => Err("serving is no measured step".into()),
    }
}

fn presentation(site: &Site) -> Result<Presentation> {
    let brand = site.config.default_brand();
    Ok(Presentation::read(site.store.snapshot()?.as_mut(), &site.company, &brand.display(), &site.catalogue)?)
}

fn whole(site: &Site, query: OrderQuery, format: Format) -> Result<Cost> {
    let presentation = presentation(site)?;
    let objects = objects(site)?;
    let document = Document::PaidOrders(query);
    let now_s = SystemClock.now_s();
    let build = Build {
        document: &document,
        format,
        presentation: &presentation,
        snapshot_s: now_s,
        random: random::u128(),
        threads: std::thread::available_parallelism()?,
        progress: &Progress::default(),
        abandoned: &CancellationToken::new(),
    };
    let link = Link { base_url: "http://127.0.0.1".into(), expires_s: now_s + 3_600 };
    let cost = Cost::of(|| {
        let file = export(&build, site.store.snapshot()?, &objects)?;
        black_box(file.link(&objects, &link)?);
        Ok(file.bytes)
    })?;
    fs::remove_dir_all(site.directory.join("objects"))?;
    Ok(cost)
}

fn scan(site: &Site, query: &OrderQuery) -> Result<Cost> {
    Cost::of(|| {
        site.store.snapshot()?.scan(query, &mut |stored| {
            black_box(stored);
            Ok(())
        })?;
        Ok(0)
    })
}

fn scan_bare(site: &Site, query: &OrderQuery) -> Result<Cost> {
    let bare = Bare::open(site)?;
    Cost::of(|| {
        black_box(bare.paid_list(query)?.run()?);
        Ok(0)
    })
}

/// Orders in memory, with what is needed to show them.
pub(super) struct Rows {
    pub(super) presentation: Presentation,
    pub(super) lines: std::sync::Arc<Lines>,
    pub(super) orders: Vec<StoredOrder>,
}

impl Rows {
    fn read(site: &Site, query: &OrderQuery) -> Result<Self> {
        let mut snapshot = site.store.snapshot()?;
        let mut orders = Vec::new();
        snapshot.scan(query, &mut |stored| {
            orders.push(stored.clone());
            Ok(())
        })?;
        let lines = snapshot.lines(query.company_id)?;
        drop(snapshot);
        Ok(Self { presentation: presentation(site)?, lines, orders })
    }
}

/// Times what writes a file, and deletes it.
fn written(site: &Site, write: impl FnOnce(&Path) -> Result) -> Result<Cost> {
    let path = site.directory.join("written.xlsx");
    let mut cost = Cost::of(|| {
        write(&path)?;
        Ok(0)
    })?;
    cost.bytes = fs::metadata(&path)?.len();
    fs::remove_file(&path)?;
    // A file's pages on their way to the disk are not the next step's business.
    std::thread::sleep(Duration::from_millis(200));
    Ok(cost)
}

fn ours(site: &Site, query: &OrderQuery, threads: usize) -> Result<Cost> {
    let rows = Rows::read(site, query)?;
    written(site, |path| {
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

fn pack_again(site: &Site, query: &OrderQuery, pack: deflaters::Pack) -> Result<Cost> {
    let path = site.directory.join("packed.xlsx");
    let rows = Rows::read(site, query)?;
    let mut workbook = Workbook::new(File::create(&path)?, &Properties::default())?;
    one_thread(&mut workbook.sheet("Paid orders", &columns())?, &rows)?;
    workbook.finish()?;
    drop(rows);
    let cost = deflaters::pack_again(&path, pack);
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
    let mut ready = Ready::new(rows);
    for stored in &rows.orders {
        let row = |order: &OrderRow<'_>| sheet.row(|writer| ready.put(stored.line_no, order, writer));
        views.show(stored, row).ok_or("an order has no line")??;
    }
    Ok(())
}

/// With two threads, each makes every other chunk; this one puts them in order.
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
                let mut ready = Ready::new(rows);
                for chunk in chunks.iter().skip(thread).step_by(threads) {
                    for stored in *chunk {
                        let row = |order: &OrderRow<'_>| {
                            encoder.row(|writer| ready.put(stored.line_no, order, writer))
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
            sheet.append(&receiver.recv()??)?;
        }
        Ok(())
    })
}

/// The cells that all orders of a line share, made when a line is first seen, as the export does.
struct Ready(Vec<Option<Vec<Option<Fragment>>>>);

impl Ready {
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
