//! Three servers on one PostgreSQL database with a shared data directory.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tollbook_testkit::Cluster;

use crate::program::{Fixture, Server, finish, sql};
use crate::rig::{Client, Dice, Model, range};

/// More than the threshold above which sums are stored for each line.
const ORDERS: usize = 22_000;

fn urls(servers: &[Server]) -> Vec<String> {
    servers.iter().map(|server| server.url().to_owned()).collect()
}

#[test]
fn three_servers_answer_consistently_during_and_after_overlapping_imports() {
    let database = Cluster::shared().database();
    let fixture = Fixture::on(database.url());
    let servers = fixture.start_together(3);
    let urls = urls(&servers);
    let company = fixture.company("Acme");
    let model = Model::new(&company, i64::try_from(ORDERS).unwrap());
    for (name, text) in ["a.jsonl", "b.jsonl"].iter().zip(model.overlapping(0..ORDERS)) {
        fixture.write(name, text);
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (model, urls, done) = (&model, &urls, &done);
        let readers: Vec<_> = (1..3)
            .map(|seed| scope.spawn(move || model.read_until(urls, Dice::new(seed), done, false)))
            .collect();
        let imports = ["a.jsonl", "b.jsonl"].map(|file| fixture.spawn(&["orders", "import", file]));
        let reports = imports.map(finish);
        done.store(true, Ordering::SeqCst);
        let mut added = 0;
        for (code, report, error) in reports {
            assert_eq!(code, Some(0), "{error}");
            assert_eq!(report["Read"].as_u64(), Some(ORDERS as u64 * 7 / 10), "{report}");
            added += report["Added"].as_u64().unwrap();
        }
        assert_eq!(added, ORDERS as u64, "each order was added by exactly one import");
        for reader in readers {
            assert_eq!(reader.join().unwrap().unavailable, 0);
        }
    });
    model.compare(&urls, ORDERS);
    fixture.assert_verified(i64::try_from(ORDERS).unwrap());
    // An export created by one server can be downloaded from every server.
    let answer = model.client.ask(&urls[0], "DownloadListUnpaidOrders", &range());
    let link = answer["Data"]["DownloadURL"].as_str().unwrap();
    let mut bodies = urls.iter().map(|url| {
        let mut response = ureq::get(link.replace(&urls[0], url)).call().unwrap();
        response.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap()
    });
    let body = bodies.next().unwrap();
    assert_eq!(answer["Data"]["FileSize"], body.len());
    assert!(bodies.all(|other| other == body), "all servers return the same file");
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(fixture.write("unpaid.xlsx", &body)).unwrap();
    let rows = calamine::Reader::worksheet_range_at(&mut book, 0).unwrap().unwrap();
    assert_eq!(rows.height(), ORDERS / 4 + 1);
    // A key that is disabled is unknown to every server at the next request.
    fixture.json(&["key", "disable", &company.public_key]);
    for url in &urls {
        assert_eq!(model.client.call(url, "GetFilterOptions", &[])["RetCode"], 172);
    }
}

#[test]
fn a_server_with_another_key_or_directory_is_refused_and_changes_nothing() {
    let database = Cluster::shared().database();
    let fixture = Fixture::on(database.url());
    let first = fixture.start(&["serve"]);
    let company = fixture.company("Acme");
    let client = Client::new(&company);
    let answers = |server: &Server| client.ask(server.url(), "GetOrderAmount", &range());
    let before = answers(&first);
    let everything = || {
        let tables = ["setting", "company", "organization", "api_key", "company_state", "schema_version"];
        tables.map(|table| sql(database.url(), &format!("SELECT * FROM {table} ORDER BY 1")))
    };
    let stored = everything();
    let serve = |change: &dyn Fn(&mut std::process::Command)| {
        let mut command = fixture.command(&["--json", "serve", "--listen", "127.0.0.1:0"]);
        change(&mut command);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        value["Error"].as_str().unwrap().to_owned()
    };
    let refused = serve(&|command| {
        command.env("TOLLBOOK_MASTER_KEY", "ab".repeat(32));
    });
    assert!(refused.contains("the database belongs to another master key"), "{refused}");
    // The same keys, but a directory without the exports of the first server.
    let key = std::fs::read_to_string(fixture.data().join("master.key")).unwrap();
    let elsewhere = fixture.path("elsewhere");
    let refused = serve(&|command| {
        command.env("TOLLBOOK_DATA", &elsewhere).env("TOLLBOOK_MASTER_KEY", key.trim());
    });
    assert!(refused.contains("is not the one that this deployment's other servers use"), "{refused}");
    assert!(refused.contains("let all servers share one data directory"), "{refused}");
    assert_eq!(everything(), stored);
    assert_eq!(with_no_id(answers(&first)), with_no_id(before));
    assert_eq!(with_no_id(answers(&fixture.start(&["serve"])))["RetCode"], json!(0));
}

/// Removes the request ID, which differs in each answer.
fn with_no_id(mut answer: Value) -> Value {
    answer.as_object_mut().unwrap().remove("request_uuid").unwrap();
    answer
}
