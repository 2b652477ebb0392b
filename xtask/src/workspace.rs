//! Where things lie: the checkout, and the private places below the target directory in which tools are installed.
//! The only file that reads the environment.

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

    /// The private Python environment of clients and linters.
    pub(crate) fn python(&self) -> PathBuf {
        self.target.join("python")
    }

    /// That of readers of tables.
    pub(crate) fn python_for_tables(&self) -> PathBuf {
        self.target.join("python-tables")
    }

    /// Where `cargo install` puts linters.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// The folder of shared data that some tests read; beside the checkout unless `TOLLBOOK_SHARED` says otherwise.
    pub(crate) fn shared(&self) -> OsString {
        std::env::var_os("TOLLBOOK_SHARED").unwrap_or_else(|| self.root.join("../shared").into_os_string())
    }
}

/// The folder of the workspace's manifest.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// The cargo that runs us, so that no other toolchain comes in.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
