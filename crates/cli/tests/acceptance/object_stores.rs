//! `tollbook serve` with a remote object store: killed during an upload, and behind TLS of an own authority.

use std::path::Path;
use std::sync::mpsc;

use serde_json::{Value, json};
use tollbook_testkit::stores::{
    Act, Asked, BUCKET, PRIVATE_KEY, PUBLIC_KEY, Relay, S3Server, TlsServer, Us3Server,
};

use crate::failures::{RANGE, write_orders};
use crate::program::{Company, Fixture, Server, files_below};

/// Enough orders for a file of several parts.
const ORDERS: i64 = 60_000;

/// A CSV file is big, so it has several parts in both protocols.
const DOWNLOAD: [&str; 5] = ["--json", "orders", "download", "--format", "csv"];

enum Store {
    S3(S3Server),
    Us3(Us3Server),
}

impl Store {
    fn relay(&self) -> Relay {
        Relay::to(match self {
            Self::S3(server) => server.address,
            Self::Us3(server) => server.address,
        })
    }

    fn url(&self, endpoint: &str) -> String {
        match self {
            Self::S3(_) => format!("s3://{BUCKET}?endpoint={endpoint}&part_bytes=5242880"),
            Self::Us3(_) => format!("us3://{BUCKET}?endpoint={endpoint}&style=custom-domain"),
        }
    }

    /// Objects, and parts of unfinished uploads.
    fn left(&self) -> Vec<String> {
        let mut left = match self {
            Self::S3(server) => server.left(),
            Self::Us3(server) => server.left(),
        };
        left.retain(|file| Path::new(file).extension().is_none_or(|extension| extension != "etag"));
        left
    }
}

/// A deployment with orders, whose configuration can name an object store.
fn deployment() -> (Fixture, Company) {
    let keys = [("TOLLBOOK_OBJECTS_PUBLIC_KEY", PUBLIC_KEY), ("TOLLBOOK_OBJECTS_PRIVATE_KEY", PRIVATE_KEY)];
    let fixture = Fixture::with_environment(&keys);
    let company = fixture.company("Acme");
    write_orders(&fixture, &company, ORDERS);
    fixture.json(&["orders", "import", "orders.jsonl"]);
    (fixture, company)
}

/// Starts a server whose `[objects]` has these settings.
fn serve(fixture: &Fixture, settings: &str) -> Server {
    std::fs::write(fixture.data().join("tollbook.toml"), format!("[objects]\n{settings}\n")).unwrap();
    fixture.start(&["serve"])
}

fn download(fixture: &Fixture, server: &Server, company: &Company) -> (Option<i32>, Value) {
    let keys = (company.public_key.as_str(), company.private_key.as_str());
    let output = server.customer(fixture, keys, &[&DOWNLOAD[..], &RANGE[..]].concat());
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_server_after_one_that_was_killed_during_an_upload_removes_it() {
    for store in [Store::S3(S3Server::start(false)), Store::Us3(Us3Server::writable())] {
        let (fixture, company) = deployment();
        let relay = store.relay();
        let url = store.url(&format!("http://{}", relay.address));
        // One part at a time, so that no other part is in transit when the server is killed.
        let settings = format!("store = \"{url}\"\nupload_threads = 1");
        let (reached, wait) = mpsc::channel();
        relay.rule(move |asked| {
            if asked == Asked::Part(2) {
                let _ = reached.send(());
                return Act::Silence;
            }
            Act::Pass
        });
        let mut server = serve(&fixture, &settings);
        let ended = std::thread::scope(|scope| {
            let request = scope.spawn(|| download(&fixture, &server, &company));
            wait.recv().unwrap();
            server.signal("KILL");
            request.join().unwrap()
        });
        assert_eq!(ended.0, Some(1), "the client learns that it has no file: {}", ended.1);
        server.stop();
        assert!(files_below(&fixture.data().join("spool")) > 1, "a spool file and its journal");

        relay.pass();
        let mut server = serve(&fixture, &settings);
        assert_eq!(relay.count(Asked::Abort), 1, "{url}");
        assert_eq!(store.left(), Vec::<String>::new(), "{url}");
        assert_eq!(files_below(&fixture.data().join("spool")), 0, "{url}");
        let (code, file) = download(&fixture, &server, &company);
        assert_eq!((code, &file["RowCount"]), (Some(0), &json!(ORDERS)), "{file}");
        assert_eq!(store.left().len(), 1, "{url}");
        server.stop();
    }
}

#[test]
fn a_store_behind_tls_needs_an_authority_that_is_trusted() {
    let (fixture, company) = deployment();
    let store = Store::S3(S3Server::start(false));
    let Store::S3(server) = &store else { panic!("it was made above") };
    let tls = TlsServer::before(server.address);
    let url = store.url(&format!("https://localhost:{}", tls.address.port()));
    // The certificate is refused at each attempt; the time for them is short here.
    let settings = format!("store = \"{url}\"\nrequest_timeout_s = 1\nupload_timeout_s = 1");
    let mut server = serve(&fixture, &settings);
    let (code, answer) = download(&fixture, &server, &company);
    assert_eq!(code, Some(1));
    assert_eq!(answer["Reason"], "the file cannot be stored now", "{answer}");
    let log = server.stop();
    assert!(log.to_lowercase().contains("certificate"), "{log}");
    assert_eq!(store.left(), Vec::<String>::new());

    std::fs::copy(tls.authority(), fixture.data().join("authority.pem")).unwrap();
    let mut server = serve(&fixture, &format!("store = \"{url}\"\nca_file = \"authority.pem\""));
    // The command itself opens the link with the public authorities alone.
    let (_, answer) = download(&fixture, &server, &company);
    assert!(answer["Error"].as_str().unwrap().starts_with("the download failed"), "{answer}");
    assert_eq!(store.left().len(), 1, "the upload succeeded");
    server.stop();
}
