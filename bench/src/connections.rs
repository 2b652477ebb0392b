//! A well-behaved client of a server that has thousands of idle connections, clients that send their requests a byte at
//! a time, and hundreds of clients that ask for lists. The load is in this process, the server in another.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::export::server_process::{self, ServerProcess};
use crate::fixture::{self, Fixture};
use crate::http::{Client, answer, signed_form};
use crate::report::{Report, RunDirectories, Table};
use crate::result::Result;
use crate::timing::{Timings, grouped};

/// Time between two bytes of a slow client.
const SLOW_BYTE: Duration = Duration::from_millis(500);
/// Time between two requests of the well-behaved client.
const PAUSE: Duration = Duration::from_millis(10);

/// Options of `connections`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The `tollbook` binary to measure
    #[arg(long)]
    tollbook: PathBuf,
    /// Connections without a request
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Clients that send the head of a request a byte at a time
    #[arg(long, default_value_t = 1_000)]
    slow: usize,
    /// Clients that ask for lists
    #[arg(long, default_value_t = 500)]
    lists: usize,
    /// Milliseconds between two requests of one of these
    #[arg(long, default_value_t = 1_000)]
    every_ms: u64,
    /// Orders of the company
    #[arg(long, default_value_t = 20_000)]
    orders: u64,
    /// Seconds for which the well-behaved client is measured
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    #[command(flatten)]
    directories: RunDirectories,
}

/// What the load has done.
#[derive(Default)]
struct Counts {
    idle_open: AtomicU64,
    closed_by_server: AtomicU64,
    lists: AtomicU64,
    list_failures: AtomicU64,
}

