//! `usage void`, `replace`, `rerate` and `explain`, and `orders explain`.

use serde_json::{Value, json};

use crate::program::{Fixture, on_each_database};

on_each_database! {
    usage_is_corrected_and_explained
}

/// Writes a price file and imports it.
fn set_price(fixture: &Fixture, price: &str) {
    let text = format!(
        "currency = \"CNY\"\nunit = 12\n[[model]]\nid = \"m\"\n[model.prices]\ninput = \"{price}\"\n"
    );
    let file = fixture.write("prices.toml", text);
    fixture.json(&["prices", "import", file.to_str().unwrap()]);
}

fn record(id: &str, quantity: i64) -> String {
    let record = json!({
        "id": id, "source": "gw", "time": 1_790_000_000, "company_id": 1, "organization_id": 1,
        "resource_id": "key-1", "model_id": "m", "product_code": "modelverse",
        "quantities": {"input": quantity},
    });
    format!("{record}\n")
}

fn usage_is_corrected_and_explained(fixture: &Fixture) {
    fixture.company("Acme");
    set_price(fixture, "200");
    let deposit = ["--kind", "cash", "--amount", "200000", "--key", "c"];
    fixture.json(&[&["account", "deposit", "--company", "1"][..], &deposit].concat());
    let file = fixture.write("usage.jsonl", record("good", 1_000_000) + &record("wrong", 500_000_000));
    fixture.json(&["usage", "import", file.to_str().unwrap()]);
    let cash = || fixture.json(&["account", "show", "--company", "1"])["Balances"]["Cash"].clone();
    assert_eq!(cash(), "99800.00");
    // One record counted too much.
    let right = fixture.write("right.jsonl", record("wrong", 500_000));
    let correct = |command: &'static str, key: &'static str| {
        ["usage", command, "--company", "1", "--reason", "a mistake", "--key", key]
    };
    let replace = [&correct("replace", "R1")[..], &[right.to_str().unwrap()]].concat();
    let shown = fixture.json(&[&replace[..], &["--dry-run"]].concat());
    assert_eq!(
        (&shown["Records"], &shown["OrdersReplaced"], cash()),
        (&json!(1), &json!(1), json!("99800.00"))
    );
    for repeated in [false, true] {
        let done = fixture.json(&replace);
        assert_eq!((&done["Repeated"], &done["OrdersMade"]), (&json!(repeated), &json!(1)));
        assert_eq!(cash(), "199700.00");
    }
    // The price was typed 200 for 2.
    set_price(fixture, "2");
    let rerate = [&correct("rerate", "N1")[..], &["--from", "1789000000", "--to", "1791000000"]].concat();
    let difference = fixture.json(&rerate)["Differences"][0].clone();
    assert_eq!((&difference["Before"], &difference["After"]), (&json!("300.00"), &json!("3.00")));
    assert_eq!(cash(), "199700.00");
    let applied = fixture.json(&[&rerate[..], &["--apply"]].concat());
    assert_eq!(applied["Companies"][0]["Records"], 2);
    assert_eq!(cash(), "199997.00");
    let explained = fixture.json(&["usage", "explain", "--company", "1", "wrong"])["Records"][0].clone();
    let charge = &explained["Charges"][0];
    assert_eq!((&charge["DiscountPrice"], &charge["PriceList"]), (&json!("2.00"), &json!("own")));
    assert_eq!(charge["PriceModels"], "is \"m\"");
    let number = charge["Order"]["OrderNo"].as_str().unwrap();
    let order = fixture.json(&["orders", "explain", "--company", "1", number]);
    assert_eq!(order["OrderTotalPrice"], "3.00");
    let of = |orders: &Value| orders.as_array().unwrap().len();
    assert_eq!((of(&order["Records"]), of(&order["Replaces"]), of(&order["ReplacedBy"])), (2, 2, 0));
    let first = order["Replaces"][1]["OrderNo"].as_str().unwrap();
    assert_eq!(
        fixture.json(&["orders", "explain", "--company", "1", first])["RevocationReason"],
        "a mistake"
    );
    fixture.json(&[&correct("void", "V1")[..], &["--source", "gw", "good"]].concat());
    assert_eq!(cash(), "199999.00");
    corrections_are_listed(fixture);
    a_price_that_is_lost_is_said(fixture, &rerate);
    for (arguments, reason) in [
        ([&correct("void", "V2")[..], &["nothing"]].concat(), "record \"nothing\": is not stored"),
        ([&correct("void", "V1")[..], &["wrong"]].concat(), "\"V1\" belongs to another correction"),
        (vec!["usage", "explain", "--company", "1", "nothing"], "no usage record with the id"),
        (vec!["orders", "explain", "--company", "1", "nothing"], "no order with the number"),
        (vec!["usage", "explain", "--company", "9", "good"], "company 9 does not exist"),
    ] {
        let (value, _) = fixture.refused(&arguments);
        assert!(value["Error"].as_str().unwrap().contains(reason), "{arguments:?}: {value}");
    }
    assert_eq!(fixture.run(&["usage", "void", "--company", "1", "good"]).status.code(), Some(2));
    let text =
        String::from_utf8(fixture.run(&["orders", "explain", "--company", "1", number]).stdout).unwrap();
    assert!(text.contains("replaced by") && text.contains("a mistake"), "{text}");
    fixture.assert_verified(4);
}

