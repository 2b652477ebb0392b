//! Prints results on standard output and everything else on standard error. With `--json`, standard output is exactly one
//! JSON value, also if the command fails. No other file prints.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the file that prints")]

use std::io::IsTerminal as _;
use std::process::ExitCode;

use serde_json::{Value, json};

/// The output format of a command.
pub(crate) struct Output {
    json: bool,
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
        Self { json }
    }

    /// Prints a result: the value with `--json`, otherwise the text.
    pub(crate) fn result(&self, value: &Value, text: impl FnOnce() -> String) {
        if self.json {
            println!("{value}");
        } else {
            let text = text();
            if !text.is_empty() {
                println!("{}", text.trim_end());
            }
        }
    }

    /// Prints a failure and returns the exit code.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        if self.json {
            println!("{}", failure.value.clone().unwrap_or_else(|| json!({"Error": failure.message})));
        }
        eprintln!("tollbook: {}", failure.message);
        ExitCode::from(1)
    }
}

/// Prints a note on standard error.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Whether a person can be asked: both the question and the answer are on a terminal.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a question on the terminal. Every answer but "y" and "yes" is no.
pub(crate) fn confirm(question: &str) -> bool {
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    // A terminal that cannot be read gives no answer.
    let read = std::io::stdin().read_line(&mut answer);
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
