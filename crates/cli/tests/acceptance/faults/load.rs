//! The load during a fault: usage, each record sent four times at once, deposits, payments, lists and exports. It remembers
//! what was acknowledged.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

use serde_json::{Value, json};
use tollbook_ops::{Clock as _, SystemClock};

use crate::program::{Company, Fixture, finish};
use crate::rig::{Client, Dice};

/// How often each record is sent.
const SENDS: usize = 4;
/// Records of one request.
const BATCH: i64 = 5;
/// How long a client waits for an answer.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(4);
/// The tokens of a record, which cost 2.00.
const TOKENS: i64 = 1_000_000;
const BATCH_TYPE: &str = "application/cloudevents-batch+json";

/// A record that was sent, and whether a server has acknowledged it.
struct Sent {
    event: Value,
    is_acknowledged: bool,
}

/// Everything that was sent to a deployment, and what was acknowledged.
pub(super) struct Load<'a> {
    fixture: &'a Fixture,
    company: Company,
    operator_key: String,
    urls: &'a RwLock<Vec<String>>,
    agent: ureq::Agent,
    client: Client,
    sent: Mutex<Vec<Sent>>,
    /// Keys of deposits, each with whether it was acknowledged.
    deposits: Mutex<Vec<(String, bool)>>,
    /// Numbers of orders whose payment was acknowledged.
    paid: Mutex<Vec<String>>,
    number: AtomicI64,
    counts: Mutex<Counts>,
}

/// Numbers of a round, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Requests with usage; each record is in at least four.
    pub(super) requests: i64,
    /// Requests without an acknowledgement.
    pub(super) failed: i64,
    /// Records that were acknowledged during the round.
    pub(super) records: i64,
    /// The same of deposits and payments.
    pub(super) deposits: i64,
    pub(super) payments: i64,
    /// Answered lists, and refused ones.
    pub(super) lists: i64,
    pub(super) lists_unavailable: i64,
    pub(super) exports: i64,
    /// Acknowledged records, deposits and payments that were not there afterwards.
    pub(super) lost: i64,
    /// Records that were accepted twice, and deposits made twice.
    pub(super) doubled: i64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.records += other.records;
        self.deposits += other.deposits;
        self.payments += other.payments;
        self.lists += other.lists;
        self.lists_unavailable += other.lists_unavailable;
        self.exports += other.exports;
        self.lost += other.lost;
        self.doubled += other.doubled;
    }

    pub(super) fn value(self) -> Value {
        json!({
            "Acknowledged": self.records + self.deposits + self.payments,
            "AcknowledgedRecords": self.records, "AcknowledgedDeposits": self.deposits,
            "AcknowledgedPayments": self.payments, "Lost": self.lost, "Doubled": self.doubled,
            "Requests": self.requests, "RequestsWithoutAcknowledgement": self.failed,
            "Lists": self.lists, "ListsUnavailable": self.lists_unavailable, "Exports": self.exports,
        })
    }
}

