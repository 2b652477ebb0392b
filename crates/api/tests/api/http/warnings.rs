//! Names of parameters that look like a known one are warned of (docs/WIRE.md, "Warnings"), and nothing else of an answer
//! changes.

use serde_json::{Value, json};

use super::backend::{Backend, on_each_backend};
use super::client::{Http, pairs};
use super::sample_orders::{self, RANGE};
use super::server::{Key, Server};

fn company_with_orders(backend: Backend) -> (Server, Key) {
    let server = Server::start(backend);
    let company = server.company("Warned", "default");
    let organization = server.organization(&company, "One");
    server.add(&sample_orders::orders(company.company_id, &[organization.organization_id]));
    let key = server.full_key(&company);
    (server, key)
}

/// The answer to a signed form, as it was sent, but for the request's id.
fn ask(server: &Server, key: &Key, text: &str) -> Value {
    let reply = Http::form(&key.signed(pairs(text))).send(server.address);
    let mut answer: Value = serde_json::from_slice(&reply.body).unwrap();
    answer.as_object_mut().unwrap().remove("request_uuid");
    answer
}

/// Each warning as `parameter nearest`.
fn warned(answer: &Value) -> Vec<String> {
    let warnings = answer.get("Warnings").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |warning: &Value, name: &str| warning[name].as_str().unwrap().to_owned();
    warnings
        .iter()
        .map(|warning| {
            let nearest = text(warning, "Nearest");
            assert!(text(warning, "Message").ends_with(&format!("did you mean {nearest}?")), "{warning}");
            format!("{} {nearest}", text(warning, "Parameter"))
        })
        .collect()
}

fn a_misspelt_filter_is_named_with_the_nearest_name(backend: Backend) {
    let (server, key) = company_with_orders(backend);
    let plain = ask(&server, &key, &format!("Action=GetOrderAmount&{RANGE}"));
    assert_eq!((&plain["RetCode"], plain.get("Warnings")), (&json!(0), None));
    for (more, expected) in [
        ("ModelIDs.0=a&ModelIDs.1=b", &["ModelIDs.0 ModelIds.0"][..]),
        ("ResourceIDs=a&ResourceIDs=b", &["ResourceIDs ResourceIds.0"]),
        ("ProjectID=org-x", &["ProjectID ProjectId"]),
        ("ModelID=a&ResourceID=b", &["ModelID ModelIds.0", "ResourceID ResourceIds.0"]),
        ("modelids.7=a", &["modelids.7 ModelIds.7"]),
        // Near to nothing, or known.
        ("Surprise=1&Page=1&X=", &[]),
        ("Region=x&Zone=y&SecurityToken=z&ModelIds=", &[]),
    ] {
        let mut answer = ask(&server, &key, &format!("Action=GetOrderAmount&{RANGE}&{more}"));
        assert_eq!(warned(&answer), expected, "{more}");
        answer.as_object_mut().unwrap().remove("Warnings");
        assert_eq!(answer, plain, "{more}: it is ignored");
    }
}

fn a_refusal_has_warnings_if_the_signature_is_right(backend: Backend) {
    let (server, key) = company_with_orders(backend);
    let refused = ask(&server, &key, "Action=ListPaidOrders&startTime=1&EndTime=2&Page=1&pagesize=10");
    assert_eq!(refused["RetCode"], 220);
    assert_eq!(warned(&refused), ["startTime StartTime", "pagesize PageSize"]);
    let other = Key { private: "another".to_owned(), ..key };
    let forged = ask(&server, &other, "Action=ListPaidOrders&startTime=1&EndTime=2&Page=1&pagesize=10");
    assert_eq!(
        forged,
        json!({"RetCode": 171, "Action": "ListPaidOrdersResponse", "Message": "Signature VerifyAC Error"})
    );
}

fn warnings_are_few_and_printable(backend: Backend) {
    let (server, key) = company_with_orders(backend);
    let many: Vec<String> = (0..500).map(|n| format!("ModelId{n}x=a")).collect();
    let answer = ask(&server, &key, &format!("Action=GetOrderAmount&{RANGE}&{}", many.join("&")));
    assert_eq!(warned(&answer).len(), 16, "all are near, and 16 names are compared");
    let odd = ask(&server, &key, &format!("Action=GetOrderAmount&{RANGE}&Model%0AIds=a"));
    assert_eq!(warned(&odd), ["ModelIds ModelIds.0"]);
    let long = ask(&server, &key, &format!("Action=GetOrderAmount&{RANGE}&{}=a", "ModelIds".repeat(100)));
    assert_eq!(warned(&long), Vec::<String>::new());
}

on_each_backend!(
    a_misspelt_filter_is_named_with_the_nearest_name,
    a_refusal_has_warnings_if_the_signature_is_right,
    warnings_are_few_and_printable,
);
