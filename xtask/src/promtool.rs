//! Whether there is a promtool for the tests to try the supplied alerts with. The tests start it from `PATH`.

use std::process::Command;

use crate::step::{self, Outcome};

/// Fails when there is none.
pub(crate) fn require() -> Outcome {
    require_program("promtool")
}

fn require_program(name: &str) -> Outcome {
    step::output(Command::new(name).arg("--version"))
        .map(drop)
        .map_err(|why| format!("promtool is needed: on Debian, install the package prometheus ({why})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let said = require_program("/no/such/promtool").unwrap_err();
        assert!(said.contains("install the package prometheus (promtool --version: "), "{said}");
    }
}
