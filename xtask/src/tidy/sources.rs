//! What every source file keeps to: an opening that says what the file holds, a length that can be read, no tabs, no
//! blanks at the end of a line.

use super::finding::Finding;

/// A longer file is split in two.
const MAX_LINES: usize = 600;

/// Written by programs or recorded: neither length nor blanks are ours.
const RECORDED: [&str; 5] = ["corpus", "generated", "runs", "snapshots", "vectors"];

/// What people write by hand.
const WRITTEN: [&str; 11] = ["css", "html", "js", "md", "py", "rs", "sh", "sql", "toml", "yaml", "yml"];

/// Whether a person writes the file: it is not recorded or printed by a program, and its language is one of ours.
pub(super) fn is_written(path: &str, text: &str) -> bool {
    let recorded = path.split('/').any(|part| RECORDED.contains(&part));
    let script = extension(path).is_none() && text.starts_with("#!");
    !recorded && (script || extension(path).is_some_and(|end| WRITTEN.contains(&end)))
}

/// What follows the last full stop of the file's name.
pub(super) fn extension(path: &str) -> Option<&str> {
    path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, end)| end)
}

pub(super) fn findings(path: &str, text: &str) -> Vec<Finding> {
    if !is_written(path, text) {
        return Vec::new();
    }
    let extension = extension(path);
    let mut findings = Vec::new();
    if extension == Some("rs") && !text.trim_start().starts_with("//!") {
        findings.push(Finding::in_file(path, "does not open with //!"));
    }
    let lines = text.lines().count();
    if matches!(extension, Some("rs" | "py" | "sql")) && lines > MAX_LINES {
        findings.push(Finding::in_file(path, format!("{lines} lines, more than {MAX_LINES}")));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        findings.push(Finding::in_file(path, "the last line has no end"));
    }
    for (line, number) in text.split('\n').zip(1..) {
        if line.contains('\t') {
            findings.push(Finding::in_line(path, number, "tab"));
        }
        if line.ends_with(char::is_whitespace) {
            findings.push(Finding::in_line(path, number, "blank at the end of the line"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &[&str]) {
        let found: Vec<String> = findings(path, text).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{path}: {text:?}");
    }

    #[test]
    fn rust_opens_with_its_purpose() {
        check("a.rs", "//! Orders.\n", &[]);
        check("a.rs", "\n//! Orders.\n", &[]);
        check("a.rs", "//! Orders.\n\n#![no_main]\n", &[]);
        check("a.rs", "use x;\n", &["a.rs: does not open with //!"]);
        check("a.rs", "// Orders.\n", &["a.rs: does not open with //!"]);
        check("tests/vectors/a.rs", "use x;\n", &[]);
        check("a.py", "import x\n", &[]);
    }

    #[test]
    fn files_stay_readable() {
        let lines = |count: usize| format!("//! a\n{}", "x\n".repeat(count - 1));
        check("a.rs", &lines(600), &[]);
        check("a.rs", &lines(601), &["a.rs: 601 lines, more than 600"]);
        check("a.md", &lines(601), &[]);
        check("generated/a.rs", &lines(601), &[]);
    }

    #[test]
    fn blanks() {
        check("a.toml", "a\tb\n", &["a.toml:1: tab"]);
        check("a.md", "a\nb \n", &["a.md:2: blank at the end of the line"]);
        check("a.sql", "a\r\n", &["a.sql:1: blank at the end of the line"]);
        check(".ci/run", "#!/usr/bin/env bash\n\ta\n", &[".ci/run:2: tab"]);
        check("a.rs", "//! a", &["a.rs: the last line has no end"]);
        check("a.tsv", "a\tb \n", &[]);
        check("LICENSE", "\ta \n", &[]);
        check(".gitignore", "a \n", &[]);
    }
}
