//! The suite `console`: a person's walk through the console of the quickstart in headless Chromium (tests/console/walk.mjs):
//! every page in both languages and colours, narrow and printed, checked with axe-core; figures followed to their lists;
//! paying, exporting, adding a key, signing out. Screenshots are in the folder that `cargo xtask test` names.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::program::Fixture;

/// A variable that `cargo xtask test --suite console` sets.
#[expect(clippy::disallowed_methods, reason = "the tests' programs are named by the environment")]
fn prepared(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run cargo xtask test --suite console"))
}

#[test]
#[ignore = "a suite: cargo xtask test --suite console"]
fn a_persons_walk() {
    let fixture = Fixture::new();
    let server = fixture.start(&["quickstart"]);
    let said: &Value = &server.said;
    let links = ["ConsoleLink", "OperatorLink"].map(|name| said[name].as_str().unwrap());
    // What the demo owes can be paid then; it is not paid at once.
    let company = said["CompanyID"].to_string();
    let deposit =
        ["account", "deposit", "--company", &company, "--kind", "cash", "--amount", "5000", "--key", "walk"];
    fixture.json(&[&deposit[..], &["--no-settle"]].concat());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/console/walk.mjs");
    let walked = Command::new("node")
        .arg(script)
        .args(links)
        .args([&prepared("TOLLBOOK_TEST_SCREENSHOTS"), &prepared("TOLLBOOK_TEST_CHROMIUM")])
        .env("TOLLBOOK_TEST_NODE_MODULES", prepared("TOLLBOOK_TEST_NODE_MODULES"))
        .output()
        .unwrap();
    let (told, error) = (String::from_utf8_lossy(&walked.stdout), String::from_utf8_lossy(&walked.stderr));
    assert!(walked.status.success(), "{told}{error}");
    println!("{told}");
}
