//! Gateways that post batches of events or spans to the `tollbook` binary, each on its own connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollbook_domain::Usage;

use super::generated::{START_S, record, usage};
use super::spans;
use crate::result::Result;

/// Events per request.
pub(super) const BATCH: u64 = 100;
/// Number of gateways, each with a connection.
pub(super) const GATEWAYS: usize = 16;

/// How gateways report.
#[derive(Clone, Copy, Debug)]
pub(super) enum Protocol {
    /// `CloudEvents` to `/v1/usage`.
    Events,
    /// OTLP in protobuf to `/v1/traces`.
    Spans,
}

impl Protocol {
    const fn route(self) -> (&'static str, &'static str) {
        match self {
            Self::Events => ("/v1/usage", "application/cloudevents-batch+json"),
            Self::Spans => ("/v1/traces", "application/x-protobuf"),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Events => "CloudEvents",
            Self::Spans => "OTLP",
        }
    }

    fn body(self, batch: u64, count: u64, now_s: i64) -> Vec<u8> {
        let records = (batch * BATCH..(batch + 1) * BATCH).map(|number| {
            let usage = usage(number, count);
            // The generated day, compressed to the last two hours.
            let time_s = now_s - 7_200 + (usage.time_s - *START_S) / 12;
            (usage, time_s)
        });
        match self {
            Self::Events => Value::Array(records.map(|(usage, time_s)| event(&usage, time_s)).collect())
                .to_string()
                .into_bytes(),
            Self::Spans => spans::request(&records.collect::<Vec<_>>()),
        }
    }

    /// Refuses an answer that does not accept every record.
    fn check(self, answer: &[u8]) -> Result {
        let accepted = match self {
            Self::Events => serde_json::from_slice::<Value>(answer)?["Accepted"] == BATCH,
            Self::Spans => answer.is_empty(),
        };
        let answer = String::from_utf8_lossy(answer);
        if accepted {
            Ok(())
        } else {
            Err(format!("the server did not accept every record: {answer}").into())
        }
    }
}

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

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Posts all records. Returns the total time, which is that of the slowest gateway, and the time of each request.
pub(super) fn post(
    server: &ServerProcess,
    protocol: Protocol,
    key: &str,
    count: u64,
) -> Result<(Duration, Vec<Duration>)> {
    let (path, content_type) = protocol.route();
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
                        let body = protocol.body(batch, count, now_s);
                        let head = format!(
                            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {key}\r\nContent-Type: \
                             {content_type}\r\nContent-Length: {}\r\n\r\n",
                            server.address,
                            body.len()
                        );
                        let request = [head.into_bytes(), body].concat();
                        let began = Instant::now();
                        let answer = exchange(&mut stream, &request)?;
                        times.push(began.elapsed());
                        protocol.check(&answer)?;
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

fn event(usage: &Usage, time_s: i64) -> Value {
    let mut data = record(usage);
    for name in ["id", "source", "time"] {
        data.as_object_mut().map(|data| data.remove(name));
    }
    json!({
        "specversion": "1.0", "id": usage.id, "source": usage.source, "type": "ai.tollbook.usage",
        "time": rfc3339(time_s), "data": data,
    })
}

fn rfc3339(time_s: i64) -> String {
    let (year, month, day) = tollbook_domain::time::civil_of_day(tollbook_domain::time::day_of(time_s));
    let second = time_s.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn exchange(stream: &mut BufReader<TcpStream>, request: &[u8]) -> Result<Vec<u8>> {
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
