//! Clients that disconnect before the answer: their work is cancelled and leaves nothing behind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use tollbook_api::actions::{ACTIONS, Action};
use tollbook_domain::NewOrder;
use tollbook_store::{StoreError, StoreResult};

use super::backend::{Backend, on_each_backend};
use super::client::{Answer, Http, pairs};
use super::faulty::{Fault, Outstays, PATIENCE, Where, wait_until_left};
use super::faulty_store::FaultyStore;
use super::log;
use super::sample_orders::{self, RANGE};
use super::server::{Key, Server};

/// The number of requests that a server processes at the same time.
const WORKERS: usize = 64;
/// A number of orders that is too large to be read completely before the first row of an export is written.
const MANY: usize = 20_000;

fn fixture(backend: Backend, place: Where, fault: Arc<dyn Fault>, orders: usize) -> (Server, Key) {
    let server = Server::behind(backend, |inner| Arc::new(FaultyStore { inner, place, fault }));
    let company = server.company("Impatient", "default");
    let organization = server.organization(&company, "One");
    let ids = [organization.organization_id];
    server.add(&many_orders(company.company_id, &ids, orders));
    let key = server.full_key(&company);
    (server, key)
}

/// The sample orders, repeated with unique numbers.
fn many_orders(company_id: i64, organization_ids: &[i64], count: usize) -> Vec<NewOrder> {
    let made = sample_orders::orders(company_id, organization_ids);
    let renumbered = |(turn, mut new): (usize, NewOrder)| {
        for number in [&mut new.order.number, &mut new.order.counterpart] {
            if !number.is_empty() {
                *number = format!("{number}-{turn}");
            }
        }
        new
    };
    made.into_iter().cycle().take(count).enumerate().map(renumbered).collect()
}

/// Actions that only read. Writes are not cancelled, because they are short and atomic. What `GetUserInfo` answers is read
/// with the key.
fn reading() -> impl Iterator<Item = &'static Action> {
    ACTIONS.iter().filter(|action| !sample_orders::writes(action) && action.name != "GetUserInfo")
}

fn the_work_for_a_disconnected_client_is_cancelled(backend: Backend) {
    log::keep();
    let ((reached, was_reached), (left, has_left)) = (channel(), channel());
    let fault = Outstays::new(reached, left, || Err(StoreError::Cancelled));
    let (mut server, key) = fixture(backend, Where::Orders, Arc::new(fault), 72);
    for action in reading() {
        let client = Http::form(&key.signed(sample_orders::required(action))).begin(server.address);
        was_reached.recv_timeout(PATIENCE).unwrap();
        drop(client);
        has_left.recv_timeout(PATIENCE).unwrap();
    }
    // When the server has stopped, all of its work has ended.
    server.signal_stop();
    server.join();
    assert_eq!(server.export_files(), 0, "a cancelled export leaves no file");
    let lines = log::lines_with(&key.public);
    assert_eq!(lines.len(), reading().count(), "{lines:?}");
    for action in reading() {
        let mut of_action = lines.iter().filter(|line| line.contains(&format!("action=\"{}\"", action.name)));
        let line = of_action.next().unwrap();
        assert!(line.contains(" INFO ") && line.contains("client_left=true"), "{line}");
        assert!(!line.contains("ret_code"), "no return code was sent: {line}");
    }
}

fn an_export_is_cancelled_between_its_rows(backend: Backend) {
    let ((reached, was_reached), (left, has_left)) = (channel(), channel());
    // The fault returns no error, so the store must detect the cancellation.
    let fault = Outstays::new(reached, left, || Ok(()));
    let (mut server, key) = fixture(backend, Where::Row, Arc::new(fault), MANY);
    let signed = key.signed(pairs(&format!("Action=DownloadListPaidOrders&{RANGE}")));
    let client = Http::form(&signed).begin(server.address);
    was_reached.recv_timeout(PATIENCE).unwrap();
    assert_eq!(server.export_files(), 1, "the export has begun");
    drop(client);
    has_left.recv_timeout(PATIENCE).unwrap();
    server.signal_stop();
    server.join();
    assert_eq!(server.export_files(), 0, "a cancelled export leaves no file");
}

