//! Clients that leave before their answer is there: their work is stopped, and nothing of it is left.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use tollbook_api::actions::{ACTIONS, Action};
use tollbook_domain::NewOrder;
use tollbook_store::{StoreError, StoreResult};

use super::backend::{Backend, on_each_backend};
use super::client::{Answer, Http, pairs};
use super::faulty::{Fault, FaultyStore, Outstays, PATIENCE, Where, wait_until_left};
use super::log;
use super::sample_orders::{self, RANGE};
use super::server::{Key, Server};

/// As many as a server works for at a time.
const WORKERS: usize = 64;
/// Orders of an export that is too long to have been read when its first row is written.
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

/// The made orders over and over again, with numbers of their own.
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

/// What is being written is not stopped: it is short, and all or nothing.
fn reading() -> impl Iterator<Item = &'static Action> {
    ACTIONS.iter().filter(|action| !sample_orders::writes(action))
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
    // The end of the server is the end of its work.
    server.signal_stop();
    server.join();
    assert_eq!(server.export_files(), 0, "a stopped export leaves nothing");
    let lines = log::lines_with(&key.public);
    assert_eq!(lines.len(), reading().count(), "{lines:?}");
    for action in reading() {
        let mut of_action = lines.iter().filter(|line| line.contains(&format!("action=\"{}\"", action.name)));
        let line = of_action.next().unwrap();
        assert!(line.contains(" INFO ") && line.contains("client_left=true"), "{line}");
        assert!(!line.contains("ret_code"), "no code was sent: {line}");
    }
}

fn an_export_is_cancelled_between_its_rows(backend: Backend) {
    let ((reached, was_reached), (left, has_left)) = (channel(), channel());
    // The database itself is to notice.
    let fault = Outstays::new(reached, left, || Ok(()));
    let (mut server, key) = fixture(backend, Where::Row, Arc::new(fault), MANY);
    let signed = key.signed(pairs(&format!("Action=DownloadListPaidOrders&{RANGE}")));
    let client = Http::form(&signed).begin(server.address);
    was_reached.recv_timeout(PATIENCE).unwrap();
    assert_eq!(server.export_files(), 1, "it has begun");
    drop(client);
    has_left.recv_timeout(PATIENCE).unwrap();
    server.signal_stop();
    server.join();
    assert_eq!(server.export_files(), 0, "a stopped export leaves nothing");
}

fn a_client_that_disconnects_after_its_answer_has_not_cancelled(backend: Backend) {
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

/// Holds on to the first callers, as many as there are workers, also when they have left.
struct HoldsOn {
    callers: AtomicUsize,
    let_go: AtomicUsize,
    reached: Mutex<Sender<()>>,
    left: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
    /// How many had been let go when the next caller came.
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

fn a_worker_is_taken_until_its_work_has_ended(backend: Backend) {
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
        // While these are answered the one before them would be, if it could.
        for _ in 0..20 {
            assert_eq!(Http::new("GET", "/openapi.json").send(server.address).status, 200);
        }
        for _ in 0..WORKERS {
            let_go.send(()).unwrap();
        }
        assert_eq!(Answer::of(&reply.join().unwrap(), Some(action.name)).verdict(), "0");
    });
    assert!(came_next.recv().unwrap() > 0, "more than {WORKERS} requests were worked for at a time");
}

on_each_backend!(
    the_work_for_a_disconnected_client_is_cancelled,
    an_export_is_cancelled_between_its_rows,
    a_client_that_disconnects_after_its_answer_has_not_cancelled,
    a_worker_is_taken_until_its_work_has_ended,
);
