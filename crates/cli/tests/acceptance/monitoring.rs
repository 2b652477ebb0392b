//! What an operator's monitoring sees: the metrics of a started server, their change by a fault, the readiness, and the
//! supplied alerts and dashboard, which name only metrics that there are.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tollbook_ops::{Clock as _, SystemClock};

use crate::certificates;
use crate::failures::RANGE;
use crate::program::{Company, Fixture, Server, on_each_database};

on_each_database! {
    metrics_count_what_happens_and_readiness_names_what_is_wrong
}

/// An address of its own for the metrics of each server.
pub(crate) const CONFIG: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n";

pub(crate) fn start(fixture: &Fixture, log: Stdio) -> Server {
    std::fs::create_dir_all(fixture.data()).unwrap();
    fixture.write("data/tollbook.toml", CONFIG);
    fixture.start_with(&["serve"], "127.0.0.1:0", log)
}

pub(crate) fn get(url: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.get(url).call().unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

/// The text of the metrics.
fn scrape(server: &Server) -> String {
    let (status, text) = get(server.said["MetricsURL"].as_str().unwrap());
    assert_eq!(status, 200, "{text}");
    assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1, "{text}");
    text
}

/// The value of a series.
fn value(text: &str, series: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{series} is not in\n{text}")).parse().unwrap()
}

pub(crate) fn report(fixture: &Fixture, server: &Server, company: &Company, id: &str, model: &str) -> Value {
    let key = fixture.json(&["operator-key", "add", "--name", id]);
    let event = json!({
        "specversion": "1.0", "type": "ai.tollbook.usage", "id": id, "source": "gateway",
        "time": jiff::Timestamp::from_second(SystemClock.now_s()).unwrap().to_string(),
        "data": {
            "company_id": company.id, "organization_id": 1, "resource_id": "key", "resource_type": 1,
            "model_id": model, "product_code": "modelverse", "region": "us-ca", "quantities": {"input": 1_000_000},
        },
    });
    let mut response = ureq::post(format!("{}/v1/usage", server.url()))
        .header("Authorization", format!("Bearer {}", key["OperatorKey"].as_str().unwrap()))
        .header("Content-Type", "application/cloudevents+json")
        .send(event.to_string())
        .unwrap();
    serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap()
}

