//! Every test of the workspace. What the tests need and the machine does not have is installed in private places
//! first, or named; a test never skips because something is missing.

use std::process::Command;

use crate::python::Environment;
use crate::step::{self, Outcome};
use crate::workspace::{self, Workspace};
use crate::{libreoffice, postgres};

/// Runs `cargo test`, which also builds the binary that the acceptance tests start. Those find in the environment:
///
/// - `TOLLBOOK_TEST_PYTHON`: an interpreter that has the published clients,
/// - `TOLLBOOK_SHARED`: the folder of shared data.
///
/// PostgreSQL and LibreOffice come from the system's packages; without them nothing is run, rather than tests that say
/// the same one by one.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Outcome {
    postgres::require()?;
    libreoffice::require()?;
    let python = Environment::prepare(workspace)?;
    // Every crate is tested, also after one that fails: its result line is part of the report.
    step::run(
        Command::new(workspace::cargo())
            .current_dir(workspace.root())
            .args(["test", "--workspace", "--no-fail-fast"])
            .args(arguments)
            .env("TOLLBOOK_TEST_PYTHON", python.program("python"))
            .env("TOLLBOOK_SHARED", workspace.shared())
            .env("PYTHONDONTWRITEBYTECODE", "1"),
    )
}
