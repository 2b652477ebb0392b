//! Webhooks through the binary: `tollbook webhook`, and servers that deliver to receivers on real sockets.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tollbook_testkit::documents;

use crate::program::{Fixture, on_each_database};

on_each_database! {
    events_are_sent_signed_retried_and_replayed
    a_server_that_is_killed_leaves_its_message_to_another_one
}

/// Receivers are on this machine.
const CONFIG: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n\
                      [webhooks]\nallow_http = true\nallowed_networks = [\"127.0.0.0/8\"]\ntimeout_s = 2\nconcurrency = 2\n";

/// A request that a receiver got, whose connection waits for the answer.
struct Got {
    path: String,
    id: String,
    time_s: i64,
    signatures: String,
    body: String,
    stream: TcpStream,
}

impl Got {
    fn answer(&mut self, status: &str) {
        let _ = write!(self.stream, "HTTP/1.1 {status}\r\ncontent-length: 6\r\n\r\nthanks");
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn is_signed_by(&self, secret: &Value) -> bool {
        let webhook = Webhook::new(secret.as_str().unwrap()).unwrap();
        let expected = webhook.sign(&self.id, self.time_s, self.body.as_bytes()).unwrap();
        self.signatures.split(' ').any(|signature| signature == expected)
    }
}

/// Receivers of messages: one listener, each path of its own.
struct Receivers {
    address: SocketAddr,
    got: Receiver<Got>,
}

impl Receivers {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, got) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let sender: Sender<Got> = sender.clone();
                std::thread::spawn(move || {
                    if let Some(got) = read(stream) {
                        let _ = sender.send(got);
                    }
                });
            }
        });
        Self { address, got }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next message; those to `/silent` are not answered, and kept open.
    fn next(&self, silent: &mut Vec<Got>) -> Got {
        loop {
            let got = self.got.recv().unwrap();
            if got.path != "/silent" {
                return got;
            }
            silent.push(got);
        }
    }
}

fn read(mut stream: TcpStream) -> Option<Got> {
    let (mut text, mut buffer) = (Vec::new(), [0; 4_096]);
    let (head, body) = loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        text.extend_from_slice(&buffer[..read]);
        let said = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = said.split_once("\r\n\r\n") else { continue };
        if body.len() >= header(head, "content-length").parse::<usize>().unwrap() {
            break (head.to_owned(), body.to_owned());
        }
    };
    Some(Got {
        path: head.split(' ').nth(1).unwrap().to_owned(),
        id: header(&head, "webhook-id"),
        time_s: header(&head, "webhook-timestamp").parse().unwrap(),
        signatures: header(&head, "webhook-signature"),
        body,
        stream,
    })
}

fn header(head: &str, name: &str) -> String {
    let of = |line: &str| {
        line.split_once(": ").filter(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, v)| v.to_owned())
    };
    head.lines().find_map(of).unwrap_or_else(|| panic!("{name} is not in {head}"))
}

fn configure(fixture: &Fixture) {
    std::fs::create_dir_all(fixture.data()).unwrap();
    fixture.write("data/tollbook.toml", CONFIG);
}

fn add(fixture: &Fixture, url: &str, options: &[&str]) -> Value {
    fixture.json(&[&["webhook", "add", "--url", url], options].concat())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}

fn low_balance(fixture: &Fixture, company: &str, amount: &str) {
    fixture.json(&["account", "low-balance", "--company", company, "--amount", amount]);
}

