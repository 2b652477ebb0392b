//! The sender over real sockets.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use tollbook_ops::FixedClock;
use tollbook_testkit::stores::TlsServer;

use super::*;

const LOCAL: &str = "127.0.0.1/32";

/// Accepts connections, and answers each by a function. Returns its address and what it received.
fn receiver(answer: impl Fn(&mut TcpStream) + Send + 'static) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read_request(&mut stream);
            if sender.send(request).is_err() {
                break;
            }
            answer(&mut stream);
        }
    });
    (address, received)
}

/// The head and body of a request.
fn read_request(stream: &mut TcpStream) -> String {
    let (mut text, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        let read = stream.read(&mut buffer).unwrap();
        text.extend_from_slice(&buffer[..read]);
        let head = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = head.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if read == 0 || body.len() >= length.parse().unwrap() {
            return format!("{head}\r\n\r\n{body}");
        }
    }
}

fn says(status: &'static str, head: &'static str, body: &'static str) -> impl Fn(&mut TcpStream) + Send {
    move |stream| {
        let length = body.len();
        let _ = write!(stream, "HTTP/1.1 {status}\r\n{head}content-length: {length}\r\n\r\n{body}");
    }
}

fn config(networks: &[&str]) -> WebhooksConfig {
    WebhooksConfig {
        allow_http: true,
        allowed_networks: networks.iter().map(|text| tollbook_ops::networks::parse(text).unwrap()).collect(),
        ..WebhooksConfig::default()
    }
}

fn sender(networks: &[&str]) -> HttpSender {
    HttpSender::new(&config(networks), Arc::new(FixedClock::at(784_111_740))).unwrap()
}

fn message(url: String) -> Message {
    Message {
        url,
        message_id: "msg_1".into(),
        time_s: 784_111_740,
        signatures: "v1,AA== v1,BB==".into(),
        body: r#"{"type":"webhook.test","data":{"a":"é"}}"#.into(),
    }
}

fn to(address: SocketAddr) -> Message {
    message(format!("http://{address}/hook?a=1"))
}

#[test]
fn a_message_has_its_headers_and_body() {
    let (address, received) = receiver(says("200 OK", "", "thanks"));
    let reply = sender(&[LOCAL]).reading_bodies().send(&to(address)).unwrap();
    assert_eq!(reply, Reply { status: 200, retry_after_s: None, excerpt: "thanks".into() });
    let request = received.recv().unwrap().to_lowercase();
    assert!(request.starts_with("post /hook?a=1 http/1.1\r\n"), "{request}");
    for line in [
        "content-type: application/json",
        "webhook-id: msg_1",
        "webhook-timestamp: 784111740",
        "webhook-signature: v1,aa== v1,bb==",
        concat!("user-agent: tollbook/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(request.contains(line), "{line} is not in {request}");
    }
    assert!(request.ends_with("\r\n\r\n{\"type\":\"webhook.test\",\"data\":{\"a\":\"é\"}}"), "{request}");
}

#[test]
fn redirects_are_an_answer_and_not_followed() {
    let (target, reached) = receiver(says("200 OK", "", ""));
    let location: &'static str = Box::leak(format!("location: http://{target}/\r\n").into_boxed_str());
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let (address, _received) = receiver(says(status, location, ""));
        let reply = sender(&[LOCAL]).send(&to(address)).unwrap();
        assert_eq!(reply.status.to_string(), status[..3]);
    }
    assert!(reached.try_recv().is_err(), "nothing was sent to the target");
}

#[test]
fn a_wish_for_a_pause_is_read() {
    for (head, expected) in [
        ("retry-after: 120\r\n", Some(120)),
        ("retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n", Some(37)),
        ("retry-after: soon\r\n", None),
        ("", None),
    ] {
        let (address, _received) = receiver(says("429 Too Many Requests", head, ""));
        let reply = sender(&[LOCAL]).send(&to(address)).unwrap();
        assert_eq!((reply.status, reply.retry_after_s), (429, expected), "{head}");
    }
}

#[test]
fn a_receiver_that_is_slow_or_silent_or_endless_is_left_after_the_time() {
    let mut config = config(&[LOCAL]);
    config.timeout = Duration::from_millis(300);
    let sender = HttpSender::new(&config, Arc::new(FixedClock::at(0))).unwrap();
    let drip = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        // Until the sender closes the connection.
        while stream.write_all(b"x-more: 1\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let silent = |stream: &mut TcpStream| {
        let _ = stream.read(&mut [0; 1]);
    };
    let flood = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(&[b'x'; 4_096]).is_ok() {}
    };
    for (name, address) in
        [("drip", receiver(drip).0), ("silent", receiver(silent).0), ("flood", receiver(flood).0)]
    {
        let began = Instant::now();
        let error = sender.send(&to(address)).unwrap_err();
        assert!(error.starts_with("no answer: "), "{name}: {error}");
        // Generous: it must end, and not after the minute that a system's own limits take.
        assert!(began.elapsed() < Duration::from_secs(30), "{name}");
    }
    // A body without end costs nothing, because it is not read.
    let endless = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while stream.write_all(b"1\r\nx\r\n").is_ok() {}
    };
    let (address, _received) = receiver(endless);
    assert_eq!(sender.send(&to(address)).unwrap().status, 200);
    let reading = HttpSender::new(&config, Arc::new(FixedClock::at(0))).unwrap().reading_bodies();
    let (address, _received) = receiver(endless);
    assert!(reading.send(&to(address)).unwrap().excerpt.len() <= 1_024);
}

