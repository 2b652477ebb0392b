//! Requests to servers during concurrent writes, and the naive model that answers are compared with: a vector and a
//! `for` loop. Each answer must be consistent in itself, whatever is written at the same time.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tollbook_api::signature::sign;

use crate::import::{lines, paid};
use crate::program::{Company, steps};

const START: i64 = 1_760_000_400;
/// The range of orders in hours. `GetOrderAmount` accepts at most a year.
const HOURS: i64 = 2_000;
const PAGE: i64 = 100;
const RESOURCES: i64 = 3;

/// A deterministic generator of random numbers.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }
}

/// Sends signed requests as a customer, without a process for each call.
pub(crate) struct Client {
    agent: ureq::Agent,
    public_key: String,
    private_key: String,
}

impl Client {
    pub(crate) fn new(company: &Company) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        Self {
            agent: config.into(),
            public_key: company.public_key.clone(),
            private_key: company.private_key.clone(),
        }
    }

    /// A client that waits for an answer for so long only.
    pub(crate) fn waiting(company: &Company, timeout: Duration) -> Self {
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(timeout)).build();
        Self { agent: config.into(), ..Self::new(company) }
    }

    /// Calls an action and returns the answer with any `RetCode`.
    pub(crate) fn call(&self, server: &str, action: &str, parameters: &[(&str, String)]) -> Value {
        self.try_call(server, action, parameters).unwrap()
    }

    /// The same; an error if there is no answer.
    pub(crate) fn try_call(
        &self,
        server: &str,
        action: &str,
        parameters: &[(&str, String)],
    ) -> Result<Value, ureq::Error> {
        let mut form: Vec<(String, String)> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        form.push(("Action".to_owned(), action.to_owned()));
        form.push(("PublicKey".to_owned(), self.public_key.clone()));
        form.push(("Signature".to_owned(), sign(&form, &self.private_key)));
        let mut response = self.agent.post(server).send_form(form)?;
        Ok(serde_json::from_str(&response.body_mut().read_to_string()?).unwrap())
    }

    /// Calls an action, which must succeed, and returns the answer.
    pub(crate) fn ask(&self, server: &str, action: &str, parameters: &[(&str, String)]) -> Value {
        let answer = self.call(server, action, parameters);
        assert_eq!(answer["RetCode"], 0, "{action}: {answer}");
        answer
    }
}

/// The time range of all orders of a rig.
pub(crate) fn range() -> Vec<(&'static str, String)> {
    vec![("StartTime", START.to_string()), ("EndTime", (START + HOURS * 3_600).to_string())]
}

/// An order of the model. Its amounts follow from its resource.
struct Entry {
    shown: String,
    status: i64,
    resource: i64,
    start_s: i64,
}

/// The amount of each order of a resource, in 10⁻⁸. It is the same for all of them, so that counts and sums of one
/// answer can be compared.
fn price(resource: i64) -> i128 {
    i128::from(resource + 1) * 300_000
}

fn entry(number: i64) -> Entry {
    let (status, prefix) = if number % 4 == 3 { (1, 'U') } else { (2, 'O') };
    let start_s = START + number * 7_919 % HOURS * 3_600;
    Entry { shown: format!("{prefix}{number:07}"), status, resource: number % RESOURCES, start_s }
}

/// The order as a line of an order file.
fn record(company: &Company, number: i64, entry: &Entry) -> Value {
    let mut record = paid(company, number, entry.start_s, (entry.resource + 1) * 1_000);
    // New billing lines are added throughout the import.
    record["ModelID"] = json!(format!("m-{}", number / 400));
    if entry.status == 1 {
        let fields = record.as_object_mut().unwrap();
        fields.remove("PaidTime");
        fields.remove("CashAccount");
        let source = fields.insert("OrderNo".to_owned(), json!(entry.shown));
        fields.insert("SourceOrderNo".to_owned(), source.unwrap());
        fields.insert("Status".to_owned(), json!(1));
    }
    record
}

/// The orders of a company as they were imported.
pub(crate) struct Model {
    pub(crate) client: Client,
    company: Company,
    entries: Vec<Entry>,
    places: HashMap<String, usize>,
}

/// The numbers of answers that a reader got.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) answers: i64,
    pub(crate) unavailable: i64,
}

