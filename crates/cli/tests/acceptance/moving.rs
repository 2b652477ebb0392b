//! `database copy` between SQLite and PostgreSQL, complete and interrupted.

use std::process::{Child, Stdio};

use serde_json::{Value, json};
use tollbook_testkit::{Cluster, Database};

use crate::failures::write_orders;
use crate::halt;
use crate::program::{Fixture, finish};
use crate::rig::{Model, range};

/// More than the threshold above which sums are stored for each line.
const ORDERS: i64 = 21_000;
/// More than one batch of a copy, which has 10,000 rows.
const TWO_BATCHES: i64 = 12_000;

fn copy<'a>(from: &'a str, to: &'a str) -> [&'a str; 6] {
    ["database", "copy", "--from", from, "--to", to]
}

fn error(fixture: &Fixture, arguments: &[&str]) -> String {
    let (value, _) = fixture.refused(arguments);
    value["Error"].as_str().unwrap().to_owned()
}

fn verify(fixture: &Fixture, url: &str, orders: i64) {
    let found = fixture.json(&["verify", "--database", url]);
    assert_eq!(found, json!({"Companies": 1, "Orders": orders, "Differences": []}));
}

#[test]
fn a_deployment_copied_to_postgresql_and_back_gives_the_same_answers() {
    let fixture = Fixture::new();
    let company = fixture.company("Acme");
    let model = Model::new(&company, ORDERS);
    let [first, second] = model.overlapping(0..usize::try_from(ORDERS).unwrap());
    fixture.write("orders.jsonl", first + &second);
    assert_eq!(fixture.json(&["orders", "import", "orders.jsonl"])["Added"], ORDERS);
    let database = Cluster::shared().database();
    let back = format!("sqlite:{}", fixture.path("back.db").display());
    let places = [fixture.url(), database.url().to_owned(), back];
    let mut rows = Vec::new();
    for way in places.windows(2) {
        let copied = fixture.json(&copy(&way[0], &way[1]));
        assert_eq!((&copied["Companies"], &copied["Orders"]), (&json!(1), &json!(ORDERS)));
        assert_eq!(copied["Differences"], json!([]));
        assert_eq!(copied["Rows"]["orders"], ORDERS);
        assert!(copied["Rows"]["tile_sum"].as_i64() > Some(0), "{copied}");
        rows.push(copied["Rows"].clone());
        verify(&fixture, &way[1], ORDERS);
    }
    // The move itself is an act, which the next copy has.
    let entries = |rows: &Value| rows["audit_entry"].as_i64().unwrap();
    assert_eq!(entries(&rows[1]), entries(&rows[0]) + 1);
    rows.iter_mut().for_each(|rows| rows["audit_entry"] = Value::Null);
    assert_eq!(rows[0], rows[1]);
    let answers = places.each_ref().map(|url| {
        let server = fixture.start(&["serve", "--database", url]);
        model.compare(&[server.url().to_owned()], usize::try_from(ORDERS).unwrap());
        let options = model.client.ask(server.url(), "GetFilterOptions", &[]);
        let summary = model.client.ask(server.url(), "ListPaidOrderSummary", &range());
        let keys = fixture.json(&["key", "list", "--database", url]);
        [&options["Models"], &options["ResourceIds"], &summary["Summaries"], &keys].map(Value::clone)
    });
    assert!(answers[0] == answers[1] && answers[1] == answers[2], "every database gives the same answers");
    let refused = error(&fixture, &copy(&places[0], &places[1]));
    assert!(refused.contains("the target of a copy must be empty"), "{refused}");
    verify(&fixture, &places[1], ORDERS);
}

#[test]
fn a_copy_of_a_missing_source_creates_no_file() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.data()).unwrap();
    let url = |name: &str| format!("sqlite:{}", fixture.path(name).display());
    let refused = error(&fixture, &copy(&url("none.db"), &url("target.db")));
    assert!(refused.contains("--from: there is no file") && refused.contains("none.db"), "{refused}");
    let unreachable = ["--database", "postgres://postgres@127.0.0.1:1/none"];
    let refused = error(&fixture, &[&["database", "backup", "backup.db"], &unreachable[..]].concat());
    assert!(refused.contains("not available"), "{refused}");
    let names: Vec<_> =
        std::fs::read_dir(fixture.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["data"]);
}

