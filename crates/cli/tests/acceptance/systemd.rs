//! The server under systemd: sockets that are open already, notifications, watchdog, priorities for the journal; and a restart
//! under load on which no request fails. A test takes systemd's place: it opens the sockets and starts the processes.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tollbook_api::signature::sign;
use tollbook_ops::{Clock as _, SystemClock};

use crate::program::{Company, Fixture, on_each_database};

/// Clients that send requests during a restart, every other one on connections that it keeps.
const CLIENTS: usize = 6;
/// Requests that are answered between two steps of a restart.
const BETWEEN_STEPS: usize = 200;

/// A socket as systemd opens it.
fn socket() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A command that gets open sockets by systemd's protocol. Standard input carries the first one to the shell, standard error
/// the second.
fn activated(fixture: &Fixture, sockets: &[(&str, &TcpListener)], arguments: &[&str]) -> Command {
    let names: Vec<&str> = sockets.iter().map(|(name, _)| *name).collect();
    let moved = ["", "exec 3<&0 0</dev/null;", "exec 3<&0 4<&2 0</dev/null 2>log;"][sockets.len()];
    let script = format!("{moved} LISTEN_PID=$$ exec \"$0\" --json \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(env!("CARGO_BIN_EXE_tollbook")).args(arguments);
    fixture.enter(&mut command);
    command.env("LISTEN_FDS", sockets.len().to_string()).env("LISTEN_FDNAMES", names.join(":"));
    let carried = |place: usize| {
        sockets
            .get(place)
            .map_or_else(Stdio::null, |(_, socket)| Stdio::from(OwnedFd::from(socket.try_clone().unwrap())))
    };
    command.stdin(carried(0)).stderr(carried(1)).stdout(Stdio::piped());
    command
}

/// A server that was started with an open socket.
struct Activated {
    child: Child,
    said: Value,
}

impl Activated {
    fn start(fixture: &Fixture, sockets: &[(&str, &TcpListener)]) -> Self {
        let mut child = activated(fixture, sockets, &["serve"]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, said: serde_json::from_str(&line).unwrap() }
    }

    fn signal(&self) {
        let status =
            Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn ended(&mut self) {
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that sends one request after the other and accepts no failure.
struct Client {
    address: SocketAddr,
    keeps_connections: bool,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    /// Status, and body.
    fn send(&mut self, request: &str) -> Result<(u16, String), String> {
        let mut stream = match self.connection.take() {
            Some(stream) => stream,
            None => {
                BufReader::new(TcpStream::connect(self.address).map_err(|error| format!("connect: {error}"))?)
            }
        };
        stream.get_mut().write_all(request.as_bytes()).map_err(|error| format!("send: {error}"))?;
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            match stream.read_line(&mut line) {
                Ok(0) => return Err(format!("closed after {head:?}")),
                Err(error) => return Err(format!("receive: {error}")),
                Ok(_) if line == "\r\n" => break,
                Ok(_) => head.push(line.trim_end().to_ascii_lowercase()),
            }
        }
        let header = |name: &str| head.iter().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        let length = header("content-length").and_then(|length| length.parse().ok()).ok_or("no length")?;
        let mut body = vec![0; length];
        stream.read_exact(&mut body).map_err(|error| format!("receive: {error}"))?;
        let status = head.first().and_then(|line| line.get(9..12)?.parse().ok()).ok_or("no status")?;
        if self.keeps_connections && header("connection") != Some("close") {
            self.connection = Some(stream);
        }
        Ok((status, String::from_utf8(body).unwrap()))
    }
}

/// Requests of all clients during a restart.
struct Load {
    address: SocketAddr,
    company: Company,
    operator_key: String,
    stop: AtomicBool,
    answered: AtomicUsize,
}

impl Load {
    /// Sends requests until the load stops. Returns the ids of the stored usage records.
    fn client(&self, number: usize) -> Result<Vec<String>, String> {
        let keeps_connections = number.is_multiple_of(2);
        let mut client = Client { address: self.address, keeps_connections, connection: None };
        let mut stored = Vec::new();
        for round in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            if round % 2 == 0 {
                let (status, body) = client.send(&self.list())?;
                let code = serde_json::from_str::<Value>(&body).unwrap()["RetCode"].clone();
                if (status, &code) != (200, &json!(0)) {
                    return Err(format!("list: {status} {body}"));
                }
            } else {
                let id = format!("{number}-{round}");
                let (status, body) = client.send(&self.usage(&id))?;
                if status != 200 {
                    return Err(format!("usage: {status} {body}"));
                }
                stored.push(id);
            }
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        Ok(stored)
    }

    fn list(&self) -> String {
        let now_s = SystemClock.now_s();
        let parameters = [
            ("Action", "ListUnpaidOrders".to_owned()),
            ("PublicKey", self.company.public_key.clone()),
            ("StartTime", (now_s - 86_400).to_string()),
            ("EndTime", now_s.to_string()),
            ("Page", "1".to_owned()),
            ("PageSize", "10".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let signature = sign(&parameters, &self.company.private_key);
        let query: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("GET /?{}&Signature={signature} HTTP/1.1\r\nHost: x\r\n\r\n", query.join("&"))
    }

    fn usage(&self, id: &str) -> String {
        let event = json!({
            "specversion": "1.0", "type": "ai.tollbook.usage", "id": id, "source": "gateway",
            "time": jiff::Timestamp::from_second(SystemClock.now_s()).unwrap().to_string(),
            "data": {
                "company_id": self.company.id, "organization_id": 1, "resource_id": "key-1", "resource_type": 1,
                "model_id": "a-model", "product_code": "modelverse", "region": "us-ca", "quantities": {"input": 7},
            },
        })
        .to_string();
        format!(
            "POST /v1/usage HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: \
             application/cloudevents+json\r\nContent-Length: {}\r\n\r\n{event}",
            self.operator_key,
            event.len()
        )
    }

    /// Waits until some more requests have been answered. If one failed, no more may come, and the failure is found later.
    fn go_on(&self) {
        let enough = self.answered.load(Ordering::Relaxed) + BETWEEN_STEPS;
        while self.answered.load(Ordering::Relaxed) < enough && !self.stop.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
    }
}

on_each_database! { no_request_fails_when_the_server_is_restarted_under_load }

fn no_request_fails_when_the_server_is_restarted_under_load(fixture: &Fixture) {
    let company = fixture.company("Acme");
    let key = fixture.json(&["operator-key", "add", "--name", "gateway"]);
    let (listener, address) = socket();
    let sockets = [("tollbook", &listener)];
    let mut first = Activated::start(fixture, &sockets);
    assert_eq!(first.said["URL"], format!("http://{address}"));
    let operator_key = key["OperatorKey"].as_str().unwrap().to_owned();
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let load = &Load { address, company, operator_key, stop, answered };
    let stored = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                scope.spawn(move || {
                    let stored = load.client(number);
                    // A failure ends the test, not only its client.
                    load.stop.fetch_or(stored.is_err(), Ordering::Relaxed);
                    stored
                })
            })
            .collect();
        load.go_on();
        // The next server begins while the former one finishes its requests.
        first.signal();
        let mut second = Activated::start(fixture, &sockets);
        first.ended();
        load.go_on();
        // As `systemctl restart` does it: meanwhile nothing accepts, and clients wait in the socket's queue.
        second.signal();
        second.ended();
        let mut third = Activated::start(fixture, &sockets);
        load.go_on();
        load.stop.store(true, Ordering::Relaxed);
        let stored: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        third.signal();
        third.ended();
        stored
    });
    let mut ids = BTreeSet::new();
    for of_client in stored {
        ids.extend(of_client.unwrap_or_else(|failure| panic!("a request failed: {failure}")));
    }
    assert!(ids.len() >= BETWEEN_STEPS, "the load reported usage");
    let found = fixture.json(&["usage", "unpriced", "--company", "1", "--limit", "1000000"]);
    let records = found["Records"].as_array().unwrap().iter();
    let found: BTreeSet<String> = records.map(|record| record["Id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found, ids, "what was acknowledged is stored, and nothing else");
    fixture.assert_verified(0);
}

#[test]
fn both_sockets_are_taken_by_their_names() {
    let fixture = Fixture::new();
    fixture.company("Acme");
    let ((main, address), (metrics, of_metrics)) = (socket(), socket());
    let mut server = Activated::start(&fixture, &[("tollbook-metrics", &metrics), ("tollbook", &main)]);
    assert_eq!(server.said["URL"], format!("http://{address}"));
    assert_eq!(server.said["MetricsURL"], format!("http://{of_metrics}/metrics"));
    let mut client = Client { address: of_metrics, keeps_connections: false, connection: None };
    let (status, text) =
        client.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    assert!(status == 200 && text.contains("tollbook_store_up 1"), "{status} {text}");
    server.signal();
    server.ended();
}

#[test]
fn sockets_that_are_not_understood_are_refused() {
    let fixture = Fixture::new();
    let (listener, _) = socket();
    for (sockets, arguments, reason) in [
        (&[("http", &listener)][..], &["serve"][..], "socket 1 (http) is not known"),
        (
            &[("tollbook", &listener)],
            &["serve", "--listen", "127.0.0.1:0"],
            "--listen: systemd has opened the socket",
        ),
        (
            &[("tollbook", &listener), ("tollbook", &listener)],
            &["serve"],
            "there are two sockets named tollbook",
        ),
    ] {
        let output = activated(&fixture, sockets, arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.code() == Some(1) && said.contains(reason), "{said}");
    }
}

#[test]
fn systemd_learns_of_readiness_watchdog_and_stop() {
    let path = tempfile::tempdir().unwrap().keep().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let fixture =
        Fixture::with_environment(&[("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "300000")]);
    let next = || {
        let mut message = [0; 4_096];
        let length = socket.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..length]).into_owned()
    };
    let mut server = fixture.start(&["serve"]);
    // A slow start is reported before it is over.
    let ready =
        std::iter::repeat_with(next).find(|message| !message.starts_with("EXTEND_TIMEOUT_USEC=")).unwrap();
    assert_eq!(ready, format!("READY=1\nSTATUS=listens on {}\n", server.url()));
    for _ in 0..2 {
        assert_eq!(next(), "WATCHDOG=1\n");
    }
    server.signal("TERM");
    let stopping = std::iter::repeat_with(next).find(|message| message != "WATCHDOG=1\n").unwrap();
    assert_eq!(stopping, "STOPPING=1\nSTATUS=finishes the requests in progress\n");
    assert_eq!(server.ended(), Some(0));
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

#[test]
fn lines_for_the_journal_have_priorities() {
    use std::os::unix::fs::MetadataExt as _;
    let fixture = Fixture::new();
    let log = std::fs::File::create(fixture.path("journal")).unwrap();
    let file = log.metadata().unwrap();
    let stream = format!("{}:{}", file.dev(), file.ino());
    let mut server =
        fixture.start_in(&["serve"], "127.0.0.1:0", Stdio::from(log), &[("JOURNAL_STREAM", stream)]);
    server.signal("TERM");
    assert_eq!(server.ended(), Some(0));
    let lines = std::fs::read_to_string(fixture.path("journal")).unwrap();
    assert!(lines.lines().all(|line| line.starts_with('<')), "{lines}");
    assert!(lines.lines().any(|line| line.starts_with("<6>") && line.contains("stopping;")), "{lines}");
    // Another file than that of the journal gets no priorities.
    let elsewhere =
        fixture.start_in(&["serve"], "127.0.0.1:0", Stdio::piped(), &[("JOURNAL_STREAM", "1:2".to_owned())]);
    let log = { elsewhere }.stop();
    assert!(log.contains("stopping;") && !log.contains("<6>"), "{log}");
}
