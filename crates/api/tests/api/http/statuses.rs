//! The extensions that select revoked orders and single orders: `Statuses` and `OrderNos` (docs/ORDERS.md, "Statuses"
//! and "Filters").

use serde_json::Value;
use tollbook_domain::{NewOrder, Status};

use super::backend::{Backend, on_each_backend};
use super::model::{Filter, PAID_COLUMNS, SUMMARY_COLUMNS, Shown, UNPAID_COLUMNS, order_amount};
use super::sample_orders::{self, END_S, RANGE, START_S};
use super::server::{Key, Server};
use super::workbook::row;

struct Fixture {
    server: Server,
    key: Key,
    shown: Shown,
    orders: Vec<NewOrder>,
}

impl Fixture {
    fn new(backend: Backend) -> Self {
        let server = Server::start(backend);
        let company = server.company("Revoking", "default");
        let organization = server.organization(&company, "One");
        let orders = sample_orders::orders(company.company_id, &[organization.organization_id]);
        server.add(&orders);
        let key = server.full_key(&company);
        let names = [(organization.organization_id, organization.name)].into();
        Self { server, key, shown: Shown::in_english(names), orders }
    }

    fn list(&self, action: &str, filter: &str) -> Vec<Value> {
        let text = format!("Action={action}&{RANGE}&Page=1&PageSize=100&{filter}");
        let answer = self.server.ask(&self.key, &text);
        let orders = answer.list("Orders").to_vec();
        assert_eq!(answer.integer("Total"), i64::try_from(orders.len()).unwrap());
        orders
    }

    fn matching(&self, statuses: &[Status]) -> Vec<&NewOrder> {
        Filter::range(START_S, END_S).matching(&self.orders, statuses)
    }
}

const UNPAID: Status = Status::Unpaid;
const PAID: Status = Status::Paid;
const REVOKED: Status = Status::Revoked;

fn statuses_replace_the_default_of_lists_summaries_and_exports(backend: Backend) {
    let fixture = Fixture::new(backend);
    let table: [(bool, &str, &[Status]); 8] = [
        // whether the actions are those of paid orders, filter, statuses shown
        (true, "", &[PAID]),
        (true, "Statuses=2", &[PAID]),
        (true, "Statuses=3", &[REVOKED]),
        (true, "Statuses.0=2&Statuses.1=3", &[PAID, REVOKED]),
        (false, "", &[UNPAID]),
        (false, "Statuses.N=1", &[UNPAID]),
        (false, "Statuses.5=3", &[REVOKED]),
        (false, "Statuses=3&Statuses=1", &[UNPAID, REVOKED]),
    ];
    for (of_paid, filter, statuses) in table {
        let kind = if of_paid { "Paid" } else { "Unpaid" };
        let found = fixture.matching(statuses);
        // Half of all orders are paid, a quarter is revoked.
        let count: usize = statuses.iter().map(|status| if *status == PAID { 36 } else { 18 }).sum();
        assert_eq!(found.len(), count);
        let items: Vec<Value> = found
            .iter()
            .map(|new| if of_paid { fixture.shown.paid(new) } else { fixture.shown.unpaid(new) })
            .collect();
        assert_eq!(fixture.list(&format!("List{kind}Orders"), filter), items, "{kind} {filter}");

        let columns = if of_paid { PAID_COLUMNS } else { UNPAID_COLUMNS };
        let text = format!("Action=List{kind}OrderSummary&{RANGE}&{filter}");
        let rows = fixture.shown.summary(&found);
        assert_eq!(fixture.server.ask(&fixture.key, &text).list("Summaries"), rows, "{kind} {filter}");

        let text = format!("Action=DownloadList{kind}Orders&{RANGE}&{filter}");
        let sheets = fixture.server.export(&fixture.key, &text);
        let expected: Vec<Vec<String>> = items.iter().map(|item| row(item, columns, |_| 0)).collect();
        assert_eq!(sheets[0].1[1..], expected, "{kind} {filter}");
    }
}

