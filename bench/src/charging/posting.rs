//! Gateways that post batches of events to the `tollbook` binary, each on its own connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::generated::{START_S, record, usage};
use crate::result::Result;

/// Events per request.
pub(super) const BATCH: u64 = 100;
/// Number of gateways, each with a connection.
pub(super) const GATEWAYS: usize = 16;

/// A server process. Dropping it kills the process.
pub(super) struct ServerProcess {
    child: Child,
    address: String,
}

impl ServerProcess {
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .args(["--json", "serve", "--listen", "127.0.0.1:0"])
            .env("TOLLBOOK_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("the server has no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line)?;
        let url = ready["URL"].as_str().ok_or("the server does not print its URL")?;
        Ok(Self { child, address: url.trim_start_matches("http://").to_owned() })
    }
}

impl ServerProcess {
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Posts all records. Returns the total time, which is that of the slowest gateway, and the time of each request.
pub(super) fn post(server: &ServerProcess, key: &str, count: u64) -> Result<(Duration, Vec<Duration>)> {
    let now_s = tollbook_ops::Clock::now_s(&tollbook_ops::SystemClock);
    let next = AtomicU64::new(0);
    let began = Instant::now();
    let times = std::thread::scope(|scope| {
        let gateways: Vec<_> = (0..GATEWAYS)
            .map(|_| {
                let next = &next;
                scope.spawn(move || -> Result<Vec<Duration>> {
                    let stream = TcpStream::connect(&server.address)?;
                    stream.set_nodelay(true)?;
                    let mut stream = BufReader::new(stream);
                    let mut times = Vec::new();
                    loop {
                        let batch = next.fetch_add(1, Ordering::Relaxed);
                        if batch * BATCH >= count {
                            return Ok(times);
                        }
                        let body = events(batch, count, now_s);
                        let request = request(server, key, "application/cloudevents-batch+json", &body);
                        let began = Instant::now();
                        let answer = exchange(&mut stream, request.as_bytes())?;
                        times.push(began.elapsed());
                        let answer: Value = serde_json::from_slice(&answer)?;
                        if answer["Accepted"] != BATCH {
                            return Err(format!("the server did not accept all events: {answer}").into());
                        }
                    }
                })
            })
            .collect();
        let mut times = Vec::new();
        for gateway in gateways {
            times.extend(gateway.join().map_err(|_| "a gateway panicked")??);
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(times)
    })?;
    Ok((began.elapsed(), times))
}

/// A request that posts usage.
pub(super) fn request(server: &ServerProcess, key: &str, content_type: &str, body: &str) -> String {
    format!(
        "POST /v1/usage HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {key}\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        server.address,
        body.len()
    )
}

/// A batch of events of this hour and the one before.
fn events(batch: u64, count: u64, now_s: i64) -> String {
    let event = |number: u64| {
        let usage = usage(number, count);
        let mut data = record(&usage);
        for name in ["id", "source", "time"] {
            data.as_object_mut().map(|data| data.remove(name));
        }
        // The generated day, compressed to the last two hours.
        let time_s = now_s - 7_200 + (usage.time_s - *START_S) / 12;
        let time = rfc3339(time_s);
        json!({
            "specversion": "1.0", "id": usage.id, "source": usage.source, "type": "ai.tollbook.usage",
            "time": time, "data": data,
        })
    };
    Value::Array((batch * BATCH..(batch + 1) * BATCH).map(event).collect()).to_string()
}

pub(super) fn rfc3339(time_s: i64) -> String {
    let (year, month, day) = tollbook_domain::time::civil_of_day(tollbook_domain::time::day_of(time_s));
    let second = time_s.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

pub(super) fn exchange(stream: &mut BufReader<TcpStream>, request: &[u8]) -> Result<Vec<u8>> {
    stream.get_mut().write_all(request)?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200 ") {
        return Err(format!("the server answers {line:?}").into());
    }
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(body)
}
