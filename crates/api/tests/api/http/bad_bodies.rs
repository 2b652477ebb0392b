//! Malformed requests: unreadable or oversized bodies, and other methods. Each receives an answer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::backend::{Backend, on_each_backend};
use super::client::{Answer, FORM, Http, JSON, Reply, encode, pairs};
use super::server::{Key, Server};

const LIST: &str = "Action=ListPaidOrders&StartTime=1761955200&EndTime=1764547200&Page=1&PageSize=10";
const MIB: usize = 1024 * 1024;
const LARGE: &str = "240 Params [Body] too large";

fn server_and_key(backend: Backend) -> (Server, Key) {
    let server = Server::start(backend);
    let company = server.company("Broken", "default");
    let key = server.full_key(&company);
    (server, key)
}

/// A signed form of exactly this length in bytes.
fn padded_form(key: &Key, bytes: usize) -> String {
    let unpadded = encode(&key.signed(pairs(&format!("{LIST}&Padding="))));
    let padding = "x".repeat(bytes - unpadded.len());
    let form = encode(&key.signed(pairs(&format!("{LIST}&Padding={padding}"))));
    assert_eq!(form.len(), bytes);
    form
}

fn unreadable_bodies(backend: Backend) {
    let server = Server::start(backend);
    let body = |reason: &str| format!("230 Params [Body] not available: {reason}");
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40));
    let abyss = format!("{{\"a\":{}", "[".repeat(100_000));
    let members = |count: usize| {
        let members: Vec<String> = (0..count).map(|number| format!("\"a{number}\":1")).collect();
        format!("{{{}}}", members.join(","))
    };
    let table: [(&str, Vec<u8>, String); 17] = [
        // content type, body, verdict
        (FORM, b"a=%FF".to_vec(), body("parameter 1 is not valid UTF-8")),
        (FORM, b"Action=ListPaidOrders&b=\xc3\x28".to_vec(), body("parameter 2 is not valid UTF-8")),
        (FORM, b"%80=1".to_vec(), body("parameter 1 is not valid UTF-8")),
        (FORM, vec!["a=1"; 2_001].join("&").into(), LARGE.to_owned()),
        (FORM, vec!["a=1"; 2_000].join("&").into(), "160 Missing Action".to_owned()),
        (JSON, b"{".to_vec(), body("expected a name in quotes at byte 1")),
        (JSON, b"{\"Action\":}".to_vec(), body("expected a value at byte 10")),
        (JSON, b"[]".to_vec(), body("must be a JSON object")),
        (JSON, b"Action=ListPaidOrders".to_vec(), body("must be a JSON object")),
        (JSON, b"{}{}".to_vec(), body("unexpected text after the object at byte 2")),
        (JSON, b"{\"a\":\"\xff\"}".to_vec(), body("not valid UTF-8 at byte 6")),
        (JSON, b"{\"a\":\"\\ud800\"}".to_vec(), body("lone surrogate at byte 6")),
        (JSON, deep.into(), body("nested too deeply at byte 36")),
        (JSON, abyss.into(), body("nested too deeply at byte 36")),
        (JSON, members(2_001).into(), LARGE.to_owned()),
        (JSON, members(2_000).into(), "160 Missing Action".to_owned()),
        (JSON, b"{\"Action\":[\"ListPaidOrders\"]}".to_vec(), {
            "230 Params [Action] not available: must be a string".to_owned()
        }),
    ];
    for (content_type, sent, verdict) in table {
        let shown = String::from_utf8_lossy(&sent[..sent.len().min(60)]).into_owned();
        assert_eq!(server.answer(&Http::post(content_type, sent), &[]).verdict(), verdict, "{shown}");
    }
    for (query, verdict) in [
        ("/?a=%FF&Action=ListPaidOrders", body("parameter 1 is not valid UTF-8")),
        (&format!("/?{}", vec!["a=1"; 2_001].join("&")), LARGE.to_owned()),
    ] {
        assert_eq!(server.answer(&Http::new("GET", query), &[]).verdict(), verdict);
    }
}

