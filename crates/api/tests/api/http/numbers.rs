//! The month of the quickstart, queried with random filters: lists, totals, summaries, amounts and workbooks equal the
//! results of a loop over the orders, to the last digit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};
use tollbook_domain::catalogue::NameKind;
use tollbook_domain::money::format_amount_sum;
use tollbook_domain::{AccountKind, NewOrder, Status};

use super::backend::{Backend, on_each_backend};
use super::model::{Filter, PAID_COLUMNS, SUMMARY_COLUMNS, Shown, UNPAID_COLUMNS, order_amount};
use super::sample_orders::{END_S, START_S};
use super::server::{Key, Server};
use super::workbook::{Sheets, number, row};

const HOUR_S: i64 = 3_600;

struct Demo {
    server: Server,
    key: Key,
    orders: Vec<NewOrder>,
    shown: Shown,
}

impl Demo {
    /// The demo on a database. Tests that run at the same time share it; none of them writes.
    fn get(backend: Backend) -> Arc<Self> {
        static SHARED: [Mutex<Weak<Demo>>; 2] = [const { Mutex::new(Weak::new()) }; 2];
        let shared = &SHARED[usize::from(backend == Backend::Postgres)];
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let demo = Arc::new(Self::new(backend));
            *shared = Arc::downgrade(&demo);
            demo
        })
    }

    fn new(backend: Backend) -> Self {
        let server = Server::start(backend);
        let (demo, orders) = server.quickstart(END_S + 100);
        assert_eq!((demo.month_start_s, demo.month_end_s), (START_S, END_S));
        assert_eq!(orders.len(), demo.orders_added);
        let key = Key {
            public: demo.keys[0].public_key.clone(),
            private: demo.keys[0].private_key.reveal().to_owned(),
        };
        let names = demo.organizations.into_iter().map(|known| (known.organization_id, known.name)).collect();
        Self { server, key, orders, shown: Shown::in_english(names) }
    }

    /// All pages of a list. Checks the total of each page.
    fn list(&self, action: &str, filter: &Filter, page_size: usize) -> Vec<Value> {
        let mut listed = Vec::new();
        for page in 1.. {
            let text = format!("Action={action}&{}&Page={page}&PageSize={page_size}", filter.parameters());
            let answer = self.server.ask(&self.key, &text);
            let orders = answer.list("Orders");
            listed.extend_from_slice(orders);
            assert_eq!(answer.integer("Page"), page);
            assert_eq!(answer.integer("PageSize"), i64::try_from(page_size).unwrap());
            let total = usize::try_from(answer.integer("Total")).unwrap();
            assert_eq!(orders.len(), page_size.min(total - (listed.len() - orders.len())), "{text}");
            if listed.len() >= total {
                assert_eq!(listed.len(), total, "{text}");
                return listed;
            }
        }
        unreachable!("there is always another page")
    }

    fn paid(&self, orders: &[&NewOrder]) -> Vec<Value> {
        orders.iter().map(|new| self.shown.paid(new)).collect()
    }

    fn unpaid(&self, orders: &[&NewOrder]) -> Vec<Value> {
        orders.iter().map(|new| self.shown.unpaid(new)).collect()
    }

    /// The sheets of an export. Checks the sum and the row count of the answer against the orders.
    fn export(&self, action: &str, filter: &Filter, orders: &[&NewOrder]) -> Sheets {
        let answer = self.server.ask(&self.key, &format!("Action={action}&{}", filter.parameters()));
        let total = orders.iter().map(|new| i128::from(new.order.total.steps())).sum();
        assert_eq!(answer.data("TotalPrice").as_str(), Some(format_amount_sum(total).as_str()), "{filter:?}");
        let sheets = self.server.exported(&answer);
        let rows: usize =
            sheets.iter().filter(|sheet| sheet.0 != TOTALS).map(|sheet| sheet.1.len() - 1).sum();
        assert_eq!(answer.data("RowCount").to_string(), rows.to_string(), "{filter:?}");
        sheets
    }

    /// Checks the row count and sum of each export against the list and the amounts of the same filter.
    fn check_proof(&self, filter: &Filter) {
        let parameters = filter.parameters();
        let ask = |text: &str| self.server.ask(&self.key, &format!("Action={text}&{parameters}"));
        let amount = ask("GetOrderAmount").0;
        for (kind, sum) in [("Paid", "PaidAmount"), ("Unpaid", "UnpaidAmount")] {
            let file = ask(&format!("DownloadList{kind}Orders"));
            let list = ask(&format!("List{kind}Orders&Page=1&PageSize=10"));
            assert_eq!(file.data("RowCount").as_i64(), Some(list.integer("Total")), "{parameters}");
            assert_eq!(file.data("RowCount"), &amount[&format!("{kind}Count")], "{parameters}");
            assert_eq!(file.data("TotalPrice"), &amount[sum], "{parameters}");
        }
        let file = ask("DownloadOrderSummary");
        assert_eq!(file.data("TotalPrice"), &amount["TotalOrderAmount"], "{parameters}");
    }

    /// Checks everything except the lists and their workbooks, for a filter.
    fn check_sums(&self, filter: &Filter) {
        let parameters = filter.parameters();
        let ask = |action: &str| self.server.ask(&self.key, &format!("Action={action}&{parameters}"));
        let paid = filter.matching(&self.orders, &[Status::Paid]);
        let unpaid = filter.matching(&self.orders, &[Status::Unpaid]);
        let (paid_rows, unpaid_rows) = (self.shown.summary(&paid), self.shown.summary(&unpaid));
        assert_eq!(ask("ListPaidOrderSummary").list("Summaries"), paid_rows, "{parameters}");
        assert_eq!(ask("ListUnpaidOrderSummary").list("Summaries"), unpaid_rows, "{parameters}");
        let mut amount = ask("GetOrderAmount").0;
        amount.retain(|name, _| !matches!(name.as_str(), "RetCode" | "Action"));
        assert_eq!(Value::Object(amount), order_amount(&paid, &unpaid), "{parameters}");
        let both: Vec<&NewOrder> = paid.iter().chain(&unpaid).copied().collect();
        let sheets = self.export("DownloadOrderSummary", filter, &both);
        assert_eq!(sheets.len(), 2);
        check_rows(&sheets[0].1, &paid_rows, SUMMARY_COLUMNS);
        check_rows(&sheets[1].1, &unpaid_rows, SUMMARY_COLUMNS);
        for (action, total) in [("ListPaidOrders", paid.len()), ("ListUnpaidOrders", unpaid.len())] {
            let text = format!("Action={action}&{parameters}&Page=1&PageSize=10");
            let told = self.server.ask(&self.key, &text).integer("Total");
            assert_eq!(told, i64::try_from(total).unwrap(), "{text}");
        }
    }

    /// Checks the complete lists and their workbooks.
    fn check_lists(&self, filter: &Filter, page_size: usize) {
        let paid_orders = filter.matching(&self.orders, &[Status::Paid]);
        let unpaid_orders = filter.matching(&self.orders, &[Status::Unpaid]);
        let (paid, unpaid) = (self.paid(&paid_orders), self.unpaid(&unpaid_orders));
        assert_eq!(self.list("ListPaidOrders", filter, page_size), paid, "{filter:?}");
        assert_eq!(self.list("ListUnpaidOrders", filter, page_size), unpaid, "{filter:?}");
        let sheets = self.export("DownloadListPaidOrders", filter, &paid_orders);
        assert_eq!((sheets.len(), sheets[0].0.as_str()), (2, "Paid orders"));
        check_rows(&sheets[0].1, &paid, PAID_COLUMNS);
        check_totals(&sheets[1], &paid_orders);
        let sheets = self.export("DownloadListUnpaidOrders", filter, &unpaid_orders);
        assert_eq!((sheets.len(), sheets[0].0.as_str()), (2, "Unpaid orders"));
        check_rows(&sheets[0].1, &unpaid, UNPAID_COLUMNS);
        check_totals(&sheets[1], &unpaid_orders);
        self.check_proof(filter);
    }
}