fn events_are_sent_signed_retried_and_replayed(fixture: &Fixture) {
    configure(fixture);
    let company = fixture.company("Acme").id.to_string();
    let receivers = Receivers::start();
    let hook = add(fixture, &receivers.url("/hook"), &["--company", &company, "--event", "balance.low"]);
    // More of them than a server has places.
    let silent = add(fixture, &receivers.url("/silent"), &["--name", "slow"]);
    for _ in 0..2 {
        add(fixture, &receivers.url("/silent"), &["--event", "balance.low"]);
    }
    let operator = add(
        fixture,
        &receivers.url("/ops"),
        &["--event", "webhook.endpoint_disabled", "--event", "import.refused"],
    );
    let id = text(&hook["EndpointID"]);
    let listed = fixture.json(&["webhook", "list", "--company", &company]);
    assert_eq!((&listed[0]["EndpointID"], listed[0].get("Secret")), (&json!(id), None));
    assert_eq!(listed[0]["Events"], json!(["balance.low"]));

    let mut server = fixture.start(&["serve"]);
    let mut open = Vec::new();
    // 500 at first, then 200: the same message after five seconds. The silent receivers do not hold it up.
    low_balance(fixture, &company, "100");
    let mut first = receivers.next(&mut open);
    assert_eq!(first.path, "/hook");
    assert_eq!(first.json()["type"], "balance.low");
    assert_eq!(
        first.json()["data"],
        json!({"CompanyID": 1, "Currency": "CNY", "Balance": "0.00", "LowBalance": "100.00"})
    );
    assert!(first.is_signed_by(&hook["Secret"]) && !first.is_signed_by(&silent["Secret"]));
    first.answer("500 Internal Server Error");
    let mut second = receivers.next(&mut open);
    assert_eq!((&second.id, &second.body), (&first.id, &first.body));
    assert!(second.time_s >= first.time_s + 5, "{} {}", first.time_s, second.time_s);
    assert!(second.is_signed_by(&hook["Secret"]));
    second.answer("200 OK");

    // What was refused is an event of the operator's.
    fixture.write("orders.jsonl", "not json\n");
    fixture.refused(&["orders", "import", "orders.jsonl"]);
    let mut refused = receivers.next(&mut open);
    assert_eq!((refused.path.as_str(), &refused.json()["type"]), ("/ops", &json!("import.refused")));
    assert_eq!(refused.json()["data"]["Files"], json!(["orders.jsonl"]));
    assert!(refused.is_signed_by(&operator["Secret"]));
    refused.answer("204 No Content");

    // Replayed under its id, and signed by both secrets while one takes the place of the other.
    let rotated = fixture.json(&["webhook", "rotate-secret", id]);
    fixture.json(&["webhook", "replay", &first.id, "--endpoint", id]);
    let mut again = receivers.next(&mut open);
    assert_eq!((&again.id, &again.body), (&first.id, &first.body));
    assert!(again.is_signed_by(&rotated["Secret"]) && again.is_signed_by(&hook["Secret"]));
    again.answer("200 OK");

    // Gone: the endpoint is disabled, which the operator's endpoint is sent.
    fixture.json(&["account", "low-balance", "--company", &company, "--off"]);
    low_balance(fixture, &company, "7");
    let mut gone = receivers.next(&mut open);
    assert_eq!(gone.json()["data"]["LowBalance"], "7.00");
    gone.answer("410 Gone");
    let mut disabled = receivers.next(&mut open);
    assert_eq!(disabled.json()["type"], "webhook.endpoint_disabled");
    assert_eq!(disabled.json()["data"]["EndpointID"], id);
    disabled.answer("200 OK");
    let listed = fixture.json(&["webhook", "list", "--company", &company]);
    assert_eq!(listed[0]["DisabledReason"], "it answered 410");

    // A test is sent by the command, also to a disabled endpoint.
    let child = fixture.spawn(&["webhook", "test", id]);
    let mut test = receivers.next(&mut open);
    assert_eq!(test.json()["type"], "webhook.test");
    assert!(test.is_signed_by(&rotated["Secret"]));
    test.answer("200 OK");
    let (code, said, _) = crate::program::finish(child);
    assert_eq!((code, &said["Status"], &said["Answer"]), (Some(0), &json!(200), &json!("thanks")));
    let child = fixture.spawn(&["webhook", "test", id]);
    receivers.next(&mut open).answer("302 Found");
    let (code, said, error) = crate::program::finish(child);
    assert_eq!((code, &said["Status"]), (Some(1), &json!(302)));
    assert!(error.contains("status 302, which is no success"), "{error}");

    let metrics =
        ureq::get(text(&server.said["MetricsURL"])).call().unwrap().into_body().read_to_string().unwrap();
    let value = |series: &str| {
        let found = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("{series} is not in\n{metrics}")).parse::<f64>().unwrap()
    };
    assert!(value(r#"tollbook_webhook_deliveries_total{result="delivered"}"#) >= 3.0);
    assert!(value(r#"tollbook_webhook_deliveries_total{result="failed"}"#) >= 2.0);
    assert!((value("tollbook_webhook_endpoints_disabled") - 1.0).abs() < 0.1);
    server.stop();
    assert!(!open.is_empty(), "the silent receiver got messages too");
    let log =
        fixture.json(&["webhook", "deliveries", "--pending", "--endpoint", text(&silent["EndpointID"])]);
    let oldest = log.as_array().unwrap().last().unwrap();
    assert!(text(&oldest["Error"]).contains("no answer: timeout"), "{log}");
    let text_log = String::from_utf8(fixture.run(&["webhook", "deliveries"]).stdout).unwrap();
    assert!(text_log.contains("balance.low") && text_log.contains("delivered"), "{text_log}");
    fixture.json(&["webhook", "disable", "--all"]);
    fixture.json(&["webhook", "remove", id]);
    assert_eq!(fixture.json(&["webhook", "list", "--company", &company]), json!([]));
    fixture.assert_verified(0);
    refuses(fixture);
}

/// What is refused, with the reason.
fn refuses(fixture: &Fixture) {
    for (arguments, reason) in [
        (&["webhook", "add", "--url", "http://10.0.0.1/"][..], "the URL leads to 10.0.0.1"),
        (&["webhook", "add", "--url", "ftp://example.com/"], "the URL must begin with https://"),
        (&["webhook", "add", "--url", "https://example.com:22/"], "the URL has the port 22"),
        (&["webhook", "add", "--url", "https://example.com/", "--company", "9"], "company 9 does not exist"),
        (&["webhook", "add", "--url", "https://example.com/", "--company", "0"], "--company: must be"),
        (
            &["webhook", "add", "--url", "https://example.com/", "--event", "x"],
            "there is no event type \"x\"",
        ),
        (&["webhook", "test", "ep_none"], "there is no webhook endpoint \"ep_none\""),
        (&["webhook", "replay", "msg_none"], "there is no delivery of an event \"msg_none\""),
        (&["webhook", "replay", "--from", "2026-01-02", "--to", "2026-01-01"], "--to: must be later"),
        (&["account", "low-balance", "--company", "1", "--amount", "0"], "must be greater than 0"),
    ] {
        let (refused, _) = fixture.refused(arguments);
        assert!(text(&refused["Error"]).contains(reason), "{arguments:?}: {refused}");
    }
    for arguments in [&["webhook", "disable"][..], &["webhook", "replay"], &["webhook", "set", "ep_none"]] {
        assert_eq!(fixture.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

fn a_server_that_is_killed_leaves_its_message_to_another_one(fixture: &Fixture) {
    configure(fixture);
    let company = fixture.company("Acme").id.to_string();
    let receivers = Receivers::start();
    let hook = add(fixture, &receivers.url("/hook"), &["--company", &company]);
    let (mut first_server, mut open) = (fixture.start(&["serve"]), Vec::new());
    low_balance(fixture, &company, "5");
    // The receiver has the message; the server is killed before it can record the answer.
    let mut first = receivers.next(&mut open);
    first_server.signal("KILL");
    first_server.ended();
    first.answer("200 OK");
    let mut second_server = fixture.start(&["serve"]);
    let mut second = receivers.next(&mut open);
    assert_eq!((&second.id, &second.body), (&first.id, &first.body));
    assert!(second.is_signed_by(&hook["Secret"]));
    second.answer("200 OK");
    second_server.stop();
    let deliveries = fixture.json(&["webhook", "deliveries"]);
    assert_eq!((deliveries.as_array().unwrap().len(), &deliveries[0]["State"]), (1, &json!("delivered")));
}

/// The fenced code of a language in the documentation.
fn documented(language: &str) -> String {
    documents::block(&documents::document("docs/WEBHOOKS.md"), language)
}

/// Runs the documented code on a message with a good and a bad signature, and on one that is old.
fn verifies(program: &str, file: &str, code: &str, calls: impl Fn(&str, &str, i64, &str) -> String) {
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let now_s = tollbook_ops::Clock::now_s(&tollbook_ops::SystemClock);
    let body = r#"{"type":"webhook.test","data":{"Name":"é"}}"#;
    let signed = |time_s| Webhook::new(SECRET).unwrap().sign("msg_1", time_s, body.as_bytes()).unwrap();
    let good = signed(now_s);
    let mut script = code.to_owned();
    for (signatures, time_s) in [
        (good.clone(), now_s),
        (format!("v1,AAAA {good}"), now_s),
        ("v1,AAAA".to_owned(), now_s),
        (good.replace("v1,", "v1a,"), now_s),
        (signed(now_s - 3_600), now_s - 3_600),
    ] {
        script += &calls(SECRET, &signatures, time_s, body);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    std::fs::write(&path, script).unwrap();
    let output = Command::new(program).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout).to_lowercase();
    assert_eq!(printed.split_whitespace().collect::<Vec<_>>(), ["true", "true", "false", "false", "false"]);
}

#[test]
fn the_documented_python_verifies_messages() {
    verifies("python3", "verify.py", &documented("python"), |secret, signatures, time_s, body| {
        let headers = json!({
            "webhook-id": "msg_1", "webhook-timestamp": time_s.to_string(), "webhook-signature": signatures,
        });
        format!("\nprint(verify({secret:?}, {headers}, {body:?}.encode()))\n")
    });
}

#[test]
fn the_documented_javascript_verifies_messages() {
    verifies("node", "verify.js", &documented("js"), |secret, signatures, time_s, body| {
        let headers = json!({
            "webhook-id": "msg_1", "webhook-timestamp": time_s.to_string(), "webhook-signature": signatures,
        });
        format!("\nconsole.log(verify({secret:?}, {headers}, Buffer.from({body:?})));\n")
    });
}
