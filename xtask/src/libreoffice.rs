//! Whether there is a LibreOffice for the tests to open workbooks with. The tests start `soffice` from `PATH`.

use std::process::Command;

use crate::step::{self, Outcome};

/// Fails when there is none.
pub(crate) fn require() -> Outcome {
    require_program("soffice")
}

/// `--version` starts no office and touches no profile.
fn require_program(name: &str) -> Outcome {
    step::output(Command::new(name).arg("--version")).map(drop).map_err(|why| {
        format!("LibreOffice is needed: on Debian, install the package libreoffice-calc-nogui ({why})")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let said = require_program("/no/such/soffice").unwrap_err();
        assert!(said.contains("install the package libreoffice-calc-nogui (soffice --version: "), "{said}");
    }
}
