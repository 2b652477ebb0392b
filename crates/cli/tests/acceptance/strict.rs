//! Strict signatures on the command line and in the document's example.

use serde_json::{Value, json};
use tollbook_testkit::documents;

use crate::failures::RANGE;
use crate::program::{Company, Fixture, Server, on_each_database};
use crate::python::python;

on_each_database! {
    the_customers_commands_sign_strictly_if_the_server_demands_it
    the_documented_python_signs_strictly
}

/// Runs a customer's command and returns the `RetCode` of its answer, and what it said on standard error.
fn code(fixture: &Fixture, server: &Server, company: &Company, arguments: &[&str]) -> (i64, String) {
    let keys = (company.public_key.as_str(), company.private_key.as_str());
    let output = server.customer(fixture, keys, &[&["--json"], arguments].concat());
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    // The result of a payment has none.
    (said["RetCode"].as_i64().unwrap_or(0), error)
}

fn the_customers_commands_sign_strictly_if_the_server_demands_it(fixture: &Fixture) {
    let company = fixture.company("Acme");
    let mut server = fixture.start(&["serve"]);
    let list = |signing: &str| {
        let options = ["orders", "paid", "--signing", signing];
        code(fixture, &server, &company, &[&options, &RANGE[..]].concat()).0
    };
    let pay =
        |signing: &str| code(fixture, &server, &company, &["orders", "pay", "U1", "--signing", signing]).0;
    let all = ["auto", "published", "strict"];
    assert_eq!((all.map(list), all.map(pay)), ([0; 3], [0; 3]));
    for (strict, shown, lists, pays) in [
        ("pay", json!("pay"), [0, 0, 0], [0, 175, 0]),
        ("on", json!("all"), [0, 175, 0], [0, 175, 0]),
        ("off", json!("off"), [0, 0, 0], [0, 0, 0]),
        ("default", Value::Null, [0, 0, 0], [0, 0, 0]),
    ] {
        let set = fixture.json(&["key", "set", &company.public_key, "--strict", strict]);
        assert_eq!(set["Strict"], shown);
        assert_eq!((all.map(list), all.map(pay)), (lists, pays), "{strict}");
    }
    let id = company.id.to_string();
    let added = fixture.json(&["key", "add", "--company", &id, "--strict", "all", "--rate-limit", "0"]);
    let listed = fixture.json(&["key", "list", "--company", &id]);
    let found = listed.as_array().unwrap().iter().find(|key| key["PublicKey"] == added["PublicKey"]).unwrap();
    assert_eq!((&found["Strict"], &found["RateLimit"]), (&json!("all"), &json!(0)));
    let text = |name: &str| added[name].as_str().unwrap().to_owned();
    let demanding =
        Company { public_key: text("PublicKey"), private_key: text("PrivateKey"), ..company.clone() };
    let (refused, said) = code(
        fixture,
        &server,
        &demanding,
        &[&["orders", "paid", "--signing", "published"], &RANGE[..]].concat(),
    );
    assert_eq!(refused, 175);
    assert!(said.contains("RetCode 175: Strict signature required"), "{said}");
    server.stop();
}

/// The code block of a language in the document.
fn block(language: &str) -> String {
    documents::block(&documents::document("docs/SIGNING.md"), language)
}

fn the_documented_python_signs_strictly(fixture: &Fixture) {
    let company = fixture.company("Acme");
    fixture.json(&["key", "set", &company.public_key, "--strict", "all"]);
    let mut server = fixture.start(&["serve"]);
    let script = fixture.write("example.py", block("python"));
    for path in ["", "/", "/billing"] {
        let url = format!("{}{path}", server.url());
        let environment = [
            ("TOLLBOOK_SERVER", url.as_str()),
            ("TOLLBOOK_PUBLIC_KEY", company.public_key.as_str()),
            ("TOLLBOOK_PRIVATE_KEY", company.private_key.as_str()),
        ];
        let answer = python(script.to_str().unwrap(), &[], &environment);
        assert_eq!((&answer["RetCode"], &answer["Action"]), (&json!(0), &json!("GetFilterOptionsResponse")));
    }
    server.stop();
}
