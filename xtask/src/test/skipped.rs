//! What a run left out: tests that had nothing to read or had not the rights they need, each of which adds a line to a
//! file, and the tests of suites. The last line of the run says it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::suite;
use crate::step::{self, Outcome};
use crate::workspace::Workspace;

/// The need that a test states if its line has a name alone. In CI such a test is a failure.
const SHARED_DATA: &str = "the shared data folder (TOLLBOOK_SHARED)";

pub(super) struct Skipped {
    path: PathBuf,
    /// Ignored tests, by suite.
    suites: BTreeMap<&'static str, usize>,
}

impl Skipped {
    /// An empty list.
    pub(super) fn new(workspace: &Workspace) -> Outcome<Self> {
        let folder = workspace.test_files();
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Self::at(folder.join("skipped"))
    }

    fn at(path: PathBuf) -> Outcome<Self> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(format!("{}: {error}", path.display()))
            }
            _ => Ok(Self { path, suites: BTreeMap::new() }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a test that its executable reported as ignored.
    pub(super) fn ignored(&mut self, test: &str) {
        if let Some(suite) = suite::of_test(test) {
            *self.suites.entry(suite).or_default() += 1;
        }
    }

    /// The tests that passed without testing, by what they needed.
    fn by_need(&self) -> BTreeMap<String, BTreeSet<String>> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (test, need) = line.split_once('\t').unwrap_or((line, SHARED_DATA));
            found.entry(need.trim().to_owned()).or_default().insert(test.trim().to_owned());
        }
        found
    }

    /// How many tests passed without testing anything.
    pub(super) fn passed(&self) -> usize {
        self.by_need().get(SHARED_DATA).map_or(0, BTreeSet::len)
    }

    /// Prints the last line of the run, if there is something to say. In CI a test without shared data is a failure.
    pub(super) fn report(&self, is_ci: bool) -> Outcome {
        let by_need = self.by_need();
        let Some(line) = line(&by_need, &self.suites) else { return Ok(()) };
        step::print(&format!("{line}\n"));
        let fails = is_ci && by_need.contains_key(SHARED_DATA);
        if fails { Err("CI=true, and tests were skipped".to_owned()) } else { Ok(()) }
    }
}

fn line(
    by_need: &BTreeMap<String, BTreeSet<String>>,
    suites: &BTreeMap<&'static str, usize>,
) -> Option<String> {
    let mut parts = Vec::new();
    for (need, tests) in by_need {
        let listed: Vec<&str> = tests.iter().map(String::as_str).collect();
        let verb = if listed.len() == 1 { "test needs" } else { "tests need" };
        parts.push(format!("{} {verb} {need}: {}", listed.len(), listed.join(", ")));
    }
    if !suites.is_empty() {
        let named: Vec<String> = suites.iter().map(|(name, tests)| format!("{name} ({tests})")).collect();
        parts.push(format!("suites, run with --suite NAME: {}, {}", named.join(", "), suite::FUZZ));
    }
    (!parts.is_empty()).then(|| format!("skipped: {}", parts.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("skipped");
        let mut skipped = Skipped::at(path.clone()).expect("there");
        let said = |skipped: &Skipped| line(&skipped.by_need(), &skipped.suites);
        assert_eq!((skipped.report(true), said(&skipped)), (Ok(()), None));
        fs::write(&path, "c::three\tfile systems to mount\n").expect("written");
        assert_eq!(said(&skipped).as_deref(), Some("skipped: 1 test needs file systems to mount: c::three"));
        assert_eq!((skipped.report(true), skipped.passed()), (Ok(()), 0));
        fs::write(&path, "b::two\na::one\n\nb::two\nc::three\tfile systems to mount\n").expect("written");
        for test in ["suite_console::walk", "suite_gateways::a", "suite_gateways::b", "another::ignored"] {
            skipped.ignored(test);
        }
        assert_eq!(
            said(&skipped).as_deref(),
            Some(
                "skipped: 1 test needs file systems to mount: c::three; \
                 2 tests need the shared data folder (TOLLBOOK_SHARED): a::one, b::two; \
                 suites, run with --suite NAME: console (1), gateways (2), fuzz"
            )
        );
        assert_eq!((skipped.report(false), skipped.passed()), (Ok(()), 2));
        assert!(skipped.report(true).is_err());
        assert!(Skipped::at(path).expect("removed").by_need().is_empty());
    }
}
