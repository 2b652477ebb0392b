//! Isolation of keys: each answer is the same whether or not the database also holds orders of other companies and
//! organizations with the same numbers and lines. The tests iterate over [`ACTIONS`], so they cover every action.

use serde_json::Value;
use tollbook_api::actions::ACTIONS;
use tollbook_domain::NewOrder;

use super::backend::{Backend, on_each_backend};
use super::client::{Answer, encode};
use super::sample_orders;
use super::server::{Key, Server};
use super::workbook::Sheets;

/// An answer without its random parts. The content of the linked file replaces the link.
#[derive(Debug, PartialEq)]
struct Revealed {
    answer: Answer,
    file: Option<Sheets>,
}

fn revealed(server: &Server, key: &Key, text: &str) -> Revealed {
    let mut answer = server.ask(key, text);
    let file = answer.0.contains_key("Data").then(|| server.exported(&answer));
    if let Some(data) = answer.0.get_mut("Data").and_then(Value::as_object_mut) {
        data.remove("DownloadURL");
        // The size of a compressed file may differ; its content is compared instead.
        data.remove("FileSize");
    }
    // Random.
    for project in answer.0.get_mut("ProjectSet").and_then(Value::as_array_mut).into_iter().flatten() {
        assert!(project["ProjectId"].as_str().is_some_and(|id| id.starts_with("org-")), "{project}");
        project["ProjectId"] = Value::Null;
    }
    Revealed { answer, file }
}

/// Two companies with two organizations each. `full` and `bound` are keys of the first company.
struct Fixture {
    server: Server,
    full: Key,
    /// Bound to the first organization of the first company.
    bound: Key,
    /// A key of the second company.
    other: Key,
}

impl Fixture {
    /// Both companies with their organizations, and those of the sample orders for which `kept` is true.
    fn with(backend: Backend, kept: impl Fn(&NewOrder) -> bool) -> Self {
        let server = Server::start(backend);
        let companies = [server.company("First", "default"), server.company("Second", "default")];
        let organizations = companies
            .each_ref()
            .map(|company| [server.organization(company, "One"), server.organization(company, "Two")]);
        for (company, organizations) in companies.iter().zip(&organizations) {
            let ids: Vec<i64> = organizations.iter().map(|known| known.organization_id).collect();
            let orders: Vec<NewOrder> =
                sample_orders::orders(company.company_id, &ids).into_iter().filter(|new| kept(new)).collect();
            server.add(&orders);
        }
        let (full, bound) =
            (server.full_key(&companies[0]), server.bound_key(&companies[0], &organizations[0][0]));
        let other = server.full_key(&companies[1]);
        Self { server, full, bound, other }
    }
}

/// Filters that request data which the key must not see.
const ATTEMPTS: [&str; 9] = [
    "",
    "OrderNos.0=O000000&OrderNos.1=O000001&OrderNos.2=U000002&OrderNos.3=U000003&OrderNos.4=O000006",
    "OrganizationIds.0=1",
    "OrganizationIds.0=2",
    "OrganizationIds.0=1&OrganizationIds.1=2&OrganizationIds.2=-1",
    "OrganizationIds=",
    "Region=us-ca&Zone=us-ca-01&CompanyID=2&CompanyId=2",
    "ResourceIds.0=umi-1&ResourceIds.1=umi-2&OrderTypes.0=102",
    "ProductCode=modelverse",
];

/// Actions on the accounts of a company, which are refused to a key of organizations.
const OF_ACCOUNTS: [&str; 2] = ["GetAccount", "ListLedger"];

