//! Brands: the language of names, the hosts that accept a key, the time zones of workbooks, and the URLs of links.

use serde_json::Value;
use tollbook_domain::catalogue::NameKind;
use tollbook_domain::{Catalogue, Language, NewOrder, Status};

use super::backend::{Backend, on_each_backend};
use super::client::{Http, pairs};
use super::model::{Filter, PAID_COLUMNS, Shown, UNPAID_COLUMNS, columns};
use super::sample_orders::{self, END_S, RANGE, START_S};
use super::server::{Key, Server};
use super::workbook::{Offset, read, row};

struct Fixture {
    server: Server,
    key: Key,
    shown: Shown,
    orders: Vec<NewOrder>,
}

impl Fixture {
    fn of(backend: Backend, brand: &str, language: Language) -> Self {
        let server = Server::start(backend);
        let company = server.company("Branded", brand);
        let organization = server.organization(&company, "项目一");
        let orders = sample_orders::orders(company.company_id, &[organization.organization_id]);
        server.add(&orders);
        let key = server.full_key(&company);
        let organizations = [(organization.organization_id, organization.name)].into();
        let shown = Shown { catalogue: Catalogue::built_in(), language, organizations };
        Self { server, key, shown, orders }
    }

    fn matching(&self, status: Status) -> Vec<&NewOrder> {
        Filter::range(START_S, END_S).matching(&self.orders, &[status])
    }

    /// Checks headers and rows of exports of the unpaid and the paid list, with times in the brand's zone.
    fn check_sheets(&self, zone: &str, offset: Offset, read_export: impl Fn(&str) -> Vec<Vec<String>>) {
        for (action, columns_text, objects) in [
            (
                "DownloadListPaidOrders",
                PAID_COLUMNS,
                self.matching(Status::Paid).iter().map(|new| self.shown.paid(new)).collect::<Vec<Value>>(),
            ),
            (
                "DownloadListUnpaidOrders",
                UNPAID_COLUMNS,
                self.matching(Status::Unpaid).iter().map(|new| self.shown.unpaid(new)).collect(),
            ),
        ] {
            let cells = read_export(&format!("Action={action}&{RANGE}"));
            let headers: Vec<String> = columns(columns_text)
                .into_iter()
                .map(|(name, kind)| match (self.shown.name(NameKind::Column, name), kind) {
                    (header, 't' | 'x') => format!("s:{header} ({zone})"),
                    (header, _) => format!("s:{header}"),
                })
                .collect();
            assert_eq!(cells[0], headers);
            let expected: Vec<Vec<String>> =
                objects.iter().map(|object| row(object, columns_text, offset)).collect();
            assert_eq!(cells[1..], expected);
        }
    }
}

fn names_are_in_the_language_of_the_brand(backend: Backend) {
    let fixture = Fixture::of(backend, "acme", Language::Chinese);
    let ask = |text: &str| fixture.server.ask(&fixture.key, text);
    let listed = ask(&format!("Action=ListUnpaidOrders&{RANGE}&Page=1&PageSize=100"));
    let expected: Vec<Value> =
        fixture.matching(Status::Unpaid).iter().map(|new| fixture.shown.unpaid(new)).collect();
    assert_eq!(listed.list("Orders"), expected);
    let summary = ask(&format!("Action=ListUnpaidOrderSummary&{RANGE}"));
    let expected = fixture.shown.summary(&fixture.matching(Status::Unpaid));
    assert_eq!(summary.list("Summaries"), expected);
    // Some literal names, so that the catalogue itself is checked.
    let first = |name: &str, wanted: &str| {
        assert!(listed.list("Orders").iter().any(|order| order[name] == wanted), "{name} {wanted}");
    };
    first("StatusDisplay", "待支付");
    first("RegionDisplay", "乌兰察布");
    first("RegionDisplay", "mars-1");
    first("ProductCodeDisplay", "模型服务平台");
    first("CurrencyDisplay", "人民币");
    first("OrderTypeDisplay", "补单");
    first("OrderTypeDisplay", "7");
    first("ChargeTypeDisplay", "77");
    first("ResourceTypeDisplay", "沙箱");
    first("ResourceTypeDisplay", "");
    let options = ask("Action=GetFilterOptions");
    let named = |member: &str, name: &str| {
        assert!(options.list(member).iter().any(|option| option["Name"] == name), "{member} {name}");
    };
    named("PricingUnits", "百万token");
    named("Regions", "洛杉矶");
    named("Dimensions", "计费项");
    named("OrderTypes", "后付费");
    named("Projects", "项目一");
    // Every brand reports errors in English.
    assert_eq!(ask("Action=GetOrderAmount").verdict(), "220 Missing params [StartTime|EndTime]");
}

