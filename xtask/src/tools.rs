//! Linters that are published as crates only, each built once into a private place below the target directory.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::step::{self, Outcome};
use crate::workspace::{self, Workspace};

/// A program of a crate of the same name.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

/// Licences, banned and doubled crates, where crates come from.
pub(crate) const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

/// Dependencies that nothing uses.
pub(crate) const CARGO_MACHETE: Tool = Tool { name: "cargo-machete", version: "0.9.2" };

impl Tool {
    /// The program, built if that version is not there yet.
    pub(crate) fn prepare(&self, workspace: &Workspace) -> Outcome<PathBuf> {
        let tools = workspace.tools();
        let program = tools.join("bin").join(self.name);
        let stamp = tools.join(format!("{}-{}", self.name, self.version));
        if stamp.exists() && program.exists() {
            return Ok(program);
        }
        let build = tools.join("build");
        // Unoptimised: they are quick enough on one workspace, and half as long in the making.
        step::run(
            Command::new(workspace::cargo())
                .args(["install", "--locked", "--force", "--debug", "--quiet", self.name, "--version"])
                .arg(format!("={}", self.version))
                .arg("--root")
                .arg(&tools)
                .arg("--target-dir")
                .arg(&build),
        )?;
        fs::remove_dir_all(&build).map_err(|error| format!("{}: {error}", build.display()))?;
        fs::write(&stamp, "").map_err(|error| format!("{}: {error}", stamp.display()))?;
        Ok(program)
    }
}
