//! Reads the files of the checkout, without those that programs put there.

use std::fs;
use std::path::Path;

use crate::step::Outcome;

/// Folders that are no part of the repository at any depth, and the file that stands for `.git` in a work tree.
const FOREIGN: [&str; 5] = [".git", "target", "tollbook-data", "__pycache__", ".ruff_cache"];

pub(super) struct File {
    /// Relative to the workspace, with slashes.
    pub(super) path: String,
    /// `None` when it is not UTF-8.
    pub(super) text: Option<String>,
}

/// Every file, sorted by path. Links are not followed.
pub(super) fn read(root: &Path) -> Outcome<Vec<File>> {
    let mut files = Vec::new();
    read_folder(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<File>) -> Outcome {
    let failed = |error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if FOREIGN.contains(&name.as_str()) {
            continue;
        }
        if kind.is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).map_err(|error| format!("{path}: {error}"))?;
            files.push(File { path, text: String::from_utf8(bytes).ok() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_folders_are_left_out() {
        let root = tempfile::tempdir().expect("a folder");
        for path in
            ["b/c.rs", "a.md", "target/x.rs", "b/target/x.rs", ".ci/run", "tollbook-data/db", "d/.git"]
        {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("created");
            fs::write(path, "text").expect("written");
        }
        fs::write(root.path().join("binary"), [0xff, 0xfe]).expect("written");
        let files = read(root.path()).expect("read");
        let seen: Vec<(&str, bool)> = files.iter().map(|f| (f.path.as_str(), f.text.is_some())).collect();
        assert_eq!(seen, [(".ci/run", true), ("a.md", true), ("b/c.rs", true), ("binary", false)]);
    }
}
