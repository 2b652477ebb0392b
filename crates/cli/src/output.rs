//! Prints results on standard output and everything else on standard error. With `--json`, standard output is exactly one
//! JSON value, also if the command fails. No other file prints, and nothing here panics: whether its output can be written
//! must not decide what becomes of a command.

use std::cell::RefCell;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};

/// The output format of a command.
pub(crate) struct Output {
    json: bool,
    /// Why standard output could not be written. Its reader may have gone, as `head` does; that is no failure.
    unwritten: RefCell<Option<io::Error>>,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    /// What `--json` prints instead of the message.
    value: Option<Value>,
}

impl Failure {
    /// A failure with a value for `--json`.
    pub(crate) fn with_value(message: impl Into<String>, value: Value) -> Self {
        Self { message: message.into(), value: Some(value) }
    }

    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), value: None }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, unwritten: RefCell::default() }
    }

    /// Prints a result: the value with `--json`, otherwise the text.
    pub(crate) fn result(&self, value: &Value, text: impl FnOnce() -> String) {
        if self.json {
            self.print(&value.to_string());
        } else {
            let text = text();
            if !text.is_empty() {
                self.print(text.trim_end());
            }
        }
    }

    /// The exit code of a command that has done its work: 1 if its result could not be written.
    pub(crate) fn done(&self) -> ExitCode {
        match self.unwritten.take() {
            None => ExitCode::SUCCESS,
            Some(error) => {
                note(&format!("tollbook: the result cannot be written to standard output: {error}"));
                ExitCode::from(1)
            }
        }
    }

    fn print(&self, text: &str) {
        let mut stdout = io::stdout().lock();
        let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.unwritten.replace(Some(error));
        }
    }

    /// Prints a failure and returns the exit code.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        if self.json {
            let value = failure.value.clone().unwrap_or_else(|| json!({"Error": failure.message}));
            self.print(&value.to_string());
        }
        note(&format!("tollbook: {}", failure.message));
        ExitCode::from(1)
    }
}

/// Prints a note on standard error, if that can be written.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether a person can be asked: both the question and the answer are on a terminal.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question on the terminal. Every answer but "y" and "yes" is no.
pub(crate) fn confirm(question: &str) -> bool {
    let mut terminal = io::stderr().lock();
    let _ = write!(terminal, "{question} [y/N] ").and_then(|()| terminal.flush());
    drop(terminal);
    let mut answer = String::new();
    // A terminal that cannot be read gives no answer.
    let read = io::stdin().read_line(&mut answer);
    read.is_ok() && ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())
}

/// Formats a table for a terminal.
pub(crate) fn table(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(headers.to_vec());
    for row in rows {
        table.add_row(row);
    }
    let lines: Vec<String> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Replaces control characters, which names and orders from outside may contain, so that a terminal can show the text.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
