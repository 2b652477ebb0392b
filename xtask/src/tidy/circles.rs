//! Circles of files inside a crate: files that use each other's items, directly or over other files. Code of tests does
//! not count, `mod x;` is no use, and a path through re-exports leads to the file that defines the item.

mod graph;
mod module_tree;
mod paths;
mod resolve;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::finding::Finding;
use super::tree::File;
use graph::Graph;
use module_tree::Tree;

/// An arrow that is allowed although it closes a circle.
struct Exception {
    from: &'static str,
    to: &'static str,
    /// Why the circle is better than the way around it.
    reason: &'static str,
}

const EXCEPTIONS: [Exception; 0] = [];

/// Checks every crate among the files, one tree of modules after the other.
pub(super) fn findings(files: &[File]) -> Vec<Finding> {
    check(files, &EXCEPTIONS)
}

fn check(files: &[File], exceptions: &[Exception]) -> Vec<Finding> {
    let texts: BTreeMap<&str, &str> =
        files.iter().filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?))).collect();
    let mut findings = Vec::new();
    let mut unused: Vec<&Exception> = exceptions.iter().collect();
    for root in roots(&texts) {
        let tree = match Tree::read(root, &texts) {
            Ok(tree) => tree,
            Err((path, problem)) => {
                findings.push(Finding::in_file(&path, format!("is not Rust: {problem}")));
                continue;
            }
        };
        let mut arrows = resolve::arrows(&tree);
        unused.retain(|exception| !arrows.remove(exception.from, exception.to));
        findings.extend(arrows.circles().iter().map(|circle| describe(circle, &arrows)));
    }
    for Exception { from, to, reason } in unused {
        let problem = format!("does not use {to}, so it needs no exception (\"{reason}\")");
        findings.push(Finding::in_file(from, problem));
    }
    findings
}

/// The files with which crates begin: libraries and binaries, no tests.
fn roots<'a>(texts: &BTreeMap<&'a str, &str>) -> Vec<&'a str> {
    let is_root = |path: &str| {
        path.ends_with("src/lib.rs")
            || path.ends_with("src/main.rs")
            || path.rsplit_once('/').is_some_and(|(folder, _)| folder.ends_with("src/bin"))
    };
    texts.keys().copied().filter(|path| is_root(path)).collect()
}

/// The files of a circle, and a line for each arrow between them with the names used.
fn describe(circle: &BTreeSet<String>, arrows: &Graph) -> Finding {
    let first = circle.first().map_or("", String::as_str);
    let mut problem = format!("circle of {} files", circle.len());
    for (from, to, names) in arrows.within(circle) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let _ = write!(problem, "\n  {from} -> {to}: {}", names.join(", "));
    }
    Finding::in_file(first, problem)
}

#[cfg(test)]
mod tests;
