//! Numbers of the console: those of the API for the same filters, and each figure is the sum of the list that it leads to.

use std::sync::Arc;

use tollbook_domain::Role;
use tollbook_domain::tenant::Company;

use super::backend::{Backend, on_each_backend};
use super::browser::{Browser, invite, links, plain, text_of, with_query};
use super::client::{Pairs, encode, pairs};
use super::sample_orders;
use super::server::{Key, Server};

/// A company with the sample orders, its key, and a browser.
fn fixture(backend: Backend) -> (Arc<Server>, Company, Key, Browser) {
    let server = Arc::new(Server::start(backend));
    let company = server.company("Numbers", "default");
    let organizations = ["One", "Two"].map(|name| server.organization(&company, name).organization_id);
    server.add(&sample_orders::orders(company.company_id, &organizations));
    let key = server.full_key(&company);
    let browser = Browser::of_user(&server, &invite("clerk@numbers.example", &company, Role::Administrator));
    (server, company, key, browser)
}

/// Numbers that are the same in each run.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn pick<'v>(&mut self, values: &[&'v str]) -> &'v str {
        values[usize::try_from(self.below(values.len() as u64)).unwrap()]
    }

    /// A range and filters, as parameters of both.
    fn query(&mut self) -> Pairs {
        let span = 30 * 86_400;
        let start = sample_orders::START_S + i64::try_from(self.below(span)).unwrap();
        let end = start + 1 + i64::try_from(self.below(span)).unwrap();
        let mut query = pairs(&format!("StartTime={start}&EndTime={end}"));
        for (name, values) in [
            ("ModelIds", &["model-0", "model-1", "model-2", "model-9"][..]),
            ("ResourceIds", &["umi-0", "umi-1", "umi-2", "umi-3"]),
            ("Regions", &["cn-wlcb", "us-ca", "mars-1"]),
            ("OrderTypes", &["102", "301", "401", "7"]),
            ("OrganizationIds", &["1", "2"]),
            ("PricingSkus", &["input", "output", "=1+1"]),
        ] {
            // Some filters, so that some orders are left.
            let count = if self.below(3) == 0 { 1 + self.below(2) } else { 0 };
            for _ in 0..count {
                query.push((name.to_owned(), self.pick(values).to_owned()));
            }
        }
        query
    }
}

/// The parameters of the API: a list is numbered.
fn of_api(query: &Pairs) -> String {
    let numbered = query.iter().enumerate().map(|(place, (name, value))| {
        let name = if name.ends_with('s') { format!("{name}.{place}") } else { name.clone() };
        (name, value.clone())
    });
    encode(&numbered.collect::<Vec<_>>())
}

fn lists_have_the_numbers_of_the_api(backend: Backend) {
    let (server, _, key, browser) = fixture(backend);
    let mut draws = Draws(17);
    let mut found = 0;
    for _ in 0..40 {
        let query = draws.query();
        let page = |status: &str| {
            let mut query = query.clone();
            query.push(("status".to_owned(), status.to_owned()));
            let page = browser.page(&with_query("/console/orders", &query));
            (text_of(&page, "count"), text_of(&page, "sum"))
        };
        let amount = server.ask(&key, &format!("Action=GetOrderAmount&{}", of_api(&query)));
        let of = |count: &str, sum: &str| (amount.integer(count).to_string(), amount.text(sum).to_owned());
        assert_eq!(page("charged"), of("OrderCount", "TotalOrderAmount"), "{query:?}");
        assert_eq!(page("paid"), of("PaidCount", "PaidAmount"), "{query:?}");
        assert_eq!(page("unpaid"), of("UnpaidCount", "UnpaidAmount"), "{query:?}");
        let list = server
            .ask(&key, &format!("Action=ListPaidOrders&Statuses.0=3&Page=1&PageSize=10&{}", of_api(&query)));
        assert_eq!(page("revoked").0, list.integer("Total").to_string(), "{query:?}");
        found += amount.integer("OrderCount");
    }
    assert!(found > 50, "the filters select something: {found}");
}

