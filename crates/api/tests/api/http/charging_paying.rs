//! `StartPayUnpaidOrders`: each order is paid, or has the reason why it is not. A repeated request moves no money.

use serde_json::{Value, json};
use tollbook_domain::account::AccountKind;
use tollbook_domain::tenant::Company;

use super::backend::{Backend, on_each_backend};
use super::client::{Answer, FORM, Http, encode};
use super::sample_orders::{self, RANGE};
use super::server::{Key, Server};

/// A company with the sample orders, alternating between its two organizations. Orders 2, 6, 10, … are unpaid, and
/// 3, 7, 11, … are revoked.
struct Fixture {
    server: Server,
    company: Company,
    key: Key,
    /// Bound to the second organization, which has the orders with odd numbers.
    bound: Key,
}

impl Fixture {
    fn new(backend: Backend) -> Self {
        let server = Server::start(backend);
        let company = server.company("Debtor", "default");
        let organizations = [server.organization(&company, "One"), server.organization(&company, "Two")];
        let ids = organizations.each_ref().map(|organization| organization.organization_id);
        server.add(&sample_orders::orders(company.company_id, &ids));
        let (key, bound) = (server.full_key(&company), server.bound_key(&company, &organizations[1]));
        Self { server, company, key, bound }
    }

    fn pay(&self, key: &Key, numbers: &[&str]) -> Answer {
        let list: Vec<String> =
            numbers.iter().enumerate().map(|(index, number)| format!("&OrderNos.{index}={number}")).collect();
        self.server.ask(key, &format!("Action=StartPayUnpaidOrders{}", list.concat()))
    }

    /// `number reason` of each result.
    fn paid(&self, key: &Key, numbers: &[&str]) -> Vec<String> {
        let answer = self.pay(key, numbers);
        check(&answer);
        answer
            .list("ResultSet")
            .iter()
            .map(|result| format!("{} {}", text(result, "OrderNo"), text(result, "Reason")))
            .collect()
    }

