//! Whether there is a Chromium for the tests of the console to open pages in.

use std::process::Command;

use crate::step::{self, Outcome};

/// The names of the program, by distribution.
const NAMES: [&str; 2] = ["chromium", "chromium-browser"];

/// The program; or which Debian package is missing.
pub(crate) fn require() -> Outcome<&'static str> {
    first_of(&NAMES)
}

fn first_of(names: &[&'static str]) -> Outcome<&'static str> {
    let starts = |name: &&&str| step::output(Command::new(**name).arg("--version")).is_ok();
    let found = names.iter().find(starts).copied();
    found.ok_or_else(|| "Chromium is needed: on Debian, install the package chromium".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let said = first_of(&["/no/such/chromium"]);
        assert!(said.is_err_and(|why| why.contains("install the package chromium")));
    }
}
