//! A finding of the repository's own checks: a place and what is wrong there.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    /// Relative to the workspace.
    pub(super) path: String,
    /// From 1; 0 is the file as a whole.
    pub(super) line: usize,
    pub(super) problem: String,
}

impl Finding {
    pub(super) fn in_line(path: &str, line: usize, problem: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, problem: problem.into() }
    }

    pub(super) fn in_file(path: &str, problem: impl Into<String>) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_where() {
        assert_eq!(Finding::in_line("a.rs", 3, "x").to_string(), "a.rs:3: x");
        assert_eq!(Finding::in_file("a.rs", "x").to_string(), "a.rs: x");
    }
}
