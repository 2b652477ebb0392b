//! Faults that are brought about on a running server, and the alerts that fire by them: the server is scraped before and
//! during the fault, and promtool evaluates the supplied alerts on both (docs/MONITORING.md, "Faults and alerts").

use std::fmt::Write as _;
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tollbook_testkit::Cluster;
use tollbook_testkit::stores::{Act, BUCKET, PRIVATE_KEY, PUBLIC_KEY, Relay, S3Server};

use crate::failures::{RANGE, write_orders};
use crate::faults::{faketime, limit_files, set_clock, under_faketime};
use crate::monitoring::{CONFIG, monitoring, names, passes, report, start};
use crate::program::{Company, Fixture, Server};
use crate::stopped::{signal, stop_while_writing};

/// The metrics of a server; `None` if it does not answer in the time that Prometheus has.
fn scrape(url: &str) -> Option<String> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(8))).build().into();
    agent.get(url).call().ok()?.body_mut().read_to_string().ok()
}

fn url(server: &Server) -> String {
    server.said["MetricsURL"].as_str().unwrap().to_owned()
}

/// Asserts that an alert fires by what the metrics are during a fault, and not by what they were before.
fn assert_fires(fixture: &Fixture, alert: &str, before: Option<&str>, during: Option<&str>) {
    let alerts = std::fs::read_to_string(monitoring().join("alerts.yml")).unwrap();
    let (_, rule) = alerts.split_once(&format!("- alert: {alert}\n")).unwrap();
    let expression = rule.lines().find_map(|line| line.trim().strip_prefix("expr: ")).unwrap();
    let mut wanted = std::collections::BTreeSet::new();
    names(expression, &mut wanted);
    let of = |text: Option<&str>, series: &str| {
        let found = text?.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        Some(found?.split(' ').next()?.to_owned())
    };
    let up = |text: Option<&str>| i32::from(text.is_some());
    let mut series = format!(
        "      - series: 'up{{instance=\"a\",job=\"tollbook\"}}'\n        values: '{}x10 {}x50'\n",
        up(before),
        up(during)
    );
    let lines = [before, during].into_iter().flatten().flat_map(str::lines);
    let mut all: Vec<&str> = lines.filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect();
    all.sort_unstable();
    all.dedup();
    for name in all {
        let (metric, labels) = name.trim_end_matches('}').split_once('{').unwrap_or((name, ""));
        if name.starts_with('#') || !wanted.contains(metric) {
            continue;
        }
        let value = |text| of(text, name).unwrap_or_else(|| "_".to_owned());
        let labels = if labels.is_empty() { String::new() } else { format!(",{labels}") };
        let _ = writeln!(
            series,
            "      - series: '{metric}{{instance=\"a\",job=\"tollbook\"{labels}}}'\n        values: '{}x10 {}x50'",
            value(before),
            value(during)
        );
    }
    // Whether it fired at any time since the fault; an alert of a rise ends with its window.
    let firing = format!(
        "clamp_max(count(count_over_time(ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}}[40m])), 1) or vector(0)"
    );
    let mut test = format!(
        "rule_files: {}\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n{series}    promql_expr_test:\n",
        json!([monitoring().join("alerts.yml")]),
    );
    for (at, value) in [("9m", 0), ("50m", 1)] {
        let _ = writeln!(
            test,
            "      - expr: {}\n        eval_time: {at}\n        exp_samples: [{{labels: '{{}}', value: {value}}}]",
            json!(firing)
        );
    }
    let file = fixture.write("fault_test.yml", test);
    let mut promtool = Command::new("promtool");
    promtool.args(["test", "rules", file.to_str().unwrap()]);
    passes(promtool);
}

/// Scrapes until an alert's metric is as the fault makes it.
fn scrape_until(url: &str, is_so: impl Fn(&str) -> bool) -> String {
    loop {
        if let Some(text) = scrape(url)
            && is_so(&text)
        {
            return text;
        }
        std::thread::yield_now();
    }
}

