//! How long each executable took in the last run, so that the next begins with the longest.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::report::Ended;
use crate::step::Outcome;

/// A line for each executable: its milliseconds, a blank, its label.
const FILE: &str = "milliseconds";

pub(super) struct Times(BTreeMap<String, u128>);

impl Times {
    /// Without a file of an earlier run, no time is known.
    pub(super) fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join(FILE)).unwrap_or_default();
        let time = |line: &str| {
            let (milliseconds, label) = line.split_once(' ')?;
            Some((label.to_owned(), milliseconds.parse().ok()?))
        };
        Self(text.lines().filter_map(time).collect())
    }

    /// In milliseconds; as long as can be for an executable that has not run yet.
    pub(super) fn of(&self, label: &str) -> u128 {
        self.0.get(label).copied().unwrap_or(u128::MAX)
    }

    pub(super) fn note(&mut self, ended: &Ended) {
        self.0.insert(ended.label.clone(), ended.took.as_millis());
    }

    pub(super) fn write(&self, folder: &Path) -> Outcome {
        let mut text = String::new();
        for (label, milliseconds) in &self.0 {
            let _ = writeln!(text, "{milliseconds} {label}");
        }
        let path = folder.join(FILE);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut times = Times::read(folder.path());
        assert_eq!(times.of("a b.rs"), u128::MAX);
        let took = Duration::from_millis(2_500);
        times.note(&Ended { label: "a b.rs".to_owned(), output: String::new(), status: Ok(()), took });
        times.write(folder.path()).expect("written");
        assert_eq!(Times::read(folder.path()).of("a b.rs"), 2_500);
    }
}
