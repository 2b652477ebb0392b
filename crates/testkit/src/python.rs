//! Runs the scripts of `tests/python` in the environments that `cargo xtask test` prepares.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// What an environment has installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Python {
    /// The published clients, and readers of workbooks.
    Clients,
    /// Readers of tables, and the validator of FOCUS.
    Tables,
    /// Gateways, and clients of the protocols that they report usage by: the suite `gateways`.
    Gateways,
}

impl Python {
    /// Runs a script, or the file of an absolute path, and returns what it prints: one JSON value as text.
    ///
    /// # Panics
    /// If the environment is not prepared, or if the script fails. The message has the script's standard error.
    pub fn run<A: AsRef<OsStr>>(
        self,
        script: &str,
        arguments: impl IntoIterator<Item = A>,
        environment: &[(&str, &str)],
    ) -> String {
        let variable = match self {
            Self::Clients => "TOLLBOOK_TEST_PYTHON",
            Self::Tables => "TOLLBOOK_TEST_TABLES_PYTHON",
            Self::Gateways => "TOLLBOOK_TEST_GATEWAYS_PYTHON",
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "the test runner passes the interpreter in the environment"
        )]
        let interpreter = std::env::var(variable)
            .unwrap_or_else(|_| panic!("{variable} is not set: run the tests with `cargo xtask test`"));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/python").join(script);
        let output = Command::new(interpreter)
            .arg(&path)
            .args(arguments)
            .envs(environment.iter().copied())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {error}", path.display());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