fn list(fixture: &Fixture, server: &Server, company: &Company) {
    server.ask(fixture, company, &[&["orders", "paid"], &RANGE[..]].concat());
}

#[test]
fn a_server_that_is_stopped_killed_and_started_again_is_seen() {
    let fixture = Fixture::new();
    let mut server = start(&fixture, Stdio::piped());
    let before = scrape(&url(&server)).unwrap();
    server.signal("STOP");
    let during = scrape(&url(&server));
    assert_eq!(during, None);
    assert_fires(&fixture, "TollbookDown", Some(&before), None);
    server.signal("CONT");
    server.signal("KILL");
    server.ended();
    assert_eq!(scrape(&url(&server)), None);
    let started = |text: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("process_start_time_seconds "));
        line.unwrap().to_owned()
    };
    // Start times are whole seconds.
    let (mut again, mut text) = (server, before.clone());
    while started(&text) == started(&before) {
        // The one before is killed when it is dropped.
        again = start(&fixture, Stdio::piped());
        text = scrape(&url(&again)).unwrap();
    }
    assert_fires(&fixture, "TollbookRestarted", Some(&before), Some(&text));
    again.stop();
}

#[test]
fn an_import_that_is_stopped_while_it_writes_is_seen() {
    let fixture = Fixture::new();
    let company = fixture.company("Acme");
    std::fs::write(fixture.data().join("tollbook.toml"), format!("{CONFIG}[database]\nlock_timeout_s = 1\n"))
        .unwrap();
    write_orders(&fixture, &company, 40_000);
    let server = fixture.start(&["serve"]);
    let before = scrape(&url(&server)).unwrap();
    let mut import = fixture.spawn(&["orders", "import", "orders.jsonl"]);
    stop_while_writing(&fixture, &mut import);
    let during = scrape_until(&url(&server), |text| text.contains("tollbook_ready{check=\"database\"} 0"));
    assert_fires(&fixture, "TollbookNotReady", Some(&before), Some(&during));
    signal(import.id(), "CONT");
    assert_eq!(crate::program::finish(import).0, Some(0));
    scrape_until(&url(&server), |text| text.contains("tollbook_ready{check=\"database\"} 1"));
}

#[test]
fn a_data_disk_without_room_is_seen() {
    let fixture = Fixture::new();
    let mut server = start(&fixture, Stdio::piped());
    let before = scrape(&url(&server)).unwrap();
    limit_files(server.process_id(), "65536");
    let during = scrape_until(&url(&server), |text| text.contains("tollbook_ready{check=\"database\"} 0"));
    assert_fires(&fixture, "TollbookNotReady", Some(&before), Some(&during));
    limit_files(server.process_id(), "unlimited");
    scrape_until(&url(&server), |text| text.contains("tollbook_ready{check=\"database\"} 1"));
    server.stop();
    // A floor that no disk has room for.
    let floor = format!("{CONFIG}[objects]\nfree_bytes = 1125899906842624\n");
    fixture.write("data/tollbook.toml", floor);
    let mut server = fixture.start(&["serve"]);
    let during = scrape(&url(&server)).unwrap();
    assert_fires(&fixture, "TollbookDiskLow", Some(&before), Some(&during));
    assert_fires(&fixture, "TollbookNotReady", Some(&before), Some(&during));
    server.stop();
}

#[test]
fn a_log_without_reader_or_on_a_full_disk_is_seen() {
    let no_reader = || Stdio::from(std::io::pipe().unwrap().1);
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    let logs: [&dyn Fn() -> Stdio; 2] = [&no_reader, &full];
    for log in logs {
        let fixture = Fixture::new();
        let server = start(&fixture, log());
        let company = fixture.company("Acme");
        // The start may have lost lines already: the count before is that of a server that loses none.
        let sound = "tollbook_log_lines_lost_total 0";
        let during = scrape_until(&url(&server), |text| {
            list(&fixture, &server, &company);
            !text.lines().any(|line| line == sound)
        });
        assert_fires(&fixture, "TollbookLogLinesLost", Some(sound), Some(&during));
    }
}

