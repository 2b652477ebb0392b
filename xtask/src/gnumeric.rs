//! Whether there is a Gnumeric for the tests to open workbooks with. The tests start `ssconvert` from `PATH`.

use std::process::Command;

use crate::step::{self, Outcome};

/// Fails when there is none.
pub(crate) fn require() -> Outcome {
    require_program("ssconvert")
}

fn require_program(name: &str) -> Outcome {
    step::output(Command::new(name).arg("--version"))
        .map(drop)
        .map_err(|why| format!("Gnumeric is needed: on Debian, install the package gnumeric ({why})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let said = require_program("/no/such/ssconvert").unwrap_err();
        assert!(said.contains("install the package gnumeric (ssconvert --version: "), "{said}");
    }
}
