//! `master-key`: the key under which private keys are encrypted is replaced while a server runs, also if the command is killed.

use std::path::PathBuf;

use serde_json::Value;

use crate::failures::RANGE;
use crate::program::{Company, Fixture, finish, on_each_database};

on_each_database! {
    the_master_key_is_replaced_while_a_server_answers_and_commands_are_killed
}

/// The new key's file, before it is that of the master key.
fn new_file(fixture: &Fixture) -> PathBuf {
    fixture.data().join("master.key.new")
}

fn key_text(fixture: &Fixture) -> String {
    std::fs::read_to_string(fixture.data().join("master.key")).unwrap()
}

fn the_master_key_is_replaced_while_a_server_answers_and_commands_are_killed(fixture: &Fixture) {
    let company = fixture.company("Acme");
    let id = company.id.to_string();
    let mut companies = vec![company.clone()];
    for _ in 0..6 {
        let key = fixture.json(&["key", "add", "--company", &id]);
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        companies.push(Company {
            public_key: text("PublicKey"),
            private_key: text("PrivateKey"),
            ..company.clone()
        });
    }
    let mut server = fixture.start(&["serve"]);
    let all_answered = |server: &crate::program::Server| {
        for company in &companies {
            let answer = server.ask(fixture, company, &[&["orders", "paid"], &RANGE[..]].concat());
            assert_eq!(answer["RetCode"], 0, "{}", company.public_key);
        }
    };
    all_answered(&server);
    let former = key_text(fixture);
    let shown = |name: &str| fixture.json(&["master-key", "show"])[name].clone();
    let former_fingerprint = shown("Fingerprint");
    assert_eq!(shown("NewFingerprint"), Value::Null);
    // Killed as soon as the new key is in its file, wherever the command is then.
    for _ in 0..3 {
        let mut child = fixture.spawn(&["master-key", "rotate"]);
        while child.try_wait().unwrap().is_none() && !new_file(fixture).exists() {
            std::thread::yield_now();
        }
        let _ = child.kill();
        finish(child);
        all_answered(&server);
    }
    let rotated = fixture.json(&["master-key", "rotate"]);
    assert!(!new_file(fixture).exists());
    let new = key_text(fixture);
    assert_ne!(new, former);
    assert_eq!(shown("Fingerprint"), rotated["NewFingerprint"]);
    let kept = fixture.data().join(format!("master.key.{}", &former_fingerprint.as_str().unwrap()[..8]));
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), former);
    // Once more, as after a kill at the end.
    assert_eq!(fixture.json(&["master-key", "rotate"])["Resealed"], 0);
    all_answered(&server);
    // A server with the former key and one with the new key, side by side.
    let with = |key: &str| [("TOLLBOOK_MASTER_KEY", key.trim().to_owned())];
    for key in [&former, &new] {
        let log = std::process::Stdio::piped();
        let mut other = fixture.start_in(&["serve"], "127.0.0.1:0", log, &with(key));
        all_answered(&other);
        other.stop();
    }
    let (said, _) = fixture.refused(&["master-key", "finish"]);
    let message = said["Error"].as_str().unwrap();
    assert!(
        message.starts_with("servers may not know of the new master key yet; try again in "),
        "{message}"
    );
    all_answered(&server);
    server.stop();
    let mut server = fixture.start(&["serve"]);
    let finished = fixture.json(&["master-key", "finish", "--now"]);
    assert_eq!(finished["Fingerprint"], rotated["NewFingerprint"]);
    assert_eq!(shown("NewFingerprint"), Value::Null);
    all_answered(&server);
    server.stop();
    let with_former = fixture
        .command(&["serve", "--listen", "127.0.0.1:0"])
        .env("TOLLBOOK_MASTER_KEY", former.trim())
        .output()
        .unwrap();
    let said = String::from_utf8(with_former.stderr).unwrap();
    assert!(said.contains("the database belongs to another master key"), "{said}");
    let (said, _) = fixture.refused(&["master-key", "finish", "--now"]);
    assert!(said["Error"].as_str().unwrap().starts_with("the master key is not being replaced"), "{said}");
    let mut server = fixture.start(&["serve"]);
    all_answered(&server);
    server.stop();
    assert_eq!(fixture.json(&["verify"])["Differences"], Value::Array(Vec::new()));
}
