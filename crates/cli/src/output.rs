//! The one place that prints: results on standard output, everything else on standard error. With `--json`, standard
//! output is exactly one JSON value, also when the command fails.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the file that prints")]

use std::process::ExitCode;

use serde_json::{Value, json};

/// How results are printed.
pub(crate) struct Output {
    json: bool,
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    /// What `--json` prints instead of the message, where there is more to say.
    value: Option<Value>,
}

impl Failure {
    /// A failure with a value of its own for `--json`.
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

    /// Prints a result: the value, or for people the text.
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

    /// Prints a failure and says the exit code.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        if self.json {
            println!("{}", failure.value.clone().unwrap_or_else(|| json!({"Error": failure.message})));
        }
        eprintln!("tollbook: {}", failure.message);
        ExitCode::from(1)
    }
}

/// Says something beside the result, on standard error.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// A table for people.
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

/// Makes a text safe to print on a terminal: orders and names are not ours.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