#[test]
fn private_networks_are_refused_unless_they_are_allowed() {
    let (address, reached) = receiver(says("200 OK", "", ""));
    let refused = sender(&[]).send(&to(address)).unwrap_err();
    assert!(refused.contains("leads to 127.0.0.1"), "{refused}");
    // By a name as well: what it is resolved to decides.
    let ports = WebhooksConfig { allowed_ports: vec![address.port()], ..config(&[]) };
    let named = HttpSender::new(&ports, Arc::new(FixedClock::at(0))).unwrap();
    let by_name = message(format!("http://localhost:{}/", address.port()));
    let refused = named.send(&by_name).unwrap_err();
    assert!(refused.starts_with("not sent: the URL leads to "), "{refused}");
    assert!(reached.try_recv().is_err(), "no connection was made");
    let ports = WebhooksConfig { allowed_ports: vec![address.port()], ..config(&[LOCAL]) };
    let allowed = HttpSender::new(&ports, Arc::new(FixedClock::at(0))).unwrap();
    assert_eq!(allowed.send(&by_name).unwrap().status, 200);
}

/// Names that are looked up to the next of some addresses.
#[derive(Debug)]
struct Rebinding {
    addresses: Vec<Vec<SocketAddr>>,
    asked: Arc<AtomicUsize>,
}

impl Resolver for Rebinding {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let time = self.asked.fetch_add(1, Ordering::SeqCst);
        let mut found = self.empty();
        for address in &self.addresses[time.min(self.addresses.len() - 1)] {
            found.push(*address);
        }
        Ok(found)
    }
}

#[test]
fn a_name_that_is_resolved_into_a_private_network_later_is_refused_then() {
    let (address, reached) = receiver(says("200 OK", "", ""));
    let private = SocketAddr::new(IpAddr::from([127, 0, 0, 2]), address.port());
    let metadata: SocketAddr = "169.254.169.254:80".parse().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let names = Rebinding {
        addresses: vec![vec![address], vec![private], vec![metadata, private], vec![metadata, address]],
        asked: Arc::clone(&asked),
    };
    let config = WebhooksConfig { allowed_ports: vec![80], ..config(&[LOCAL]) };
    let sender = HttpSender::with_names(&config, Arc::new(FixedClock::at(0)), names).unwrap();
    let send = || sender.send(&message("http://rebinding.example/".into()));
    assert_eq!(send().unwrap().status, 200);
    let refused = send().unwrap_err();
    assert_eq!(
        refused,
        "not sent: the URL leads to 127.0.0.2, which is not of the public internet nor in webhooks.allowed_networks"
    );
    assert!(send().is_err());
    assert_eq!(send().unwrap().status, 200, "of several addresses the allowed one is used");
    assert_eq!(asked.load(Ordering::SeqCst), 4, "looked up for each message");
    assert_eq!(reached.try_iter().count(), 2);
}

#[test]
fn a_url_is_judged_by_the_configuration_of_now() {
    let (address, reached) = receiver(says("200 OK", "", ""));
    let strict = WebhooksConfig { allow_http: false, ..config(&[LOCAL]) };
    let refused =
        HttpSender::new(&strict, Arc::new(FixedClock::at(0))).unwrap().send(&to(address)).unwrap_err();
    assert!(refused.contains("must begin with https"), "{refused}");
    assert!(reached.try_recv().is_err());
}

#[test]
fn a_file_of_authorities_is_read_or_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let open = || {
        let config = WebhooksConfig { authorities: Some(file.clone()), ..config(&[LOCAL]) };
        HttpSender::new(&config, Arc::new(FixedClock::at(0))).map(|_| ())
    };
    let named = |reason: &str| Err(format!("webhooks.ca_file {}: {reason}", file.display()));
    assert_eq!(open(), named("No such file or directory (os error 2)"));
    std::fs::write(&file, "no certificate").unwrap();
    assert_eq!(open(), named("has no certificate"));
    // A receiver with a certificate of an authority of its own.
    let (address, received) = receiver(says("200 OK", "", ""));
    let tls = TlsServer::before(address);
    let https = message(format!("https://localhost:{}/hook", tls.address.port()));
    let ports = vec![tls.address.port()];
    let send = |authorities| {
        let config =
            WebhooksConfig { authorities, allowed_ports: ports.clone(), ..WebhooksConfig::default() };
        let config = WebhooksConfig { allowed_networks: self::config(&[LOCAL]).allowed_networks, ..config };
        HttpSender::new(&config, Arc::new(FixedClock::at(0))).unwrap().send(&https)
    };
    assert!(send(None).unwrap_err().starts_with("no answer: "), "its authority is not trusted");
    assert!(received.try_recv().is_err(), "nothing was sent to it");
    assert_eq!(send(Some(tls.authority())).unwrap().status, 200);
    assert!(received.recv().unwrap().starts_with("POST /hook HTTP/1.1"));
}