impl Model {
    /// A model of the first `orders` orders, which need not be stored yet.
    pub(crate) fn new(company: &Company, orders: i64) -> Self {
        let entries: Vec<Entry> = (0..orders).map(entry).collect();
        let places = (0..).zip(&entries).map(|(place, entry)| (entry.shown.clone(), place)).collect();
        Self { client: Client::new(company), company: company.clone(), entries, places }
    }

    /// Two order files that overlap in the middle. Concurrent imports of them reach the overlap at the same time.
    pub(crate) fn overlapping(&self, orders: Range<usize>) -> [String; 2] {
        let shared = orders.len() / 5;
        let middle = orders.start + orders.len() / 2;
        let record = |place: usize| record(&self.company, place.try_into().unwrap(), &self.entries[place]);
        [
            lines((orders.start..middle + shared).map(record)),
            lines((middle - shared..orders.end).rev().map(record)),
        ]
    }

    /// Sends requests to the servers in turn until `done` is set, and a few times after.
    pub(crate) fn read_until(
        &self,
        servers: &[String],
        mut dice: Dice,
        done: &AtomicBool,
        may_fail: bool,
    ) -> Seen {
        let mut seen = Seen::default();
        let mut most = [0; 3];
        let mut after = 0;
        while after < 8 {
            after += i32::from(done.load(Ordering::SeqCst));
            for server in servers {
                // Request a random list, summary or amount. If one server has counted an order, the next one must
                // count it too.
                let status = 1 + dice.below(2);
                let kind = dice.below(3);
                let resource = Some(dice.below(RESOURCES + 1)).filter(|resource| *resource < RESOURCES);
                let mut parameters = range();
                parameters.extend(resource.map(|resource| ("ResourceIds.0", format!("key-{resource}"))));
                let (action, page) = match (kind, status) {
                    (0, 1) => ("ListUnpaidOrders", true),
                    (0, _) => ("ListPaidOrders", true),
                    (1, 1) => ("ListUnpaidOrderSummary", false),
                    (1, _) => ("ListPaidOrderSummary", false),
                    _ => ("GetOrderAmount", false),
                };
                let page = if page { 1 + dice.below(30) } else { 0 };
                if page > 0 {
                    parameters.extend([("Page", page.to_string()), ("PageSize", PAGE.to_string())]);
                }
                let answer = self.client.call(server, action, &parameters);
                seen.answers += 1;
                if may_fail && answer["RetCode"] == 150 {
                    seen.unavailable += 1;
                    continue;
                }
                assert_eq!(answer["RetCode"], 0, "{action}: {answer}");
                let count = match kind {
                    0 => self.check_page(&answer, page, status, resource),
                    1 => check_summary(&answer, resource),
                    _ => check_amount(&answer, resource),
                };
                if resource.is_none() {
                    let place = usize::try_from(if kind == 2 { 0 } else { status }).unwrap();
                    assert!(count >= most[place], "{action}: {count} after {}", most[place]);
                    most[place] = count;
                }
            }
        }
        seen
    }

    /// Checks the size and the sequence of a page, and its orders against the imported ones. Returns the total.
    fn check_page(&self, answer: &Value, page: i64, status: i64, resource: Option<i64>) -> i64 {
        let total = answer["Total"].as_i64().unwrap();
        let orders = answer["Orders"].as_array().unwrap();
        let expected = (total - (page - 1) * PAGE).clamp(0, PAGE);
        assert_eq!(i64::try_from(orders.len()).unwrap(), expected, "rows of page {page} of {total} orders");
        let mut last = None;
        for order in orders {
            let number = order["OrderNo"].as_str().unwrap();
            let entry = &self.entries[self.places[number]];
            assert_eq!((entry.status, order["StartTime"].as_i64()), (status, Some(entry.start_s)), "{order}");
            assert!(resource.is_none_or(|resource| resource == entry.resource), "{order}");
            assert_eq!(steps(&order["OrderTotalPrice"]), price(entry.resource), "{order}");
            let key = (entry.start_s, number);
            assert!(last.is_none_or(|last| key < last), "newest first, then by number descending: {order}");
            last = Some(key);
        }
        total
    }

