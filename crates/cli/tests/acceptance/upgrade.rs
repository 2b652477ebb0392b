//! Upgrades of a running deployment: a server whose database was migrated by a newer program, and servers that are replaced
//! while hours close.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tollbook_ops::{Clock as _, SystemClock};

use crate::program::{Company, Fixture, Server, on_each_database, sql};

on_each_database! {
    a_server_on_a_newer_schema_reads_and_does_not_write
    hours_are_closed_once_while_servers_are_replaced
}

/// Raises the version of the schema, as a newer program's migration does.
fn migrate(fixture: &Fixture, change: &str) {
    if fixture.is_on_sqlite() {
        rusqlite::Connection::open(fixture.data().join("tollbook.db"))
            .unwrap()
            .execute_batch(change)
            .unwrap();
    } else {
        sql(&fixture.url(), change);
    }
}

fn status(server: &Server, path: &str) -> u16 {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    agent.get(format!("{}{path}", server.url())).call().unwrap().status().as_u16()
}

fn a_server_on_a_newer_schema_reads_and_does_not_write(fixture: &Fixture) {
    let company = fixture.company("Acme");
    let key = fixture.json(&["operator-key", "add", "--name", "gateway"]);
    let key = key["OperatorKey"].as_str().unwrap();
    let mut server = fixture.start(&["serve"]);
    let paid = ["orders", "paid", "--start", "2026-01-01", "--end", "2026-02-01"];
    let listed = |server: &Server, company: &Company| server.ask(fixture, company, &paid)["Total"].clone();
    assert_eq!(listed(&server, &company), 0);
    migrate(fixture, "INSERT INTO schema_version (version) VALUES (999)");
    // Lists go on; what writes is refused in a way that its sender repeats.
    assert_eq!(listed(&server, &company), 0);
    let event = json!({
        "specversion": "1.0", "type": "ai.tollbook.usage", "id": "1", "source": "gateway",
        "time": jiff::Timestamp::from_second(SystemClock.now_s()).unwrap().to_string(),
        "data": {
            "company_id": 1, "organization_id": 1, "resource_id": "r", "resource_type": 1, "model_id": "m",
            "product_code": "modelverse", "region": "us-ca", "quantities": {"input": 7},
        },
    });
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let sent = |server: &Server| {
        let request = agent
            .post(format!("{}/v1/usage", server.url()))
            .header("Authorization", format!("Bearer {key}"))
            .header("Content-Type", "application/cloudevents+json");
        request.send(event.to_string()).unwrap().status().as_u16()
    };
    assert_eq!(sent(&server), 503);
    // The load balancer takes it out when the last write that it believed in is old.
    while status(&server, "/readyz") != 503 {
        std::thread::yield_now();
    }
    assert_eq!(status(&server, "/healthz"), 200, "nothing is gained by replacing it by itself");
    // A process of this program that starts now is refused.
    let (refused, _) = fixture.refused(&["company", "list"]);
    assert!(refused["Error"].as_str().unwrap().contains("use a newer program"), "{refused}");
    migrate(fixture, "DELETE FROM schema_version WHERE version = 999");
    assert_eq!(sent(&server), 200, "the same request is stored when it is repeated");
    let log = server.stop();
    assert!(log.contains("schema version 999"), "{log}");
    fixture.assert_verified(0);
}

/// Hours whose usage is closed while servers come and go.
const HOURS: i64 = 40;

fn hours_are_closed_once_while_servers_are_replaced(fixture: &Fixture) {
    let company = fixture.company_in("Acme", "USD");
    fixture.write(
        "prices.toml",
        "currency = \"USD\"\nunit = 11\n[[model]]\nid = \"m\"\n[model.prices]\ninput = \"2.5\"\n",
    );
    fixture.json(&["prices", "import", "prices.toml"]);
    let first_s = SystemClock.now_s() / 3_600 * 3_600 - HOURS * 3_600;
    let mut lines = String::new();
    for hour in 0..HOURS {
        let record = json!({
            "id": format!("u{hour}"), "time": first_s + hour * 3_600 + 1, "company_id": 1, "organization_id": 1,
            "resource_id": "r", "resource_type": 1, "model_id": "m", "product_code": "modelverse", "region": "us-ca",
            "quantities": {"input": 1_000_000},
        });
        writeln!(lines, "{record}").unwrap();
    }
    fixture.write("usage.jsonl", &lines);
    let imported = fixture.json(&["usage", "import", "usage.jsonl"]);
    assert_eq!(imported["Charged"], HOURS, "{imported}");
    let mut server = fixture.start(&["serve"]);
    let (start, end) = ((first_s - 3_600).to_string(), (first_s + 200 * 3_600).to_string());
    let amount = ["orders", "amount", "--start", &start, "--end", &end];
    let closed = |server: &Server| server.ask(fixture, &company, &amount)["OrderCount"].as_i64().unwrap();
    // Each server is replaced when it has closed something, or had the chance to.
    for _ in 0..3 {
        let before = closed(&server);
        while closed(&server) == before && before < HOURS {
            std::thread::yield_now();
        }
        server.stop();
        server = fixture.start(&["serve"]);
    }
    while closed(&server) < HOURS {
        std::thread::yield_now();
    }
    let sums: Value = server.ask(fixture, &company, &amount);
    assert_eq!((&sums["OrderCount"], &sums["TotalOrderAmount"]), (&HOURS.into(), &json!("100000.00")));
    server.stop();
    fixture.assert_verified(HOURS);
}
