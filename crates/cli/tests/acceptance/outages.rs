//! PostgreSQL crashes, as after a power failure, and restarts.

use serde_json::{Value, json};
use tollbook_testkit::Cluster;

use crate::failures::{RANGE, write_orders};
use crate::halt::{self, Lock};
use crate::program::{Fixture, files_below, finish};
use crate::rig::Client;

fn list() -> Vec<(&'static str, String)> {
    let parameters = [("StartTime", RANGE[1]), ("EndTime", RANGE[3]), ("Page", "1"), ("PageSize", "10")];
    parameters.map(|(name, value)| (name, value.to_owned())).into()
}

#[test]
fn an_import_reports_what_is_stored_after_a_database_crash_and_can_be_completed() {
    let cluster = Cluster::start();
    let database = cluster.database();
    let fixture = Fixture::on(database.url());
    let company = fixture.company("Acme");
    write_orders(&fixture, &company, 12_000);
    halt::at_the_second_batch(database.url(), "orders");
    let mut child = fixture.spawn(&["orders", "import", "orders.jsonl"]);
    halt::wait(database.url(), &mut child);
    cluster.kill();
    let (code, value, error) = finish(child);
    assert_eq!(code, Some(1), "{error}");
    let said = value["Error"].as_str().unwrap();
    assert!(said.starts_with("the database is not available: "), "{said}");
    let expected = "; 10000 orders were stored; re-run the command to finish";
    assert!(said.ends_with(expected), "{said}");
    // While the database is down, an import is refused.
    let (value, _) = fixture.refused(&["orders", "import", "orders.jsonl"]);
    assert!(value["Error"].as_str().unwrap().starts_with("the database is not available: "), "{value}");
    cluster.start_again();
    halt::end(database.url());
    let report = fixture.json(&["orders", "import", "orders.jsonl"]);
    assert_eq!((&report["Added"], &report["Present"]), (&json!(2_000), &json!(10_000)));
    fixture.assert_verified(12_000);
}

#[test]
fn a_server_reports_a_database_crash_and_resumes_after_the_restart() {
    let cluster = Cluster::start();
    let database = cluster.database();
    let fixture = Fixture::on(database.url());
    let company = fixture.company("Acme");
    write_orders(&fixture, &company, 12_000);
    fixture.json(&["orders", "import", "orders.jsonl"]);
    let mut server = fixture.start(&["serve"]);
    let client = Client::new(&company);
    let export = [("StartTime", RANGE[1].to_owned()), ("EndTime", RANGE[3].to_owned())];
    let unavailable = |answer: &Value| {
        assert_eq!((&answer["RetCode"], &answer["Message"]), (&json!(150), &json!("Service unavailable")));
        assert!(answer["Data"].is_null() && answer["Orders"].is_null(), "{answer}");
    };
    // The database crashes while an export waits for the orders.
    let lock = Lock::on(database.url(), "orders");
    std::thread::scope(|scope| {
        let (client, server) = (&client, &server);
        let exporting = scope.spawn(|| client.call(server.url(), "DownloadListPaidOrders", &export));
        Lock::wait_for_a_waiter(database.url());
        cluster.kill();
        unavailable(&exporting.join().unwrap());
    });
    drop(lock);
    unavailable(&client.call(server.url(), "ListPaidOrders", &list()));
    cluster.start_again();
    assert_eq!(client.ask(server.url(), "ListPaidOrders", &list())["Total"], 12_000);
    // The database crashes while the workbook has rows already. The server is suspended meanwhile, so that the export
    // cannot finish first.
    std::thread::scope(|scope| {
        let (client, server) = (&client, &server);
        let exporting = scope.spawn(|| client.call(server.url(), "DownloadListPaidOrders", &export));
        while files_below(&fixture.data().join("spool")) == 0 {
            assert!(!exporting.is_finished(), "the export ended before its spool file was seen");
            std::thread::yield_now();
        }
        server.signal("STOP");
        cluster.kill();
        server.signal("CONT");
        unavailable(&exporting.join().unwrap());
    });
    for folder in ["objects", "spool"] {
        assert_eq!(files_below(&fixture.data().join(folder)), 0, "{folder} is empty");
    }
    unavailable(&client.call(server.url(), "ListPaidOrders", &list()));
    cluster.start_again();
    let answer = client.ask(server.url(), "DownloadListPaidOrders", &export);
    assert!(answer["Data"]["FileSize"].as_i64() > Some(0), "{answer}");
    fixture.assert_verified(12_000);
    let log = server.stop();
    assert!(log.contains("the database is not available"), "{log}");
}
