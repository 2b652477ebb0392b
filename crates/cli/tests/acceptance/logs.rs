//! Logs and outputs that cannot be written, or that no program reads. They decide nothing: requests are answered, hours
//! are closed, and the process ends when it should.

use std::io::{Read as _, pipe};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tollbook_ops::{Clock as _, SystemClock};

use crate::failures::RANGE;
use crate::program::{Company, Fixture, Server, on_each_database};

on_each_database! {
    a_log_that_cannot_be_written_changes_nothing
    a_log_that_no_program_reads_changes_nothing
    lines_that_were_lost_are_reported_when_the_log_can_be_written_again
}

/// Requests that write more to the log than a pipe takes.
const MANY: usize = 600;

fn ask(fixture: &Fixture, server: &Server, company: &Company) -> Value {
    server.ask(fixture, company, &[&["orders", "paid"], &RANGE[..]].concat())
}

fn healthy(server: &Server) -> ureq::http::Response<ureq::Body> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    agent.get(format!("{}/healthz", server.url())).call().unwrap()
}

/// A company without money whose gateway has reported usage of an hour that is over.
fn report_usage(fixture: &Fixture, server: &Server, key_name: &str) -> Company {
    let company = fixture.company("Acme");
    let key = fixture.json(&["operator-key", "add", "--name", key_name]);
    let event = json!({
        "specversion": "1.0", "type": "ai.tollbook.usage", "id": "one", "source": "gateway",
        "time": jiff::Timestamp::from_second(SystemClock.now_s() - 7_200).unwrap().to_string(),
        "data": {
            "company_id": company.id, "organization_id": 1, "resource_id": "key", "resource_type": 1,
            "model_id": "gpt-4o", "product_code": "modelverse", "region": "us-ca",
            "quantities": {"input": 1_000_000},
        },
    });
    let mut response = ureq::post(format!("{}/v1/usage", server.url()))
        .header("Authorization", format!("Bearer {}", key["OperatorKey"].as_str().unwrap()))
        .header("Content-Type", "application/cloudevents+json")
        .send(event.to_string())
        .unwrap();
    let report: Value = serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap();
    assert_eq!(report["Accepted"], 1, "{report}");
    company
}

fn a_log_that_cannot_be_written_changes_nothing(fixture: &Fixture) {
    let gone = || {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap());
    std::fs::create_dir_all(fixture.data()).unwrap();
    fixture.write("data/tollbook.toml", "[charging]\ngrace_s = 0\ngather_s = 0\n");
    let prices = "currency = \"CNY\"\nunit = 12\n[[model]]\nid = \"gpt-4o\"\nname = \"GPT-4o\"\n\
                  [model.prices]\ninput = \"2.5\"\n";
    fixture.write("prices.toml", prices);
    fixture.json(&["prices", "import", "prices.toml"]);
    for (name, log) in [("gone", gone()), ("full", full())] {
        let mut server = fixture.start_with(&["serve"], "127.0.0.1:0", log);
        let company = report_usage(fixture, &server, name);
        for _ in 0..10 {
            assert_eq!(ask(fixture, &server, &company)["RetCode"], 0);
        }
        // The settlement worker, which logs each hour that it closes, closes the hour of the usage.
        let now_s = SystemClock.now_s();
        let (start, end) = ((now_s - 86_400).to_string(), now_s.to_string());
        let range = ["--start", &start, "--end", &end];
        let orders = || server.ask(fixture, &company, &[&["orders", "unpaid"], &range[..]].concat());
        while orders()["Total"] != 1 {
            std::thread::yield_now();
        }
        let response = healthy(&server);
        assert_eq!(response.status(), 200);
        let lost = response.headers()["x-tollbook-lost-log-lines"].to_str().unwrap().parse::<u64>().unwrap();
        assert!(lost >= 10, "{lost}");
        server.signal("TERM");
        assert_eq!(server.ended(), Some(0));
    }
}

fn a_log_that_no_program_reads_changes_nothing(fixture: &Fixture) {
    let (mut reader, writer) = pipe().unwrap();
    let mut server = fixture.start_with(&["serve"], "127.0.0.1:0", Stdio::from(writer));
    let company = fixture.company("Acme");
    let client = crate::rig::Client::new(&company);
    for _ in 0..MANY {
        assert_eq!(client.call(server.url(), "GetFilterOptions", &[])["RetCode"], 0);
    }
    assert_eq!(healthy(&server).status(), 200);
    server.signal("TERM");
    assert_eq!(server.ended(), Some(0));
    let mut log = Vec::new();
    reader.read_to_end(&mut log).unwrap();
    let log = String::from_utf8_lossy(&log);
    let written = log.matches("ret_code=0").count();
    assert!(written < MANY, "all {written} lines fitted into the pipe");
}

fn lines_that_were_lost_are_reported_when_the_log_can_be_written_again(fixture: &Fixture) {
    // A log beyond the size that the process may write; its database is smaller.
    let path = fixture.path("log.txt");
    let log = std::fs::File::options().create(true).append(true).open(&path).unwrap();
    log.set_len(64 << 20).unwrap();
    let mut server = fixture.start_with(&["serve"], "127.0.0.1:0", Stdio::from(log));
    let company = fixture.company("Acme");
    let limit = |bytes: &str| {
        let status = Command::new("prlimit")
            .args(["--pid", &server.process_id().to_string(), &format!("--fsize={bytes}:unlimited")])
            .status()
            .unwrap();
        assert!(status.success());
    };
    limit("33554432");
    for _ in 0..3 {
        assert_eq!(ask(fixture, &server, &company)["RetCode"], 0);
    }
    let lost = || healthy(&server).headers().get("x-tollbook-lost-log-lines").cloned();
    while lost().is_none_or(|lost| lost.to_str().unwrap() != "3") {
        std::thread::yield_now();
    }
    limit("unlimited");
    assert_eq!(ask(fixture, &server, &company)["RetCode"], 0);
    server.stop();
    let log = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
    let log = log.trim_start_matches('\0');
    let lines: Vec<&str> = log.lines().collect();
    let at = lines.iter().position(|line| line.contains("3 log lines were lost")).unwrap();
    assert!(lines[at].contains("ERROR") && lines[at + 1].contains("ret_code=0"), "{log}");
}

#[test]
fn a_command_whose_output_is_not_read_ends_quietly() {
    let fixture = Fixture::new();
    fixture.company("Acme");
    for arguments in [&["company", "list"][..], &["--json", "company", "list"], &["connect", "litellm"]] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let child = fixture.command(arguments).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), error.as_ref()), (Some(0), ""), "{arguments:?}");
    }
    // A failure is one whether or not it can be told.
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut refused = fixture.command(&["--json", "company", "add", "--name", "", "--currency", "CNY"]);
    let status = refused.stdout(writer.try_clone().unwrap()).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let fixture = Fixture::new();
    fixture.company("Acme");
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = fixture.command(&["company", "list"]).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = output.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.starts_with("tollbook: the result cannot be written to standard output: "), "{error}");
}
