//! The repository's own checks. Each check is a pure function from texts to findings; this file reads the texts and
//! reports. The checks that need no other program also run as a test.

mod generated;
mod layers;
mod names;
mod sources;
mod tree;
mod words;

use std::fmt;
use std::path::Path;

use crate::step::{self, Outcome};
use crate::workspace::Workspace;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    /// Relative to the workspace.
    path: String,
    /// From 1; 0 is the file as a whole.
    line: usize,
    problem: String,
}

impl Finding {
    fn in_line(path: &str, line: usize, problem: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, problem: problem.into() }
    }

    fn in_file(path: &str, problem: impl Into<String>) -> Self {
        Self::in_line(path, 0, problem)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.problem),
            line => write!(f, "{}:{line}: {}", self.path, self.problem),
        }
    }
}

/// Every check.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    step::say("+ tidy");
    let mut findings = findings(workspace.root())?;
    findings.extend(generated::findings(workspace)?);
    for finding in &findings {
        step::say(&finding.to_string());
    }
    if findings.is_empty() { Ok(()) } else { Err(format!("{} findings", findings.len())) }
}

/// The checks that only read files, sorted by path.
fn findings(root: &Path) -> Outcome<Vec<Finding>> {
    let files = tree::read(root)?;
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut findings = names::required(&paths);
    for file in &files {
        findings.extend(names::forbidden(&file.path));
        let Some(text) = &file.text else { continue };
        findings.extend(words::findings(&file.path, text));
        findings.extend(sources::findings(&file.path, text));
        if file.path.ends_with("Cargo.toml") {
            findings.extend(layers::findings(&file.path, text));
        }
    }
    findings.sort();
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let findings = findings(&crate::workspace::root()).expect("the repository can be read");
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}", lines.join("\n"));
    }

    #[test]
    fn a_finding_says_where() {
        assert_eq!(Finding::in_line("a.rs", 3, "x").to_string(), "a.rs:3: x");
        assert_eq!(Finding::in_file("a.rs", "x").to_string(), "a.rs: x");
    }
}
