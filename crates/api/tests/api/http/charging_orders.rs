//! From usage to orders: an hour is closed when it is due, and its orders are listed, summed and exported like any
//! other order. Revoked orders keep their numbers.

use std::time::Instant;

use serde_json::{Value, json};
use tollbook_domain::account::AccountKind;
use tollbook_domain::tenant::Company;
use tollbook_ops::charging::Revocation;

use super::backend::{Backend, on_each_backend};
use super::faulty::PATIENCE;
use super::model::{PAID_COLUMNS, UNPAID_COLUMNS};
use super::reporter::{DUE_S, HOUR, event};
use super::server::{Key, NOW_S, Server};
use super::workbook::row;

struct Fixture {
    server: Server,
    company: Company,
    organization_id: i64,
    key: Key,
    operator: String,
}

impl Fixture {
    fn on(server: Server) -> Self {
        server.sell();
        let company = server.company("User", "default");
        let organization_id = server.organization(&company, "One").organization_id;
        let (key, operator) = (server.full_key(&company), server.operator_key("gateway"));
        Self { server, company, organization_id, key, operator }
    }

    fn use_up(&self, id: &str, quantities: &Value) {
        let event = event(id, &self.company, self.organization_id, quantities);
        self.server.use_up(&self.operator, &[event]);
    }

    fn list(&self, action: &str, filter: &str) -> Vec<Value> {
        let text = format!("Action={action}&{HOUR}&Page=1&PageSize=100&{filter}");
        self.server.ask(&self.key, &text).list("Orders").to_vec()
    }

    /// Total, paid, unpaid and pending.
    fn amounts(&self) -> [String; 4] {
        let answer = self.server.ask(&self.key, &format!("Action=GetOrderAmount&{HOUR}"));
        ["TotalOrderAmount", "PaidAmount", "UnpaidAmount", "PendingAmount"]
            .map(|name| answer.text(name).to_owned())
    }

    /// Checks that the workbook of a list has the rows of the list.
    fn check_export(&self, kind: &str, filter: &str, columns: &str) {
        let listed = self.list(&format!("List{kind}Orders"), filter);
        let text = format!("Action=DownloadList{kind}Orders&{HOUR}&{filter}");
        let sheets = self.server.export(&self.key, &text);
        let expected: Vec<Vec<String>> = listed.iter().map(|item| row(item, columns, |_| 0)).collect();
        assert_eq!(sheets[0].1[1..], expected, "{kind} {filter}");
    }
}

/// The text members of an object.
fn texts<'v, const N: usize>(value: &'v Value, names: [&str; N]) -> [&'v str; N] {
    names.map(|name| value[name].as_str().unwrap())
}

fn closing_an_hour_creates_paid_and_unpaid_orders(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    fixture.server.deposit(&fixture.company, AccountKind::Bonus, "2", "d-1");
    fixture.server.deposit(&fixture.company, AccountKind::Cash, "5", "d-2");
    // Two records of one hour become one order for each line: 6.00 and 4.00.
    fixture.use_up("r-1", &json!({"input": 1_000_000, "output": 250_000}));
    fixture.use_up("r-2", &json!({"input": 500_000}));
    fixture.server.clock.set(DUE_S - 1);
    assert!(fixture.server.tick().is_nothing(), "the hour is not due yet");
    assert_eq!(fixture.amounts(), ["0.00", "0.00", "0.00", "10.00"]);
    fixture.server.clock.set(DUE_S);
    let closed = fixture.server.tick().closed;
    assert_eq!((closed.hours, closed.paid, closed.unpaid), (1, 1, 1));
    assert!(fixture.server.tick().is_nothing(), "the hour is already closed");
    assert_eq!(fixture.amounts(), ["10.00", "6.00", "4.00", "0.00"]);

    let (paid, unpaid) = (fixture.list("ListPaidOrders", ""), fixture.list("ListUnpaidOrders", ""));
    assert_eq!((paid.len(), unpaid.len()), (1, 1));
    let numbers =
        ["OrderNo", "UnpaidOrderNo", "OrderTotalPrice", "OriginalPrice", "BonusAccount", "CashAccount"];
    let [number, none, total, original, bonus, cash] = texts(&paid[0], numbers);
    assert!(number.starts_with("O2025120100"), "{number}");
    assert_eq!([none, total, original, bonus, cash], ["", "6.00", "6.00", "2.00", "4.00"]);
    let names = ["PricingSKU", "ModelName", "QuantityDisplay", "ResourceID", "UserEmail", "Region"];
    assert_eq!(
        texts(&paid[0], names),
        ["input", "M-1", "1.5 M Tokens", "key-1", "ann@example.com", "cn-wlcb"]
    );
    let integers =
        ["StartTime", "EndTime", "PaidTime", "Quantity", "ChargeType", "OrderType", "Channel", "Status"];
    let values = [NOW_S, NOW_S + 3_600, DUE_S, 1_500_000, 102, 102, 1, 2];
    assert_eq!(integers.map(|name| paid[0][name].as_i64().unwrap()), values);
    let [number, source, total, created, revoked] =
        texts(&unpaid[0], ["OrderNo", "SourceOrderNo", "OrderTotalPrice", "CreateTime", "RevocationTime"]);
    assert!(number.starts_with("U2025120101") && source.starts_with("O2025120100"), "{number} {source}");
    assert_eq!([total, created, revoked], ["4.00", &DUE_S.to_string(), ""]);
    fixture.check_export("Paid", "", PAID_COLUMNS);
    fixture.check_export("Unpaid", "", UNPAID_COLUMNS);
}

