//! The variables in which tests find what was prepared for them:
//!
//! - `TOLLBOOK_TEST_PYTHON`: an interpreter that has the published clients,
//! - `TOLLBOOK_TEST_TABLES_PYTHON`: one that has readers of tables and the validator of FOCUS,
//! - `TOLLBOOK_SHARED`: the folder of shared data,
//! - `TOLLBOOK_TEST_SKIPPED`: a file to which a test adds its name when that folder, or a right that it needs, is not there.

use std::ffi::OsString;
use std::process::Command;
use std::thread;

use super::needs::Needs;
use super::skipped::Skipped;
use crate::python::Environment;
use crate::step::Outcome;
use crate::workspace::Workspace;

pub(super) struct TestEnvironment(Vec<(&'static str, OsString)>);

impl TestEnvironment {
    /// Makes the Python environments that are needed, all at once.
    pub(super) fn prepare(workspace: &Workspace, needs: &Needs, skipped: &Skipped) -> Outcome<Self> {
        let mut variables = vec![
            ("TOLLBOOK_SHARED", workspace.shared()),
            ("TOLLBOOK_TEST_SKIPPED", skipped.path().into()),
            ("PYTHONDONTWRITEBYTECODE", "1".into()),
        ];
        thread::scope(|scope| {
            let prepare = |purpose| scope.spawn(move || Environment::prepare(workspace, purpose));
            let pythons: Vec<_> = needs.environments();
            let pythons: Vec<_> =
                pythons.into_iter().map(|(variable, purpose)| (variable, prepare(purpose))).collect();
            for (variable, made) in pythons {
                let made = made.join().unwrap_or_else(|_| Err("an environment cannot be made".to_owned()))?;
                variables.push((variable, made.program("python").into()));
            }
            Ok(Self(variables))
        })
    }

    pub(super) fn set<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.envs(self.0.iter().map(|(name, value)| (name, value)))
    }
}
