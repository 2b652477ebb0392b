//! One request in all its encodings: the shapes of a list, the three transports, and the paths of base URLs.

use serde_json::json;
use tollbook_domain::Status;

use super::backend::{Backend, on_each_backend};
use super::client::{Answer, FORM, Http, Pairs, encode, pairs, quoted, quoted_pairs};
use super::model::{Filter, Shown};
use super::sample_orders::{self, END_S, RANGE, START_S};
use super::server::{Key, Server};

struct Fixture {
    server: Server,
    key: Key,
    shown: Shown,
    orders: Vec<tollbook_domain::NewOrder>,
}

impl Fixture {
    fn new(backend: Backend) -> Self {
        let server = Server::start(backend);
        let company = server.company("Shapes", "default");
        let organizations = [server.organization(&company, "One"), server.organization(&company, "Two")];
        let ids: Vec<i64> = organizations.iter().map(|known| known.organization_id).collect();
        let orders = sample_orders::orders(company.company_id, &ids);
        server.add(&orders);
        let key = server.full_key(&company);
        let names = organizations.into_iter().map(|known| (known.organization_id, known.name)).collect();
        Self { server, key, shown: Shown::in_english(names), orders }
    }

    /// The expected answer of `ListPaidOrders` to a filter.
    fn expected(&self, name: &'static str, values: &[&str]) -> Answer {
        let mut filter = Filter::range(START_S, END_S);
        filter.lists.insert(name, values.iter().map(ToString::to_string).collect());
        let found = filter.matching(&self.orders, &[Status::Paid]);
        let items: Vec<_> = found.iter().map(|new| self.shown.paid(new)).collect();
        assert!(!items.is_empty() && items.len() < 36, "{name} selects some orders, but not all");
        let answer = json!({
            "RetCode": 0, "Action": "ListPaidOrdersResponse", "Page": 1, "PageSize": 100,
            "Total": items.len(),
            "Orders": items,
        });
        Answer(answer.as_object().unwrap().clone())
    }
}

fn list() -> Pairs {
    pairs(&format!("Action=ListPaidOrders&{RANGE}&Page=1&PageSize=100"))
}

fn every_shape_of_a_list_on_every_transport_is_the_same_list(backend: Backend) {
    let fixture = Fixture::new(backend);
    let filters: [(&str, [&str; 2]); 6] = [
        ("ResourceIds", ["umi-1", "umi-4"]),
        ("OrderTypes", ["301", "102"]),
        ("OrganizationIds", ["1", "1"]),
        ("PricingSkus", ["=1+1", "input"]),
        ("Regions", ["mars-1", "us-ca"]),
        ("OrderNos", ["O000004", "U000005"]),
    ];
    for (name, [a, b]) in filters {
        let expected = fixture.expected(name, &[a, b]);
        let shapes = [
            format!("{name}.0={a}&{name}.1={b}"),
            format!("{name}.1={a}&{name}.2={b}"),
            format!("{name}.N={a}&{name}.N={b}"),
            format!("{name}={a}&{name}={b}"),
            format!("{name}.7={b}&{name}.3={a}"),
            format!("{name}={a}&{name}.0={b}&{name}.1={a}&{name}.2="),
        ];
        for shape in shapes.map(|shape| shape.replace("=1+1", "%3D1%2B1")) {
            let sent = [list(), pairs(&shape)].concat();
            let signed = fixture.key.signed(sent.clone());
            assert_eq!(fixture.server.answer(&Http::get(&signed), &signed), expected, "GET {shape}");
            assert_eq!(fixture.server.answer(&Http::form(&signed), &signed), expected, "form {shape}");
            assert_eq!(fixture.server.ask_json(&fixture.key, &quoted_pairs(&sent)), expected, "JSON {shape}");
        }
        let is_number = a.parse::<i64>().is_ok();
        let bare = |value: &str| if is_number { value.to_owned() } else { quoted(value) };
        for array in [
            format!("[{},{}]", quoted(a), quoted(b)),
            format!("[{},{}]", bare(a), bare(b)),
            format!("[{},null,\"\",{},{}]", bare(b), quoted(a), bare(a)),
        ] {
            let sent = [quoted_pairs(&list()), vec![(name.to_owned(), array)]].concat();
            assert_eq!(fixture.server.ask_json(&fixture.key, &sent), expected, "{sent:?}");
        }
        // A single value needs no index.
        let expected = fixture.expected(name, &[a]);
        let value = a.replace("=1+1", "%3D1%2B1");
        for shape in [format!("{name}={value}"), format!("{name}.0={value}"), format!("{name}.N={value}")] {
            let signed = fixture.key.signed([list(), pairs(&shape)].concat());
            assert_eq!(fixture.server.answer(&Http::get(&signed), &signed), expected, "GET {shape}");
            assert_eq!(fixture.server.answer(&Http::form(&signed), &signed), expected, "form {shape}");
        }
        for raw in [bare(a), quoted(a), format!("[{}]", bare(a))] {
            let sent = [quoted_pairs(&list()), vec![(name.to_owned(), raw)]].concat();
            assert_eq!(fixture.server.ask_json(&fixture.key, &sent), expected, "{sent:?}");
        }
    }
}

