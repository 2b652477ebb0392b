//! Internal failures: the client receives a refusal without internal details. A server that is signalled to stop
//! finishes the requests in progress.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use tollbook_api::actions::{ACTIONS, Action};
use tollbook_store::StoreError;

use super::backend::{Backend, on_each_backend};
use super::client::{Answer, Http, encode, pairs};
use super::faulty::{Fails, Fault, MakeError, Panics, Waits, Where};
use super::faulty_store::FaultyStore;
use super::sample_orders;
use super::server::{Key, Server};

struct Fixture {
    server: Server,
    key: Key,
    place: Where,
}

impl Fixture {
    fn with(backend: Backend, place: Where, fault: impl Fault + 'static) -> Self {
        let server =
            Server::behind(backend, |inner| Arc::new(FaultyStore { inner, place, fault: Arc::new(fault) }));
        let company = server.company("Unlucky", "default");
        let organization = server.organization(&company, "One");
        server.add(&sample_orders::orders(company.company_id, &[organization.organization_id]));
        let key = server.full_key(&company);
        Self { server, key, place }
    }

    fn every_action_says(&self, verdict: &str) {
        for action in ACTIONS {
            let answer = self.server.ask(&self.key, &encode(&sample_orders::required(action)));
            // What it answers was read when the key was checked.
            let reads_nothing = action.name == "GetUserInfo" && self.place == Where::Orders;
            let verdict = if reads_nothing { "0" } else { verdict };
            assert_eq!(answer.verdict(), verdict, "{}", action.name);
        }
        assert_eq!(self.server.export_files(), 0, "a failed export leaves no file");
    }
}

const UNAVAILABLE: &str = "150 Service unavailable";
const INTERNAL: &str = "5000 Internal error";

fn store_errors_become_refusals_the_caller_can_act_on(backend: Backend) {
    let table: [(MakeError, &str); 8] = [
        // error of the store, answer to the caller
        (|| StoreError::Unavailable("no route to 10.0.0.7".into()), UNAVAILABLE),
        (|| StoreError::Refused("password authentication failed for user \"tollbook\"".into()), UNAVAILABLE),
        (|| StoreError::TooLong(Duration::from_secs(60)), UNAVAILABLE),
        (|| StoreError::Full, UNAVAILABLE),
        (|| StoreError::Damaged("row 17 of orders".into()), INTERNAL),
        (|| StoreError::Database("SELECT private_key FROM api_key".into()), INTERNAL),
        (|| StoreError::Missing("company 1".into()), INTERNAL),
        (|| StoreError::SchemaTooNew { found: 9, known: 1 }, UNAVAILABLE),
    ];
    for (error, verdict) in table {
        for place in [Where::Snapshot, Where::Orders] {
            Fixture::with(backend, place, Fails(error)).every_action_says(verdict);
        }
    }
}

fn a_panic_is_an_internal_error_and_the_server_continues(backend: Backend) {
    for place in [Where::Snapshot, Where::Orders] {
        let fixture = Fixture::with(backend, place, Panics);
        fixture.every_action_says(INTERNAL);
        let action = Http::new("GET", "/?Action=Nothing");
        assert_eq!(fixture.server.answer(&action, &[]).verdict(), "161 Action [Nothing] not found");
    }
}

fn checks_before_the_key_need_no_store(backend: Backend) {
    let fixture = Fixture::with(backend, Where::Snapshot, Fails(|| StoreError::Full));
    for (query, verdict) in [
        ("a=%FF", "230 Params [Body] not available: parameter 1 is not valid UTF-8"),
        ("", "160 Missing Action"),
        ("Action=Nothing", "161 Action [Nothing] not found"),
        ("Action=GetOrderAmount", "170 Missing signature"),
        ("Action=GetOrderAmount&Signature=x", UNAVAILABLE),
    ] {
        let http = Http::new("GET", &format!("/?{query}"));
        assert_eq!(fixture.server.answer(&http, &pairs(query)).verdict(), verdict, "{query}");
    }
}

fn health_reports_whether_the_store_is_available(backend: Backend) {
    for (place, status) in [(Where::Snapshot, 503), (Where::Orders, 200)] {
        let fails = Fixture::with(backend, place, Fails(|| StoreError::Full));
        assert_eq!(Http::new("GET", "/healthz").send(fails.server.address).status, status);
        let panics = Fixture::with(backend, place, Panics);
        assert_eq!(Http::new("GET", "/healthz").send(panics.server.address).status, status);
    }
}

fn a_request_in_progress_is_finished_when_the_server_stops(backend: Backend) {
    let ((reached, was_reached), (let_go, go_on)) = (channel(), channel());
    let mut fixture = Fixture::with(backend, Where::Orders, Waits::new(reached, go_on));
    let action = Action::find("GetOrderAmount").unwrap();
    let signed = fixture.key.signed(sample_orders::required(action));
    let (http, address) = (Http::form(&signed), fixture.server.address);
    std::thread::scope(|scope| {
        let reply = scope.spawn(|| http.send(address));
        was_reached.recv().unwrap();
        fixture.server.signal_stop();
        // The server has received the signal when it no longer accepts connections.
        while TcpStream::connect(address).is_ok() {
            std::thread::yield_now();
        }
        let_go.send(()).unwrap();
        let answer = Answer::of(&reply.join().unwrap(), Some(action.name));
        assert_eq!(answer.verdict(), "0");
    });
    fixture.server.join();
}

on_each_backend!(
    store_errors_become_refusals_the_caller_can_act_on,
    a_panic_is_an_internal_error_and_the_server_continues,
    checks_before_the_key_need_no_store,
    health_reports_whether_the_store_is_available,
    a_request_in_progress_is_finished_when_the_server_stops,
);
