//! Full disks, killed processes, and a server that stops during a request.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::import::{lines, paid};
use crate::program::{Fixture, files_below, on_each_database};

pub(crate) const RANGE: [&str; 4] = ["--start", "1700000000", "--end", "1800000000"];

pub(crate) fn write_orders(fixture: &Fixture, company: &crate::program::Company, count: i64) {
    let orders = (0..count).map(|n| paid(company, n, 1_760_000_400 + n / 40 * 3_600, n % 9_999));
    fixture.write("orders.jsonl", lines(orders));
}

/// Runs a command with a limit on the size of files, in KiB, which has the effect of a full disk.
fn with_full_disk(fixture: &Fixture, kib: u32, arguments: &[&str]) -> std::process::Output {
    // SIGXFSZ is ignored, so that a write beyond the limit fails with an error, as on a full disk.
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kib * 2);
    std::process::Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_tollbook")])
        .args(arguments)
        .current_dir(fixture.path(""))
        .env("TOLLBOOK_DATA", fixture.data())
        .output()
        .unwrap()
}

on_each_database! {
    an_export_on_a_full_disk_is_refused_and_leaves_no_file
    an_export_below_the_floor_of_free_space_is_refused_and_usage_is_taken
    a_killed_import_is_completed_by_the_same_command
    a_stopping_server_finishes_requests_in_progress
}

#[test]
fn an_import_that_fills_the_disk_can_be_repeated() {
    let fixture = Fixture::new();
    let company = fixture.company("Acme");
    write_orders(&fixture, &company, 12_000);
    let output = with_full_disk(&fixture, 900, &["--json", "orders", "import", "orders.jsonl"]);
    assert_eq!(output.status.code(), Some(1));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(value["Error"].as_str().unwrap().contains("stored"), "{value}");
    let stored = fixture.json(&["verify"])["Orders"].as_i64().unwrap();
    assert!(stored < 12_000, "{stored}");
    let report = fixture.json(&["orders", "import", "orders.jsonl"]);
    assert_eq!(report["Added"].as_i64().unwrap() + stored, 12_000);
    fixture.assert_verified(12_000);
}

fn an_export_on_a_full_disk_is_refused_and_leaves_no_file(fixture: &Fixture) {
    let company = fixture.company("Acme");
    write_orders(fixture, &company, 30_000);
    fixture.json(&["orders", "import", "orders.jsonl"]);
    let mut server = fixture.start(&["serve"]);
    // The server cannot write more than 64 KiB to a file, which has the effect of a full disk.
    let limit = std::process::Command::new("prlimit")
        .args(["--pid", &server.process_id().to_string(), "--fsize=65536"])
        .status()
        .unwrap();
    assert!(limit.success());
    let keys = (company.public_key.as_str(), company.private_key.as_str());
    let ask = |arguments: &[&str]| server.customer(fixture, keys, &[arguments, &RANGE[..]].concat());
    let refused = ask(&["--json", "orders", "download"]);
    let value: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!((&value["RetCode"], &value["Message"]), (&json!(150), &json!("Service unavailable")));
    assert_eq!(value["Reason"], "the file cannot be written now");
    for folder in ["objects", "spool"] {
        assert_eq!(files_below(&fixture.data().join(folder)), 0, "{folder} is empty");
    }
    // Lists are still served, and the failure is logged.
    assert!(ask(&["orders", "paid"]).status.success());
    let log = server.stop();
    assert!(log.contains("export failed"), "{log}");
    fixture.assert_verified(30_000);
}

fn an_export_below_the_floor_of_free_space_is_refused_and_usage_is_taken(fixture: &Fixture) {
    let company = fixture.company("Acme");
    write_orders(fixture, &company, 100);
    fixture.json(&["orders", "import", "orders.jsonl"]);
    // No disk has so much space.
    std::fs::write(fixture.data().join("tollbook.toml"), "[objects]\nfree_bytes = 1125899906842624\n")
        .unwrap();
    let mut server = fixture.start(&["serve"]);
    let keys = (company.public_key.as_str(), company.private_key.as_str());
    let refused = server.customer(fixture, keys, &[&["--json", "orders", "download"], &RANGE[..]].concat());
    let value: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!((&value["RetCode"], &value["Reason"]), (&json!(150), &json!("too little space is free")));
    for folder in ["objects", "spool"] {
        assert_eq!(files_below(&fixture.data().join(folder)), 0, "{folder} is empty");
    }
    let record = json!({
        "id": "r-1", "source": "test", "time": 1_780_272_000, "company_id": company.id, "organization_id": 1,
        "resource_id": "key", "model_id": "m", "product_code": "modelverse", "quantities": {"input": 1},
    });
    fixture.write("usage.jsonl", record.to_string());
    assert_eq!(fixture.json(&["usage", "import", "usage.jsonl"])["Accepted"], 1);
    let log = server.stop();
    assert!(log.contains("are kept free for other data than exports"), "{log}");
}

fn a_killed_import_is_completed_by_the_same_command(fixture: &Fixture) {
    let company = fixture.company("Acme");
    write_orders(fixture, &company, 25_000);
    let mut killed_midway = 0;
    for _ in 0..3 {
        let mut child = fixture
            .command(&["orders", "import", "orders.jsonl"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Kill the import at any point after its first write.
        fixture.wait_for_a_writer(&mut child);
        child.kill().unwrap();
        let finished = child.wait().unwrap().success();
        let found = fixture.json(&["verify"]);
        assert_eq!(found["Differences"], json!([]));
        killed_midway += i32::from(!finished);
    }
    assert!(killed_midway > 0, "no import was killed before its end");
    let report = fixture.json(&["orders", "import", "orders.jsonl"]);
    assert_eq!(report["Added"].as_i64().unwrap() + report["Present"].as_i64().unwrap(), 25_000);
    fixture.assert_verified(25_000);
}

fn a_stopping_server_finishes_requests_in_progress(fixture: &Fixture) {
    let company = fixture.company("Acme");
    write_orders(fixture, &company, 30_000);
    fixture.json(&["orders", "import", "orders.jsonl"]);
    let mut server = fixture.start(&["serve"]);
    let keys = (company.public_key.as_str(), company.private_key.as_str());
    let all = [&["--json", "orders", "download", "--output", "all.xlsx"], &RANGE[..]].concat();
    let mut download = server
        .customer_command(fixture, keys, &all)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The export has begun as soon as its spool file exists.
    let spool = fixture.data().join("spool");
    while files_below(&spool) == 0 {
        assert!(download.try_wait().unwrap().is_none(), "the export ended before its spool file was seen");
        std::thread::yield_now();
    }
    let log = server.stop();
    assert!(log.contains("action=\"DownloadListPaidOrders\"") && log.contains("ret_code=0"), "{log}");
    // The answer was received, but the server that has the file may have stopped before the download.
    let output = download.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() || error.contains("the download failed"), "{error}");
    assert!(!fixture.path("all.xlsx.part").exists());
}