fn numbers_in_json_are_numbers_or_strings(backend: Backend) {
    let fixture = Fixture::new(backend);
    let expected = fixture.server.ask(&fixture.key, &encode(&list()));
    let numbers: Pairs = list()
        .into_iter()
        .map(|(name, value)| {
            let raw = if name == "Action" { quoted(&value) } else { value };
            (name, raw)
        })
        .collect();
    assert_eq!(fixture.server.ask_json(&fixture.key, &numbers), expected);
    assert_eq!(fixture.server.ask_json(&fixture.key, &quoted_pairs(&list())), expected);
    assert_eq!(expected.integer("Total"), 36);
}

fn the_api_answers_at_any_path_and_a_post_reads_only_its_body(backend: Backend) {
    let fixture = Fixture::new(backend);
    let signed = fixture.key.signed(list());
    let expected = fixture.server.answer(&Http::form(&signed), &signed);
    assert_eq!(expected.code(), 0);
    for path in ["/", "/gw", "/gw/", "/a/b/c", "/exports", "/healthz/", "//"] {
        let query = encode(&signed);
        let get = Http::new("GET", &format!("{path}?{query}"));
        assert_eq!(fixture.server.answer(&get, &signed), expected, "GET {path}");
        let post = Http::form(&signed).at(path);
        assert_eq!(fixture.server.answer(&post, &signed), expected, "POST {path}");
        // Go clients repeat the action in the URL.
        let go = Http::form(&signed).at(&format!("{path}?Action=ListPaidOrders"));
        assert_eq!(fixture.server.answer(&go, &signed), expected, "POST {path}?Action");
    }
    // If there is a body, the query of the URL is neither read nor signed.
    let beside = Http::form(&signed).at("/?Action=GetOrderAmount&PageSize=1&Signature=x");
    assert_eq!(fixture.server.answer(&beside, &signed), expected);
    // Without a body, the query of a POST is read.
    let bodiless = Http::new("POST", &format!("/?{}", encode(&signed)));
    assert_eq!(fixture.server.answer(&bodiless, &signed), expected);
    // A body with no content type, or with an unknown one, is read as a form.
    for http in [
        Http { body: encode(&signed).into(), ..Http::new("POST", "/") },
        Http::post("text/plain", encode(&signed)),
        Http::post(&format!("{FORM}; charset=UTF-8"), encode(&signed)),
    ] {
        assert_eq!(fixture.server.answer(&http, &signed), expected);
    }
    let json = fixture.key.signed_json(&quoted_pairs(&list()));
    for content_type in
        ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=gbk"]
    {
        let reply = Http::post(content_type, json.as_str()).send(fixture.server.address);
        assert_eq!(Answer::of(&reply, Some("ListPaidOrders")), expected, "{content_type}");
    }
}

fn an_empty_filter_is_ignored_and_names_match_exactly(backend: Backend) {
    let fixture = Fixture::new(backend);
    let all = fixture.server.ask(&fixture.key, &encode(&list()));
    for ignored in [
        "ResourceIds=",
        "ResourceIds.0=&ResourceIds.1=",
        "OrderTypes=&Statuses.N=",
        "resourceids.0=umi-1",
        "ResourceID.0=umi-1",
        "ResourceIds.x=umi-1",
        "ResourceIds.-1=umi-1",
        "Quantity=7",
    ] {
        let signed = fixture.key.signed([list(), pairs(ignored)].concat());
        for request in [Http::form(&signed), Http::get(&signed)] {
            let mut answer = fixture.server.answer(&request, &signed);
            // Names that look like a known one are warned of, which is tested by itself.
            answer.0.remove("Warnings");
            assert_eq!(answer, all, "{ignored}");
        }
    }
    let nothing = [
        "ResourceIds.0=umi-none",
        "OrganizationIds.0=99",
        "OrderTypes.0=-5",
        "ModelIds.0=MODEL-1",
        "OrderNos.0=o000001",
        "Regions.0=us-ca%20",
        "PricingUnits.0=9223372036854775807",
    ];
    for filter in nothing {
        let answer = fixture.server.ask(&fixture.key, &format!("{}&{filter}", encode(&list())));
        assert_eq!((answer.integer("Total"), answer.list("Orders").len()), (0, 0), "{filter}");
    }
}

on_each_backend!(
    every_shape_of_a_list_on_every_transport_is_the_same_list,
    numbers_in_json_are_numbers_or_strings,
    the_api_answers_at_any_path_and_a_post_reads_only_its_body,
    an_empty_filter_is_ignored_and_names_match_exactly,
);