fn a_disconnect_after_the_answer_is_not_logged_as_a_cancellation(backend: Backend) {
    log::keep();
    let server = Server::start(backend);
    let company = server.company("Content", "default");
    let key = server.full_key(&company);
    for action in ACTIONS {
        let signed = key.signed(sample_orders::required(action));
        assert_eq!(server.answer(&Http::form(&signed), &signed).verdict(), "0");
    }
    let lines = log::lines_with(&key.public);
    assert_eq!(lines.len(), ACTIONS.len(), "{lines:?}");
    for line in lines {
        assert!(line.contains("ret_code=0") && !line.contains("client_left"), "{line}");
    }
}

/// Blocks the first callers, as many as there are workers, even after their clients have disconnected.
struct HoldsOn {
    callers: AtomicUsize,
    let_go: AtomicUsize,
    reached: Mutex<Sender<()>>,
    left: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
    /// The number of released callers when the next caller arrives.
    next: Mutex<Sender<usize>>,
}

impl Fault for HoldsOn {
    fn strike(&self, caller: &CancellationToken) -> StoreResult<()> {
        if self.callers.fetch_add(1, Ordering::SeqCst) >= WORKERS {
            self.next.lock().unwrap().send(self.let_go.load(Ordering::SeqCst)).unwrap();
            return Ok(());
        }
        self.reached.lock().unwrap().send(()).unwrap();
        wait_until_left(caller);
        self.left.lock().unwrap().send(()).unwrap();
        self.go_on.lock().unwrap().recv().unwrap();
        self.let_go.fetch_add(1, Ordering::SeqCst);
        Err(StoreError::Cancelled)
    }
}

fn a_cancelled_request_occupies_its_worker_until_its_work_ends(backend: Backend) {
    let ((reached, was_reached), (left, has_left)) = (channel(), channel());
    let ((let_go, go_on), (next, came_next)) = (channel(), channel());
    let fault = HoldsOn {
        callers: AtomicUsize::default(),
        let_go: AtomicUsize::default(),
        reached: Mutex::new(reached),
        left: Mutex::new(left),
        go_on: Mutex::new(go_on),
        next: Mutex::new(next),
    };
    let (server, key) = fixture(backend, Where::Snapshot, Arc::new(fault), 72);
    let action = Action::find("GetOrderAmount").unwrap();
    let http = Http::form(&key.signed(sample_orders::required(action)));
    let clients: Vec<_> = (0..WORKERS).map(|_| http.begin(server.address)).collect();
    for _ in 0..WORKERS {
        was_reached.recv_timeout(PATIENCE).unwrap();
    }
    drop(clients);
    for _ in 0..WORKERS {
        has_left.recv_timeout(PATIENCE).unwrap();
    }
    std::thread::scope(|scope| {
        let reply = scope.spawn(|| http.send(server.address));
        // The earlier request would be answered while these are, if a worker were free.
        for _ in 0..20 {
            assert_eq!(Http::new("GET", "/openapi.json").send(server.address).status, 200);
        }
        for _ in 0..WORKERS {
            let_go.send(()).unwrap();
        }
        assert_eq!(Answer::of(&reply.join().unwrap(), Some(action.name)).verdict(), "0");
    });
    assert!(came_next.recv().unwrap() > 0, "more than {WORKERS} requests were processed at the same time");
}

on_each_backend!(
    the_work_for_a_disconnected_client_is_cancelled,
    an_export_is_cancelled_between_its_rows,
    a_disconnect_after_the_answer_is_not_logged_as_a_cancellation,
    a_cancelled_request_occupies_its_worker_until_its_work_ends,
);