#[test]
fn an_object_store_that_fails_is_seen() {
    let keys = [("TOLLBOOK_OBJECTS_PUBLIC_KEY", PUBLIC_KEY), ("TOLLBOOK_OBJECTS_PRIVATE_KEY", PRIVATE_KEY)];
    let fixture = Fixture::with_environment(&keys);
    let company = fixture.company("Acme");
    write_orders(&fixture, &company, 10);
    fixture.json(&["orders", "import", "orders.jsonl"]);
    let store = S3Server::start(false);
    let relay = Relay::to(store.address);
    let config = format!(
        "{CONFIG}[objects]\nstore = \"s3://{BUCKET}?endpoint=http://{}\"\nfree_bytes = 0\nupload_timeout_s = 5\n",
        relay.address
    );
    std::fs::write(fixture.data().join("tollbook.toml"), config).unwrap();
    let mut server = fixture.start(&["serve"]);
    let keys = (company.public_key.as_str(), company.private_key.as_str());
    let download = |format| {
        let arguments = [&["--json", "orders", "download", "--format", format], &RANGE[..]].concat();
        server.customer(&fixture, keys, &arguments)
    };
    assert!(download("csv").status.success());
    let before = scrape(&url(&server)).unwrap();
    relay.rule(|_| Act::Answer(503, "slow down"));
    // A counter must be seen twice to rise.
    download("xlsx");
    let first = scrape(&url(&server)).unwrap();
    assert!(first.contains("ret_code=\"150\""), "{before}\n{first}");
    download("parquet");
    let second = scrape(&url(&server)).unwrap();
    relay.pass();
    server.stop();
    let series = |text: &str| {
        let line = text.lines().find(|line| {
            line.starts_with("tollbook_requests_total{action=\"Download") && line.contains("ret_code=\"150\"")
        });
        line.unwrap().rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()
    };
    assert!(series(&second) > series(&first));
    assert_fires(&fixture, "TollbookServerErrors", Some(&before), Some(&rising(&first, &second)));
    assert_fires(&fixture, "TollbookDownloadsFail", Some(&before), Some(&rising(&first, &second)));
}

