//! The private folder of packages for Node, made once from a lock file. Nothing is installed outside of it.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{self, Outcome};
use crate::workspace::Workspace;

/// The files that pin what is installed, in a folder of `tests`.
const PINS: [&str; 2] = ["package.json", "package-lock.json"];

/// Makes the folder of modules, or takes the one that was made from the same lock file by the same Node.
/// `what` is the folder in `tests` that pins them.
pub(crate) fn prepare(workspace: &Workspace, what: &str) -> Outcome<PathBuf> {
    let version = require()?;
    let source = workspace.root().join("tests").join(what);
    let mut wanted = version;
    for name in PINS {
        let path = source.join(name);
        wanted += &fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let folder = workspace.node_cache().join(folder_name(what, &wanted));
    let modules = folder.join("node_modules");
    let stamp = folder.join("stamp");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(modules);
    }
    step::say(&format!("node: {} is made", folder.display()));
    make(&source, &folder)?;
    // Written last: a folder that was interrupted half-way is made again.
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(modules)
}

fn make(source: &Path, folder: &Path) -> Outcome {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    for name in PINS {
        fs::copy(source.join(name), folder.join(name)).map_err(failed)?;
    }
    let mut npm = Command::new("npm");
    npm.current_dir(folder).args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel",
        "error",
    ]);
    step::output(&mut npm).map(drop)
}

/// Fails when there is no Node, whose packages are not needed.
pub(crate) fn require_node() -> Outcome {
    let missing = |why| format!("Node is needed: on Debian, install the package nodejs ({why})");
    step::output(Command::new("node").arg("--version")).map(drop).map_err(missing)
}

/// The version of Node; or which Debian packages are missing.
pub(crate) fn require() -> Outcome<String> {
    let missing =
        |why| format!("Node and npm are needed: on Debian, install the packages nodejs and npm ({why})");
    step::output(Command::new("npm").arg("--version")).map_err(missing)?;
    step::output(Command::new("node").arg("--version")).map_err(missing)
}

fn folder_name(what: &str, wanted: &str) -> String {
    let mut hasher = DefaultHasher::new();
    wanted.hash(&mut hasher);
    format!("{what}-{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_for_each_lock_file() {
        assert_eq!(folder_name("node", "v20\n{}"), folder_name("node", "v20\n{}"));
        assert_ne!(folder_name("node", "v20\n{}"), folder_name("node", "v22\n{}"));
        assert_ne!(folder_name("node", "v20\n{}"), folder_name("console", "v20\n{}"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let absent = folder.path().join("absent");
        let failed = make(&absent, &folder.path().join("made"));
        assert!(failed.is_err_and(|why| why.contains("made")));
    }
}
