//! Suites: tests that the others do not wait for, because they start programs of other projects. They are ignored tests of
//! one module; a suite has an environment of its own.

use std::ffi::OsString;
use std::process::Command;

use crate::python::{Environment, Purpose};
use crate::step::{self, Outcome};
use crate::workspace::{self, Workspace};
use crate::{chromium, fuzz, gnumeric, languages, libreoffice, node};

/// Environment variables.
type Variables = Vec<(&'static str, OsString)>;

struct Suite {
    name: &'static str,
    /// The test target, and the module of the tests in it.
    target: &'static str,
    module: &'static str,
    /// The Python environment, and the variable that names its interpreter to the tests.
    python: Option<(Purpose, &'static str)>,
    /// Prepares what else the tests need, and returns the variables that name it to them.
    prepare: fn(&Workspace) -> Outcome<Variables>,
}

/// The suite that is not one of ignored tests.
pub(super) const FUZZ: &str = "fuzz";

const SUITES: [Suite; 5] = [
    Suite {
        name: "clients",
        target: "acceptance",
        module: "suite_clients::",
        python: None,
        prepare: prepare_clients,
    },
    Suite {
        name: "console",
        target: "acceptance",
        module: "suite_console::",
        python: None,
        prepare: prepare_console,
    },
    Suite {
        name: "gateways",
        target: "acceptance",
        module: "suite_gateways::",
        python: Some((Purpose::Gateways, "TOLLBOOK_TEST_GATEWAYS_PYTHON")),
        prepare: |_| Ok(Vec::new()),
    },
    Suite {
        name: "openapi",
        target: "acceptance",
        module: "suite_openapi::",
        python: Some((Purpose::OpenApi, "TOLLBOOK_TEST_OPENAPI_PYTHON")),
        prepare: prepare_openapi,
    },
    Suite {
        name: "readers",
        target: "readers",
        module: "suite_readers::",
        python: Some((Purpose::Readers, "TOLLBOOK_TEST_READERS_PYTHON")),
        prepare: prepare_readers,
    },
];

/// The languages of docs/CLIENTS.md. Go compiles its library once.
fn prepare_clients(workspace: &Workspace) -> Outcome<Variables> {
    languages::require()?;
    Ok(vec![("GOCACHE", workspace.root().join("target/go-cache").into())])
}

/// Readers of workbooks that are not in Python: packages for Node, LibreOffice and Gnumeric.
fn prepare_readers(workspace: &Workspace) -> Outcome<Variables> {
    libreoffice::require()?;
    gnumeric::require()?;
    Ok(vec![("TOLLBOOK_TEST_NODE_MODULES", node::prepare(workspace, "node")?.into())])
}

/// What generates a TypeScript client, and its compiler.
fn prepare_openapi(workspace: &Workspace) -> Outcome<Variables> {
    Ok(vec![("TOLLBOOK_TEST_NODE_MODULES", node::prepare(workspace, "openapi")?.into())])
}

/// A browser, what drives it, and the folder for screenshots.
fn prepare_console(workspace: &Workspace) -> Outcome<Variables> {
    let chromium = chromium::require()?;
    Ok(vec![
        ("TOLLBOOK_TEST_CHROMIUM", chromium.into()),
        ("TOLLBOOK_TEST_NODE_MODULES", node::prepare(workspace, "console")?.into()),
        ("TOLLBOOK_TEST_SCREENSHOTS", workspace.root().join("target/console").into()),
    ])
}

/// The suite of an ignored test.
pub(super) fn of_test(test: &str) -> Option<&'static str> {
    SUITES.iter().find(|suite| test.starts_with(suite.module)).map(|suite| suite.name)
}

fn named(name: &str) -> Outcome<&'static Suite> {
    SUITES.iter().find(|suite| suite.name == name).ok_or_else(|| {
        let known: Vec<&str> = [FUZZ].into_iter().chain(SUITES.iter().map(|suite| suite.name)).collect();
        format!("test: there is no suite {name}: there are {}", known.join(", "))
    })
}

/// Runs a suite, or those of its tests with `part` in their names.
pub(super) fn run(workspace: &Workspace, name: &str, part: Option<&str>) -> Outcome {
    if name == FUZZ {
        return fuzz::suite(workspace, part);
    }
    let suite = named(name)?;
    let more = (suite.prepare)(workspace)?;
    let filter = part.map_or_else(|| suite.module.to_owned(), str::to_owned);
    let mut cargo = Command::new(workspace::cargo());
    cargo
        .current_dir(workspace.root())
        // Of the workspace, because cargo builds other features for a package alone.
        .args(["test", "--workspace", "--test", suite.target, "--", "--ignored", &filter])
        .envs(more)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some((purpose, variable)) = suite.python {
        cargo.env(variable, Environment::prepare(workspace, purpose)?.program("python"));
    }
    step::run(&mut cargo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_have_names() {
        assert_eq!(named("readers").map(|suite| suite.target), Ok("readers"));
        assert_eq!(named("gateways").map(|suite| suite.target), Ok("acceptance"));
        let unknown = named("gates").err();
        assert_eq!(
            unknown.as_deref(),
            Some(
                "test: there is no suite gates: there are fuzz, clients, console, gateways, openapi, readers"
            )
        );
    }
}
