//! Peers that send slowly, stop in the middle, do not read or are too many: what they take is bounded, others are
//! answered, and the server stops when it should (docs/OPERATIONS.md, "Connections").

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::program::{Fixture, Server};

/// Starts a server with these keys in `[server]`.
fn serve(keys: &str) -> (Fixture, Server) {
    let fixture = Fixture::new();
    std::fs::create_dir_all(fixture.data()).unwrap();
    fixture.write("data/tollbook.toml", format!("[server]\n{keys}\n"));
    let server = fixture.start(&["serve"]);
    (fixture, server)
}

/// A connection on which something was sent.
fn send(server: &Server, bytes: impl AsRef<[u8]>) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(bytes.as_ref()).unwrap();
    stream
}

/// What arrives until the server closes the connection.
fn received(mut stream: &TcpStream) -> String {
    let mut received = Vec::new();
    // A connection that is reset is closed as well.
    let _ = stream.read_to_end(&mut received);
    String::from_utf8_lossy(&received).into_owned()
}

/// The status of an answer to a request on a connection of its own.
fn get(server: &Server, path: &str) -> u16 {
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    received(&send(server, head))[9..12].parse().unwrap()
}

/// Reads the answer of `/healthz` on a connection that stays open.
fn read_health(mut stream: &TcpStream) {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok\n") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&answer));
        answer.push(byte[0]);
    }
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn slow_heads_and_idle_connections_are_closed() {
    let (_fixture, server) = serve("head_timeout_s = 1\nidle_timeout_s = 1");
    let silent = send(&server, "");
    let half = send(&server, "GET /healthz HTTP/1.1\r\nHost:");
    let idle = send(&server, HEALTH);
    read_health(&idle);
    let slow_second = send(&server, HEALTH);
    read_health(&slow_second);
    (&slow_second).write_all(b"GET /healthz HTTP/1.1\r\nHost:").unwrap();
    for stream in [&silent, &half, &idle, &slow_second] {
        assert_eq!(received(stream), "");
    }
    assert_eq!(get(&server, "/healthz"), 200);
}

#[test]
fn a_half_sent_head_does_not_keep_the_server_from_stopping() {
    // If the server waited for any of them, the test would not end.
    let forever = "head_timeout_s = 600\nidle_timeout_s = 3600\nstop_timeout_s = 3600";
    for signal in ["TERM", "HUP", "INT"] {
        let (_fixture, mut server) = serve(forever);
        let silent = send(&server, "");
        let half = send(&server, "GET / HTTP/1.1\r\nHost:");
        let idle = send(&server, HEALTH);
        read_health(&idle);
        let slow_second = send(&server, HEALTH);
        read_health(&slow_second);
        (&slow_second).write_all(b"GET / HTTP/1.1\r\nHost:").unwrap();
        server.signal(signal);
        assert_eq!(server.ended(), Some(0), "{signal}");
        for stream in [&silent, &half, &idle, &slow_second] {
            assert_eq!(received(stream), "");
        }
        let log = server.stop();
        assert!(log.contains(&format!("signal=\"SIG{signal}\"")) && !log.contains("cut off"), "{log}");
    }
}

#[test]
fn a_request_that_does_not_end_is_cut_off_when_the_server_stops() {
    let (_fixture, mut server) = serve("stop_timeout_s = 1\nbody_timeout_s = 3600\nbody_pause_s = 600");
    let head = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n";
    let mut stream = send(&server, head);
    // The server asks for the body, so the request has begun.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    server.signal("TERM");
    assert_eq!(server.ended(), Some(0));
    assert_eq!(received(&stream), "");
    assert!(server.stop().contains("connections were cut off"));
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let (_fixture, mut server) = serve("stop_timeout_s = 3600\nbody_timeout_s = 3600\nbody_pause_s = 600");
    let head = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n";
    let mut stream = send(&server, head);
    stream.read_exact(&mut [0; 25]).unwrap();
    server.signal("TERM");
    // The server has received the signal when it accepts no connections.
    while TcpStream::connect(server.address()).is_ok() {
        std::thread::yield_now();
    }
    server.signal("INT");
    assert_eq!(server.ended(), Some(0));
    assert!(server.stop().contains("a second signal to stop"));
}

#[test]
fn a_peer_that_does_not_read_is_closed() {
    let (_fixture, server) = serve("write_timeout_s = 1");
    let before = server.sockets();
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_nonblocking(true).unwrap();
    let head = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
    // The server reads no further request while it cannot send the answers to the earlier ones.
    loop {
        match (&stream).write(head) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    while server.sockets() > before {
        std::thread::yield_now();
    }
    assert_eq!(get(&server, "/healthz"), 200);
}

/// A connection with more answers to read than any buffer holds.
fn with_many_answers(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_nonblocking(true).unwrap();
    let head = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
    // After a part of a head, the next head would not be one.
    while (&stream).write(head).is_ok_and(|bytes| bytes == head.len()) {}
    stream.set_nonblocking(false).unwrap();
    stream
}

#[test]
fn a_peer_that_reads_too_slowly_is_closed() {
    const READ: usize = 1 << 20;
    let mut buffer = [0; 32];
    // No peer that reads some bytes at a time keeps this rate, and each keeps the other one.
    let (_fixture, server) = serve("write_timeout_s = 1\nwrite_bytes_per_s = 1000000000");
    let mut stream = with_many_answers(&server);
    while stream.read(&mut buffer).is_ok_and(|bytes| bytes > 0) {}
    assert_eq!(get(&server, "/healthz"), 200);
    let (_fixture, server) = serve("write_timeout_s = 1\nwrite_bytes_per_s = 1");
    let mut stream = with_many_answers(&server);
    let mut bytes = 0;
    while bytes < READ {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "closed after {bytes} bytes");
        bytes += read;
    }
}