pub(crate) fn run(options: &Options) -> Result {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: files.maximum, maximum: files.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised)?;
    let mut report = Report::begin("connections", "A client beside many connections");
    report.notes = vec![format!(
        "{} connections without a request (every second one has had one), {} clients that send a head at one byte in \
         {} ms, and {} clients that ask for a page of a list every {} ms, all from one address to one server with the \
         default configuration. The client asks for the same page, one request after the other on one connection.",
        grouped(options.idle as u64),
        grouped(options.slow as u64),
        SLOW_BYTE.as_millis(),
        options.lists,
        options.every_ms
    )];
    let directory = options.directories.data.join("connections");
    let fixture = Fixture::open(&directory)?;
    let orders = fixture.bench_orders(options.orders);
    fixture.load(options.orders, orders.orders(&fixture.catalogue))?;
    drop(fixture);
    let server = server_process::start(&directory, Some(&options.tollbook))?;
    let mut table =
        Table::new("Lists of the client, milliseconds", &["beside", "requests", "p50", "p99", "max"]);
    let alone = measure(&server, Duration::from_secs(options.seconds.div_ceil(4)))?;
    row(&mut table, &mut report, "nothing", &alone);
    let (stop, counts) = (CancellationToken::new(), Arc::new(Counts::default()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let beside = runtime.block_on(async {
        load(options, &server, &stop, &counts);
        while counts.idle_open.load(Ordering::Relaxed) < options.idle as u64 {
            if counts.closed_by_server.load(Ordering::Relaxed) > 10 * options.idle as u64 {
                return Err("the server closes idle connections at once".into());
            }
            tokio::time::sleep(PAUSE).await;
        }
        tokio::task::block_in_place(|| measure(&server, Duration::from_secs(options.seconds)))
    });
    let still_open = counts.idle_open.load(Ordering::Relaxed);
    let peak_kib = server.memory_kib("VmHWM")?;
    stop.cancel();
    runtime.shutdown_timeout(Duration::from_secs(5));
    row(&mut table, &mut report, "the load", &beside?);
    report.tables.push(table);
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let mut table = Table::new("The server and the load", &["", ""]);
    for (name, number) in [
        ("peak memory of the server, MiB", peak_kib / 1024),
        ("idle connections open at the end", still_open),
        ("connections that the server closed", count(&counts.closed_by_server)),
        ("lists answered to the load", count(&counts.lists)),
        ("lists refused or failed", count(&counts.list_failures)),
    ] {
        table.row(vec![name.to_owned(), grouped(number)]);
        report.measurements.push(json!({"name": name, "value": number}));
    }
    report.tables.push(table);
    drop(server);
    options.directories.clean_up(&directory)?;
    report.finish(&options.directories)
}

fn row(table: &mut Table, report: &mut Report, beside: &str, timings: &Timings) {
    let millis = |time: Duration| format!("{:.2}", time.as_secs_f64() * 1_000.0);
    let (p50, p99, max) = (millis(timings.median()), millis(timings.p99()), millis(timings.max()));
    let requests = timings.micros().len();
    report
        .measurements
        .push(json!({"beside": beside, "requests": requests, "p50_ms": p50, "p99_ms": p99, "max_ms": max}));
    table.row(vec![beside.to_owned(), grouped(requests as u64), p50, p99, max]);
}

/// The page that all clients ask for.
fn page() -> Result<Vec<(String, String)>> {
    let year = fixture::year()?;
    Ok([("StartTime", year.start_s()), ("EndTime", year.end_s()), ("Page", 1), ("PageSize", 20)]
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .into())
}

/// Times the requests of the well-behaved client.
fn measure(server: &ServerProcess, time: Duration) -> Result<Timings> {
    let parameters = page()?;
    let mut client = Client::connect(server.address(), server.keys())?;
    let began = Instant::now();
    let mut samples = Vec::new();
    while began.elapsed() < time {
        let started = Instant::now();
        let body = client.action("ListPaidOrders", &parameters)?;
        samples.push(started.elapsed());
        answer(&body)?;
        std::thread::sleep(PAUSE);
    }
    Ok(Timings::of(samples))
}

/// Starts the load. It ends when `stop` is cancelled.
fn load(options: &Options, server: &ServerProcess, stop: &CancellationToken, counts: &Arc<Counts>) {
    let address = server.address();
    let health: Arc<str> = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n").into();
    let spawn = |work: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    };
    for number in 0..options.idle {
        let (counts, health) = (Arc::clone(counts), Arc::clone(&health));
        spawn(Box::pin(async move {
            loop {
                if idle(address, number.is_multiple_of(2).then_some(&*health), &counts).await.is_err() {
                    // As after a refusal by a full queue of connections.
                    tokio::time::sleep(SLOW_BYTE).await;
                }
                counts.closed_by_server.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for _ in 0..options.slow {
        let (counts, health) = (Arc::clone(counts), Arc::clone(&health));
        spawn(Box::pin(async move {
            loop {
                let _ = slow(address, &health).await;
                counts.closed_by_server.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let form = page().map(|parameters| signed_form("ListPaidOrders", &parameters, server.keys()));
    let form = form.unwrap_or_default();
    let list: Arc<str> = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into();
    let every = Duration::from_millis(options.every_ms);
    for number in 0..options.lists {
        let (counts, list) = (Arc::clone(counts), Arc::clone(&list));
        // Spread over the interval.
        let offset = every * u32::try_from(number).unwrap_or(0) / u32::try_from(options.lists).unwrap_or(1);
        spawn(Box::pin(async move {
            tokio::time::sleep(offset).await;
            loop {
                if lists(address, &list, every, &counts).await.is_err() {
                    counts.list_failures.fetch_add(1, Ordering::Relaxed);
                }
            }
        }));
    }
}

/// Opens a connection, sends a request if there is one, and waits until the server closes it.
async fn idle(address: std::net::SocketAddr, request: Option<&str>, counts: &Counts) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let open = AtomicBool::new(false);
    if let Some(request) = request {
        stream.write_all(request.as_bytes()).await?;
    }
    if request.is_none() {
        counts.idle_open.fetch_add(1, Ordering::Relaxed);
        open.store(true, Ordering::Relaxed);
    }
    let mut received = [0; 512];
    while stream.read(&mut received).await.is_ok_and(|bytes| bytes > 0) {
        // The answer to the one request.
        if !open.swap(true, Ordering::Relaxed) {
            counts.idle_open.fetch_add(1, Ordering::Relaxed);
        }
    }
    if open.into_inner() {
        counts.idle_open.fetch_sub(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Sends a request a byte at a time, until the server closes the connection.
async fn slow(address: std::net::SocketAddr, request: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    for byte in request.bytes() {
        stream.write_all(&[byte]).await?;
        tokio::time::sleep(SLOW_BYTE).await;
    }
    Ok(())
}

/// Asks for a list every now and then on one connection.
async fn lists(
    address: std::net::SocketAddr,
    request: &str,
    every: Duration,
    counts: &Counts,
) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let mut next = tokio::time::interval(every);
    next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut received = Vec::new();
    loop {
        next.tick().await;
        stream.write_all(request.as_bytes()).await?;
        received.clear();
        while !is_whole(&received) {
            if stream.read_buf(&mut received).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        if received.windows(12).any(|text| text == b"\"RetCode\":0,") {
            counts.lists.fetch_add(1, Ordering::Relaxed);
        } else {
            counts.list_failures.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether an answer has arrived as a whole.
fn is_whole(received: &[u8]) -> bool {
    let Some(head) = received.windows(4).position(|end| end == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&received[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    length.is_some_and(|length| received.len() >= head + 4 + length)
}