    /// Compares lists, sums and summaries of all servers with the model. Exactly the first `orders` orders must be
    /// stored.
    pub(crate) fn compare(&self, servers: &[String], orders: usize) {
        let stored = &self.entries[..orders];
        for server in servers {
            for resource in [None, Some(0), Some(1), Some(2)] {
                self.compare_sums(server, stored, resource);
            }
        }
        for (status, action) in [(1, "ListUnpaidOrders"), (2, "ListPaidOrders")] {
            let mut expected = Vec::new();
            for entry in stored {
                if entry.status == status {
                    expected.push((entry.start_s, entry.shown.as_str()));
                }
            }
            expected.sort_unstable_by(|a, b| b.cmp(a));
            // The pages are requested from the servers in turn, and together are the complete list.
            for (page, expected) in (1..).zip(expected.chunks(usize::try_from(PAGE).unwrap())) {
                let server = &servers[page % servers.len()];
                let mut parameters = range();
                parameters.extend([("Page", page.to_string()), ("PageSize", PAGE.to_string())]);
                let answer = self.client.ask(server, action, &parameters);
                self.check_page(&answer, i64::try_from(page).unwrap(), status, None);
                let shown = answer["Orders"].as_array().unwrap().iter();
                let shown: Vec<_> = shown
                    .map(|order| (order["StartTime"].as_i64().unwrap(), order["OrderNo"].as_str().unwrap()))
                    .collect();
                assert_eq!(shown, expected, "{action}, page {page}");
            }
        }
    }

    fn compare_sums(&self, server: &str, stored: &[Entry], resource: Option<i64>) {
        let (mut counts, mut sums) = ([0; 3], [0; 3]);
        for entry in stored {
            if resource.is_none_or(|resource| resource == entry.resource) {
                let status = usize::try_from(entry.status).unwrap();
                counts[status] += 1;
                sums[status] += price(entry.resource);
            }
        }
        let mut parameters = range();
        parameters.extend(resource.map(|resource| ("ResourceIds.0", format!("key-{resource}"))));
        let amount = self.client.ask(server, "GetOrderAmount", &parameters);
        check_amount(&amount, resource);
        assert_eq!((&amount["PaidCount"], &amount["UnpaidCount"]), (&json!(counts[2]), &json!(counts[1])));
        assert_eq!((steps(&amount["PaidAmount"]), steps(&amount["UnpaidAmount"])), (sums[2], sums[1]));
        for (status, action) in [(1, "ListUnpaidOrderSummary"), (2, "ListPaidOrderSummary")] {
            let summary = self.client.ask(server, action, &parameters);
            assert_eq!(check_summary(&summary, resource), counts[status], "{action}");
        }
        parameters.extend([("Page", "1".to_owned()), ("PageSize", PAGE.to_string())]);
        for (status, action) in [(1, "ListUnpaidOrders"), (2, "ListPaidOrders")] {
            let list = self.client.ask(server, action, &parameters);
            assert_eq!(self.check_page(&list, 1, i64::try_from(status).unwrap(), resource), counts[status]);
        }
    }
}

/// Checks that counts and amounts of one answer agree. Returns the number of orders.
fn check_amount(answer: &Value, resource: Option<i64>) -> i64 {
    let count = |name: &str| answer[name].as_i64().unwrap();
    let sum = |name: &str| steps(&answer[name]);
    assert_eq!(count("OrderCount"), count("PaidCount") + count("UnpaidCount"), "{answer}");
    assert_eq!(sum("TotalOrderAmount"), sum("PaidAmount") + sum("UnpaidAmount"), "{answer}");
    assert_eq!(sum("CashAmount"), sum("PaidAmount"), "{answer}");
    for (amount, orders) in [("PaidAmount", "PaidCount"), ("UnpaidAmount", "UnpaidCount")] {
        let (least, most) = (resource.unwrap_or(0), resource.unwrap_or(RESOURCES - 1));
        let possible = i128::from(count(orders)) * price(least)..=i128::from(count(orders)) * price(most);
        assert!(possible.contains(&sum(amount)), "{amount} of {orders}: {answer}");
    }
    count("OrderCount")
}

/// Checks that counts, quantities and amounts of a summary agree. Returns the number of its orders.
fn check_summary(answer: &Value, resource: Option<i64>) -> i64 {
    let mut orders = 0;
    for row in answer["Summaries"].as_array().unwrap() {
        let name = row["ResourceId"].as_str().unwrap();
        let of: i64 = name.strip_prefix("key-").unwrap().parse().unwrap();
        assert!(resource.is_none_or(|resource| resource == of), "{row}");
        let count = row["OrderCount"].as_i64().unwrap();
        assert_eq!(steps(&row["SumOrderPrice"]), price(of) * i128::from(count), "{row}");
        assert_eq!(row["SumQuantity"], json!((of + 1) * 1_000 * count), "{row}");
        orders += count;
    }
    orders
}