fn every_figure_is_the_sum_of_its_list(backend: Backend) {
    let (_, _, _, browser) = fixture(backend);
    let mut followed = 0;
    for path in [
        "/console?StartTime=1761955200&EndTime=1764547200",
        "/console?StartTime=1761955200&EndTime=1764547200&by=OrganizationIds",
        "/console/explore?StartTime=1761955200&EndTime=1764547200&top=5&by=ResourceIds",
        "/console/explore?StartTime=1761955200&EndTime=1764547200&step=whole&by=Regions&then=PricingSkus",
        "/console/explore?StartTime=1761955200&EndTime=1763000000&cumulative=1&measure=orders&status=paid&by=OrderTypes",
        "/console/explore?StartTime=1761960000&EndTime=1762200000&step=hour&measure=original",
        "/console/summary?StartTime=1761955200&EndTime=1764547200",
        "/console/summary?StartTime=1761955200&EndTime=1764547200&status=unpaid",
        "/console/statement?month=2025-11",
    ] {
        let page = browser.page(path);
        let figures = links(&page, "figure");
        assert!(!figures.is_empty(), "{path}");
        let is_original = path.contains("measure=original");
        let step = figures.len().div_ceil(60);
        for (href, shown) in figures.into_iter().step_by(step) {
            if !href.starts_with("/console/orders?") {
                continue;
            }
            followed += 1;
            let list = browser.page(&href);
            if is_original {
                let discount = list.split_once("<dt>Discount</dt>");
                assert!(discount.is_some() || text_of(&list, "sum") == shown, "{path}: {shown} {href}");
            } else {
                let numbers = [text_of(&list, "sum"), text_of(&list, "count")];
                assert!(numbers.contains(&shown), "{path}: {shown} leads to {href}: {numbers:?}");
            }
        }
    }
    assert!(followed > 150, "{followed}");
}

fn every_page_of_a_list_is_that_of_the_api(backend: Backend) {
    let (server, _, key, browser) = fixture(backend);
    let mut shown = Vec::new();
    for page in 1..=2 {
        let html = browser
            .page(&format!("/console/orders?{}&status=paid&size=20&page={page}", sample_orders::RANGE));
        let rows = html.split_once("<tbody>").unwrap().1.split_once("</tbody>").unwrap().0;
        for row in rows.split("<tr>").skip(1) {
            let number = plain(row.split_once("<th scope=\"row\">").unwrap().1.split_once("</a>").unwrap().0);
            let amount = plain(row.split_once("<td class=\"r\">").unwrap().1.split_once("</td>").unwrap().0);
            shown.push((number, amount));
        }
    }
    let list =
        server.ask(&key, &format!("Action=ListPaidOrders&{}&Page=1&PageSize=100", sample_orders::RANGE));
    let text = |order: &serde_json::Value, name: &str| order[name].as_str().unwrap().to_owned();
    let expected: Vec<(String, String)> = list
        .list("Orders")
        .iter()
        .map(|order| (text(order, "OrderNo"), text(order, "OrderTotalPrice")))
        .collect();
    assert_eq!(shown, expected);
    assert_eq!(shown.len(), 36);
}

fn the_command_of_a_page_is_the_request_of_the_api(backend: Backend) {
    let (server, _, key, browser) = fixture(backend);
    let path = format!(
        "/console/orders?{}&status=paid&ModelIds=model-1&ModelIds=model-2&PricingSkus=output",
        sample_orders::RANGE
    );
    let page = browser.page(&path);
    let command = page.split_once("<pre tabindex=\"0\"><code>").unwrap().1.split_once("</code>").unwrap().0;
    let command = plain(command);
    // As curl sends it, with the signature that the command makes.
    let mut sent = Pairs::new();
    for part in command.split("--data-urlencode '").skip(1) {
        let (name, value) = part.split_once('\'').unwrap().0.split_once('=').unwrap();
        sent.push((name.to_owned(), value.to_owned()));
    }
    let text = command.split_once("printf %s '").unwrap().1.split_once(" | sha1sum").unwrap().0;
    let text = text
        .replace("'\"$TOLLBOOK_PUBLIC_KEY\"'", &key.public)
        .replace("'\"$TOLLBOOK_PRIVATE_KEY\"", &key.private);
    let mut signed = key.signed(sent.clone());
    let mut sorted = signed.clone();
    sorted.retain(|(name, _)| name != "Signature");
    sorted.sort();
    let expected: String = sorted.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect();
    assert_eq!(text, format!("{expected}{}", key.private));
    let answer = server.answer(&super::client::Http::get(&signed), &signed);
    assert_eq!(answer.integer("Total").to_string(), text_of(&page, "count"));
    signed.clear();
}

on_each_backend!(
    lists_have_the_numbers_of_the_api,
    every_figure_is_the_sum_of_its_list,
    every_page_of_a_list_is_that_of_the_api,
    the_command_of_a_page_is_the_request_of_the_api,
);
