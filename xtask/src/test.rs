//! The tests of the workspace, all of them or those of some crates. What they need and the machine does not have is
//! installed in private places first, or named.

mod arguments;
mod build;
mod environment;
mod executable;
mod needs;
mod packages;
mod repeat;
mod report;
mod results;
mod side_by_side;
mod skipped;
mod suite;
mod times;

use std::process::Command;

use crate::step::{self, Outcome};
use crate::workspace::{self, Workspace};
use arguments::Wanted;
use environment::TestEnvironment;
use needs::Needs;
use packages::Packages;
use skipped::Skipped;

pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Outcome {
    let wanted = Wanted::parse(arguments)?;
    if let Some(name) = &wanted.suite {
        return suite::run(workspace, name, wanted.name.as_deref());
    }
    let packages = Packages::read(workspace)?;
    let chosen = packages.choose(&wanted.packages)?;
    let needs = Needs::of(chosen.iter().map(|package| package.name.as_str()));
    needs.require_programs()?;
    let selection: Vec<String> = if wanted.packages.is_empty() {
        vec!["--workspace".to_owned()]
    } else {
        chosen.iter().flat_map(|package| ["--package".to_owned(), package.name.clone()]).collect()
    };
    let mut skipped = Skipped::new(workspace)?;
    let outcome = if let Some(passed_on) = &wanted.for_cargo {
        let environment = TestEnvironment::prepare(workspace, &needs, &skipped)?;
        let mut cargo = Command::new(workspace::cargo());
        cargo.current_dir(workspace.root()).arg("test").args(selection).arg("--no-fail-fast");
        step::run(environment.set(cargo.args(&wanted.name).args(passed_on)))
    } else {
        let (environment, executables) =
            build::with_environment(workspace, &needs, &skipped, &selection, &packages)?;
        if let (Some(times), Some(name)) = (wanted.repeat, &wanted.name) {
            repeat::run(workspace, &environment, &executables, name, times)
        } else {
            let has_docs = chosen.iter().any(|package| package.has_library);
            let docs = has_docs.then_some(selection.as_slice());
            side_by_side::run(
                workspace,
                &environment,
                &executables,
                docs,
                wanted.name.as_deref(),
                &mut skipped,
            )
        }
    };
    skipped.report(workspace::is_ci()).and(outcome)
}
