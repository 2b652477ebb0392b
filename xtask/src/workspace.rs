//! Paths: the checkout, the target directory and what is kept below it. The only file that reads the environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The checkout that this program was built from.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    pub(crate) fn locate() -> Self {
        let root = root();
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .and_then(|directory| std::path::absolute(directory).ok())
            .unwrap_or_else(|| root.join("target"));
        Self { root, target }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Where private Python environments are made, and whether other work trees use the same place: below the target
    /// directory, unless `TOLLBOOK_PYTHON_CACHE` names another.
    pub(crate) fn python_cache(&self) -> (PathBuf, bool) {
        let named = std::env::var_os("TOLLBOOK_PYTHON_CACHE").filter(|path| !path.is_empty());
        match named.and_then(|path| std::path::absolute(path).ok()) {
            Some(path) => (path, true),
            None => (self.target.join("python-environments"), false),
        }
    }

    /// Where private folders of packages for Node are made.
    pub(crate) fn node_cache(&self) -> PathBuf {
        self.target.join("node-environments")
    }

    /// Where `cargo xtask test` keeps what it writes.
    pub(crate) fn test_files(&self) -> PathBuf {
        self.target.join("xtask-test")
    }

    /// Where `cargo xtask fuzz` keeps what it finds.
    pub(crate) fn fuzz_files(&self) -> PathBuf {
        self.target.join("xtask-fuzz")
    }

    /// The folder of shared data that some tests read: beside the checkout, unless `TOLLBOOK_SHARED` names another.
    pub(crate) fn shared(&self) -> OsString {
        std::env::var_os("TOLLBOOK_SHARED").unwrap_or_else(|| self.root.join("../shared").into_os_string())
    }
}

/// The folder of cargo, in which the sources of dependencies are.
pub(crate) fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

/// The time of everything in packages, if the caller states one.
pub(crate) fn source_date_epoch() -> Option<String> {
    let time = std::env::var_os("SOURCE_DATE_EPOCH")?.into_string().ok()?;
    Some(time).filter(|time| !time.is_empty())
}

/// The folder of the workspace's manifest.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// The cargo that started this program, so that no other toolchain is used.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Whether a test that cannot run is a failure: `CI=true`.
pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// Variables that cargo set for this program and sets anew for each test executable.
pub(crate) fn package_variables() -> Vec<OsString> {
    let is_of_package = |name: &OsString| {
        name.to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
    };
    std::env::vars_os().map(|(name, _)| name).filter(is_of_package).collect()
}
