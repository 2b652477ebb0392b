//! The modes of files and directories: whatever the umask is, only the user of the process can read them.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::failures::{RANGE, write_orders};
use crate::program::{Fixture, on_each_database};
use crate::rig::Client;

on_each_database! { files_and_directories_are_their_users_alone }

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Every file and directory in a directory that others may use, each with its mode.
fn exposed(directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        if mode(&path) != expected {
            found.push(format!("{} has the mode {:o}", path.display(), mode(&path)));
        }
        if path.is_dir() {
            exposed(&path, found);
        }
    }
}

/// Runs a command with the umask 0, which takes no permission from a new file.
fn run(fixture: &Fixture, arguments: &[&str]) {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 0; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tollbook")]).args(arguments);
    fixture.enter(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn files_and_directories_are_their_users_alone(fixture: &Fixture) {
    // A directory and files of an earlier version, which had the modes of the umask.
    let company = fixture.company("Acme");
    if fixture.is_on_sqlite() {
        std::fs::set_permissions(fixture.data().join("tollbook.db"), Permissions::from_mode(0o644)).unwrap();
    }
    std::fs::set_permissions(fixture.data(), Permissions::from_mode(0o755)).unwrap();
    write_orders(fixture, &company, 50);
    run(fixture, &["orders", "import", "orders.jsonl"]);
    let backup = fixture.path("backup.db");
    run(fixture, &["database", "backup", backup.to_str().unwrap()]);
    assert_eq!(mode(&backup), 0o600);
    let mut server = fixture.start(&["serve"]);
    let range = [("StartTime", RANGE[1].to_owned()), ("EndTime", RANGE[3].to_owned())];
    let export = Client::new(&company).ask(server.url(), "DownloadListPaidOrders", &range);
    assert!(export["Data"]["FileSize"].as_i64() > Some(0), "{export}");
    assert_eq!(mode(&fixture.data()), 0o700);
    // While the server runs, so that its log and lock files are there.
    let mut found = Vec::new();
    exposed(&fixture.data(), &mut found);
    assert_eq!(json!(found), json!([]));
    server.stop();
}