fn corrections_are_listed(fixture: &Fixture) {
    let adjust = ["account", "adjust", "--company", "1", "--kind", "cash", "--amount=1", "--key", "A1"];
    fixture.json(&[&adjust[..], &["--reason", "a gift", "--reference", "T-1"]].concat());
    let list =
        |more: &[&str]| fixture.json(&[&["usage", "corrections", "--company", "1"][..], more].concat());
    let found = list(&[]);
    let of = |name: &str| -> Vec<Value> {
        found["Corrections"].as_array().unwrap().iter().map(|correction| correction[name].clone()).collect()
    };
    // Those of one second are by key.
    let mut kinds: Vec<(Value, Value)> = of("Key").into_iter().zip(of("Kind")).collect();
    kinds.sort_by_key(|(key, _)| key.to_string());
    let expected = [("A1", "adjust"), ("N1", "rerate"), ("R1", "replace"), ("V1", "void")];
    assert_eq!(kinds, expected.map(|(key, kind)| (json!(key), json!(kind))));
    let one = |key: &str| {
        let all = found["Corrections"].as_array().unwrap();
        all.iter().find(|correction| correction["Key"] == key).unwrap().clone()
    };
    let rerated = one("N1");
    assert_eq!((&rerated["Records"], &rerated["OrdersReplaced"]), (&json!(2), &json!(1)));
    assert_eq!((&rerated["Reason"], &rerated["Finished"]), (&json!("a mistake"), &json!(true)));
    let adjusted = one("A1");
    assert_eq!((&adjusted["Reference"], &adjusted["Records"]), (&json!("T-1"), &Value::Null));
    let first = list(&["--limit", "1"]);
    assert_eq!((first["Corrections"].as_array().unwrap().len(), &first["HasMore"]), (1, &json!(true)));
    assert_eq!(found["HasMore"], false);
    let text = fixture.run(&["usage", "corrections", "--company", "1"]).stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("2 records, 1 orders replaced") && text.contains("a gift"), "{text}");
    let (refused, _) = fixture.refused(&["usage", "corrections", "--company", "9"]);
    assert!(refused["Error"].as_str().unwrap().contains("company 9 does not exist"), "{refused}");
    let back = ["account", "adjust", "--company", "1", "--kind", "cash", "--amount=-1", "--key", "A2"];
    fixture.json(&[&back[..], &["--reason", "taken back"]].concat());
}

/// A price that is removed by mistake: the record would be charged nothing, and that is said by name.
fn a_price_that_is_lost_is_said(fixture: &Fixture, rerate: &[&str]) {
    fixture.json(&["prices", "remove", "--list", "own", "--model", "m"]);
    let mut shown = rerate.to_vec();
    let key = shown.iter().position(|argument| *argument == "N1").unwrap();
    shown[key] = "N2";
    let value = fixture.json(&shown);
    let difference = &value["Differences"][0];
    let counts = ["Records", "Unpriced", "After"].map(|name| &difference[name]);
    assert_eq!(counts, [&json!(1), &json!(1), &json!("0.00")]);
    let unpriced = &value["Companies"][0]["Unpriced"];
    assert_eq!(unpriced[0]["Records"], 1);
    assert_eq!(unpriced[0]["Reason"], "model \"m\" has no price in CNY");
    let text = String::from_utf8(fixture.run(&shown).stdout).unwrap();
    assert!(
        text.contains("1 records would be charged nothing until they have a price: model \"m\" has no price"),
        "{text}"
    );
    set_price(fixture, "2");
}
