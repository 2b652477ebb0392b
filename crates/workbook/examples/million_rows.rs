//! Writes a full sheet of 30 columns like an export of orders, with one thread and with two, and prints the times.
//! `cargo run --release -p tollbook-workbook --example million_rows -- FILE [ROWS]`

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::sync::mpsc;
use std::time::Instant;

use tollbook_workbook::{
    CHUNK_ROWS, Chunk, ChunkEncoder, Column, ColumnKind, Fragment, Properties, RowWriter, Sheet, Workbook,
};

const COLUMNS: [(&str, u8, ColumnKind); 30] = [
    ("Region", 12, ColumnKind::Text),
    ("Product", 14, ColumnKind::Text),
    ("Order number", 28, ColumnKind::Text),
    ("Company", 12, ColumnKind::Integer),
    ("Project", 12, ColumnKind::Integer),
    ("Project name", 20, ColumnKind::Text),
    ("User", 28, ColumnKind::Text),
    ("Charge type", 14, ColumnKind::Text),
    ("Channel", 10, ColumnKind::Integer),
    ("Currency", 10, ColumnKind::Text),
    ("Resource", 26, ColumnKind::Text),
    ("Resource type", 18, ColumnKind::Text),
    ("Model", 22, ColumnKind::Text),
    ("Order type", 18, ColumnKind::Text),
    ("SKU", 26, ColumnKind::Text),
    ("Quantity", 14, ColumnKind::Integer),
    ("Unit", 12, ColumnKind::Text),
    ("List price", 14, ColumnKind::Decimal),
    ("Discount price", 14, ColumnKind::Decimal),
    ("Total", 14, ColumnKind::Decimal),
    ("Original", 14, ColumnKind::Decimal),
    ("Status", 10, ColumnKind::Text),
    ("Start", 20, ColumnKind::DateTime),
    ("End", 20, ColumnKind::DateTime),
    ("Paid at", 20, ColumnKind::DateTime),
    ("Star card", 12, ColumnKind::Decimal),
    ("Coupon", 12, ColumnKind::Decimal),
    ("Bonus", 12, ColumnKind::Decimal),
    ("Cash", 14, ColumnKind::Decimal),
    ("Unpaid order number", 28, ColumnKind::Text),
];

/// Encoded cells of repeated texts.
struct Names {
    regions: Vec<Fragment>,
    projects: Vec<Fragment>,
    users: Vec<Fragment>,
    resources: Vec<Fragment>,
    models: Vec<Fragment>,
    skus: Vec<Fragment>,
    units: Vec<Fragment>,
    fixed: Vec<Fragment>,
}

impl Names {
    fn new() -> Result<Self, Box<dyn Error>> {
        let numbered = |prefix: &str, count: u32| -> Result<Vec<Fragment>, Box<dyn Error>> {
            (0..count).map(|number| Ok(Fragment::text(&format!("{prefix}{number}"))?)).collect()
        };
        let listed = |texts: &[&str]| -> Result<Vec<Fragment>, Box<dyn Error>> {
            texts.iter().map(|text| Ok(Fragment::text(text)?)).collect()
        };
        Ok(Self {
            regions: listed(&["cn-bj2", "cn-sh2", "hk", "us-ca"])?,
            projects: numbered("项目 Project ", 12)?,
            users: numbered("someone.else+", 40)?,
            resources: numbered("inference-key-a8f3c", 300)?,
            models: numbered("vendor/model-large-v", 30)?,
            skus: numbered("modelverse.token.output.", 60)?,
            units: listed(&["K Tokens", "M Tokens", "Image"])?,
            fixed: listed(&["ModelVerse", "Pay-as-you-go", "CNY", "Inference API key", "Post-paid", "Paid"])?,
        })
    }