const TOTALS: &str = "Totals";

/// The value of an order that a line of the totals sums.
type StepsOf = fn(&NewOrder) -> i64;

/// Checks the sheet of totals: the count and the sums of the orders, each beside its name.
fn check_totals(sheet: &(String, Vec<Vec<String>>), orders: &[&NewOrder]) {
    assert_eq!(sheet.0, TOTALS);
    let value = |item: &str| {
        let row = sheet.1.iter().find(|row| row[0] == format!("s:{item}"));
        row.unwrap_or_else(|| panic!("{item} in {sheet:?}"))[1].clone()
    };
    assert_eq!(value("Orders"), format!("n:{}", orders.len()));
    assert_eq!(value("Time zone"), "s:UTC");
    let sums: [(&str, StepsOf); 7] = [
        ("Order total", |new| new.order.total.steps()),
        ("Original price", |new| new.order.original.steps()),
        ("Star card", |new| new.order.deductions.get(AccountKind::StarCard).steps()),
        ("Coupon", |new| new.order.deductions.get(AccountKind::Coupon).steps()),
        ("Bonus", |new| new.order.deductions.get(AccountKind::Bonus).steps()),
        ("Cash", |new| new.order.deductions.get(AccountKind::Cash).steps()),
        ("Credit", |new| new.order.deductions.get(AccountKind::Credit).steps()),
    ];
    for (item, of) in sums {
        let sum: i128 = orders.iter().map(|new| i128::from(of(new))).sum();
        assert_eq!(value(item), number(&format_amount_sum(sum)), "{item}");
    }
}