fn a_key_is_refused_at_the_host_of_another_brand(backend: Backend) {
    let server = Server::start(backend);
    let list = format!("Action=ListPaidOrders&{RANGE}&Page=1&PageSize=10");
    let keys =
        ["default", "acme", "coast"].map(|brand| (brand, server.full_key(&server.company(brand, brand))));
    let table = [
        // host, its brand (`None`: any brand)
        ("orders.example", Some("default")),
        ("ORDERS.example:8443", Some("default")),
        ("billing.acme.example", Some("acme")),
        ("acme.example:80", Some("acme")),
        ("acme.example.", Some("acme")),
        ("coast.example", Some("coast")),
        ("127.0.0.1", None),
        ("localhost:8080", None),
        ("unknown.example", None),
        ("acme.example.evil.example", None),
        ("notacme.example", None),
    ];
    for (host, claimed_by) in table {
        for (brand, key) in &keys {
            let signed = key.signed(pairs(&list));
            let own = claimed_by.is_none_or(|claimed| claimed == *brand);
            let expected = if own { "0" } else { "171 Signature VerifyAC Error" };
            for http in [Http::form(&signed), Http::get(&signed)] {
                let verdict = server.answer(&http.host(host), &signed).verdict();
                assert_eq!(verdict, expected, "{brand} at {host}");
            }
        }
    }
    // If the brand of a company is no longer configured, the default brand applies.
    let key = server.full_key(&server.company("Orphan", "gone"));
    let signed = key.signed(pairs(&list));
    for (host, expected) in
        [("orders.example", "0"), ("unknown.example", "0"), ("acme.example", "171 Signature VerifyAC Error")]
    {
        assert_eq!(server.answer(&Http::form(&signed).host(host), &signed).verdict(), expected, "{host}");
    }
}

fn dates_are_in_the_time_zone_of_the_brand_and_links_have_its_url(backend: Backend) {
    let fixture = Fixture::of(backend, "acme", Language::Chinese);
    let base = "https://billing.acme.example/console/";
    fixture.check_sheets(
        "Asia/Shanghai",
        |_| 8 * 3_600,
        |text| {
            let answer = fixture.server.ask(&fixture.key, text);
            let url = answer.data("DownloadURL").as_str().unwrap();
            // The proxy of that URL removes the path prefix.
            let target = format!("/{}", url.strip_prefix(base).unwrap());
            let reply = Http::new("GET", &target).host("billing.acme.example").send(fixture.server.address);
            assert_eq!(reply.status, 200);
            let sheets = read(&reply.body);
            let sheet = if text.contains("Unpaid") { "未支付订单" } else { "已支付订单" };
            assert_eq!(sheets[0].0, sheet);
            sheets.into_iter().next().unwrap().1
        },
    );
    // File names have the brand's days: in Shanghai, the range is from 08:00 to 08:00.
    let name = |range: &str| {
        let answer = fixture.server.ask(&fixture.key, &format!("Action=DownloadOrderSummary&{range}"));
        answer.data("FileName").as_str().unwrap().to_owned()
    };
    assert_eq!(name(RANGE), "order-summary_2025-11-01T080000_2025-12-01T080000.xlsx");
    // 2025-11-01 to 2025-11-30 in Shanghai
    assert_eq!(name("StartTime=1761926400&EndTime=1764518400"), "order-summary_2025-11-01_2025-11-30.xlsx");
}

fn dates_follow_the_end_of_daylight_saving(backend: Backend) {
    let fixture = Fixture::of(backend, "coast", Language::English);
    // Daylight saving time ends in New York on 2025-11-02 at 06:00 UTC, within the orders' time.
    let offset: Offset = |unix_s| if unix_s < 1_762_063_200 { -4 * 3_600 } else { -5 * 3_600 };
    fixture.check_sheets("America/New_York", offset, |text| {
        fixture.server.export(&fixture.key, text).into_iter().next().unwrap().1
    });
}

fn without_a_public_url_links_have_the_listening_address(backend: Backend) {
    let fixture = Fixture::of(backend, "default", Language::English);
    let answer = fixture.server.ask(&fixture.key, &format!("Action=DownloadListPaidOrders&{RANGE}"));
    let url = answer.data("DownloadURL").as_str().unwrap();
    assert!(url.starts_with(&format!("http://{}/exports/1/", fixture.server.address)), "{url}");
    assert_eq!(answer.data("FileName"), "paid-orders_2025-11-01_2025-11-30.xlsx");
}

on_each_backend!(
    names_are_in_the_language_of_the_brand,
    a_key_is_refused_at_the_host_of_another_brand,
    dates_are_in_the_time_zone_of_the_brand_and_links_have_its_url,
    dates_follow_the_end_of_daylight_saving,
    without_a_public_url_links_have_the_listening_address,
);