/// The metrics of two scrapes as series that go on to rise as they did between them.
fn rising(first: &str, second: &str) -> String {
    let mut text = String::new();
    for line in second.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        let before = first.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        match (before.and_then(|before| before.parse::<f64>().ok()), value.parse::<f64>()) {
            (Some(before), Ok(after)) if after > before => {
                let _ = writeln!(text, "{name} {before}+{}", after - before);
            }
            _ => {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    text
}

#[test]
fn postgres_that_is_killed_is_seen() {
    let cluster = Cluster::start();
    cluster.sql("postgres", "CREATE DATABASE seen");
    let fixture = Fixture::on(&cluster.url("seen"));
    let mut server = start(&fixture, Stdio::piped());
    let before = scrape(&url(&server)).unwrap();
    cluster.kill();
    let during = scrape_until(&url(&server), |text| text.contains("tollbook_store_up 0"));
    assert_fires(&fixture, "TollbookStoreDown", Some(&before), Some(&during));
    let during = scrape_until(&url(&server), |text| text.contains("tollbook_ready{check=\"database\"} 0"));
    assert_fires(&fixture, "TollbookNotReady", Some(&before), Some(&during));
    cluster.start_again();
    scrape_until(&url(&server), |text| text.contains("tollbook_store_up 1"));
    server.stop();
}

#[test]
fn a_clock_that_leaps_is_seen() {
    if faketime().is_none() {
        println!("skipped: libfaketime is not installed");
        return;
    }
    let fixture = Fixture::new();
    std::fs::create_dir_all(fixture.data()).unwrap();
    fixture.write("data/tollbook.toml", CONFIG);
    let clock = fixture.path("clock");
    set_clock(&clock, "+0");
    let environment = under_faketime(&clock);
    let mut server = fixture.start_in(&["serve"], "127.0.0.1:0", Stdio::piped(), &environment);
    let before = scrape(&url(&server)).unwrap();
    set_clock(&clock, "+400d");
    let during = scrape_until(&url(&server), |text| text.contains("tollbook_clock_certain 0"));
    assert_fires(&fixture, "TollbookClockLeaped", Some(&before), Some(&during));
    server.stop();
}

#[test]
fn usage_without_a_price_and_refused_usage_are_seen_by_model_and_reason() {
    let fixture = Fixture::new();
    let mut server = start(&fixture, Stdio::piped());
    let company = fixture.company("Acme");
    let before = scrape(&url(&server)).unwrap();
    report(&fixture, &server, &company, "one", "gpt-9");
    let stranger = Company { id: 99, ..company };
    let refused: Value = report(&fixture, &server, &stranger, "two", "gpt-8");
    assert_eq!(refused["Refused"], 1, "{refused}");
    let during = scrape(&url(&server)).unwrap();
    for line in [
        "tollbook_uncharged_records_total{result=\"unpriced\",provider=\"\",model=\"gpt-9\",reason=\"model … has no price in CNY\"} 1",
        "tollbook_uncharged_records_total{result=\"refused\",provider=\"\",model=\"gpt-8\",reason=",
    ] {
        assert!(during.contains(line), "{line} is not in\n{during}");
    }
    assert_fires(&fixture, "TollbookUsageUnpriced", Some(&before), Some(&during));
    assert_fires(&fixture, "TollbookUsageRefused", Some(&before), Some(&during));
    let log = server.stop();
    assert!(
        log.contains("unpriced usage") && log.contains("model \\\"gpt-9\\\" has no price in CNY (1)"),
        "{log}"
    );
}

/// A byte of the file is changed while the server runs, in tables of several kinds.
#[test]
fn a_flipped_byte_is_an_alarm() {
    let fixture = Fixture::new();
    let company = fixture.company("Acme");
    write_orders(&fixture, &company, 3_000);
    fixture.json(&["orders", "import", "orders.jsonl"]);
    let path = fixture.data().join("tollbook.db");
    // The number of an order, and the public key: texts that are in one place of their table, and in its index.
    for text in ["O0001234", company.public_key.as_str()] {
        let whole = std::fs::read(&path).unwrap();
        let mut server = start(&fixture, Stdio::piped());
        let before = scrape(&url(&server)).unwrap();
        assert!(before.contains("tollbook_reconciliation_differences{kind=\"storage\"} 0"), "{before}");
        let place = whole.windows(text.len()).position(|bytes| bytes == text.as_bytes());
        let place = place.unwrap_or_else(|| panic!("{text} is not in the file"));
        let byte = whole[place + text.len() - 1];
        let put = |byte: u8| {
            let file = File::options().write(true).open(&path).unwrap();
            let at = u64::try_from(place + text.len() - 1).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &[byte], at).unwrap();
        };
        put(byte ^ 1);
        let during = scrape_until(&url(&server), |text| {
            text.lines()
                .any(|line| line.starts_with("tollbook_reconciliation_differences") && !line.ends_with(" 0"))
        });
        assert_fires(&fixture, "TollbookDatabaseDiffers", Some(&before), Some(&during));
        let ready = crate::monitoring::get(&format!("{}/readyz", server.url()));
        assert_eq!(ready.0, 200, "{}", ready.1);
        assert!(ready.1.contains("parts of the database differ; the log names them"), "{}", ready.1);
        let log = server.stop();
        assert!(log.contains("the database differs from itself"), "{log}");
        put(byte);
    }
}