#[test]
fn distribution_without_citus_is_refused() {
    let database = Cluster::shared().database();
    let fixture = Fixture::on(database.url());
    let refused = error(&fixture, &["database", "distribute"]);
    assert!(refused.contains("does not have the extension citus"), "{refused}");
    let refused = error(&Fixture::new(), &["database", "distribute"]);
    assert!(refused.contains("an SQLite database cannot be distributed"), "{refused}");
}

/// A fixture with orders, and a copy of it to an empty PostgreSQL database that is halted at the second batch.
fn half_a_copy(database: &Database<'_>) -> (Fixture, Child) {
    let fixture = Fixture::new();
    let company = fixture.company("Acme");
    write_orders(&fixture, &company, TWO_BATCHES);
    fixture.json(&["orders", "import", "orders.jsonl"]);
    // The command creates the tables and leaves them empty.
    assert_eq!(fixture.json(&["company", "list", "--database", database.url()]), json!([]));
    halt::at_the_second_batch(database.url(), "orders");
    let mut child = fixture.spawn(&copy(&fixture.url(), database.url()));
    halt::wait(database.url(), &mut child);
    (fixture, child)
}

/// Asserts that commands refuse a database whose copy is not finished.
fn refuse_everything(fixture: &Fixture, url: &str) {
    for arguments in [
        &["company", "list"][..],
        &["verify"][..],
        &["orders", "import", "orders.jsonl"][..],
        &["database", "prune", "--before", "2026-01-01"][..],
        &["database", "backup", "backup.db"][..],
        &["serve", "--listen", "127.0.0.1:0"][..],
    ] {
        let refused = error(fixture, &[arguments, &["--database", url][..]].concat());
        assert!(refused.contains("a copy into this database was not finished"), "{arguments:?}: {refused}");
    }
    assert!(!fixture.path("backup.db").exists());
}

#[test]
fn a_killed_copy_to_postgresql_is_completed_by_the_same_command() {
    let database = Cluster::shared().database();
    let (fixture, mut child) = half_a_copy(&database);
    refuse_everything(&fixture, database.url());
    child.kill().unwrap();
    child.wait().unwrap();
    halt::end(database.url());
    assert_eq!(database.sql("SELECT count(*) FROM orders"), "10000");
    refuse_everything(&fixture, database.url());
    let copied = fixture.json(&copy(&fixture.url(), database.url()));
    assert_eq!((&copied["Orders"], &copied["Differences"]), (&json!(TWO_BATCHES), &json!([])));
    verify(&fixture, database.url(), TWO_BATCHES);
}

#[test]
fn a_copy_is_completed_after_a_crash_of_its_target() {
    let cluster = Cluster::start();
    let database = cluster.database();
    let (fixture, child) = half_a_copy(&database);
    cluster.kill();
    let (code, value, _) = finish(child);
    let said = value["Error"].as_str().unwrap();
    assert!(code == Some(1) && said.contains("the database is not available"), "{value}");
    cluster.start_again();
    halt::end(database.url());
    refuse_everything(&fixture, database.url());
    let copied = fixture.json(&copy(&fixture.url(), database.url()));
    assert_eq!((&copied["Orders"], &copied["Differences"]), (&json!(TWO_BATCHES), &json!([])));
    verify(&fixture, database.url(), TWO_BATCHES);
}

#[test]
fn a_killed_copy_to_sqlite_is_completed_by_the_same_command() {
    let fixture = Fixture::new();
    let company = fixture.company("Acme");
    write_orders(&fixture, &company, ORDERS);
    fixture.json(&["orders", "import", "orders.jsonl"]);
    let path = fixture.path("target.db");
    let url = format!("sqlite:{}", path.display());
    fixture.json(&["company", "list", "--database", &url]);
    let reader = rusqlite::Connection::open(&path).unwrap();
    let arrived = || reader.query_row("SELECT count(*) FROM orders", [], |row| row.get::<_, i64>(0)).unwrap();
    let mut child = fixture.command(&copy(&fixture.url(), &url)).stderr(Stdio::null()).spawn().unwrap();
    while arrived() == 0 {
        assert!(child.try_wait().unwrap().is_none(), "the copy ended before its orders were seen");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    refuse_everything(&fixture, &url);
    let copied = fixture.json(&copy(&fixture.url(), &url));
    assert_eq!((&copied["Orders"], &copied["Differences"]), (&json!(ORDERS), &json!([])));
    verify(&fixture, &url, ORDERS);
}
