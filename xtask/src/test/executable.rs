//! A test executable, and how it is started: in the folder of its package and with the variables that cargo sets.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::environment::TestEnvironment;
use super::packages::{Package, Packages};
use super::results;
use crate::step::{self, Outcome};
use crate::workspace;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Executable {
    package: Package,
    /// The source file of its root, below the folder of the package.
    source: PathBuf,
    program: PathBuf,
}

impl Executable {
    /// The executable that a line of `cargo --message-format=json` speaks of, if it is one of tests.
    pub(super) fn parse(line: &str, packages: &Packages) -> Option<Self> {
        let message: Value = serde_json::from_str(line).ok()?;
        if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
            return None;
        }
        let package = packages.by_id(message["package_id"].as_str()?)?.clone();
        let source = Path::new(message["target"]["src_path"].as_str()?);
        let source = source.strip_prefix(&package.folder).unwrap_or(source).to_path_buf();
        Some(Self { source, program: PathBuf::from(message["executable"].as_str()?), package })
    }

    /// For people, and unique in the workspace: `tollbook-store tests/plans.rs`.
    pub(super) fn label(&self) -> String {
        format!("{} {}", self.package.name, self.source.display())
    }

    pub(super) fn command(&self, environment: &TestEnvironment) -> Command {
        let mut command = Command::new(&self.program);
        for variable in workspace::package_variables() {
            command.env_remove(variable);
        }
        command
            .current_dir(&self.package.folder)
            .env("CARGO_MANIFEST_DIR", &self.package.folder)
            .env("CARGO_MANIFEST_PATH", self.package.folder.join("Cargo.toml"))
            .env("CARGO_PKG_NAME", &self.package.name)
            .env("CARGO_PKG_VERSION", &self.package.version)
            .stdin(Stdio::null());
        environment.set(&mut command);
        command
    }

    /// The names of its tests that hold a text.
    pub(super) fn tests(&self, environment: &TestEnvironment, part: &str) -> Outcome<Vec<String>> {
        let mut command = self.command(environment);
        Ok(results::listed(&step::output(command.args(["--list", "--format", "terse", part]))?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::packages::tests::two;
    use super::*;

    #[test]
    fn messages_of_cargo() {
        let packages = two();
        let message = |reason: &str, test: bool, executable: &str| {
            let line = format!(
                r#"{{"reason": "{reason}", "package_id": "path+tollbook-store", "profile": {{"test": {test}}},
                    "target": {{"src_path": "/r/crates/store/tests/plans.rs"}}, "executable": {executable}}}"#
            );
            Executable::parse(&line, &packages)
        };
        let found = message("compiler-artifact", true, r#""/t/plans-1""#).expect("a test executable");
        assert_eq!(found.label(), "tollbook-store tests/plans.rs");
        assert_eq!(found.program, Path::new("/t/plans-1"));
        assert_eq!(message("compiler-artifact", false, r#""/t/plans-1""#), None);
        assert_eq!(message("compiler-artifact", true, "null"), None);
        assert_eq!(message("compiler-message", true, r#""/t/plans-1""#), None);
        assert_eq!(Executable::parse("   Compiling x", &packages), None);
    }
}
