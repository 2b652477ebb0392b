//! A process that is stopped by a signal (SIGSTOP) while it writes: others wait for it for a bounded time, readers do not
//! wait at all, and errors and log name the process.

use std::fs::{File, TryLockError};
use std::process::{Child, Command};

use serde_json::{Value, json};
use tollbook_ops::{Clock as _, SystemClock};

use crate::failures::{RANGE, write_orders};
use crate::program::{Fixture, finish, on_each_database, sql};
use crate::rig::Client;

/// Payments that are sent at once: more than a server answers of one key at a time.
const PAYMENTS: usize = 20;
const CONFIG: [&str; 2] = ["--config", "tollbook.toml"];

on_each_database! { a_stopped_import_stops_no_list_and_is_named }

/// Stops a process while it holds the lock of the database, or of its company. Fails if the process ends before.
pub(crate) fn stop_while_writing(fixture: &Fixture, child: &mut Child) {
    loop {
        assert!(child.try_wait().unwrap().is_none(), "the process ended before it was stopped");
        signal(child.id(), "STOP");
        if has_lock(fixture, child.id()) {
            return;
        }
        signal(child.id(), "CONT");
        std::thread::yield_now();
    }
}

/// Whether a process, which is stopped, holds the lock.
fn has_lock(fixture: &Fixture, process_id: u32) -> bool {
    if fixture.is_on_sqlite() {
        let Ok(file) = File::open(fixture.data().join("tollbook.db-writer.lock")) else { return false };
        let note = std::fs::read_to_string(fixture.data().join("tollbook.db-writer.lock")).unwrap();
        let is_its = note.split(' ').next() == Some(process_id.to_string().as_str());
        return is_its && matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    }
    // A session whose client is stopped waits for it, after the statement that was running has ended.
    let locked = "SELECT coalesce(string_agg(DISTINCT wait_event, ' '), '') || ' ' || count(DISTINCT pid) \
                  FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE datname = current_database() \
                  AND application_name = 'tollbook' AND locktype = 'advisory' AND granted";
    loop {
        match sql(&fixture.url(), locked).as_str() {
            "0" | " 0" => return false,
            "ClientRead 1" => return true,
            _ => std::thread::yield_now(),
        }
    }
}

/// Sends a signal to a child of the test. After a STOP, waits until all its threads are stopped: `kill` returns before.
pub(crate) fn signal(process_id: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &process_id.to_string()]).status().unwrap();
    assert!(status.success(), "kill -s {name} {process_id}");
    while name == "STOP" && runs(process_id) {
        std::thread::yield_now();
    }
}

/// Whether a thread of a process neither is stopped nor has ended.
fn runs(process_id: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{process_id}/task")).into_iter().flatten().flatten();
    let mut states = threads.filter_map(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).ok()?;
        // The state follows the name, which is in parentheses and may contain any character.
        stat.rsplit_once(") ")?.1.chars().next()
    });
    states.any(|state| !"TZX".contains(state))
}

fn a_stopped_import_stops_no_list_and_is_named(fixture: &Fixture) {
    let company = fixture.company("Acme");
    fixture.write("tollbook.toml", "[database]\nlock_timeout_s = 1\n");
    write_orders(fixture, &company, 100);
    fixture.json(&["orders", "import", "orders.jsonl"]);
    let gateway = fixture.json(&["operator-key", "add", "--name", "gateway"])["OperatorKey"].clone();
    let mut server = fixture.start(&[&["serve"], &CONFIG[..]].concat());
    let url = server.url().to_owned();

    write_orders(fixture, &company, 40_000);
    let mut import = fixture.spawn(&["orders", "import", "orders.jsonl"]);
    stop_while_writing(fixture, &mut import);
    let holder = if fixture.is_on_sqlite() {
        format!("process {} (tollbook orders import), which is stopped", import.id())
    } else {
        "`SELECT pg_terminate_backend(".to_owned()
    };

    let client = Client::new(&company);
    let range = [("StartTime", RANGE[1]), ("EndTime", RANGE[3]), ("Page", "1"), ("PageSize", "10")];
    let range = range.map(|(name, value)| (name, value.to_owned()));
    std::thread::scope(|scope| {
        let (client, url) = (&client, &url);
        let pay = move || client.call(url, "StartPayUnpaidOrders", &[("OrderNos.0", "U1".to_owned())]);
        let payments: Vec<_> = (0..PAYMENTS).map(|_| scope.spawn(pay)).collect();
        // All the while lists are answered.
        let mut lists = 0;
        while !payments.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            let listed = client.ask(url, "ListPaidOrders", &range);
            assert!(listed["Total"].as_i64() >= Some(100), "{listed}");
            lists += 1;
        }
        assert!(lists > 0);
        for payment in payments {
            let answer = payment.join().unwrap();
            let expected = (&json!(150), &json!("Service unavailable"));
            assert_eq!((&answer["RetCode"], &answer["Message"]), expected, "{answer}");
        }
    });

    // A gateway has to send its usage again.
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let now = jiff::Timestamp::from_second(SystemClock.now_s()).unwrap().to_string();
    let event = json!({
        "time": now, "specversion": "1.0", "type": "ai.tollbook.usage", "id": "1", "source": "gateway",
        "data": {
            "company_id": company.id, "organization_id": 1, "resource_id": "key", "resource_type": 1,
            "model_id": "m", "product_code": "modelverse", "region": "us-ca", "quantities": {"input": 1},
        },
    });
    let reported = agent
        .post(format!("{url}/v1/usage"))
        .header("Authorization", format!("Bearer {}", gateway.as_str().unwrap()))
        .content_type("application/cloudevents+json")
        .send(event.to_string())
        .unwrap();
    assert_eq!(reported.status(), 503);

    // A command fails, and says for whom it waited.
    let deposit = ["account", "deposit", "--company", "1", "--kind", "cash", "--amount", "1", "--key", "k"];
    let (value, error) = fixture.refused(&[&CONFIG[..], &deposit[..]].concat());
    assert!(error.contains("another writer has had the database's lock"), "{error}");
    assert!(error.contains(&holder), "{error}");
    assert!(value["Error"].as_str().unwrap().contains(&holder), "{value}");

    signal(import.id(), "CONT");
    let (code, report, error) = finish(import);
    assert_eq!((code, &report["Added"]), (Some(0), &json!(39_900)), "{error}");
    // Everything goes on without a restart.
    let answer = client.ask(&url, "StartPayUnpaidOrders", &[("OrderNos.0", "U1".to_owned())]);
    assert_eq!(answer["FailureCount"], 1, "{answer}");
    fixture.json(&deposit);
    let log = server.stop();
    assert!(log.contains(&holder.replace('"', "\\\"")), "{log}");
    fixture.assert_verified(40_000);
    assert_eq!(fixture.json(&["account", "show", "--company", "1"])["Balances"]["Cash"], Value::from("1.00"));
}