fn metrics_count_what_happens_and_readiness_names_what_is_wrong(fixture: &Fixture) {
    let prices = "currency = \"CNY\"\nunit = 12\n[[model]]\nid = \"gpt-4o\"\nname = \"GPT-4o\"\n\
                  [model.prices]\ninput = \"2.5\"\n";
    let mut server = start(fixture, Stdio::piped());
    fixture.write("prices.toml", prices);
    fixture.json(&["prices", "import", "prices.toml"]);
    let company = fixture.company("Acme");
    assert_eq!(server.ask(fixture, &company, &[&["orders", "paid"], &RANGE[..]].concat())["RetCode"], 0);
    report(fixture, &server, &company, "one", "gpt-4o");
    report(fixture, &server, &company, "one", "gpt-4o");
    report(fixture, &server, &company, "two", "no-such-model");
    let text = scrape(&server);
    for (series, expected) in [
        (r#"tollbook_requests_total{action="ListPaidOrders",ret_code="0"}"#, 1.0),
        (r#"tollbook_request_duration_seconds_count{action="ListPaidOrders"}"#, 1.0),
        (r#"tollbook_http_requests_total{route="/v1/usage",status="200"}"#, 3.0),
        (r#"tollbook_usage_records_total{result="charged"}"#, 1.0),
        (r#"tollbook_usage_records_total{result="duplicate"}"#, 1.0),
        (r#"tollbook_usage_records_total{result="unpriced"}"#, 1.0),
        (r#"tollbook_usage_records_total{result="refused"}"#, 0.0),
        ("tollbook_store_up", 1.0),
        (r#"tollbook_task_up{task="settlement worker"}"#, 1.0),
        ("tollbook_log_lines_lost_total", 0.0),
        (r#"tollbook_arrears{currency="CNY"}"#, 0.0),
    ] {
        assert!(
            (value(&text, series) - expected).abs() < f64::EPSILON,
            "{series} is not {expected} in\n{text}"
        );
    }
    let (status, ready) = get(&format!("{}/readyz", server.url()));
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!((status, &ready["Ready"]), (200, &Value::Bool(true)), "{ready}");
    for check in ["database", "disk", "self_check", "settlement", "stopping", "tasks"] {
        assert_eq!(ready["Checks"][check], "ok", "{ready}");
    }
    server.stop();
    // A floor that no disk has room for.
    fixture.write("data/tollbook.toml", format!("{CONFIG}[objects]\nfree_bytes = 1125899906842624\n"));
    let mut server = fixture.start_with(&["serve"], "127.0.0.1:0", Stdio::piped());
    let (status, ready) = get(&format!("{}/readyz", server.url()));
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!((status, &ready["Ready"]), (503, &Value::Bool(false)), "{ready}");
    assert_eq!(ready["Checks"]["disk"], "the disk has less free space than objects.free_bytes");
    assert_eq!(ready["Checks"]["database"], "ok");
    server.stop();
}

#[test]
fn lines_that_a_log_loses_are_a_metric() {
    let fixture = Fixture::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut server = start(&fixture, Stdio::from(full));
    let company = fixture.company("Acme");
    let lost = || value(&scrape(&server), "tollbook_log_lines_lost_total");
    while lost() < 1.0 {
        server.ask(&fixture, &company, &[&["orders", "paid"], &RANGE[..]].concat());
    }
    server.stop();
}

#[test]
fn an_address_for_metrics_that_is_taken_ends_the_start_unless_it_is_the_usual_one() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let fixture = Fixture::new();
    std::fs::create_dir_all(fixture.data()).unwrap();
    let address = taken.local_addr().unwrap();
    fixture.write("data/tollbook.toml", format!("[metrics]\nlisten = \"{address}\"\n"));
    let (said, _) = fixture.refused(&["serve", "--listen", "127.0.0.1:0"]);
    let message = said["Error"].as_str().unwrap();
    assert!(message.starts_with(&format!("metrics.listen: cannot listen on {address}: ")), "{message}");
    fixture.write("data/tollbook.toml", "[metrics]\nlisten = \"off\"\n");
    let mut server = fixture.start(&["serve"]);
    assert_eq!(server.said["MetricsURL"], Value::Null);
    server.stop();
}

/// While a server finishes its requests after the signal to stop, the metrics are still served; before it listens and after
/// its end, connections are refused.
#[test]
fn metrics_are_served_until_the_last_request_has_ended() {
    let fixture = Fixture::new();
    let mut server = start(&fixture, Stdio::piped());
    let metrics = server.said["MetricsURL"].as_str().unwrap().to_owned();
    // At once: the address is printed when connections are accepted.
    assert!(scrape(&server).contains("tollbook_ready{check=\"stopping\"} 1"));
    let mut slow = std::net::TcpStream::connect(server.address()).unwrap();
    // A body that is long enough to be counted.
    let body = format!("{{\"Action\":\"{}\"", "x".repeat(20_000));
    let length = body.len() + 1;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    slow.write_all((head + &body).as_bytes()).unwrap();
    while value(&scrape(&server), "tollbook_request_bodies_bytes") < 1.0 {
        std::thread::yield_now();
    }
    server.signal("TERM");
    while !scrape(&server).contains("tollbook_ready{check=\"stopping\"} 0") {
        std::thread::yield_now();
    }
    slow.write_all(b"}").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.ended(), Some(0));
    assert!(ureq::get(&metrics).call().is_err(), "the server has ended");
}

pub(crate) fn monitoring() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/monitoring"))
}

fn promtool(arguments: &[&str]) -> Command {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(monitoring());
    command
}

/// Runs promtool and returns what it printed.
pub(crate) fn passes(mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("promtool is needed: on Debian, install the package prometheus ({error})")
    });
    let printed =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    printed
}

/// The names of metrics in an expression.
pub(crate) fn names(expression: &str, into: &mut BTreeSet<String>) {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    into.extend(
        words.filter(|word| word.starts_with("tollbook_") || word.starts_with("process_")).map(str::to_owned),
    );
}

#[test]
fn every_alert_fires_by_its_fault_and_not_without_it() {
    let printed = passes(promtool(&["test", "rules", "alerts_test.yml"]));
    assert!(printed.contains("SUCCESS"), "{printed}");
    let alerts = std::fs::read_to_string(monitoring().join("alerts.yml")).unwrap();
    let tests = std::fs::read_to_string(monitoring().join("alerts_test.yml")).unwrap();
    let named = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in named {
        for case in ["with", "without"] {
            assert!(
                tests.contains(&format!("- name: {alert} {case} its fault\n")),
                "{alert} is not tested {case}"
            );
        }
    }
}

/// Metrics that a server on SQLite without uncharged usage does not have. Other tests read them, but for the replica's.
const ELSEWHERE: [&str; 3] = [
    "tollbook_database_clock_ahead_seconds",
    "tollbook_replica_lag_bytes",
    "tollbook_uncharged_records_total",
];

#[test]
fn alerts_and_dashboard_name_only_metrics_that_there_are() {
    let fixture = certificates::fixture();
    certificates::Authority::of(&fixture).issue(&fixture.data(), 3000);
    fixture.write("data/tollbook.toml", format!("{}{CONFIG}", certificates::CONFIG));
    let mut server = fixture.start_with(&["serve"], "127.0.0.1:0", Stdio::piped());
    let company = fixture.company("Acme");
    server.ask(&fixture, &company, &[&["orders", "paid"], &RANGE[..]].concat());
    let text = scrape(&server);
    server.stop();
    let there: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let mut wanted = BTreeSet::new();
    let alerts = std::fs::read_to_string(monitoring().join("alerts.yml")).unwrap();
    alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "))
        .for_each(|expr| names(expr, &mut wanted));
    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(monitoring().join("dashboard.json")).unwrap()).unwrap();
    let mut rules = String::from("groups:\n  - name: dashboard\n    rules:\n");
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            names(expression, &mut wanted);
            let expression = expression.replace("$__rate_interval", "5m");
            let (panel, expression) = (&panel["id"], json!(expression));
            let _ = writeln!(rules, "      - record: panel:{panel}\n        expr: {expression}");
        }
    }
    assert!(wanted.len() > 15, "{wanted:?}");
    let missing: Vec<&String> = wanted
        .iter()
        .filter(|name| !there.contains(name.as_str()) && !ELSEWHERE.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?} are not in\n{text}");
    let rules = fixture.write("rules.yml", rules);
    passes(promtool(&["check", "rules", rules.to_str().unwrap()]));
}
