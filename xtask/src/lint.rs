//! Every linter, one after the other; a finding of one does not hide the findings of the next. A linter that is missing
//! is installed in a private place, or that fails.

use std::process::Command;
use std::thread;

use crate::python::{Environment, Purpose};
use crate::step::{self, Outcome};
use crate::tidy;
use crate::workspace::{self, Workspace};

/// Linters that come with the toolchain.
const CARGO: [(&str, &[&str]); 3] = [
    ("rustfmt", &["fmt", "--all", "--check"]),
    ("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    ("rustdoc", &["doc", "--workspace", "--no-deps"]),
];

/// Linters that are published as wheels: each with its program and the arguments.
const WHEELS: [(&str, &str, &[&str]); 7] = [
    ("typos", "typos", &[]),
    ("taplo", "taplo", &["format", "--check"]),
    ("ruff check", "ruff", &["check", "--no-cache", "tests/python", "bench/foreign"]),
    ("ruff format", "ruff", &["format", "--no-cache", "--check", "tests/python", "bench/foreign"]),
    (
        "shellcheck",
        "shellcheck",
        &[
            ".ci/run",
            "packaging/debian/preinst",
            "packaging/debian/postinst",
            "packaging/debian/prerm",
            "packaging/debian/postrm",
            "crates/cli/tests/acceptance/walkthroughs/systemctl",
            "crates/cli/tests/acceptance/walkthroughs/sudo",
        ],
    ),
    // Licences, banned and doubled crates, where crates come from.
    ("cargo-deny", "cargo-deny", &["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]),
    // Dependencies that nothing uses.
    ("cargo-shear", "cargo-shear", &["--locked"]),
];

pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let mut linters = Vec::new();
    let mut note = |name: &'static str, outcome: Outcome| {
        if let Err(reason) = &outcome {
            step::say(&format!("{name}: {reason}"));
        }
        linters.push((name, outcome.is_ok()));
    };
    // The wheels are fetched while the compiler works.
    thread::scope(|scope| {
        let python = scope.spawn(|| Environment::prepare(workspace, Purpose::Clients));
        for (name, arguments) in CARGO {
            let mut command = Command::new(workspace::cargo());
            command.current_dir(workspace.root()).args(arguments).env("RUSTDOCFLAGS", "-D warnings");
            note(name, step::run(&mut command));
        }
        note("tidy", tidy::run(workspace));
        let python = python.join().unwrap_or_else(|_| Err("the environment cannot be made".to_owned()));
        for (name, program, arguments) in WHEELS {
            let outcome = python.as_ref().map_err(Clone::clone).and_then(|python| {
                step::run(python.command(program).current_dir(workspace.root()).args(arguments))
            });
            note(name, outcome);
        }
    });
    let failed: Vec<&str> = linters.iter().filter(|(_, passed)| !passed).map(|(name, _)| *name).collect();
    if failed.is_empty() {
        step::say(&format!("all {} linters found nothing", linters.len()));
        return Ok(());
    }
    Err(format!("{} of {} linters failed: {}", failed.len(), linters.len(), failed.join(", ")))
}
