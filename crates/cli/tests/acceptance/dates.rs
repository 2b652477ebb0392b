//! Bare dates: days of the deployment's UTC offset for the operator, of the machine's or a stated zone for the customer.

use serde_json::json;

use crate::program::{Fixture, on_each_database};

on_each_database! { a_date_is_a_local_day }

/// 2025-12-01T00:00:00-03:00.
const DECEMBER_S: i64 = 1_764_558_000;

fn prices(price: &str) -> String {
    format!("currency = \"USD\"\nunit = 12\n[[model]]\nid = \"m\"\n[model.prices]\ninput = \"{price}\"\n")
}

fn a_date_is_a_local_day(fixture: &Fixture) {
    fixture.json(&["utc-offset", "set", "--offset", "-03:00"]);
    let company = fixture.company_in("West", "USD");
    fixture.write("november.toml", prices("2"));
    fixture.write("december.toml", prices("4"));
    fixture.json(&["prices", "import", "november.toml"]);
    let import = ["prices", "import", "december.toml", "--valid-from", "2025-12-01"];
    let output = fixture.run(&[&["--json"], &import[..]].concat());
    let note = String::from_utf8(output.stderr).unwrap();
    let stated = "--valid-from 2025-12-01 is 2025-12-01T00:00:00-03:00 (the deployment's UTC offset)";
    assert!(output.status.success() && note.contains(stated), "{note}");
    let book = fixture.json(&["prices", "list", "--model", "m"]);
    let from = |price: &str| {
        let rows = book["Prices"].as_array().unwrap();
        rows.iter().find(|row| row["ListPrice"] == price).unwrap()["ValidFrom"].clone()
    };
    assert_eq!((from("2.00"), from("4.00")), (json!(0), json!(DECEMBER_S)));

    // The last four hours but one of 30 November, two of which are in December in UTC.
    let usage: Vec<String> = (19..=22)
        .map(|hour| {
            json!({
                "id": format!("u{hour}"), "source": "s", "time": format!("2025-11-30T{hour}:10:00-03:00"),
                "company_id": company.id, "organization_id": 1, "resource_id": "key", "resource_type": 1,
                "user_email": "", "model_id": "m", "product_code": "modelverse", "region": "us-ca",
                "quantities": {"input": 1_500_000},
            })
            .to_string()
        })
        .collect();
    fixture.write("usage.jsonl", usage.join("\n"));
    fixture.json(&["usage", "import", "usage.jsonl"]);
    let server = fixture.start(&["serve"]);
    let amount = |zone: &str, start: &str, end: &str| {
        let arguments = ["orders", "amount", "--start", start, "--end", end, "--time-zone", zone];
        let answer = server.ask(fixture, &company, &arguments);
        (answer["TotalOrderAmount"].as_str().unwrap().to_owned(), answer["OrderCount"].as_i64().unwrap())
    };
    let expected = |total: &str, orders| (total.to_owned(), orders);
    assert_eq!(amount("-03:00", "2025-11-01", "2025-12-01"), expected("12.00", 4));
    assert_eq!(amount("America/Sao_Paulo", "2025-11-30", "2025-12-01"), expected("12.00", 4));
    assert_eq!(amount("-03:00", "2025-12-01", "2026-01-01"), expected("0.00", 0));
    // The fixture's machine is in UTC; a time with an offset is what it says.
    let arguments = ["orders", "amount", "--start", "2025-11-01", "--end", "2025-12-01"];
    assert_eq!(server.ask(fixture, &company, &arguments)["OrderCount"], 2);
    assert_eq!(amount("UTC", "2025-11-01", "2025-12-01T03:00:00Z"), expected("12.00", 4));
    let keys = (company.public_key.as_str(), company.private_key.as_str());
    let range = ["--start", "2025-11-30", "--end", "2025-12-01", "--time-zone", "-03:00"];
    let listed = server.customer(fixture, keys, &[&["orders", "unpaid"], &range[..]].concat());
    let (text, note) = (String::from_utf8(listed.stdout).unwrap(), String::from_utf8(listed.stderr).unwrap());
    assert!(text.contains("Start (-03:00)") && text.contains("2025-11-30 22:00-03:00"), "{text}");
    assert!(note.contains("--end-time 2025-12-01 is 2025-12-01T00:00:00-03:00 (-03:00)"), "{note}");

    // 2099-12-01T00:00:00 of the deployment, and of a stated zone.
    for (more, expires_s) in
        [(&[][..], 4_099_777_200_i64), (&["--time-zone", "Asia/Shanghai"], 4_099_737_600)]
    {
        let key = format!("c{expires_s}");
        let deposit =
            ["account", "deposit", "--company", "1", "--kind", "coupon", "--amount", "1", "--no-settle"];
        let arguments = [&deposit[..], &["--key", &key, "--expires", "2099-12-01"], more].concat();
        assert_eq!(fixture.json(&arguments)["Expires"], expires_s);
    }
    let wrong = fixture.run(&["orders", "amount", "--time-zone", "Mars/Olympus"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("must be an IANA time zone"));
    fixture.assert_verified(4);
}