fn a_body_at_the_size_limit_is_read_and_a_longer_one_is_refused(backend: Backend) {
    let (server, key) = server_and_key(backend);
    let known = pairs(LIST);
    for (bytes, verdict) in [(MIB, "0"), (MIB + 1, LARGE), (5 * MIB, LARGE), (16 * MIB, LARGE)] {
        let known = if verdict == "0" { known.as_slice() } else { &[] };
        let http = Http::post(FORM, padded_form(&key, bytes));
        assert_eq!(server.answer(&http, known).verdict(), verdict, "{bytes} bytes of form");
    }
    let json = format!("{{\"a\":\"{}\"}}", "x".repeat(3 * MIB));
    assert_eq!(server.answer(&Http::post(JSON, json), &[]).verdict(), LARGE);
}

fn a_chunked_body_is_read(backend: Backend) {
    let (server, key) = server_and_key(backend);
    for (body, verdict, action) in [
        (encode(&key.signed(pairs(LIST))), "0", Some("ListPaidOrders")),
        (padded_form(&key, 3 * MIB), LARGE, None),
    ] {
        let mut sent = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {FORM}\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
        )
        .into_bytes();
        for chunk in body.as_bytes().chunks(60_000) {
            sent.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            sent.extend_from_slice(chunk);
            sent.extend_from_slice(b"\r\n");
        }
        sent.extend_from_slice(b"0\r\n\r\n");
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(&sent).unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        let reply = Reply::parse(&received, false);
        assert_eq!(Answer::of(&reply, action).verdict(), verdict);
    }
}

fn a_connection_stays_open_after_an_oversized_body(backend: Backend) {
    let (server, key) = server_and_key(backend);
    let long = padded_form(&key, 2 * MIB);
    let good = encode(&key.signed(pairs(LIST)));
    let head = |connection: &str, len: usize| {
        format!(
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\nContent-Type: {FORM}\r\n\
             Content-Length: {len}\r\n\r\n"
        )
    };
    let sent = [head("keep-alive", long.len()), long, head("close", good.len()), good].concat();
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(sent.as_bytes()).unwrap();
    let mut received = String::new();
    stream.read_to_string(&mut received).unwrap();
    let codes: Vec<&str> =
        received.split("\"RetCode\":").skip(1).map(|rest| &rest[..rest.find(',').unwrap()]).collect();
    assert_eq!(codes, ["240", "0"]);
    assert_eq!(received.matches("HTTP/1.1 200 OK").count(), 2);
}

fn other_methods_are_refused(backend: Backend) {
    let (server, key) = server_and_key(backend);
    let signed = key.signed(pairs(LIST));
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"] {
        let verdict = "230 Params [Method] not available: must be GET or POST";
        let with_query = Http::new(method, &format!("/?{}", encode(&signed)));
        assert_eq!(server.answer(&with_query, &[]).verdict(), verdict, "{method}");
        let with_body = Http { method: method.to_owned(), ..Http::form(&signed) };
        assert_eq!(server.answer(&with_body, &[]).verdict(), verdict, "{method}");
    }
    let head = Http::new("HEAD", &format!("/?{}", encode(&signed))).send(server.address);
    assert_eq!(head.status, 200);
    assert!(head.header("x-ucloud-request-uuid").is_some());
}

fn a_long_query_string_is_read(backend: Backend) {
    let (server, key) = server_and_key(backend);
    // The longest list of the longest values.
    let values: Vec<String> = (0..100).map(|number| format!("ResourceIds.{number}={number:x>256}")).collect();
    let signed = key.signed(pairs(&format!("{LIST}&{}", values.join("&"))));
    let answer = server.answer(&Http::get(&signed), &signed);
    assert_eq!((answer.verdict().as_str(), answer.integer("Total")), ("0", 0));
}

fn expect_continue_is_answered(backend: Backend) {
    let (server, key) = server_and_key(backend);
    let body = encode(&key.signed(pairs(LIST)));
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    let reply = Reply::parse(&received, false);
    assert_eq!(Answer::of(&reply, Some("ListPaidOrders")).verdict(), "0");
}

on_each_backend!(
    unreadable_bodies,
    a_body_at_the_size_limit_is_read_and_a_longer_one_is_refused,
    a_chunked_body_is_read,
    a_connection_stays_open_after_an_oversized_body,
    other_methods_are_refused,
    a_long_query_string_is_read,
    expect_continue_is_answered,
);
