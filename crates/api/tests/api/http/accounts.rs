//! `GetAccount` and `ListLedger`, and what published clients ask for when they are set up.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollbook_domain::Amount;
use tollbook_domain::account::AccountKind;
use tollbook_ops::charging;

use super::backend::{Backend, on_each_backend};
use super::reporter::{DUE_S, event};
use super::server::{NOW_S, Server};

/// An amount that may be negative, in 10⁻⁸ currency units.
fn steps(value: &Value) -> i64 {
    let text = value.as_str().unwrap();
    let amount = Amount::parse(text.trim_start_matches('-')).unwrap().steps();
    if text.starts_with('-') { -amount } else { amount }
}

fn the_account_is_what_the_ledger_adds_up_to(backend: Backend) {
    let server = Server::start(backend);
    server.sell();
    let company = server.company("User", "default");
    let other = server.company("Other", "default");
    let organization = server.organization(&company, "One");
    let (key, operator) = (server.full_key(&company), server.operator_key("gateway"));
    let limit = Amount::parse("3").unwrap();
    server
        .charging(|charging| charging::set_credit_limit(charging, company.company_id, limit, NOW_S))
        .unwrap();
    server.deposit(&company, AccountKind::Coupon, "1.5", "welcome");
    server.deposit(&company, AccountKind::Cash, "2", "bank-1");
    server.deposit(&other, AccountKind::Cash, "70", "bank-2");
    let account = server.ask(&key, "Action=GetAccount");
    assert_eq!(account.0["AvailableAmount"], "6.50");
    assert_eq!(account.0["PendingAmount"], "0.00");
    let grants = account.list("Grants");
    assert_eq!(grants.len(), 1);
    assert_eq!(
        grants[0],
        json!({
            "GrantId": 1, "Kind": "coupon", "Granted": "1.50", "Remaining": "1.50", "ExpireTime": 0,
            "ProductCodes": "", "ModelIds": "",
        })
    );
    // Orders of 4.00 and 1.60: the first is paid from coupon, cash and credit, the second is owed.
    let quantities = json!({"input": 1_000_000, "output": 100_000});
    server.use_up(&operator, &[event("r-1", &company, organization.organization_id, &quantities)]);
    assert_eq!(server.ask(&key, "Action=GetAccount").0["PendingAmount"], "5.60");
    server.clock.set(DUE_S);
    server.tick();
    let account = server.ask(&key, "Action=GetAccount");
    let expected = [
        ("Currency", json!("CNY")),
        ("CreditLimit", json!("3.00")),
        ("AvailableAmount", json!("0.90")),
        ("ArrearsAmount", json!("0.00")),
        ("ArrearsOrders", json!(0)),
        ("ArrearsSince", json!(0)),
        ("PendingAmount", json!("0.00")),
        ("Grants", json!([])),
    ];
    for (name, value) in expected {
        assert_eq!(account.0[name], value, "{name}");
    }
    // The ledger, newest first, in pages.
    let page = |page: i64| server.ask(&key, &format!("Action=ListLedger&Page={page}&PageSize=10"));
    let first = page(1);
    let total = first.integer("Total");
    let entries = first.list("Entries");
    assert_eq!(usize::try_from(total).unwrap(), entries.len());
    let numbers: Vec<i64> = entries.iter().map(|entry| entry["EntryNo"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (0..total).rev().collect::<Vec<_>>());
    let mut sums = BTreeMap::new();
    for entry in entries {
        *sums.entry(entry["Kind"].as_str().unwrap().to_owned()).or_insert(0) += steps(&entry["Amount"]);
    }
    let balances = account.0["Balances"].as_object().unwrap();
    for kind in AccountKind::ALL {
        let balance = steps(&balances[kind.json_name()]);
        assert_eq!(sums.get(kind.name()).copied().unwrap_or(0), balance, "{kind:?}");
        let newest = entries.iter().find(|entry| entry["Kind"] == kind.name());
        assert_eq!(newest.map_or(0, |entry| steps(&entry["Balance"])), balance, "{kind:?}");
    }
    // A deduction names its order, a deposit its key.
    let paid = server.ask(&key, "Action=ListPaidOrders&StartTime=0&EndTime=1893456000&Page=1&PageSize=10");
    let order_numbers: Vec<&Value> = paid.list("Orders").iter().map(|order| &order["OrderNo"]).collect();
    for entry in entries {
        match entry["Cause"].as_str().unwrap() {
            "deduction" => {
                assert!(order_numbers.contains(&&entry["OrderNo"]), "{entry}");
                assert_eq!(entry["Reference"], "");
            }
            "deposit" => {
                assert!(["welcome", "bank-1"].contains(&entry["Reference"].as_str().unwrap()), "{entry}");
                assert_eq!(entry["OrderNo"], "");
            }
            other => panic!("unexpected cause {other}"),
        }
    }
    let past = page(9);
    assert_eq!((past.integer("Total"), past.list("Entries").len()), (total, 0));
    let far = server.ask(&key, "Action=ListLedger&Page=92233720368547758&PageSize=100");
    assert_eq!((far.integer("Total"), far.list("Entries").len()), (total, 0));
}

fn pages_of_the_ledger_have_each_entry_once(backend: Backend) {
    let server = Server::start(backend);
    let company = server.company("User", "default");
    let key = server.full_key(&company);
    for n in 0..23 {
        server.deposit(&company, AccountKind::Cash, "1", &format!("d-{n}"));
    }
    let pages = (1..=3).map(|page| server.ask(&key, &format!("Action=ListLedger&Page={page}&PageSize=10")));
    let numbers: Vec<Vec<i64>> = pages
        .map(|page| page.list("Entries").iter().map(|entry| entry["EntryNo"].as_i64().unwrap()).collect())
        .collect();
    assert_eq!(numbers.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 3]);
    assert_eq!(numbers.concat(), (0..23).rev().collect::<Vec<i64>>());
}