    /// Writes the cells of the row with this number. Its values are derived from mixed bits of the number.
    fn row(&self, number: u32, row: &mut RowWriter<'_>) {
        let bits = (u64::from(number) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let bits = (bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let pick = |names: &[Fragment], shift: u32| -> usize {
            usize::try_from(bits >> shift).unwrap_or_default() % names.len()
        };
        let start_s = 1_760_000_000 + i64::from(number / 400) * 3_600;
        let quantity = i128::from(bits >> 44);
        let total = quantity * 1_234;
        row.fragment(&self.regions[pick(&self.regions, 3)]);
        row.fragment(&self.fixed[0]);
        row.text(&format!("O2026{:07}{:010}", number / 977, bits >> 32));
        row.integer(66_001_234);
        row.integer(63_000_000 + pick(&self.projects, 7) as u64);
        row.fragment(&self.projects[pick(&self.projects, 7)]);
        row.fragment(&self.users[pick(&self.users, 9)]);
        row.fragment(&self.fixed[1]);
        row.integer(1);
        row.fragment(&self.fixed[2]);
        row.fragment(&self.resources[pick(&self.resources, 11)]);
        row.fragment(&self.fixed[3]);
        row.fragment(&self.models[pick(&self.models, 13)]);
        row.fragment(&self.fixed[4]);
        row.fragment(&self.skus[pick(&self.skus, 17)]);
        row.integer(quantity);
        row.fragment(&self.units[pick(&self.units, 19)]);
        row.decimal(i128::from(bits >> 7 & 15) * 125, 6);
        row.decimal(i128::from(bits >> 7 & 15) * 100, 6);
        row.decimal(total, 8);
        row.decimal(total * 5 / 4, 8);
        row.fragment(&self.fixed[5]);
        row.date_time(start_s, 28_800);
        row.date_time(start_s + 3_600, 28_800);
        row.date_time(start_s + 3_600 + i64::from(number % 3_000), 28_800);
        row.integer(0);
        row.integer(0);
        row.decimal(if bits.is_multiple_of(4) { total / 3 } else { 0 }, 8);
        row.decimal(if bits.is_multiple_of(4) { total - total / 3 } else { total }, 8);
        match bits >> 8 & 7 {
            0 => row.text(&format!("U2026{:014}", bits >> 20)),
            _ => row.empty(),
        }
    }
}

fn one_thread(sheet: &mut Sheet<'_, File>, names: &Names, rows: u32) -> Result<(), Box<dyn Error>> {
    let numbers: Vec<u32> = (0..rows).collect();
    Ok(sheet.rows(&numbers, |&number, row| names.row(number, row))?)
}

fn encode(
    encoder: &mut ChunkEncoder,
    names: &Names,
    first: u32,
    rows: u32,
) -> Result<Chunk, tollbook_workbook::Error> {
    encoder.start_at(first.into());
    for number in first..rows.min(first + CHUNK_ROWS) {
        encoder.row(|row| names.row(number, row))?;
    }
    Ok(encoder.finish())
}

/// Two threads encode alternate chunks; this thread appends them in order.
fn two_threads(sheet: &mut Sheet<'_, File>, names: &Names, rows: u32) -> Result<(), Box<dyn Error>> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2_u32)
            .map(|worker| {
                let mut encoder = sheet.encoder();
                let (sender, receiver) = mpsc::sync_channel(4);
                scope.spawn(move || {
                    for first in (worker * CHUNK_ROWS..rows).step_by(2 * CHUNK_ROWS as usize) {
                        if sender.send(encode(&mut encoder, names, first, rows)).is_err() {
                            return;
                        }
                    }
                });
                receiver
            })
            .collect();
        for receiver in workers.iter().cycle() {
            let Ok(chunk) = receiver.recv() else { break };
            sheet.append(chunk?)?;
        }
        Ok(())
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: million_rows FILE [ROWS]")?;
    let rows = arguments.next().map_or(Ok(1_048_575), |rows| rows.parse())?;
    let names = Names::new()?;
    let columns = COLUMNS.map(|(header, width, kind)| Column::new(header, width, kind));
    let properties =
        Properties { title: "Orders".into(), creator: "Tollbook".into(), created_unix_s: 1_790_000_000 };
    let mut report = std::io::stdout().lock();
    for threads in [1, 2] {
        let start = Instant::now();
        let mut workbook = Workbook::new(File::create(&path)?, &properties)?;
        let mut sheet = workbook.sheet("Paid orders", &columns)?;
        let write = if threads == 1 { one_thread } else { two_threads };
        write(&mut sheet, &names, rows)?;
        let (_, summary) = workbook.finish()?;
        let seconds = start.elapsed().as_secs_f64();
        writeln!(report, "{threads} thread(s): {seconds:.2} s, {summary:?}")?;
    }
    Ok(())
}
