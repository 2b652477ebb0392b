//! Whether there is what runs the programs of docs/CLIENTS.md.

use std::process::Command;

use crate::step::{self, Outcome};

/// A program, how it states its version, and the Debian package that has it.
const PROGRAMS: [(&str, &str, &str); 6] = [
    ("bash", "--version", "bash"),
    ("curl", "--version", "curl"),
    ("python3", "--version", "python3"),
    ("node", "--version", "nodejs"),
    ("go", "version", "golang-go"),
    // The compiler, without which a source file cannot be run.
    ("javac", "--version", "default-jdk-headless"),
];

/// Fails if one of them is missing.
pub(crate) fn require() -> Outcome {
    PROGRAMS.iter().try_for_each(|(program, version, package)| require_program(program, version, package))
}

fn require_program(name: &str, version: &str, package: &str) -> Outcome {
    step::output(Command::new(name).arg(version))
        .map(drop)
        .map_err(|why| format!("{name} is needed: on Debian, install the package {package} ({why})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let said = require_program("/no/such/go", "version", "golang-go").unwrap_err();
        assert!(said.contains("install the package golang-go (go version: "), "{said}");
    }
}