fn accounts_are_not_shown_to_keys_of_organizations(backend: Backend) {
    let server = Server::start(backend);
    let company = server.company("User", "default");
    let organization = server.organization(&company, "One");
    let bound = server.bound_key(&company, &organization);
    for action in ["Action=GetAccount", "Action=ListLedger&Page=1&PageSize=10"] {
        assert_eq!(server.ask(&bound, action).verdict(), "299 Permission denied", "{action}");
    }
}

fn published_clients_are_set_up(backend: Backend) {
    let server = Server::start(backend);
    let company = server.company("User", "default");
    let one = server.organization(&company, "One");
    let two = server.organization(&company, "Two");
    let (full, bound) = (server.full_key(&company), server.bound_key(&company, &two));
    let user = |key| server.ask(key, "Action=GetUserInfo").list("DataSet")[0].clone();
    assert_eq!(user(&full)["UserId"], company.company_id);
    assert_eq!(user(&full)["CompanyName"], "User");
    assert_eq!(user(&full)["AuthState"], "CERTIFIED");
    assert_eq!((&user(&full)["Admin"], &user(&full)["Finance"]), (&json!(1), &json!(1)));
    assert_eq!((&user(&bound)["Admin"], &user(&bound)["Finance"]), (&json!(0), &json!(1)));
    let regions = server.ask(&full, "Action=GetRegion");
    let defaults: Vec<bool> =
        regions.list("Regions").iter().map(|region| region["IsDefault"].as_bool().unwrap()).collect();
    assert!(defaults[0] && !defaults[1..].contains(&true), "{defaults:?}");
    assert!(regions.list("Regions").iter().any(|region| region["Region"] == "cn-wlcb"));
    let projects = server.ask(&full, "Action=GetProjectList&IsFinance=No");
    let ids: Vec<&Value> = projects.list("ProjectSet").iter().map(|project| &project["ProjectId"]).collect();
    assert_eq!(ids, [&json!(one.project_id), &json!(two.project_id)]);
    assert_eq!(projects.integer("ProjectCount"), 2);
    let of_bound = server.ask(&bound, "Action=GetProjectList");
    assert_eq!(of_bound.list("ProjectSet").len(), 1);
    assert_eq!(of_bound.list("ProjectSet")[0]["ProjectName"], "Two");
    assert_eq!(of_bound.list("ProjectSet")[0]["IsDefault"], true);
}

on_each_backend! {
    the_account_is_what_the_ledger_adds_up_to,
    pages_of_the_ledger_have_each_entry_once,
    accounts_are_not_shown_to_keys_of_organizations,
    published_clients_are_set_up,
}