fn check(shared: &Fixture, alone: &Fixture, key: impl Fn(&Fixture) -> &Key, may_see_accounts: bool) {
    // Jobs have their own test.
    for action in ACTIONS.iter().filter(|action| action.name != "GetExportJob") {
        for attempt in ATTEMPTS {
            let text = format!("{}&{attempt}", encode(&sample_orders::required(action)));
            let there = revealed(&shared.server, key(shared), &text);
            assert_eq!(there, revealed(&alone.server, key(alone), &text), "{text}");
            let is_refused = !may_see_accounts && OF_ACCOUNTS.contains(&action.name);
            assert_eq!(there.answer.code(), if is_refused { 299 } else { 0 }, "{text}");
        }
    }
}

fn answers_do_not_depend_on_other_companies(backend: Backend) {
    let shared = Fixture::with(backend, |_| true);
    check(&shared, &Fixture::with(backend, |new| new.company_id == 1), |fixture| &fixture.full, true);
    check(&shared, &Fixture::with(backend, |new| new.company_id == 2), |fixture| &fixture.other, true);
}

fn answers_to_a_bound_key_do_not_depend_on_other_organizations(backend: Backend) {
    let shared = Fixture::with(backend, |_| true);
    let alone = Fixture::with(backend, |new| new.company_id == 1 && new.line.organization_id == 1);
    check(&shared, &alone, |fixture| &fixture.bound, false);
    // The comparison is meaningful: the database has more orders, and the full key sees them.
    let list = format!("Action=ListPaidOrders&{}&Page=1&PageSize=10", sample_orders::RANGE);
    let total = |key: &Key| shared.server.ask(key, &list).integer("Total");
    assert_eq!((total(&shared.full), total(&shared.bound), total(&shared.other)), (36, 18, 36));
}

fn a_bound_key_sees_only_its_own_organization(backend: Backend) {
    let shared = Fixture::with(backend, |_| true);
    let text = |organizations: &str| {
        format!("Action=ListPaidOrders&{}&Page=1&PageSize=100{organizations}", sample_orders::RANGE)
    };
    let own = shared.server.ask(&shared.bound, &text(""));
    assert_eq!(own, shared.server.ask(&shared.full, &text("&OrganizationIds.0=1")));
    assert!(own.list("Orders").iter().all(|order| order["OrganizationID"] == 1 && order["CompanyID"] == 1));
    let theirs = shared.server.ask(&shared.bound, &text("&OrganizationIds.0=2"));
    assert_eq!((theirs.integer("Total"), theirs.list("Orders").len()), (0, 0));
}

fn every_action_is_empty_for_a_company_without_orders(backend: Backend) {
    let shared = Fixture::with(backend, |_| true);
    let empty = shared.server.company("Third", "default");
    let key = shared.server.full_key(&empty);
    for action in ACTIONS {
        let Revealed { answer, file } =
            revealed(&shared.server, &key, &encode(&sample_orders::required(action)));
        assert_eq!(answer.code(), 0, "{}", action.name);
        for sheet in file.into_iter().flatten().filter(|sheet| sheet.0 != "Totals") {
            assert_eq!(sheet.1.len(), 1, "only the header: {sheet:?}");
        }
        for (name, value) in &answer.0 {
            match value {
                // The dimensions are the same for all; the company and the regions of the catalogue are not orders.
                Value::Array(list)
                    if !["Dimensions", "ResultSet", "DataSet"].contains(&name.as_str())
                        && action.name != "GetRegion" =>
                {
                    assert!(list.is_empty(), "{} {name}", action.name);
                }
                Value::String(text) if name.ends_with("Amount") => {
                    assert_eq!(text, "0.00", "{}", action.name);
                }
                Value::Number(number)
                    if name == "Total" || name.ends_with("Count") && name != "FailureCount" =>
                {
                    assert_eq!(number.to_string(), "0", "{} {name}", action.name);
                }
                _ => {}
            }
        }
    }
}

on_each_backend!(
    answers_do_not_depend_on_other_companies,
    answers_to_a_bound_key_do_not_depend_on_other_organizations,
    a_bound_key_sees_only_its_own_organization,
    every_action_is_empty_for_a_company_without_orders,
);
