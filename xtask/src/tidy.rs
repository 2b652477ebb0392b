//! The repository's own checks. Each check is a pure function from texts to findings; this file reads the texts and
//! reports. The checks that need no other program also run as a test.

mod addresses;
mod circles;
mod citations;
mod comments;
mod finding;
mod generated;
mod layers;
mod names;
mod old_names;
mod prose;
mod rust_text;
mod sources;
mod tree;

use std::path::Path;

use finding::Finding;

use crate::step::{self, Outcome};
use crate::workspace::Workspace;

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
    findings.extend(circles::findings(&files));
    for file in &files {
        findings.extend(names::forbidden(&file.path));
        let Some(text) = &file.text else { continue };
        findings.extend(addresses::findings(&file.path, text));
        findings.extend(citations::findings(&file.path, text, &paths));
        findings.extend(old_names::findings(&file.path, text));
        findings.extend(prose::findings(&file.path, text));
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
}