fn each_sheet_of_the_summary_applies_the_statuses_that_it_can_show(backend: Backend) {
    let fixture = Fixture::new(backend);
    let table: [(&str, &[Status], &[Status]); 8] = [
        // filter, statuses of the paid sheet, of the unpaid sheet
        ("", &[PAID], &[UNPAID]),
        ("Statuses=1", &[], &[UNPAID]),
        ("Statuses=2", &[PAID], &[]),
        ("Statuses=3", &[REVOKED], &[REVOKED]),
        ("Statuses=1&Statuses=2", &[PAID], &[UNPAID]),
        ("Statuses=1&Statuses=3", &[REVOKED], &[UNPAID, REVOKED]),
        ("Statuses=2&Statuses=3", &[PAID, REVOKED], &[REVOKED]),
        ("Statuses=1&Statuses=2&Statuses=3", &[PAID, REVOKED], &[UNPAID, REVOKED]),
    ];
    for (filter, paid, unpaid) in table {
        let text = format!("Action=DownloadOrderSummary&{RANGE}&{filter}");
        let sheets = fixture.server.export(&fixture.key, &text);
        let names: Vec<&str> = sheets.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Paid orders", "Unpaid orders"], "{filter}");
        for ((_, cells), statuses) in sheets.iter().zip([paid, unpaid]) {
            let rows = fixture.shown.summary(&fixture.matching(statuses));
            let expected: Vec<Vec<String>> =
                rows.iter().map(|item| row(item, SUMMARY_COLUMNS, |_| 0)).collect();
            assert_eq!(cells[1..], expected, "{filter}");
        }
    }
}

fn amounts_exclude_revoked_orders(backend: Backend) {
    let fixture = Fixture::new(backend);
    let text = format!("Action=GetOrderAmount&{RANGE}");
    let mut amount = fixture.server.ask(&fixture.key, &text).0;
    amount.retain(|name, _| !matches!(name.as_str(), "RetCode" | "Action"));
    assert_eq!(Value::Object(amount), order_amount(&fixture.matching(&[PAID]), &fixture.matching(&[UNPAID])));
    // The same if the filter selects only a revoked order.
    let alone = fixture.server.ask(&fixture.key, &format!("{text}&OrderNos.0=U000003"));
    assert_eq!((alone.integer("OrderCount"), alone.text("TotalOrderAmount")), (0, "0.00"));
}

fn an_order_is_found_by_either_of_its_numbers(backend: Backend) {
    let fixture = Fixture::new(backend);
    // Order 0 is paid at once, 1 is paid after arrears, 2 is unpaid, and 3 is revoked.
    let table: [(&str, &str, &[usize]); 11] = [
        // action, filter, orders found, newest first
        ("ListPaidOrders", "OrderNos=O000000", &[0]),
        ("ListPaidOrders", "OrderNos=U000000", &[]),
        ("ListPaidOrders", "OrderNos=O000001", &[1]),
        ("ListPaidOrders", "OrderNos=U000001", &[1]),
        ("ListPaidOrders", "OrderNos=O000001&OrderNos=U000001&OrderNos=O000000", &[1, 0]),
        ("ListPaidOrders", "OrderNos=U000002", &[]),
        ("ListUnpaidOrders", "OrderNos=O000002", &[2]),
        ("ListUnpaidOrders", "OrderNos=U000002", &[2]),
        ("ListUnpaidOrders", "OrderNos=U000003", &[]),
        ("ListUnpaidOrders", "Statuses=3&OrderNos=O000003", &[3]),
        ("ListPaidOrders", "Statuses=3&OrderNos=U000003&OrderNos=O000001", &[3]),
    ];
    for (action, filter, expected) in table {
        let shown: Vec<Value> =
            expected
                .iter()
                .map(|number| &fixture.orders[*number])
                .map(|new| {
                    if action == "ListPaidOrders" {
                        fixture.shown.paid(new)
                    } else {
                        fixture.shown.unpaid(new)
                    }
                })
                .collect();
        assert_eq!(fixture.list(action, filter), shown, "{action} {filter}");
    }
    // An empty number is ignored; it does not select orders that lack the second number.
    assert_eq!(fixture.list("ListPaidOrders", "OrderNos=").len(), 36);
}

on_each_backend!(
    statuses_replace_the_default_of_lists_summaries_and_exports,
    each_sheet_of_the_summary_applies_the_statuses_that_it_can_show,
    amounts_exclude_revoked_orders,
    an_order_is_found_by_either_of_its_numbers,
);