/// Compares the rows of a sheet with the objects of the API.
fn check_rows(sheet: &[Vec<String>], objects: &[Value], columns_text: &str) {
    let expected: Vec<Vec<String>> = objects.iter().map(|object| row(object, columns_text, |_| 0)).collect();
    assert_eq!(sheet.len() - 1, expected.len());
    for (cells, expected) in sheet[1..].iter().zip(&expected) {
        assert_eq!(cells, expected);
    }
}

/// The value that a filter compares.
type ValueOf = fn(&NewOrder) -> String;

/// A deterministic random source: a linear congruential generator (Knuth, MMIX), of which the upper bits are used.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn time_s(&mut self) -> i64 {
        let hour = START_S + i64::try_from(self.below(721)).unwrap() * HOUR_S;
        // At the start of an hour, where orders begin, and close to it.
        hour + [0, 0, 1, -1, 1_800][self.below(5)]
    }

    fn range(&mut self) -> (i64, i64) {
        let (a, b) = (self.time_s(), self.time_s());
        match self.below(4) {
            0 => (START_S, END_S),
            // Whole days
            1 => {
                let day = |time_s: i64| time_s - time_s.rem_euclid(86_400);
                (day(a.min(b)), day(a.max(b)) + 86_400)
            }
            _ => (a.min(b), a.max(b) + 1),
        }
    }

    /// A filter on some of the lists. Most of its values occur in the orders.
    fn filter(&mut self, orders: &[NewOrder]) -> Filter {
        let (start_s, end_s) = self.range();
        let mut filter = Filter::range(start_s, end_s);
        let lists: [(&str, ValueOf); 10] = [
            ("ResourceIds", |new| new.line.resource_id.clone()),
            ("ModelIds", |new| new.line.model_id.clone()),
            ("PricingUnits", |new| new.line.pricing_unit.to_string()),
            ("PricingSkus", |new| new.line.pricing_sku.clone()),
            ("ProductCodes", |new| new.line.product_code.clone()),
            ("OrderTypes", |new| new.line.order_type.to_string()),
            ("ChargeTypes", |new| new.line.charge_type.to_string()),
            ("Regions", |new| new.line.region.clone()),
            ("OrganizationIds", |new| new.line.organization_id.to_string()),
            ("OrderNos", |new| match new.order.counterpart.as_str() {
                "" => new.order.number.clone(),
                counterpart => counterpart.to_owned(),
            }),
        ];
        for (name, value) in lists {
            let odds = if name == "OrderNos" { 12 } else { 4 };
            if self.below(odds) != 0 {
                continue;
            }
            for _ in 0..=self.below(3) {
                let value = value(&orders[self.below(orders.len())]);
                // The sandbox has no model. An empty value is not a filter.
                if !value.is_empty() {
                    filter.lists.entry(name).or_default().insert(value);
                }
            }
        }
        filter
    }
}

fn sums_of_random_filters_agree(backend: Backend) {
    let demo = Demo::get(backend);
    let mut draws = Draws(1);
    let mut hits = 0;
    for _ in 0..60 {
        let filter = draws.filter(&demo.orders);
        hits += usize::from(!filter.matching(&demo.orders, &[Status::Paid]).is_empty());
        demo.check_sums(&filter);
    }
    assert!(hits > 30, "most filters must match orders: {hits}");
}

fn lists_and_workbooks_of_random_filters_agree(backend: Backend) {
    let demo = Demo::get(backend);
    let mut draws = Draws(2);
    let mut listed = 0;
    while listed < 24 {
        let filter = draws.filter(&demo.orders);
        let page_size = 10 + draws.below(91);
        // Lists of thousands of orders are covered by the next test.
        let paid = filter.matching(&demo.orders, &[Status::Paid]).len();
        if (1..1_500).contains(&paid) {
            demo.check_lists(&filter, page_size);
            listed += 1;
        }
    }
}

