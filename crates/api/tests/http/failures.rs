//! Failures on the inside: what the caller is told, that nothing else leaks out, and that a server which is told to
//! stop finishes what it has begun.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use tollbook_api::actions::{ACTIONS, Action};
use tollbook_store::StoreError;

use crate::client::{Answer, Http, encode, pairs};
use crate::faulty::{Fails, Fault, FaultyStore, MakeError, Panics, Waits, Where};
use crate::made;
use crate::server::{Key, Server};

struct Scene {
    server: Server,
    key: Key,
}

impl Scene {
    fn with(place: Where, fault: impl Fault + 'static) -> Self {
        let server = Server::behind(|inner| Arc::new(FaultyStore { inner, place, fault: Arc::new(fault) }));
        let company = server.company("Unlucky", "default");
        let organization = server.organization(&company, "One");
        server.add(&made::orders(company.company_id, &[organization.organization_id]));
        let key = server.full_key(&company);
        Self { server, key }
    }

    fn every_action_says(&self, verdict: &str) {
        for action in ACTIONS {
            let answer = self.server.ask(&self.key, &encode(&made::required(action)));
            assert_eq!(answer.verdict(), verdict, "{}", action.name);
        }
        assert_eq!(self.server.export_files(), 0, "a failed export leaves nothing");
    }
}

const UNAVAILABLE: &str = "150 Service unavailable";
const INTERNAL: &str = "5000 Internal error";

#[test]
fn a_store_that_fails_is_told_by_what_the_caller_can_do() {
    let table: [(MakeError, &str); 8] = [
        // what the store says, what the caller is told
        (|| StoreError::Unavailable("no route to 10.0.0.7".into()), UNAVAILABLE),
        (|| StoreError::Refused("password authentication failed for user \"tollbook\"".into()), UNAVAILABLE),
        (|| StoreError::TooLong(Duration::from_secs(60)), UNAVAILABLE),
        (|| StoreError::Full, UNAVAILABLE),
        (|| StoreError::Damaged("row 17 of orders".into()), INTERNAL),
        (|| StoreError::Database("SELECT private_key FROM api_key".into()), INTERNAL),
        (|| StoreError::Missing("company 1".into()), INTERNAL),
        (|| StoreError::SchemaTooNew { found: 9, known: 1 }, INTERNAL),
    ];
    for (error, verdict) in table {
        for place in [Where::Snapshot, Where::Orders] {
            Scene::with(place, Fails(error)).every_action_says(verdict);
        }
    }
}

#[test]
fn a_panic_is_an_internal_error_and_the_server_lives_on() {
    for place in [Where::Snapshot, Where::Orders] {
        let scene = Scene::with(place, Panics);
        scene.every_action_says(INTERNAL);
        let action = Http::new("GET", "/?Action=Nothing");
        assert_eq!(scene.server.answer(&action, &[]).verdict(), "161 Action [Nothing] not found");
    }
}

#[test]
fn checks_that_need_no_store_are_made_without_it() {
    let scene = Scene::with(Where::Snapshot, Fails(|| StoreError::Full));
    for (query, verdict) in [
        ("a=%FF", "230 Params [Body] not available: parameter 1 is not valid UTF-8"),
        ("", "160 Missing Action"),
        ("Action=Nothing", "161 Action [Nothing] not found"),
        ("Action=GetOrderAmount", "170 Missing signature"),
        ("Action=GetOrderAmount&Signature=x", UNAVAILABLE),
    ] {
        let http = Http::new("GET", &format!("/?{query}"));
        assert_eq!(scene.server.answer(&http, &pairs(query)).verdict(), verdict, "{query}");
    }
}

#[test]
fn health_is_the_store_s() {
    for (place, status) in [(Where::Snapshot, 503), (Where::Orders, 200)] {
        let fails = Scene::with(place, Fails(|| StoreError::Full));
        assert_eq!(Http::new("GET", "/healthz").send(fails.server.address).status, status);
        let panics = Scene::with(place, Panics);
        assert_eq!(Http::new("GET", "/healthz").send(panics.server.address).status, status);
    }
}

#[test]
fn a_request_that_has_begun_is_finished_after_the_server_was_told_to_stop() {
    let ((reached, was_reached), (let_go, go_on)) = (channel(), channel());
    let mut scene = Scene::with(Where::Orders, Waits::new(reached, go_on));
    let action = Action::find("GetOrderAmount").unwrap();
    let signed = scene.key.signed(made::required(action));
    let (http, address) = (Http::form(&signed), scene.server.address);
    std::thread::scope(|scope| {
        let reply = scope.spawn(|| http.send(address));
        was_reached.recv().unwrap();
        scene.server.signal_stop();
        // It has heard when it takes no one else.
        while TcpStream::connect(address).is_ok() {
            std::thread::yield_now();
        }
        let_go.send(()).unwrap();
        let answer = Answer::of(&reply.join().unwrap(), Some(action.name));
        assert_eq!(answer.verdict(), "0");
    });
    scene.server.join();
}
