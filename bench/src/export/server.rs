//! The export as a customer has it: a request to a server in another process, and its link.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::child::{self, Cost, Name};
use crate::http::{Client, Keys, answer};
use crate::machine::memory_kib;
use crate::server::Running;
use crate::site::{self, Site};

/// A server process; it is ended when this is dropped.
pub(super) struct Process {
    child: Child,
    address: SocketAddr,
    keys: Keys,
}

impl Process {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }
}

/// A server on a loaded directory: the binary, or this program.
pub(super) fn serving(directory: &Path, tollbook: Option<&Path>) -> Result<Process> {
    match tollbook {
        Some(tollbook) => binary(tollbook, directory),
        None => library(directory),
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The step `serve`: tells its address and keys on one line, and serves until its standard input ends.
pub(crate) fn serve(directory: &Path) -> Result {
    let site = Site::open(directory)?;
    let server = Running::start(&site)?;
    println!("{} {} {}", server.address, server.keys.public, server.keys.private);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Asks for the export several times, and reads the file behind the last link.
pub(super) fn export_over_http(
    directory: &Path,
    tollbook: Option<&Path>,
    repeat: usize,
) -> Result<Vec<Cost>> {
    let process = serving(directory, tollbook)?;
    let mut client = Client::connect(process.address, &process.keys)?;
    let year = site::year()?;
    let id = process.child.id().to_string();
    let memory = |key| memory_kib(&id, key).ok_or("the server is gone");
    let mut costs = Vec::new();
    for repetition in 0..repeat {
        // The same request would be given the same file: each asks for a second more, in which nothing lies.
        let end_s = year.end_s() + i64::try_from(repetition)?;
        let parameters = [("StartTime", year.start_s()), ("EndTime", end_s)]
            .map(|(name, time)| (name.to_owned(), time.to_string()));
        let before_kib = memory("VmRSS")?;
        let began = Instant::now();
        let body = client.action("DownloadListPaidOrders", &parameters)?;
        let time = began.elapsed();
        let answer = answer(&body)?;
        let told = answer.pointer("/Data/FileSize").and_then(Value::as_u64).ok_or("an export has a size")?;
        let url =
            answer.pointer("/Data/DownloadURL").and_then(Value::as_str).ok_or("an export has a link")?;
        let path =
            url.strip_prefix(&format!("http://{}", process.address)).ok_or("a link leads to its server")?;
        let bytes = client.get(path)?.len() as u64;
        if bytes != told {
            return Err(format!("the file has {bytes} bytes and not {told}").into());
        }
        costs.push(Cost { time, bytes, peak_kib: memory("VmHWM")?, before_kib });
    }
    drop(client);
    drop(process);
    std::fs::remove_dir_all(directory.join("objects"))?;
    Ok(costs)
}

/// This program as a server.
fn library(directory: &Path) -> Result<Process> {
    let mut child =
        child::command(Name::Serve, directory)?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("a server tells its address")?).read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let mut word = || words.next().ok_or("a server tells address and keys");
    let address = word()?.parse()?;
    let keys = Keys { public: word()?.to_owned(), private: word()?.to_owned() };
    Ok(Process { child, address, keys })
}

/// The real binary as a server, with a key that it made.
fn binary(tollbook: &Path, directory: &Path) -> Result<Process> {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(tollbook);
        command.args(arguments).env("TOLLBOOK_DATA", directory).stdin(Stdio::null());
        command
    };
    let output = run(&["key", "add", "--company", "1", "--json"]).stderr(Stdio::inherit()).output()?;
    let key: Value = serde_json::from_slice(&output.stdout)?;
    let text = |name: &str| {
        key.get(name).and_then(Value::as_str).map(ToOwned::to_owned).ok_or("a key has two halves")
    };
    let keys = Keys { public: text("PublicKey")?, private: text("PrivateKey")? };
    // Free a moment ago; nobody else on this machine is likely to take it meanwhile.
    let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let child = run(&["serve", "--listen", &address.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let process = Process { child, address, keys };
    let began = Instant::now();
    while Client::connect(address, &process.keys).and_then(|mut client| client.get("/healthz")).is_err() {
        if began.elapsed() > Duration::from_secs(30) {
            return Err("the server does not answer".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(process)
}
