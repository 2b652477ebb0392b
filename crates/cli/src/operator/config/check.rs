//! `config check`: every problem of the configuration, the environment and the files that they name.

use std::path::PathBuf;

use serde_json::{Value, json};
use tollbook_ops::Config;
use tollbook_ops::config::check::{CheckedFile, Finding, check_file, findings};

use super::environment::Environment;
use super::files::{Files, modes};
use crate::arguments::Global;
use crate::deployment;
use crate::output::{Failure, Output, note, printable};

/// What was found, with the place of each key.
#[derive(Default)]
struct Found {
    problems: Vec<Place>,
    notes: Vec<Place>,
}

struct Place {
    file: Option<PathBuf>,
    line: Option<usize>,
    key: String,
    text: String,
}

pub(super) fn run(global: &Global, output: &Output) -> Result<(), Failure> {
    let found = check(global);
    let listed = |places: &[Place]| places.iter().map(Place::value).collect::<Vec<_>>();
    let value = json!({"Problems": listed(&found.problems), "Notes": listed(&found.notes)});
    for place in &found.notes {
        note(&format!("note: {}", place.shown()));
    }
    if found.problems.is_empty() {
        output.result(&value, || "no problem was found".to_owned());
        return Ok(());
    }
    for place in &found.problems {
        note(&format!("problem: {}", place.shown()));
    }
    let count = found.problems.len();
    let text = if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") };
    Err(Failure::with_value(text, value))
}

fn check(global: &Global) -> Found {
    let mut found = Found::default();
    let environment = Environment::read();
    for (key, text) in environment.problems() {
        found.problems.push(Place { file: None, line: None, key, text });
    }
    let file = deployment::config_file(global);
    let checked = match &file {
        None => CheckedFile { faults: Vec::new(), config: Some(Config::default()), lines: [].into() },
        Some(file) => match std::fs::read_to_string(file) {
            Ok(text) => check_file(file, &text),
            Err(error) => {
                let text = format!("{}: {error}", file.display());
                found.problems.push(Place { file: None, line: None, key: "--config".to_owned(), text });
                CheckedFile { faults: Vec::new(), config: None, lines: [].into() }
            }
        },
    };
    for fault in checked.faults {
        let (file, line) = (Some(fault.file), fault.line);
        found.problems.push(Place { file, line, key: fault.key, text: fault.reason });
    }
    let Some(config) = checked.config else { return found };
    let mut findings = findings(&config, &|key| checked.lines.contains_key(key));
    findings.extend(Files { global, config: &config, environment: &environment }.findings());
    if let Some(file) = &file {
        let has_password = config.database_url.as_ref().is_some_and(|url| has_password(url));
        findings.extend(modes(file, has_password));
    }
    for Finding { key, text, is_problem } in findings {
        let line = checked.lines.get(&key).copied();
        let place = Place { file: line.and(file.clone()), line, key, text };
        if is_problem { found.problems.push(place) } else { found.notes.push(place) }
    }
    found
}

fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    authority.and_then(|text| text.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'))
        || url.contains("password=")
}

impl Place {
    fn shown(&self) -> String {
        let mut text = String::new();
        if let (Some(file), Some(line)) = (&self.file, self.line) {
            text = format!("{}:{line}: ", file.display());
        } else if let Some(file) = &self.file {
            text = format!("{}: ", file.display());
        }
        if !self.key.is_empty() {
            text.push_str(&self.key);
            text.push_str(": ");
        }
        printable(&(text + &self.text))
    }

    fn value(&self) -> Value {
        let file = self.file.as_ref().map(|file| file.display().to_string());
        json!({"Key": self.key, "Text": self.text, "File": file, "Line": self.line})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_noticed() {
        assert!(has_password("postgres://u:p@h/d") && has_password("postgres://h/d?user=u&password=p"));
        assert!(!has_password("postgres://u@h:5432/d") && !has_password("sqlite:/a:b@c/x"));
    }
}
