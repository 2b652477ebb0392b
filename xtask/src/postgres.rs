//! Whether there is a PostgreSQL for the tests, by the rule of `crates/testkit`: the newest of Debian's versions,
//! or else what is on `PATH`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::step::{self, Outcome};

/// The oldest major version that the product works with.
const OLDEST: u32 = 15;

/// Where Debian keeps each major version, in a folder of its number.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Fails when there is none.
pub(crate) fn require() -> Outcome {
    let is_there = holds_one(Path::new(DEBIAN))
        || step::output(Command::new("initdb").arg("--version"))
            .is_ok_and(|printed| major(&printed).is_some_and(|version| version >= OLDEST));
    if is_there {
        return Ok(());
    }
    Err(format!("PostgreSQL {OLDEST} or newer is needed: on Debian, install the package postgresql"))
}

fn holds_one(folder: &Path) -> bool {
    fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        let version = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        version.is_some_and(|version| version >= OLDEST) && entry.path().join("bin/initdb").exists()
    })
}

/// The major version in a text such as `initdb (PostgreSQL) 15.20`.
fn major(printed: &str) -> Option<u32> {
    let (_, version) = printed.split_once("(PostgreSQL) ")?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_empty_versions_do_not_count() {
        let root = tempfile::tempdir().expect("a folder");
        let add = |path: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("created");
            fs::write(path, "").expect("written");
        };
        assert!(!holds_one(&root.path().join("none")));
        for path in ["14/bin/initdb", "15/bin/psql", "next/bin/initdb"] {
            add(path);
            assert!(!holds_one(root.path()), "{path}");
        }
        add("16/bin/initdb");
        assert!(holds_one(root.path()));
    }

    #[test]
    fn versions() {
        assert_eq!(major("initdb (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n"), Some(15));
        assert_eq!(major("initdb (PostgreSQL) 18devel\n"), Some(18));
        assert_eq!(major("initdb\n"), None);
    }
}