fn the_whole_month_agrees(backend: Backend) {
    let demo = Demo::get(backend);
    let month = Filter::range(START_S, END_S);
    demo.check_lists(&month, 100);
    demo.check_sums(&month);
}

fn deep_pages_and_pages_past_the_end(backend: Backend) {
    let demo = Demo::get(backend);
    let month = Filter::range(START_S, END_S);
    let paid = demo.paid(&month.matching(&demo.orders, &[Status::Paid]));
    let last_full = i64::try_from(paid.len() / 10).unwrap();
    for page in [1, 2, 500, 1_000, last_full, last_full + 1, last_full + 2, i64::MAX / 10] {
        let text = format!("Action=ListPaidOrders&{}&Page={page}&PageSize=10", month.parameters());
        let answer = demo.server.ask(&demo.key, &text);
        let skipped = usize::try_from((page - 1) * 10).unwrap();
        let expected: Vec<Value> = paid.iter().skip(skipped).take(10).cloned().collect();
        assert_eq!(answer.list("Orders"), expected, "page {page}");
        assert_eq!(answer.integer("Total"), i64::try_from(paid.len()).unwrap(), "page {page}");
    }
}

fn filter_options_are_the_values_of_the_orders(backend: Backend) {
    let demo = Demo::get(backend);
    for product in ["", "modelverse", "sandbox"] {
        let answer = demo.server.ask(&demo.key, &format!("Action=GetFilterOptions&ProductCode={product}"));
        let lines: Vec<_> = demo
            .orders
            .iter()
            .map(|new| &new.line)
            .filter(|line| product.is_empty() || line.product_code == product)
            .collect();
        let name = |kind: NameKind, key: &dyn ToString| demo.shown.name(kind, key.to_string());
        let texts = |pairs: Vec<(String, String)>| {
            options(pairs.into_iter().map(|(name, value)| (name, json!(value))))
        };
        let numbers =
            |pairs: Vec<(String, i64)>| options(pairs.into_iter().map(|(name, value)| (name, json!(value))));
        for (member, expected) in [
            (
                "ResourceIds",
                texts(lines.iter().map(|l| (l.resource_id.clone(), l.resource_id.clone())).collect()),
            ),
            ("Models", texts(lines.iter().map(|l| (l.model_name.clone(), l.model_id.clone())).collect())),
            (
                "Regions",
                texts(lines.iter().map(|l| (name(NameKind::Region, &l.region), l.region.clone())).collect()),
            ),
            (
                "ProductCodes",
                texts(
                    lines
                        .iter()
                        .map(|l| (name(NameKind::Product, &l.product_code), l.product_code.clone()))
                        .collect(),
                ),
            ),
            (
                "PricingSKUs",
                texts(
                    lines
                        .iter()
                        .map(|l| (name(NameKind::PricingSku, &l.pricing_sku), l.pricing_sku.clone()))
                        .collect(),
                ),
            ),
            (
                "PricingUnits",
                numbers(
                    lines
                        .iter()
                        .map(|l| (name(NameKind::PricingUnit, &l.pricing_unit), l.pricing_unit))
                        .collect(),
                ),
            ),
            (
                "OrderTypes",
                numbers(
                    lines.iter().map(|l| (name(NameKind::OrderType, &l.order_type), l.order_type)).collect(),
                ),
            ),
            (
                "Projects",
                numbers(
                    lines
                        .iter()
                        .map(|l| (demo.shown.organizations[&l.organization_id].clone(), l.organization_id))
                        .collect(),
                ),
            ),
            (
                "Dimensions",
                texts(
                    ["project", "resource", "model", "sku", "region"]
                        .map(|key| (name(NameKind::Dimension, &key), key.to_owned()))
                        .to_vec(),
                ),
            ),
        ] {
            assert_eq!(answer.list(member), expected, "{product} {member}");
        }
    }
}

/// One `{Name, Value}` per value, sorted by name, then by value.
fn options(pairs: impl Iterator<Item = (String, Value)>) -> Vec<Value> {
    let distinct: BTreeMap<(String, String), Value> = pairs
        // The sandbox has no model. An empty value is not a filter, so it is not an option.
        .filter(|(_, value)| value != "")
        .map(|(name, value)| ((name.clone(), format!("{value:>20}")), json!({"Name": name, "Value": value})))
        .collect();
    distinct.into_values().collect()
}

on_each_backend!(
    sums_of_random_filters_agree,
    lists_and_workbooks_of_random_filters_agree,
    the_whole_month_agrees,
    deep_pages_and_pages_past_the_end,
    filter_options_are_the_values_of_the_orders,
);