#[test]
fn an_address_has_a_number_of_connections() {
    let (_fixture, mut server) = serve("connections_per_address = 2");
    let open: Vec<_> = (0..2).map(|_| send(&server, HEALTH)).collect();
    open.iter().for_each(read_health);
    let refused = received(&send(&server, HEALTH));
    let (head, body) = refused.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(serde_json::from_str::<Value>(body).unwrap()["RetCode"], 150);
    drop(open);
    while received(&send(&server, HEALTH.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")))
        .contains("503")
    {
        std::thread::yield_now();
    }
    assert!(server.stop().contains("connections refused"));
}

#[test]
fn idle_connections_make_room_for_new_ones() {
    let (_fixture, server) = serve("connections = 20\nidle_timeout_s = 3600");
    // One after the other, so that the first one has been idle for longest.
    let idle = (0..20).map(|_| {
        let stream = send(&server, HEALTH);
        read_health(&stream);
        stream
    });
    let idle: Vec<_> = idle.collect();
    assert_eq!(get(&server, "/healthz"), 200);
    // Those that were idle for longest were closed.
    assert_eq!(received(&idle[0]), "");
}

#[test]
fn bodies_of_unknown_senders_leave_room_for_small_ones_and_for_the_operator() {
    let keys = "body_bytes_at_once = 16777216\nbody_timeout_s = 3600\nbody_pause_s = 600";
    let (fixture, server) = serve(keys);
    let key = fixture.json(&["operator-key", "add", "--name", "gateway"]);
    let company = fixture.company("Acme");
    // Twice of what fits, each without its last byte.
    let body = "x".repeat(1 << 20);
    let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut endless: Vec<_> = (0..16)
        .map(|_| {
            let stream = send(&server, &head);
            stream.set_nonblocking(true).unwrap();
            (stream, 0)
        })
        .collect();
    // Until the server takes no more: what it does not read stays in the buffers of the sockets.
    let mut is_taken = true;
    while is_taken {
        is_taken = false;
        for (stream, sent) in &mut endless {
            if let Ok(bytes) = stream.write(&body.as_bytes()[*sent..body.len() - 1]) {
                *sent += bytes;
                is_taken |= bytes > 0;
            }
        }
    }
    let client = crate::rig::Client::new(&company);
    assert_eq!(client.call(server.url(), "GetFilterOptions", &[])["RetCode"], 0);
    let mut response = ureq::post(format!("{}/v1/usage", server.url()))
        .header("Authorization", format!("Bearer {}", key["OperatorKey"].as_str().unwrap()))
        .header("Content-Type", "application/cloudevents-batch+json")
        .send(format!("[{}]", " ".repeat(4_000_000)))
        .unwrap();
    let answer = response.body_mut().read_to_string().unwrap();
    assert!(answer.contains("\"Accepted\":0"), "{answer}");
}

#[test]
fn requests_that_could_be_understood_in_two_ways_and_unknown_paths_are_refused() {
    let (_fixture, server) = serve("");
    let double = "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n";
    assert!(received(&send(&server, double)).starts_with("HTTP/1.1 400 "));
    for path in
        ["/ready", "/livez", "/health", "/metrics", "/healthz/", "/healthz?verbose=1&x", "/v1/unknown"]
    {
        let status = if path.starts_with("/healthz?") { 200 } else { 404 };
        assert_eq!(get(&server, path), status, "{path}");
    }
    let probe = "HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(received(&send(&server, probe)).starts_with("HTTP/1.1 404 "));
    let export = "POST /v1/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                  Content-Type: application/x-protobuf\r\nContent-Length: 2\r\n\r\n\n\0";
    assert!(received(&send(&server, export)).starts_with("HTTP/1.1 404 "));
    // Requests of the API are answered at every path, as SDKs need it.
    for path in ["/", "/gateway?Action=ListPaidOrders", "/livez?Action=Unknown"] {
        assert_eq!(get(&server, path), 200, "{path}");
    }
}

#[test]
fn links_lead_to_the_host_of_the_request_if_the_server_listens_on_all_addresses() {
    let fixture = Fixture::new();
    let server = fixture.start_with(&["serve"], "0.0.0.0:0", std::process::Stdio::piped());
    let company = fixture.company("Acme");
    crate::failures::write_orders(&fixture, &company, 10);
    fixture.json(&["orders", "import", "orders.jsonl"]);
    let port = server.address().split_once(':').unwrap().1.to_owned();
    let client = crate::rig::Client::new(&company);
    let range = [("StartTime", "1700000000".to_owned()), ("EndTime", "1800000000".to_owned())];
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        let answer = client.ask(&format!("http://{host}"), "DownloadListPaidOrders", &range);
        let link = answer["Data"]["DownloadURL"].as_str().unwrap();
        assert!(link.starts_with(&format!("http://{host}/exports/")), "{link}");
        assert_eq!(ureq::get(link).call().unwrap().status(), 200);
    }
}

#[test]
fn the_object_key_pair_is_shown() {
    let fixture = Fixture::new();
    fixture.company("Acme");
    let shown = fixture.json(&["object-keys"]);
    let (public, private) = fixture.object_keys();
    assert_eq!(
        (shown["PublicKey"].as_str(), shown["PrivateKey"].as_str()),
        (Some(&*public), Some(&*private))
    );
    assert_eq!(shown["Bucket"], "tollbook");
}
