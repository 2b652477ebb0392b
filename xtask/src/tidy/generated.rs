//! Pages of the repository that the product prints: each must be what the product prints now.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::finding::Finding;
use crate::step::{self, Outcome};
use crate::workspace::{self, Workspace};

/// A page and the arguments with which `tollbook` prints it.
type Page = (&'static str, &'static [&'static str]);

const PAGES: &[Page] = &[];

/// Builds the product as far as a page needs it.
pub(super) fn findings(workspace: &Workspace) -> Outcome<Vec<Finding>> {
    compare(workspace.root(), PAGES, |arguments| {
        let mut command = Command::new(workspace::cargo());
        command.current_dir(workspace.root()).args(["run", "--quiet", "--package", "tollbook", "--"]);
        step::output(command.args(arguments))
    })
}

fn compare(root: &Path, pages: &[Page], print: impl Fn(&[&str]) -> Outcome<String>) -> Outcome<Vec<Finding>> {
    let mut findings = Vec::new();
    for (path, arguments) in pages {
        let printed = print(arguments)?;
        if !fs::read_to_string(root.join(path)).is_ok_and(|kept| kept == printed) {
            let command = arguments.join(" ");
            findings.push(Finding::in_file(path, format!("is not what `tollbook {command}` prints")));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_is_printed() {
        let root = tempfile::tempdir().expect("a folder");
        fs::write(root.path().join("kept.md"), "printed by docs kept").expect("written");
        fs::write(root.path().join("old.md"), "printed once").expect("written");
        let pages: [Page; 3] =
            [("kept.md", &["docs", "kept"]), ("old.md", &["docs", "old"]), ("none.md", &["docs", "none"])];
        let print = |arguments: &[&str]| Ok(format!("printed by {}", arguments.join(" ")));
        let found = compare(root.path(), &pages, print).expect("printed");
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "old.md: is not what `tollbook docs old` prints",
                "none.md: is not what `tollbook docs none` prints"
            ]
        );
        assert!(compare(root.path(), &pages, |_| Err("broken".to_owned())).is_err());
    }
}
