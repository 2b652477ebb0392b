//! The environment as `config` reads it: all variables of the program, those that are not its own, and what is wrong with
//! their values.

use std::collections::BTreeMap;

use tollbook_ops::MasterKey;
use tollbook_ops::config::check::nearest;
use tollbook_ops::config::reference::VARIABLES;
use tracing_subscriber::EnvFilter;

/// What all variables of the program begin with.
const PREFIX: &str = "TOLLBOOK_";
/// Variables of the tests and of the build (CONTRIBUTING.md) that a developer's shell may have.
const OF_DEVELOPERS: [&str; 3] = ["TOLLBOOK_TEST_", "TOLLBOOK_SHARED", "TOLLBOOK_PYTHON_CACHE"];

pub(super) struct Environment(BTreeMap<String, Option<String>>);

impl Environment {
    /// The variables of this process. One that is not UTF-8 has no value.
    pub(super) fn read() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            Some((name, value.into_string().ok()))
        });
        Self(variables.collect())
    }

    /// The value of a variable; one that is empty counts as not set.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref().filter(|value| !value.is_empty())
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Variables that the program does not know or cannot read, each with what is wrong.
    pub(super) fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let own = self.0.iter().filter(|(name, _)| name.starts_with(PREFIX));
        for (name, value) in
            own.filter(|(name, _)| !OF_DEVELOPERS.iter().any(|other| name.starts_with(other)))
        {
            if !VARIABLES.iter().any(|variable| variable.name == name) {
                let similar = nearest(name, VARIABLES.iter().map(|variable| variable.name));
                let similar = similar.map_or_else(String::new, |name| format!("; did you mean {name}?"));
                problems.push((name.clone(), format!("unknown variable{similar}")));
            } else if value.is_none() {
                problems.push((name.clone(), "not valid UTF-8".to_owned()));
            }
        }
        // None of these texts repeats a value, which may be a secret.
        if let Some(Err(error)) = self.value("TOLLBOOK_MASTER_KEY").map(MasterKey::from_hex) {
            problems.push(("TOLLBOOK_MASTER_KEY".to_owned(), error.to_string()));
        }
        if let Some(Err(error)) = self.value("TOLLBOOK_LOG").map(EnvFilter::try_new) {
            problems.push(("TOLLBOOK_LOG".to_owned(), format!("not a log filter: {error}")));
        }
        if self.value("TOLLBOOK_LOG_FORMAT").is_some_and(|format| !["text", "json"].contains(&format)) {
            problems.push(("TOLLBOOK_LOG_FORMAT".to_owned(), "must be text or json".to_owned()));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_checked() {
        let environment = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())));
            Environment(pairs.collect())
                .problems()
                .into_iter()
                .map(|(name, text)| format!("{name}: {text}"))
                .collect()
        };
        let problems: Vec<String> = environment(&[
            ("HOME", "/root"),
            ("TOLLBOOK_DATABASE", "postgres://u:secret@h/d"),
            ("TOLLBOOK_LOG", "a=b=c"),
            ("TOLLBOOK_LOG_FORMAT", "xml"),
            ("TOLLBOOK_MASTER_KEY", "secret"),
            ("TOLLBOOK_SHARED", "/data"),
            ("TOLLBOOK_XYZ", "1"),
        ]);
        let starts = [
            "TOLLBOOK_DATABASE: unknown variable; did you mean TOLLBOOK_DATABASE_URL?",
            "TOLLBOOK_XYZ: unknown variable",
            "TOLLBOOK_MASTER_KEY: ",
            "TOLLBOOK_LOG: not a log filter",
            "TOLLBOOK_LOG_FORMAT: must be text or json",
        ];
        assert_eq!(problems.len(), starts.len(), "{problems:?}");
        for (problem, start) in problems.iter().zip(starts) {
            assert!(problem.starts_with(start) && !problem.contains("secret"), "{problem}");
        }
        let valid = [("TOLLBOOK_LOG", "info"), ("TOLLBOOK_LOG_FORMAT", ""), ("TOLLBOOK_DATA", "/d")];
        assert_eq!(environment(&valid), Vec::<String>::new());
    }
}
