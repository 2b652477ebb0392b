//! Runs some tests many times, to find those that fail now and then.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;

use super::environment::TestEnvironment;
use super::executable::Executable;
use super::results::{self, Verdict};
use crate::step::{self, Outcome};
use crate::workspace::Workspace;

/// How many outputs of failed rounds are printed for each executable; the counts say the rest.
const SHOWN: usize = 3;

/// How often a test passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u32,
    failed: u32,
}

/// Runs the tests with `part` in their name so many times, those of an executable together, and stops for no failure.
pub(super) fn run(
    workspace: &Workspace,
    environment: &TestEnvironment,
    executables: &[Executable],
    part: &str,
    times: u32,
) -> Outcome {
    let output = workspace.test_files().join("output-repeated");
    let mut report = String::new();
    let (mut passed, mut failed) = (0, 0);
    for executable in executables {
        let tests = executable.tests(environment, part)?;
        if tests.is_empty() {
            continue;
        }
        step::say(&format!("+ {times} times {} of {}", tests.join(", "), executable.label()));
        let mut tallies: BTreeMap<String, Tally> =
            tests.into_iter().map(|test| (test, Tally::default())).collect();
        let mut shown = 0;
        for round in 1..=times {
            let printed = round_of(executable, environment, part, &output)?;
            if add(&mut tallies, &printed) && shown < SHOWN {
                shown += 1;
                step::print(&format!("\n     Round {round} of {}\n{printed}", executable.label()));
            }
        }
        for (test, tally) in &tallies {
            let Tally { passed, failed } = tally;
            let _ = writeln!(report, "{} {test}: {passed} passed, {failed} failed", executable.label());
        }
        passed += tallies.values().map(|tally| tally.passed).sum::<u32>();
        failed += tallies.values().map(|tally| tally.failed).sum::<u32>();
    }
    if report.is_empty() {
        return Err(format!("no test has {part} in its name"));
    }
    step::print(&format!("\n{report}{passed} passed, {failed} failed\n"));
    if failed == 0 { Ok(()) } else { Err(format!("{failed} of {} runs of tests failed", passed + failed)) }
}

/// What one round printed.
fn round_of(
    executable: &Executable,
    environment: &TestEnvironment,
    part: &str,
    output: &Path,
) -> Outcome<String> {
    let failed = |error| format!("{}: {error}", output.display());
    let file = File::create(output).map_err(failed)?;
    let errors = file.try_clone().map_err(failed)?;
    // A failure is seen in the output: a test without a result has failed as well.
    executable
        .command(environment)
        .arg(part)
        .stdout(file)
        .stderr(errors)
        .status()
        .map_err(|error| format!("{}: {error}", executable.label()))?;
    fs::read(output).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(failed)
}

/// Counts a round; whether a test failed in it. One that printed no result did.
fn add(tallies: &mut BTreeMap<String, Tally>, printed: &str) -> bool {
    let verdicts: BTreeMap<&str, Verdict> = results::verdicts(printed).into_iter().collect();
    let mut any_failed = false;
    for (test, tally) in tallies {
        match verdicts.get(test.as_str()) {
            Some(Verdict::Passed) => tally.passed += 1,
            Some(Verdict::Ignored) => {}
            Some(Verdict::Failed) | None => {
                tally.failed += 1;
                any_failed = true;
            }
        }
    }
    any_failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_without_a_result_has_failed() {
        let mut tallies: BTreeMap<String, Tally> =
            ["a", "b", "c"].map(|test| (test.to_owned(), Tally::default())).into();
        assert!(!add(&mut tallies, "test a ... ok\ntest b ... ok\ntest c ... ignored\n"));
        assert!(add(&mut tallies, "test a ... ok\ntest b ... FAILED\ntest c ... ignored\n"));
        assert!(add(&mut tallies, "test a ... ok\nthread panicked\n"));
        let found: Vec<(u32, u32)> = tallies.values().map(|tally| (tally.passed, tally.failed)).collect();
        assert_eq!(found, [(3, 0), (1, 2), (0, 1)]);
    }
}
