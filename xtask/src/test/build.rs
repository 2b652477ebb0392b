//! Builds the test executables, and the Python environments beside them.

use std::process::Command;
use std::thread;

use super::environment::TestEnvironment;
use super::executable::Executable;
use super::needs::Needs;
use super::packages::Packages;
use super::skipped::Skipped;
use crate::step::{self, Outcome};
use crate::workspace::{self, Workspace};

/// `selection` are arguments of cargo that choose packages.
pub(super) fn with_environment(
    workspace: &Workspace,
    needs: &Needs,
    skipped: &Skipped,
    selection: &[String],
    packages: &Packages,
) -> Outcome<(TestEnvironment, Vec<Executable>)> {
    thread::scope(|scope| {
        // pip waits for the network most of the time, the compiler never does.
        let environment = scope.spawn(|| TestEnvironment::prepare(workspace, needs, skipped));
        let executables = executables(workspace, selection, packages);
        let environment = environment.join().unwrap_or_else(|_| Err("no environment for tests".to_owned()));
        Ok((environment?, executables?))
    })
}

fn executables(workspace: &Workspace, selection: &[String], packages: &Packages) -> Outcome<Vec<Executable>> {
    let mut cargo = Command::new(workspace::cargo());
    cargo
        .current_dir(workspace.root())
        .args(["test", "--no-run", "--message-format", "json-render-diagnostics"])
        .args(selection);
    let mut executables = Vec::new();
    step::run_reading(&mut cargo, |message| executables.extend(Executable::parse(message, packages)))?;
    Ok(executables)
}
