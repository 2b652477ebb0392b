//! `key`: what an operator does with API keys on the command line, and what a customer's requests meet.

use serde_json::{Value, json};

use crate::failures::RANGE;
use crate::program::{Company, Fixture, on_each_database};

on_each_database! {
    keys_are_named_limited_rotated_and_suspended
}

fn keys_are_named_limited_rotated_and_suspended(fixture: &Fixture) {
    let company = fixture.company("Acme");
    let number = company.id.to_string();
    let added = fixture.json(&[
        "key",
        "add",
        "--company",
        &number,
        "--name",
        "finance",
        "--permission",
        "read",
        "--permission",
        "export",
        "--expires",
        "2999-01-01",
    ]);
    let of = |key: &Value| {
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        Company {
            id: company.id,
            project_id: company.project_id.clone(),
            public_key: text("PublicKey"),
            private_key: text("PrivateKey"),
        }
    };
    let finance = of(&added);
    let mut server = fixture.start(&["serve"]);
    let code = |key: &Company, arguments: &[&str]| {
        let keys = (key.public_key.as_str(), key.private_key.as_str());
        let output = server.customer(fixture, keys, &[&["--json"], arguments].concat());
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        // The result of a payment has none.
        said["RetCode"].as_i64().unwrap_or(0)
    };
    let ask = |key: &Company| code(key, &[&["orders", "paid"], &RANGE[..]].concat());
    let pay = || code(&finance, &["orders", "pay", "U1"]);
    assert_eq!((ask(&finance), pay()), (0, 299));
    let set = |options: &[&str]| fixture.json(&[&["key", "set", &finance.public_key], options].concat());
    assert_eq!(set(&["--suspend"])["Suspended"], true);
    assert_eq!(ask(&finance), 172);
    let resumed = set(&["--resume", "--all-permissions", "--name", "all of finance"]);
    assert_eq!(resumed["Permissions"], json!(["read", "export", "pay"]));
    assert_eq!((ask(&finance), pay() == 299), (0, false));
    let rotated = fixture.json(&["key", "rotate", &finance.public_key, "--overlap-hours", "0"]);
    assert_eq!(rotated["FormerPublicKey"], finance.public_key.as_str());
    let new = of(&rotated);
    assert_eq!((ask(&finance), ask(&new)), (172, 0));
    // The latest uses are noted when the server stops, at the latest.
    server.stop();
    let keys = fixture.json(&["key", "list", "--company", &number]);
    let find = |public: &str| {
        let found = keys.as_array().unwrap().iter().find(|key| key["PublicKey"] == public);
        found.unwrap_or_else(|| panic!("{public} is not in {keys}")).clone()
    };
    let (former, new) = (find(&finance.public_key), find(&new.public_key));
    for key in [&former, &new] {
        assert_eq!(key["Name"], "all of finance");
        assert!(key["LastUsed"].as_i64().unwrap() >= key["Created"].as_i64().unwrap(), "{key}");
    }
    assert_eq!(new["Expires"], Value::Null);
    assert_eq!(find(&company.public_key)["LastUsed"], Value::Null, "it was never used");
    fixture.json(&["key", "disable", former["PublicKey"].as_str().unwrap()]);
    for (arguments, reason) in [
        (vec!["key", "set", "none", "--suspend"], "there is no key with the public key \"none\""),
        (vec!["key", "rotate", &finance.public_key], "is disabled, suspended or has ended"),
        (vec!["key", "set", &finance.public_key, "--resume"], "is disabled, suspended or has ended"),
        (vec!["key", "set", &company.public_key, "--expires", "2001-01-01"], "the key would end in the past"),
    ] {
        let (refused, _) = fixture.refused(&arguments);
        let said = refused["Error"].as_str().unwrap();
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
    fixture.assert_verified(0);
}