    fn owed(&self) -> (i64, String) {
        let amount = self.server.ask(&self.key, &format!("Action=GetOrderAmount&{RANGE}"));
        (amount.integer("UnpaidCount"), amount.text("UnpaidAmount").to_owned())
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap()
}

/// Checks the counts and the single result against the list of results.
fn check(answer: &Answer) {
    let results = answer.list("ResultSet");
    for result in results {
        assert_eq!(result["Success"], json!(text(result, "Reason").is_empty()), "{result}");
    }
    let failed: Vec<&Value> = results.iter().filter(|result| result["Success"] == false).collect();
    assert_eq!(answer.integer("FailureCount"), i64::try_from(failed.len()).unwrap());
    assert_eq!(answer.integer("SuccessCount"), i64::try_from(results.len() - failed.len()).unwrap());
    assert_eq!(&answer.0["Results"], *failed.first().unwrap_or(&results.last().unwrap()));
}

fn each_order_has_its_own_result(backend: Backend) {
    let fixture = Fixture::new(backend);
    let other = fixture.server.company("Other", "default");
    let organization = fixture.server.organization(&other, "One");
    let mut theirs = sample_orders::order(other.company_id, &[organization.organization_id], 2);
    (theirs.order.number, theirs.order.counterpart) = ("U-theirs".to_owned(), "O-theirs".to_owned());
    fixture.server.add(&[theirs]);
    let before = fixture.owed();
    let table = [
        // number, reason
        ("U000001", ""),
        ("U000002", "INSUFFICIENT_BALANCE"),
        ("U000003", "ORDER_REVOKED"),
        ("O000002", "ORDER_NOT_FOUND"),
        ("O000000", "ORDER_NOT_FOUND"),
        ("U-theirs", "ORDER_NOT_FOUND"),
        ("nothing", "ORDER_NOT_FOUND"),
        ("U000006", "INSUFFICIENT_BALANCE"),
    ];
    let numbers = table.map(|(number, _)| number);
    let expected = table.map(|(number, reason)| format!("{number} {reason}"));
    assert_eq!(fixture.paid(&fixture.key, &numbers), expected);
    assert_eq!(fixture.owed(), before, "no order is paid");
    let repeated = ["U000002", "nothing", "U000002", "U000001", "nothing"];
    let expected = ["U000002 INSUFFICIENT_BALANCE", "nothing ORDER_NOT_FOUND", "U000001 "];
    assert_eq!(fixture.paid(&fixture.key, &repeated), expected);
}

fn orders_are_paid_in_the_order_of_the_index(backend: Backend) {
    let fixture = Fixture::new(backend);
    let listed =
        fixture.server.ask(&fixture.key, &format!("Action=ListUnpaidOrders&{RANGE}&Page=1&PageSize=100"));
    let total = |number: &str| {
        let order = listed.list("Orders").iter().find(|order| order["OrderNo"] == number).unwrap();
        text(order, "OrderTotalPrice").to_owned()
    };
    // Bonus does not pay arrears.
    fixture.server.deposit(&fixture.company, AccountKind::Bonus, "100000000", "d-0");
    assert_eq!(fixture.paid(&fixture.key, &["U000002"]), ["U000002 INSUFFICIENT_BALANCE"]);
    fixture.server.deposit(&fixture.company, AccountKind::Cash, &total("U000002"), "d-1");
    // Orders are paid by index, not by position in the request.
    let text = "Action=StartPayUnpaidOrders&OrderNos.9=U000006&OrderNos.3=U000002";
    let answer = fixture.server.ask(&fixture.key, text);
    check(&answer);
    assert_eq!(
        answer.0["ResultSet"],
        json!([
            {"OrderNo": "U000002", "Success": true, "Reason": ""},
            {"OrderNo": "U000006", "Success": false, "Reason": "INSUFFICIENT_BALANCE"},
        ])
    );
    let paid = fixture
        .server
        .ask(&fixture.key, &format!("Action=ListPaidOrders&{RANGE}&Page=1&PageSize=100&OrderNos=U000002"));
    let [order] = paid.list("Orders") else { panic!("not one paid order: {paid:?}") };
    assert_eq!((&order["OrderNo"], &order["UnpaidOrderNo"]), (&json!("O000002"), &json!("U000002")));
    assert_eq!(
        (&order["CashAccount"], &order["PaidTime"]),
        (&json!(total("U000002")), &json!(1_764_547_200))
    );
    // Repeated by four clients at the same time, the request succeeds and moves no money.
    let balance = || {
        let mut snapshot = fixture.server.store.snapshot().unwrap();
        snapshot.account_state(fixture.company.company_id).unwrap()
    };
    let before = balance();
    let signed = fixture.key.signed(super::client::pairs(text));
    std::thread::scope(|scope| {
        let again =
            [(); 4].map(|()| scope.spawn(|| Http::post(FORM, encode(&signed)).send(fixture.server.address)));
        for reply in again.map(|thread| thread.join().unwrap()) {
            assert_eq!(Answer::of(&reply, Some("StartPayUnpaidOrders")), answer);
        }
    });
    assert_eq!(balance(), before);
}

fn a_bound_key_pays_only_for_its_organization(backend: Backend) {
    let fixture = Fixture::new(backend);
    fixture.server.deposit(&fixture.company, AccountKind::Cash, "90000000", "d-1");
    let before = fixture.owed();
    // The first organization has the unpaid orders; the second has the revoked ones and those that were paid late.
    assert_eq!(
        fixture.paid(&fixture.bound, &["U000002", "U000003", "U000001"]),
        ["U000002 ORDER_NOT_FOUND", "U000003 ORDER_REVOKED", "U000001 "]
    );
    assert_eq!(fixture.owed(), before);
    assert_eq!(fixture.paid(&fixture.key, &["U000002"]), ["U000002 "]);
    assert_eq!(fixture.owed().0, before.0 - 1);
}

fn a_zero_total_is_paid_without_money(backend: Backend) {
    let fixture = Fixture::new(backend);
    // A quantity of 0 stands for every total of zero, such as a price that rounds to zero.
    let mut new = sample_orders::order(fixture.company.company_id, &[1], 10);
    (new.order.number, new.order.counterpart) = ("U-zero".to_owned(), "O-zero".to_owned());
    new.order.quantity = 0;
    (new.order.total, new.order.original) = Default::default();
    fixture.server.add(&[new]);
    assert_eq!(
        fixture.paid(&fixture.key, &["U-zero", "U000002"]),
        ["U-zero ", "U000002 INSUFFICIENT_BALANCE"]
    );
    let filter = format!("{RANGE}&Page=1&PageSize=10&OrderNos=U-zero");
    let paid = fixture.server.ask(&fixture.key, &format!("Action=ListPaidOrders&{filter}"));
    assert_eq!((paid.integer("Total"), text(&paid.list("Orders")[0], "OrderTotalPrice")), (1, "0.00"));
}

fn a_request_has_at_most_fifty_order_numbers(backend: Backend) {
    let fixture = Fixture::new(backend);
    let numbers: Vec<String> = (0..51).map(|number| format!("X{number}")).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    assert_eq!(fixture.pay(&fixture.key, &numbers).verdict(), "240 Params [OrderNos] too large");
    assert_eq!(fixture.paid(&fixture.key, &numbers[..50]).len(), 50);
    let repeated: Vec<&str> = numbers[..50].iter().chain(&numbers[..50]).copied().collect();
    assert_eq!(fixture.paid(&fixture.key, &repeated).len(), 50);
    for blank in ["", "&OrderNos=", "&OrderNos.0=&OrderNos.1="] {
        let verdict =
            fixture.server.ask(&fixture.key, &format!("Action=StartPayUnpaidOrders{blank}")).verdict();
        assert_eq!(verdict, "220 Missing params [OrderNos]");
    }
}

on_each_backend!(
    each_order_has_its_own_result,
    orders_are_paid_in_the_order_of_the_index,
    a_bound_key_pays_only_for_its_organization,
    a_zero_total_is_paid_without_money,
    a_request_has_at_most_fifty_order_numbers,
);
