//! Names of files and folders: which must be there, and which say nothing about what is inside.

use super::finding::Finding;

/// What a reader looks for first.
const REQUIRED: [&str; 2] = ["CHANGELOG.md", "README.md"];

/// Names under which anything can be put, so that everything is.
const EMPTY: [&str; 9] =
    ["common", "helper", "helpers", "manager", "managers", "misc", "util", "utilities", "utils"];

pub(super) fn required(paths: &[&str]) -> Vec<Finding> {
    let missing = REQUIRED.iter().filter(|path| !paths.contains(path));
    missing.map(|path| Finding::in_file(path, "must be there")).collect()
}

pub(super) fn forbidden(path: &str) -> Option<Finding> {
    let part = path.split('/').find(|part| {
        let stem = part.split_once('.').map_or(*part, |(stem, _)| stem);
        EMPTY.contains(&stem)
    })?;
    Some(Finding::in_file(path, format!("{part} does not say what is inside")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_be_there() {
        assert_eq!(required(&["README.md", "CHANGELOG.md", "a.rs"]), []);
        assert_eq!(required(&["README.md"]), [Finding::in_file("CHANGELOG.md", "must be there")]);
        assert_eq!(required(&["docs/README.md"]).len(), 2);
    }

    #[test]
    fn names_that_say_nothing() {
        for path in ["a/utils.rs", "tests/common/mod.rs", "misc", "a/manager.test.py", "helpers.rs"] {
            assert!(forbidden(path).is_some(), "{path}");
        }
        for path in ["a/orders.rs", "a/commonplace.rs", "a/key_manager.rs", ".gitignore", "miscount.md"] {
            assert_eq!(forbidden(path), None, "{path}");
        }
    }
}
