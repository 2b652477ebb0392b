//! Every test of the workspace. What the tests need and the machine does not have is installed in private places
//! first, or named; a test never skips because something is missing.

use std::process::Command;

use crate::python::{Environment, Purpose};
use crate::step::{self, Outcome};
use crate::workspace::{self, Workspace};
use crate::{libreoffice, postgres};

/// Runs `cargo test`, which also builds the binary that the acceptance tests start. Tests find in the environment:
///
/// - `TOLLBOOK_TEST_PYTHON`: an interpreter that has the published clients,
/// - `TOLLBOOK_TEST_TABLES_PYTHON`: one that has readers of tables and the validator of FOCUS,
/// - `TOLLBOOK_SHARED`: the folder of shared data.
///
/// PostgreSQL and LibreOffice come from the system's packages; without them nothing is run, rather than tests that say
/// the same one by one.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Outcome {
    postgres::require()?;
    libreoffice::require()?;
    let python = Environment::prepare(workspace, Purpose::Clients)?;
    let tables = Environment::prepare(workspace, Purpose::Tables)?;
    // Every crate is tested, also after one that fails: its result line is part of the report.
    step::run(
        Command::new(workspace::cargo())
            .current_dir(workspace.root())
            .args(["test", "--workspace", "--no-fail-fast"])
            .args(arguments)
            .env("TOLLBOOK_TEST_PYTHON", python.program("python"))
            .env("TOLLBOOK_TEST_TABLES_PYTHON", tables.program("python"))
            .env("TOLLBOOK_SHARED", workspace.shared())
            .env("PYTHONDONTWRITEBYTECODE", "1"),
    )
}