impl<'a> Load<'a> {
    pub(super) fn new(fixture: &'a Fixture, company: &Company, urls: &'a RwLock<Vec<String>>) -> Self {
        let key = fixture.json(&["operator-key", "add", "--name", "rig"]);
        let agent =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(CLIENT_TIMEOUT));
        Self {
            fixture,
            company: company.clone(),
            operator_key: key["OperatorKey"].as_str().unwrap().to_owned(),
            urls,
            agent: agent.build().into(),
            client: Client::waiting(company, CLIENT_TIMEOUT),
            sent: Mutex::default(),
            deposits: Mutex::default(),
            paid: Mutex::default(),
            number: AtomicI64::new(0),
            counts: Mutex::default(),
        }
    }

    /// Records acknowledged in this round.
    pub(super) fn acknowledged(&self) -> i64 {
        self.counts.lock().unwrap().records
    }

    /// Requests sent in this round.
    pub(super) fn requests(&self) -> i64 {
        self.counts.lock().unwrap().requests
    }

    /// The numbers of the round, which ends.
    pub(super) fn take_counts(&self) -> Counts {
        std::mem::take(&mut *self.counts.lock().unwrap())
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap());
    }

    fn url(&self, die: i64) -> String {
        let urls = self.urls.read().unwrap();
        urls[usize::try_from(die).unwrap() % urls.len()].clone()
    }

    fn event(&self) -> Value {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        // The hours are over, so that the servers close them while the load goes on.
        let time_s = SystemClock.now_s() - 3 * 3_600 - number % 7 * 3_600;
        json!({
            "specversion": "1.0", "type": "ai.tollbook.usage", "id": format!("r{number:07}"), "source": "rig",
            "time": jiff::Timestamp::from_second(time_s).unwrap().to_string(),
            "data": {
                "company_id": self.company.id, "organization_id": 1,
                "resource_id": format!("key-{}", number % 3), "resource_type": 1, "model_id": "m",
                "product_code": "modelverse", "region": "us-ca", "quantities": {"input": TOKENS},
            },
        })
    }

    /// A line of a usage file.
    pub(super) fn file_record(&self, id: &str, number: i64) -> Value {
        json!({
            "id": id, "source": "file", "time": SystemClock.now_s() - 12 * 3_600 - number % 3 * 3_600,
            "company_id": self.company.id, "organization_id": 1, "resource_id": format!("file-{}", number % 40),
            "model_id": "m", "product_code": "modelverse", "region": "us-ca", "quantities": {"input": TOKENS},
        })
    }

    /// Posts events. The results of each, or `None` without an acknowledgement.
    fn post(&self, url: &str, events: &[Value]) -> Option<Vec<String>> {
        self.count(|counts| counts.requests += 1);
        let sent = self
            .agent
            .post(format!("{url}/v1/usage"))
            .header("Authorization", format!("Bearer {}", self.operator_key))
            .content_type(BATCH_TYPE)
            .send(Value::from(events).to_string());
        let results = sent.ok().filter(|response| response.status() == 200).and_then(|mut response| {
            let text = response.body_mut().read_to_string().ok()?;
            let report: Value = serde_json::from_str(&text).unwrap();
            let status = |result: &Value| {
                assert_ne!(result["Status"], "refused", "{result}");
                result["Status"].as_str().unwrap().to_owned()
            };
            Some(report["Results"].as_array().unwrap().iter().map(status).collect::<Vec<_>>())
        });
        if results.is_none() {
            self.count(|counts| counts.failed += 1);
        }
        results
    }

    /// Sends new records until `done`, each four times at once.
    pub(super) fn report(&self, mut dice: Dice, done: &AtomicBool) {
        while !done.load(Ordering::SeqCst) {
            let events: Vec<Value> = (0..BATCH).map(|_| self.event()).collect();
            let urls: Vec<String> = (0..SENDS).map(|_| self.url(dice.below(1 << 20))).collect();
            let results: Vec<Option<Vec<String>>> = std::thread::scope(|scope| {
                let sending: Vec<_> =
                    urls.iter().map(|url| scope.spawn(|| self.post(url, &events))).collect();
                sending.into_iter().map(|sending| sending.join().unwrap()).collect()
            });
            let is_acknowledged = results.iter().any(Option::is_some);
            for place in 0..events.len() {
                let accepted =
                    results.iter().flatten().filter(|results| results[place] == "accepted").count();
                self.count(|counts| {
                    counts.records += i64::from(is_acknowledged);
                    counts.doubled += i64::from(accepted > 1);
                });
            }
            let sent = events.into_iter().map(|event| Sent { event, is_acknowledged });
            self.sent.lock().unwrap().extend(sent);
        }
    }

    /// Deposits until `done`, each twice at once and once more.
    pub(super) fn deposit(&self, prefix: &str, done: &AtomicBool) {
        for number in 0.. {
            if done.load(Ordering::SeqCst) {
                return;
            }
            let key = format!("{prefix}-{number}");
            let together = [0, 1].map(|_| self.fixture.spawn(&deposit_arguments(&key)));
            let first = together.map(finish);
            let last = finish(self.fixture.spawn(&deposit_arguments(&key)));
            let outcomes = [&first[0], &first[1], &last];
            let made = outcomes.iter().filter(|(code, _, _)| *code == Some(0));
            let is_acknowledged = made.clone().count() > 0;
            let new = made.filter(|(_, value, _)| value["Repeated"] == false).count();
            self.count(|counts| {
                counts.deposits += i64::from(is_acknowledged);
                counts.doubled += i64::from(new > 1);
            });
            self.deposits.lock().unwrap().push((key, is_acknowledged));
        }
    }

    /// Lists and pays unpaid orders until `done`; each payment is sent four times at once.
    pub(super) fn pay(&self, mut dice: Dice, done: &AtomicBool) {
        while !done.load(Ordering::SeqCst) {
            let unpaid = self.list("ListUnpaidOrders", &[], dice.below(1 << 20));
            let Some(unpaid) = unpaid.filter(|unpaid| !unpaid.is_empty()) else { continue };
            let chosen = &unpaid[usize::try_from(dice.below(1 << 20)).unwrap() % unpaid.len()];
            let url = self.url(dice.below(1 << 20));
            let parameters = [("OrderNos.0", chosen.clone())];
            let answers: Vec<Value> = std::thread::scope(|scope| {
                let pay = || self.client.try_call(&url, "StartPayUnpaidOrders", &parameters);
                let sending: Vec<_> = (0..SENDS).map(|_| scope.spawn(pay)).collect();
                sending.into_iter().filter_map(|sending| sending.join().unwrap().ok()).collect()
            });
            if answers.iter().any(|answer| answer["SuccessCount"] == 1) {
                self.count(|counts| counts.payments += 1);
                self.paid.lock().unwrap().push(chosen.clone());
            }
        }
    }

    /// Exports until `done`. One that is answered has a file.
    pub(super) fn export(&self, mut dice: Dice, done: &AtomicBool) {
        while !done.load(Ordering::SeqCst) {
            let url = self.url(dice.below(1 << 20));
            let answer = self.client.try_call(&url, "DownloadListPaidOrders", &range());
            if let Ok(answer) = answer
                && answer["RetCode"] == 0
            {
                assert!(answer["Data"]["FileSize"].as_i64() > Some(0), "{answer}");
                self.count(|counts| counts.exports += 1);
            }
            self.list("ListPaidOrders", &[], dice.below(1 << 20));
        }
    }

    /// The numbers of a list; `None` without an answer, or with `RetCode` 150.
    fn list(&self, action: &str, filter: &[(&str, String)], die: i64) -> Option<Vec<String>> {
        let mut parameters = range();
        parameters.extend([("Page", "1".to_owned()), ("PageSize", "100".to_owned())]);
        parameters.extend_from_slice(filter);
        let answer = self.client.try_call(&self.url(die), action, &parameters).ok()?;
        if answer["RetCode"] == 150 {
            self.count(|counts| counts.lists_unavailable += 1);
            return None;
        }
        assert_eq!(answer["RetCode"], 0, "{answer}");
        self.count(|counts| counts.lists += 1);
        let orders = answer["Orders"].as_array().unwrap().iter();
        Some(orders.map(|order| order["OrderNo"].as_str().unwrap().to_owned()).collect())
    }

    /// Whether the server at a place answers every kind of request.
    pub(super) fn is_ready(&self, place: usize) -> bool {
        let Ok(die) = i64::try_from(place) else { return false };
        let event = self.event();
        let is_stored = self.post(&self.url(die), std::slice::from_ref(&event)).is_some();
        self.sent.lock().unwrap().push(Sent { event, is_acknowledged: is_stored });
        let is_healthy = self.agent.get(format!("{}/healthz", self.url(die))).call();
        is_stored
            && is_healthy.is_ok_and(|answer| answer.status() == 200)
            && self.list("ListPaidOrders", &[], die).is_some()
            && self
                .client
                .try_call(&self.url(die), "DownloadListPaidOrders", &range())
                .is_ok_and(|answer| answer["RetCode"] == 0)
    }

    /// Sends everything again that was sent so far. What was acknowledged must be there.
    pub(super) fn confirm(&self) {
        let sent = self.sent.lock().unwrap();
        for chunk in sent.chunks(500) {
            let events: Vec<Value> = chunk.iter().map(|sent| sent.event.clone()).collect();
            let results = self.post(&self.url(0), &events).expect("the servers are ready again");
            for (sent, result) in chunk.iter().zip(results) {
                if sent.is_acknowledged && result == "accepted" {
                    println!("LOST {}", sent.event);
                    self.count(|counts| counts.lost += 1);
                }
            }
        }
        drop(sent);
        for sent in self.sent.lock().unwrap().iter_mut() {
            sent.is_acknowledged = true;
        }
        for (key, is_acknowledged) in self.deposits.lock().unwrap().iter_mut() {
            let made = self.fixture.json(&deposit_arguments(key));
            if *is_acknowledged && made["Repeated"] == false {
                println!("LOST deposit {key}");
                self.count(|counts| counts.lost += 1);
            }
            *is_acknowledged = true;
        }
        for number in self.paid.lock().unwrap().drain(..) {
            let unpaid = self.list("ListUnpaidOrders", &[("OrderNos.0", number.clone())], 0);
            if unpaid.expect("the servers are ready again").contains(&number) {
                println!("LOST payment of {number}");
                self.count(|counts| counts.lost += 1);
            }
        }
    }

    /// How many records and deposits there must be.
    pub(super) fn expected(&self) -> (i64, i64) {
        let length = |length: usize| i64::try_from(length).unwrap();
        (length(self.sent.lock().unwrap().len()), length(self.deposits.lock().unwrap().len()))
    }

    /// The answer of `GetOrderAmount` over everything.
    pub(super) fn amount(&self) -> Value {
        self.client.ask(&self.url(0), "GetOrderAmount", &range())
    }
}

/// The arrears are left to the payments.
fn deposit_arguments(key: &str) -> [&str; 11] {
    [
        "account",
        "deposit",
        "--company",
        "1",
        "--kind",
        "cash",
        "--no-settle",
        "--amount",
        "40.00",
        "--key",
        key,
    ]
}

/// The time range of all orders of the rig.
fn range() -> Vec<(&'static str, String)> {
    let now_s = SystemClock.now_s();
    vec![("StartTime", (now_s - 30 * 86_400).to_string()), ("EndTime", (now_s + 86_400).to_string())]
}
