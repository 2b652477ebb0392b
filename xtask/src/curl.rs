//! Whether there is a curl for the tests that run the commands of the documents.

use std::process::Command;

use crate::step::{self, Outcome};

/// Fails when there is none.
pub(crate) fn require() -> Outcome {
    step::output(Command::new("curl").arg("--version"))
        .map(drop)
        .map_err(|why| format!("curl is needed: on Debian, install the package curl ({why})"))
}
