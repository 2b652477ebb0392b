//! Every linter, one after the other; a finding of one does not hide the findings of the next. None is skipped because
//! it is missing: it is installed in a private place, or that fails.

use std::process::Command;

use crate::python::{Environment, Purpose};
use crate::step::{self, Outcome};
use crate::tidy;
use crate::tools::{CARGO_DENY, CARGO_MACHETE, Tool};
use crate::workspace::{self, Workspace};

/// A linter by name.
type Linter<'a> = (&'a str, Box<dyn Fn() -> Outcome + 'a>);

pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let python = Environment::prepare(workspace, Purpose::Clients)?;
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(workspace::cargo());
        command.current_dir(workspace.root()).args(arguments);
        command
    };
    let wheel = |program: &str, arguments: &[&str]| {
        step::run(python.command(program).current_dir(workspace.root()).args(arguments))
    };
    let built = |tool: &Tool, arguments: &[&str]| {
        let program = tool.prepare(workspace)?;
        step::run(Command::new(program).current_dir(workspace.root()).args(arguments))
    };
    let linters: Vec<Linter<'_>> = vec![
        ("rustfmt", Box::new(|| step::run(&mut cargo(&["fmt", "--all", "--check"])))),
        (
            "clippy",
            Box::new(|| {
                step::run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
            }),
        ),
        (
            "rustdoc",
            Box::new(|| {
                step::run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
            }),
        ),
        ("tidy", Box::new(|| tidy::run(workspace))),
        ("typos", Box::new(|| wheel("typos", &[]))),
        ("taplo", Box::new(|| wheel("taplo", &["format", "--check"]))),
        ("ruff check", Box::new(|| wheel("ruff", &["check", "--no-cache", "tests/python", "bench/foreign"]))),
        (
            "ruff format",
            Box::new(|| wheel("ruff", &["format", "--no-cache", "--check", "tests/python", "bench/foreign"])),
        ),
        ("shellcheck", Box::new(|| wheel("shellcheck", &[".ci/run"]))),
        (
            "cargo-deny",
            Box::new(|| {
                built(&CARGO_DENY, &["check", "--hide-inclusion-graph", "bans", "licenses", "sources"])
            }),
        ),
        ("cargo-machete", Box::new(|| built(&CARGO_MACHETE, &["--skip-target-dir"]))),
    ];
    let mut failed = Vec::new();
    for (name, lint) in &linters {
        if let Err(reason) = lint() {
            step::say(&format!("{name}: {reason}"));
            failed.push(*name);
        }
    }
    if failed.is_empty() {
        step::say(&format!("all {} linters found nothing", linters.len()));
        return Ok(());
    }
    Err(format!("{} of {} linters failed: {}", failed.len(), linters.len(), failed.join(", ")))
}
