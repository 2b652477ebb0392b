//! Tests that had nothing to read, because the folder of shared data is not there. Each adds a line with its name to a
//! file; the run ends by naming them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::step::{self, Outcome};
use crate::workspace::Workspace;

pub(super) struct Skipped {
    path: PathBuf,
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
            _ => Ok(Self { path }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn names(&self) -> BTreeSet<String> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// Prints the last line of the run, if there is something to say. In CI a skipped test is a failure.
    pub(super) fn report(&self, is_ci: bool) -> Outcome {
        let Some(line) = line(&self.names()) else { return Ok(()) };
        step::print(&format!("{line}\n"));
        if is_ci { Err("CI=true, and tests were skipped".to_owned()) } else { Ok(()) }
    }
}

fn line(names: &BTreeSet<String>) -> Option<String> {
    let listed: Vec<&str> = names.iter().map(String::as_str).collect();
    let tests = if listed.len() == 1 { "test needs" } else { "tests need" };
    (!listed.is_empty()).then(|| {
        format!(
            "skipped: {} {tests} the shared data folder (TOLLBOOK_SHARED): {}",
            listed.len(),
            listed.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("skipped");
        let skipped = Skipped::at(path.clone()).expect("there");
        assert_eq!(skipped.report(true), Ok(()));
        fs::write(&path, "b::two\na::one\n\nb::two\n").expect("written");
        assert_eq!(
            line(&skipped.names()).as_deref(),
            Some("skipped: 2 tests need the shared data folder (TOLLBOOK_SHARED): a::one, b::two")
        );
        assert_eq!(skipped.report(false), Ok(()));
        assert!(skipped.report(true).is_err());
        assert!(Skipped::at(path).expect("removed").names().is_empty());
    }
}
