//! What `quickstart` prints for a person: every command works as it is printed, in a shell that knows nothing but a `PATH`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use crate::program::{Fixture, on_each_database};

on_each_database! {
    printed_commands_work
}

/// The last line that is printed.
const END: &str = "Stop with Ctrl-C; the data is kept for the next start.";

/// A quickstart, and what it has printed. It is killed when dropped.
struct Quickstart {
    child: Child,
    text: String,
}

impl Quickstart {
    fn start(fixture: &Fixture) -> Self {
        let mut command = fixture.command(&["quickstart", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            let mut log = Vec::new();
            stderr.read_to_end(&mut log)
        });
        let lines: Vec<String> =
            BufReader::new(stdout).lines().map(Result::unwrap).take_while(|line| line != END).collect();
        Self { child, text: lines.join("\n") }
    }

    /// The commands below a heading, up to the next empty line.
    fn commands(&self, heading: &str) -> &str {
        let (_, rest) = self.text.split_once(heading).unwrap_or_else(|| panic!("{heading}:\n{}", self.text));
        let (_, commands) = rest.split_once(":\n").unwrap();
        commands.split("\n\n").next().unwrap()
    }
}

impl Drop for Quickstart {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Runs commands, each of which must succeed, and returns what they printed.
fn shell(fixture: &Fixture, commands: &str) -> String {
    let database = if fixture.is_on_sqlite() {
        String::new()
    } else {
        format!("export TOLLBOOK_DATABASE_URL='{}'\n", fixture.url())
    };
    let script = format!("set -euo pipefail\n{database}{commands}\n");
    let mut bash = Command::new("bash");
    // As in another terminal: another folder, and none of the server's variables.
    let folder = fixture.path("elsewhere");
    std::fs::create_dir_all(&folder).unwrap();
    let output = bash
        .args(["-c", &script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let [said, error] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{commands}\n{said}{error}");
    said
}

fn printed_commands_work(fixture: &Fixture) {
    let first = Quickstart::start(fixture);
    let listed = shell(fixture, first.commands("With curl"));
    assert!(listed.contains("\"RetCode\":0"), "{listed}");
    let customer = first.commands("With this program");
    let said = shell(fixture, customer);
    assert!(said.contains("PendingAmount") && said.contains("saved "), "{said}");
    let charged = shell(fixture, first.commands("Report usage"));
    assert!(charged.contains("\"Accepted\":1") && charged.contains("\"Pricing\":\"charged\""), "{charged}");
    let operator = first.commands("Manage the accounts");
    let said = shell(fixture, operator);
    assert!(said.contains("100.00 of cash deposited") && said.contains("tbo_"), "{said}");
    let (settings, _) = customer.split_once('\n').unwrap();
    let pay = first.commands("Pay the oldest unpaid order");
    shell(fixture, &format!("{settings}\n{pay}"));
    drop(first);

    // The key for gateways is not shown again, but how to get another one is.
    let second = Quickstart::start(fixture);
    let report = second.commands("makes another one, to be put in here");
    assert!(report.contains("tbo_…"), "{report}");
    let another = second
        .commands("Manage the accounts")
        .lines()
        .find(|line| line.contains("operator-key add"))
        .unwrap();
    let settings = second.commands("Manage the accounts").split_once('\n').unwrap().0;
    let said = shell(fixture, &format!("{settings}\n{another}"));
    let key = said
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')
        .find(|word| word.starts_with("tbo_"));
    let charged = shell(fixture, &report.replace("tbo_…", key.unwrap()));
    assert!(charged.contains("\"Accepted\":1"), "{charged}");
}
