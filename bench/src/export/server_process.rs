//! An export as a customer requests it: a request to a server in another process, and the download of its link.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cost::Cost;
use crate::fixture::{self, Fixture};
use crate::http::{Client, Keys, answer};
use crate::in_process_server::InProcessServer;
use crate::result::Result;
use crate::step::{Step, StepKind};
use tollbook_ops::process::memory_kib;

/// A server process. Dropping it kills the process.
pub(crate) struct ServerProcess {
    child: Child,
    address: SocketAddr,
    keys: Keys,
}

impl ServerProcess {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Its current memory (`VmRSS`) or peak memory (`VmHWM`) in KiB.
    pub(crate) fn memory_kib(&self, key: &str) -> Result<u64> {
        memory_kib(&self.child.id().to_string(), key).ok_or_else(|| "the server has ended".into())
    }
}

/// Starts a server on a loaded directory: the `tollbook` binary, or this program.
pub(crate) fn start(directory: &Path, tollbook: Option<&Path>) -> Result<ServerProcess> {
    match tollbook {
        Some(tollbook) => start_binary(tollbook, directory),
        None => start_library(directory),
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The step `serve`: prints address and keys on one line, and serves until the standard input ends.
pub(super) fn serve(directory: &Path) -> Result {
    let fixture = Fixture::open(directory)?;
    let server = InProcessServer::start(&fixture)?;
    println!("{} {} {}", server.address, server.keys.public, server.keys.private);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Requests the export several times, and downloads each file.
pub(super) fn export_over_http(
    directory: &Path,
    tollbook: Option<&Path>,
    repeat: usize,
) -> Result<Vec<Cost>> {
    let process = start(directory, tollbook)?;
    let mut client = Client::connect(process.address, &process.keys)?;
    let year = fixture::year()?;
    let memory = |key| process.memory_kib(key);
    let mut costs = Vec::new();
    for repetition in 0..repeat {
        // A repeated request would be answered with the same file: each range is one second longer, without further
        // orders.
        let end_s = year.end_s() + i64::try_from(repetition)?;
        let parameters = [("StartTime", year.start_s()), ("EndTime", end_s)]
            .map(|(name, time)| (name.to_owned(), time.to_string()));
        let before_kib = memory("VmRSS")?;
        let began = Instant::now();
        let body = client.action("DownloadListPaidOrders", &parameters)?;
        let time = began.elapsed();
        let answer = answer(&body)?;
        let stated =
            answer.pointer("/Data/FileSize").and_then(Value::as_u64).ok_or("an export has a size")?;
        let url =
            answer.pointer("/Data/DownloadURL").and_then(Value::as_str).ok_or("an export has a link")?;
        let path =
            url.strip_prefix(&format!("http://{}", process.address)).ok_or("a link leads to its server")?;
        let bytes = client.get(path)?.len() as u64;
        if bytes != stated {
            return Err(format!("the file has {bytes} bytes instead of {stated}").into());
        }
        costs.push(Cost { time, cpu: None, bytes, peak_kib: memory("VmHWM")?, before_kib });
    }
    drop(client);
    drop(process);
    std::fs::remove_dir_all(directory.join("objects"))?;
    Ok(costs)
}

/// Starts this program as a server.
fn start_library(directory: &Path) -> Result<ServerProcess> {
    let mut child = Step::new(StepKind::Serve, directory)
        .command()?
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("the server has no standard output")?).read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let mut word = || words.next().ok_or("the server does not print address and keys");
    let address = word()?.parse()?;
    let keys = Keys { public: word()?.to_owned(), private: word()?.to_owned() };
    Ok(ServerProcess { child, address, keys })
}

/// Starts the `tollbook` binary as a server, with an API key that it generated.
fn start_binary(tollbook: &Path, directory: &Path) -> Result<ServerProcess> {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(tollbook);
        command.args(arguments).env("TOLLBOOK_DATA", directory).stdin(Stdio::null());
        command
    };
    // What is measured is the server, not the limits of its customers.
    let limits = "[limits]\nkey_rate_per_s = 0\ncompany_rate_per_s = 0\n";
    std::fs::write(directory.join("tollbook.toml"), limits)?;
    let output = run(&["key", "add", "--company", "1", "--json"]).stderr(Stdio::inherit()).output()?;
    let key: Value = serde_json::from_slice(&output.stdout)?;
    let text = |name: &str| {
        key.get(name).and_then(Value::as_str).map(ToOwned::to_owned).ok_or("the new key is incomplete")
    };
    let keys = Keys { public: text("PublicKey")?, private: text("PrivateKey")? };
    // The port is free now, and unlikely to be used by another program before the server binds it.
    let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let child = run(&["serve", "--listen", &address.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let process = ServerProcess { child, address, keys };
    let began = Instant::now();
    while Client::connect(address, &process.keys).and_then(|mut client| client.get("/healthz")).is_err() {
        if began.elapsed() > Duration::from_secs(30) {
            return Err("the server does not respond".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(process)
}