fn late_usage_makes_a_supplementary_order(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    fixture.server.deposit(&fixture.company, AccountKind::Cash, "100", "d-1");
    fixture.use_up("r-1", &json!({"input": 1_000_000}));
    fixture.server.clock.set(DUE_S);
    assert_eq!(fixture.server.tick().closed.paid, 1);
    // Two late records are collected into one order.
    fixture.server.clock.set(DUE_S + 1_000);
    fixture.use_up("r-2", &json!({"input": 250_000}));
    assert!(fixture.server.tick().is_nothing());
    fixture.use_up("r-3", &json!({"input": 250_000}));
    assert_eq!(fixture.amounts(), ["4.00", "4.00", "0.00", "2.00"]);
    fixture.server.clock.advance(10);
    assert_eq!(fixture.server.tick().closed.paid, 1);
    assert_eq!(fixture.amounts(), ["6.00", "6.00", "0.00", "0.00"]);
    let mut orders: Vec<(i64, String)> = fixture
        .list("ListPaidOrders", "")
        .iter()
        .map(|order| (order["OrderType"].as_i64().unwrap(), texts(order, ["OrderTotalPrice"])[0].to_owned()))
        .collect();
    orders.sort();
    assert_eq!(orders, [(102, "4.00".to_owned()), (301, "2.00".to_owned())]);
}

fn revoked_orders_keep_their_numbers(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    // One order is paid at once, one is paid after arrears, one stays unpaid.
    fixture.server.deposit(&fixture.company, AccountKind::Cash, "4", "d-1");
    fixture.use_up("r-1", &json!({"input": 1_000_000}));
    fixture.server.clock.set(DUE_S);
    assert_eq!(fixture.server.tick().closed.paid, 1);
    for (id, input) in [("r-2", 500_000), ("r-3", 750_000)] {
        fixture.use_up(id, &json!({"input": input}));
        fixture.server.clock.advance(10);
        assert_eq!(fixture.server.tick().closed.unpaid, 1);
    }
    let owed = fixture.list("ListUnpaidOrders", "");
    let named = |total: &str| {
        let order = owed.iter().find(|order| order["OrderTotalPrice"] == total).unwrap();
        texts(order, ["OrderNo", "SourceOrderNo"]).map(str::to_owned)
    };
    let ([later, of_later], [owed_number, of_owed]) = (named("2.00"), named("3.00"));
    fixture.server.deposit(&fixture.company, AccountKind::Cash, "2", "d-2");
    let pay = format!("Action=StartPayUnpaidOrders&OrderNos={later}");
    assert_eq!(fixture.server.ask(&fixture.key, &pay).integer("SuccessCount"), 1);
    let [at_once] = fixture
        .list("ListPaidOrders", "")
        .iter()
        .filter(|order| order["UnpaidOrderNo"] == "")
        .map(|order| texts(order, ["OrderNo"])[0].to_owned())
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();

    fixture.server.clock.advance(100);
    assert_eq!(fixture.server.revoke(&fixture.company, &at_once), Revocation::Refunded);
    assert_eq!(fixture.server.revoke(&fixture.company, &later), Revocation::Refunded);
    assert_eq!(fixture.server.revoke(&fixture.company, &owed_number), Revocation::Revoked);
    assert_eq!(fixture.amounts(), ["0.00", "0.00", "0.00", "0.00"]);
    for (action, other) in [("ListPaidOrders", "UnpaidOrderNo"), ("ListUnpaidOrders", "SourceOrderNo")] {
        assert_eq!(fixture.list(action, ""), Vec::<Value>::new());
        let shown = fixture.list(action, "Statuses=3");
        let mut numbers: Vec<[&str; 3]> =
            shown.iter().map(|order| texts(order, ["OrderTotalPrice", "OrderNo", other])).collect();
        numbers.sort_unstable();
        let expected: [[&str; 3]; 3] = match other {
            "UnpaidOrderNo" => {
                [["2.00", &of_later, &later], ["3.00", &owed_number, ""], ["4.00", &at_once, ""]]
            }
            _ => [
                ["2.00", &of_later, &of_later],
                ["3.00", &owed_number, &of_owed],
                ["4.00", &at_once, &at_once],
            ],
        };
        assert_eq!(numbers, expected, "{action}");
    }
    fixture.check_export("Paid", "Statuses=3", PAID_COLUMNS);
    fixture.check_export("Unpaid", "Statuses=3", UNPAID_COLUMNS);
}

fn a_server_closes_hours_by_itself(backend: Backend) {
    let fixture = Fixture::on(Server::working(backend));
    fixture.use_up("r-1", &json!({"input": 1_000_000}));
    assert_eq!(fixture.amounts()[3], "4.00");
    fixture.server.clock.set(DUE_S);
    let begin = Instant::now();
    while fixture.amounts()[2] != "4.00" {
        assert!(begin.elapsed() < PATIENCE, "the hour is not closed");
        std::thread::yield_now();
    }
    assert_eq!(fixture.amounts(), ["4.00", "0.00", "4.00", "0.00"]);
}

on_each_backend!(
    closing_an_hour_creates_paid_and_unpaid_orders,
    late_usage_makes_a_supplementary_order,
    revoked_orders_keep_their_numbers,
    a_server_closes_hours_by_itself,
);
