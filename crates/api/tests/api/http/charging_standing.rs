//! `GET /v1/companies/{id}/standing`, which a gateway requests before it serves a company.

use std::sync::Arc;

use serde_json::{Value, json};
use tollbook_domain::Amount;
use tollbook_domain::account::AccountKind;
use tollbook_ops::charging;
use tollbook_store::StoreError;

use super::backend::{Backend, on_each_backend};
use super::client::Http;
use super::faulty::{Fails, Where};
use super::faulty_store::FaultyStore;
use super::reporter::{DUE_S, event, told};
use super::server::{NOW_S, Server};

fn ask(server: &Server, operator: &str, company: &str, status: u16) -> Value {
    let http = Http::new("GET", &format!("/v1/companies/{company}/standing"))
        .header("Authorization", &format!("Bearer {operator}"));
    told(&http.send(server.address), status)
}

fn a_company_is_in_arrears_until_its_last_unpaid_order_is_paid(backend: Backend) {
    let server = Server::start(backend);
    server.sell();
    let company = server.company("User", "default");
    let organization_id = server.organization(&company, "One").organization_id;
    let (key, operator) = (server.full_key(&company), server.operator_key("gateway"));
    let (limit, id) = (Amount::parse("3").unwrap(), company.company_id.to_string());
    server
        .charging(|charging| charging::set_credit_limit(charging, company.company_id, limit, NOW_S))
        .unwrap();
    server.deposit(&company, AccountKind::Coupon, "1.5", "d-1");
    let standing = |changes: &[(&str, Value)]| {
        let mut expected = json!({
            "CompanyID": company.company_id,
            "Currency": "CNY",
            "Standing": "ok",
            "ArrearsSince": 0,
            "ArrearsAmount": "0.00",
            "ArrearsOrders": 0,
            "Balances":
                {"StarCard": "0.00", "Coupon": "1.50", "Bonus": "0.00", "Cash": "0.00", "Credit": "0.00"},
            "CreditLimit": "3.00",
            "AvailableAmount": "4.50",
            "PendingAmount": "0.00",
        });
        for (name, value) in changes {
            expected[name] = value.clone();
        }
        assert_eq!(ask(&server, &operator, &id, 200), expected);
    };
    standing(&[]);
    // Two orders: 4.00 and 1.60.
    let quantities = json!({"input": 1_000_000, "output": 100_000});
    server.use_up(&operator, &[event("r-1", &company, organization_id, &quantities)]);
    standing(&[("PendingAmount", json!("5.60"))]);
    server.clock.set(DUE_S);
    assert_eq!(server.tick().closed.unpaid, 1);
    let spent =
        json!({"StarCard": "0.00", "Coupon": "0.00", "Bonus": "0.00", "Cash": "0.00", "Credit": "-2.50"});
    let owing = [
        ("Standing", json!("arrears")),
        ("ArrearsSince", json!(DUE_S)),
        ("ArrearsAmount", json!("1.60")),
        ("ArrearsOrders", json!(1)),
        ("Balances", spent),
        ("AvailableAmount", json!("0.50")),
    ];
    standing(&owing);
    let listed =
        server.ask(&key, "Action=ListUnpaidOrders&StartTime=0&EndTime=1764550800&Page=1&PageSize=10");
    let number = listed.list("Orders")[0]["OrderNo"].as_str().unwrap();
    // Cash repays credit first.
    server.deposit(&company, AccountKind::Cash, "3", "d-2");
    let paid = server.ask(&key, &format!("Action=StartPayUnpaidOrders&OrderNos={number}"));
    assert_eq!(paid.integer("SuccessCount"), 1);
    let spent =
        json!({"StarCard": "0.00", "Coupon": "0.00", "Bonus": "0.00", "Cash": "0.00", "Credit": "-1.10"});
    standing(&[("Balances", spent), ("AvailableAmount", json!("1.90"))]);
    // A deposit that was spent is reversed: what is owed is beyond the limit.
    let request = charging::ReversalRequest {
        deposit: "d-2".into(),
        amount: None,
        owe: true,
        key: "r-1".into(),
        reason: "chargeback".into(),
    };
    let mode = charging::Mode::Apply;
    server
        .charging(|charging| charging::reverse(charging, company.company_id, &request, mode, DUE_S))
        .unwrap();
    let owed =
        json!({"StarCard": "0.00", "Coupon": "0.00", "Bonus": "0.00", "Cash": "0.00", "Credit": "-4.10"});
    standing(&[("Standing", json!("arrears")), ("Balances", owed), ("AvailableAmount", json!("0.00"))]);
}

fn an_operator_key_and_a_known_company_are_required(backend: Backend) {
    let server = Server::start(backend);
    let company = server.company("User", "default");
    let (operator, id) = (server.operator_key("gateway"), company.company_id);
    ask(&server, &operator, &id.to_string(), 200);
    for unknown in ["99", "0", "-1", "x", "1x", "+1", "%31%00", "%FF", "9223372036854775808", "1.0"] {
        assert_eq!(
            ask(&server, &operator, unknown, 404),
            json!({"Error": "there is no such company"}),
            "{unknown}"
        );
        ask(&server, "unknown", unknown, 401);
    }
    ask(&server, "unknown", &id.to_string(), 401);
    let path = format!("/v1/companies/{id}/standing");
    told(&Http::new("GET", &path).send(server.address), 401);
    let posted = Http::new("POST", &path).send(server.address);
    told(&posted, 405);
    assert_eq!(posted.header("allow"), Some("GET"));
}

fn an_unavailable_store_is_503(backend: Backend) {
    for place in [Where::Snapshot, Where::Orders] {
        let fault = Arc::new(Fails(|| StoreError::Unavailable("gone".into())));
        let server = Server::behind(backend, |inner| Arc::new(FaultyStore { inner, place, fault }));
        let company = server.company("User", "default");
        let operator = server.operator_key("gateway");
        ask(&server, &operator, &company.company_id.to_string(), 503);
    }
}

on_each_backend!(
    a_company_is_in_arrears_until_its_last_unpaid_order_is_paid,
    an_operator_key_and_a_known_company_are_required,
    an_unavailable_store_is_503,
);
