//! The audit log: each act of an operator or customer is in it, and what is changed in it is found and named.

use serde_json::{Value, json};

use crate::program::{Fixture, on_each_database, sql};

on_each_database! {
    every_act_is_in_the_log
    a_changed_removed_or_inserted_entry_is_named
    an_export_tells_that_the_database_was_changed
    an_act_that_fails_or_is_repeated_is_not_in_the_log
}

/// The entries of a chain, or of all.
fn entries(fixture: &Fixture, more: &[&str]) -> Vec<Value> {
    let listed = fixture.json(&[&["audit", "list"], more].concat());
    assert_eq!(listed["HasMore"], false);
    listed["Entries"].as_array().unwrap().clone()
}

/// Changes the database behind Tollbook's back.
fn tamper(fixture: &Fixture, statement: &str) {
    if fixture.is_on_sqlite() {
        let database = rusqlite::Connection::open(fixture.data().join("tollbook.db")).unwrap();
        assert!(database.execute(statement, []).unwrap() > 0, "{statement}");
    } else {
        sql(&fixture.url(), statement);
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

const USAGE: &str = r#"{"id":"r1","source":"gw","time":1790000000,"company_id":1,"organization_id":1,"resource_id":"k","model_id":"m","product_code":"modelverse","quantities":{"input":1000000}}"#;

fn every_act_is_in_the_log(fixture: &Fixture) {
    fixture.write(
        "p.toml",
        "currency = \"CNY\"\nunit = 12\n[[model]]\nid = \"m\"\n[model.prices]\ninput = \"2\"\n",
    );
    fixture.write("u.jsonl", format!("{USAGE}\n"));
    fixture.write("right.jsonl", format!("{}\n", USAGE.replace("1000000", "500000")));
    fixture.write("map.csv", "source,kind,key,company_id,organization_id\nlitellm,team,red,1,1\n");
    // command | company | act | a part of what is said before | a part of what is said after
    let table = r#"
        company add --name Acme --currency CNY | 1 | company.add | | "Name":"Acme"
        company set --company 1 --name Ajax | 1 | company.set | "Name":"Acme" | "Name":"Ajax"
        organization add --company 1 --name Main | 1 | organization.add | | "Name":"Main"
        organization set --company 1 --organization 1 --name Lab | 1 | organization.set | "Main" | "Lab"
        key add --company 1 --name one | 1 | key.add | | "Name":"one"
        key set PUBLIC --suspend | 1 | key.set | "Suspended":false | "Suspended":true
        key set PUBLIC --resume | 1 | key.set | "Suspended":true | "Suspended":false
        key rotate PUBLIC | 1 | key.rotate | "Expires":null | "Former":
        key disable PUBLIC | 1 | key.disable | "Disabled":false | "Disabled":true
        operator-key add --name gw --role usage --role read | 0 | operator_key.add | | "Roles":["usage","read"]
        operator-key disable gw | 0 | operator_key.disable | "Enabled":1 | "Enabled":0
        object-keys | 0 | object_keys.show | | "PublicKey":"TOKEN_
        utc-offset set --offset +08:00 | 0 | utc_offset.set | "OffsetSeconds":0 | "OffsetSeconds":28800
        prices import p.toml | 0 | prices.import | | "Added":1
        prices import p.toml --factor 2 | 0 | prices.import | "Factor":"1 | "Factor":"2
        prices lists --order own | 0 | prices.order | ["own"] | ["own"]
        discount set --company 1 --factor 0.5 | 1 | discount.set | | "Factor":"0.50"
        discount remove --company 1 | 1 | discount.remove | "Factor":"0.50" |
        account credit-limit --company 1 --amount 50 | 1 | account.credit_limit | "0.00" | "50.00"
        account deposit --company 1 --kind cash --amount 90 --key d1 | 1 | account.deposit | "Cash":"0.00" | "Cash":"90.00"
        account adjust --company 1 --kind cash --amount=-5 --key a1 --reason gift | 1 | account.adjust | "90.00" | "85.00"
        account reverse --company 1 --deposit d1 --amount 1 --key v1 --reason slip | 1 | account.reverse | "85.00" | "84.00"
        usage import u.jsonl | 1 | usage.import | | "File":"u.jsonl","Records":1
        usage replace --company 1 --key c1 --reason wrong right.jsonl | 1 | usage.correct | "Total":"4.00" | "Total":"2.00"
        prices import p.toml --factor 1 | 0 | prices.import | "Factor":"2 | "Changed":1
        usage rerate --company 1 --key c2 --reason price --from 1789000000 --to 1791000000 --apply | 1 | usage.rerate | "2.00" | "completed"
        usage void --company 1 --key c3 --reason wrong --source gw r1 | 1 | usage.correct | "Total":"1.00" | "Kind":"void"
        connect map add --source litellm --kind team --key blue --company 1 --organization 1 | 1 | rule.set | | "Key":"blue"
        connect map import map.csv | 1 | rule.set | | "Key":"red"
        connect map remove --source litellm --kind team --key red | 1 | rule.remove | "Key":"red" |
        prices remove --list own --model m | 0 | prices.remove | | "Removed":1
        deployment adopt --yes | 0 | deployment.adopt | | "charging.sequence"
    "#;
    let mut public_key = String::new();
    let mut seen = 0;
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let command = cells[0].replace("PUBLIC", &public_key);
        let told = fixture.json(&words(&command));
        if let Some(key) = told["PublicKey"].as_str().filter(|_| command.starts_with("key add")) {
            key.clone_into(&mut public_key);
        }
        let all = entries(fixture, &[]);
        assert!(all.len() > seen, "{row}");
        seen = all.len();
        let chain = entries(fixture, &["--company", cells[1]]);
        let last = &chain[chain.len() - 1];
        let text = |name: &str| last[name].as_str().unwrap();
        assert_eq!((text("Act"), last["ActorKind"].as_str().unwrap()), (cells[2], "shell"), "{row}: {last}");
        assert!(text("Before").contains(cells[3]) && text("After").contains(cells[4]), "{row}: {last}");
        assert!(!text("Actor").is_empty() && text("Origin").contains("tollbook "), "{row}: {last}");
        if let Some(reason) = command.split("--reason ").nth(1) {
            assert_eq!(text("Reason"), reason.split(' ').next().unwrap(), "{row}");
        }
    }
    assert_eq!(fixture.json(&["audit", "verify"])["Differences"], json!([]));
    fixture.assert_verified(3);
    // No secret is in the log.
    let exported = fixture.path("audit.jsonl");
    fixture.json(&["audit", "export", exported.to_str().unwrap()]);
    let text = std::fs::read_to_string(&exported).unwrap();
    let key = fixture.json(&["key", "add", "--company", "1"]);
    assert!(!text.contains("PrivateKey") && key["PrivateKey"].is_string());
    // Filters.
    let kinds = |more: &[&str]| -> Vec<String> {
        entries(fixture, more).iter().map(|entry| entry["Act"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&["--act", "operator_key"]), ["operator_key.add", "operator_key.disable"]);
    assert_eq!(kinds(&["--act", "account.adjust"]), ["account.adjust"]);
    assert_eq!(kinds(&["--act", "account", "--company", "0"]), Vec::<String>::new());
    assert_eq!(kinds(&["--to", "1000000000"]), Vec::<String>::new());
    let (refused, _) = fixture.refused(&["audit", "list", "--act", "nothing"]);
    assert!(
        refused["Error"].as_str().unwrap().contains("\"nothing\" is no act of the audit log"),
        "{refused}"
    );
    let (refused, _) = fixture.refused(&["audit", "verify", "--company", "9"]);
    assert_eq!(refused["Error"], "company 9 does not exist");
    let limited = fixture.json(&["audit", "list", "--limit", "2"]);
    assert_eq!((limited["Entries"].as_array().unwrap().len(), &limited["HasMore"]), (2, &json!(true)));
}

fn some_acts(fixture: &Fixture) {
    fixture.company("Acme");
    for key in ["d1", "d2", "d3"] {
        let deposit =
            ["account", "deposit", "--company", "1", "--kind", "cash", "--amount", "5", "--key", key];
        fixture.json(&deposit);
    }
    assert_eq!(entries(fixture, &["--company", "1"]).len(), 6);
}

fn differences(fixture: &Fixture, arguments: &[&str]) -> Vec<String> {
    let (value, _) = fixture.refused(arguments);
    let found = value["Differences"].as_array().unwrap_or_else(|| panic!("{value}"));
    found.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn a_changed_removed_or_inserted_entry_is_named(fixture: &Fixture) {
    some_acts(fixture);
    let not_written = "company 1: audit entry 4 (account.deposit) is not what was written: it was changed, or the \
                       hash of entry 3";
    let of = "WHERE company_id = 1 AND entry_no = 4";
    // A value of a row, and back.
    tamper(fixture, &format!("UPDATE audit_entry SET actor = actor || 'x' {of}"));
    assert_eq!(differences(fixture, &["audit", "verify"]), [not_written]);
    assert_eq!(differences(fixture, &["audit", "verify", "--company", "1"]), [not_written]);
    assert_eq!(differences(fixture, &["verify"]), [not_written]);
    tamper(fixture, &format!("UPDATE audit_entry SET actor = substr(actor, 1, length(actor) - 1) {of}"));
    assert_eq!(fixture.json(&["audit", "verify"])["Entries"], 6);
    // A row is inserted behind the others.
    tamper(
        fixture,
        "INSERT INTO audit_entry SELECT company_id, 6, time, actor_kind, actor, origin, act, before_json, \
         after_json, reason, hash FROM audit_entry WHERE company_id = 1 AND entry_no = 5",
    );
    let found = differences(fixture, &["audit", "verify"]);
    assert!(found[0].contains("audit entry 6 (account.deposit) is not what was written"), "{found:?}");
    assert_eq!(found[1], "company 1: audit entries 6 to 6 were inserted: its chain ends before them");
    tamper(fixture, "DELETE FROM audit_entry WHERE company_id = 1 AND entry_no = 6");
    assert_eq!(fixture.json(&["audit", "verify"])["Differences"], json!([]));
    // The end is cut, and the head with it: the data directory remembers more.
    tamper(
        fixture,
        "UPDATE audit_chain SET entries = 5, hash = (SELECT hash FROM audit_entry WHERE company_id = 1 AND entry_no = 4) \
         WHERE company_id = 1",
    );
    tamper(fixture, "DELETE FROM audit_entry WHERE company_id = 1 AND entry_no = 5");
    assert_eq!(
        differences(fixture, &["audit", "verify"]),
        [
            "company 1: audit entry 5 is missing, at the end of its chain; they are remembered outside the database"
        ]
    );
    // It is accepted on purpose, which is in the log.
    fixture.json(&["deployment", "adopt", "--yes"]);
    assert_eq!(fixture.json(&["audit", "verify"])["Differences"], json!([]));
    assert_eq!(entries(fixture, &["--act", "deployment.adopt"]).len(), 1);
    // A row within the chain.
    tamper(fixture, "DELETE FROM audit_entry WHERE company_id = 1 AND entry_no = 2");
    assert_eq!(differences(fixture, &["audit", "verify"]), ["company 1: audit entry 2 is missing"]);
}

fn an_export_tells_that_the_database_was_changed(fixture: &Fixture) {
    some_acts(fixture);
    let export = fixture.path("audit.jsonl");
    let file = export.to_str().unwrap();
    let told = fixture.json(&["audit", "export", file]);
    assert_eq!((&told["Entries"], &told["Chains"]), (&json!(6), &json!(1)));
    let (refused, _) = fixture.refused(&["audit", "export", file]);
    assert!(refused["Error"].as_str().unwrap().contains("exists"), "{refused}");
    let checked = fixture.json(&["audit", "verify", "--file", file]);
    assert_eq!((&checked["Entries"], &checked["Ends"][0]["Entries"]), (&json!(6), &json!(6)));
    let printed = fixture.run(&["audit", "export", "-"]).stdout;
    assert_eq!(printed, std::fs::read(&export).unwrap());
    // The file is changed.
    let text = std::fs::read_to_string(&export).unwrap();
    let changed =
        fixture.write("changed.jsonl", text.replacen("\\\"Key\\\":\\\"d2\\\"", "\\\"Key\\\":\\\"d9\\\"", 1));
    let found = differences(fixture, &["audit", "verify", "--alone", "--file", changed.to_str().unwrap()]);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("audit entry 4 (account.deposit) is not what was written"), "{found:?}");
    let cut = fixture.write("cut.jsonl", &text[..text.len() - 9]);
    let (refused, _) = fixture.refused(&["audit", "verify", "--file", cut.to_str().unwrap()]);
    assert!(refused["Error"].as_str().unwrap().contains("line 6: the line does not end"), "{refused}");
    // The database is changed.
    tamper(fixture, "UPDATE audit_entry SET reason = 'x' WHERE company_id = 1 AND entry_no = 3");
    let found = differences(fixture, &["audit", "verify", "--file", file]);
    assert_eq!(
        found,
        ["company 1: audit entry 3 (account.deposit) of the file is another one in the database"]
    );
}

fn an_act_that_fails_or_is_repeated_is_not_in_the_log(fixture: &Fixture) {
    some_acts(fixture);
    let deposit = ["account", "deposit", "--company", "1", "--kind", "cash", "--amount", "5", "--key", "d1"];
    assert_eq!(fixture.json(&deposit)["Repeated"], true);
    let adjust = "account adjust --company 1 --kind cash --amount=1 --key a --reason r --dry-run";
    fixture.json(&words(adjust));
    for command in [
        "account deposit --company 1 --kind cash --amount 6 --key d1",
        "account adjust --company 1 --kind cash --amount=-99 --key b --reason r",
        "company set --company 9 --name x",
        "key disable nothing",
        "discount remove --company 1",
    ] {
        fixture.refused(&words(command));
    }
    assert_eq!(entries(fixture, &[]).len(), 6);
    // A customer who pays is in the log with the key.
    let company = fixture.company("Bold");
    fixture.write(
        "p.toml",
        "currency = \"CNY\"\nunit = 12\n[[model]]\nid = \"m\"\n[model.prices]\ninput = \"2\"\n",
    );
    fixture.json(&["prices", "import", "p.toml"]);
    fixture.write("u.jsonl", format!("{}\n", USAGE.replace("\"company_id\":1", "\"company_id\":2")));
    fixture.json(&["usage", "import", "u.jsonl"]);
    fixture.json(&words("account deposit --company 2 --kind cash --amount 9 --key d --no-settle"));
    // The daily run of the server must not pay before the customer.
    fixture.write("own.toml", "[charging]\narrears_at = \"never\"\n");
    let mut server = fixture.start(&["serve", "--config", "own.toml"]);
    let range = ["--start", "1789000000", "--end", "1791000000"];
    let listed = server.ask(fixture, &company, &[&["orders", "unpaid"], &range[..]].concat());
    let number = listed["Orders"][0]["OrderNo"].as_str().unwrap_or_else(|| panic!("{listed}")).to_owned();
    for _ in 0..2 {
        server.ask(fixture, &company, &["orders", "pay", &number]);
    }
    server.stop();
    let paid = entries(fixture, &["--company", "2", "--act", "orders.pay"]);
    assert_eq!(paid.len(), 1, "a repeated payment moves nothing");
    let text = |name: &str| paid[0][name].as_str().unwrap();
    assert_eq!(
        (text("ActorKind"), text("Actor"), text("Origin")),
        ("API key", company.public_key.as_str(), "127.0.0.1")
    );
    assert!(
        text("Before").contains("\"Cash\":\"9.00\"") && text("After").contains("\"Cash\":\"7.00\""),
        "{paid:?}"
    );
    assert!(text("After").contains(&number), "{paid:?}");
    fixture.assert_verified(1);
}
