//! Prints results on standard output and everything else on standard error. With `--json`, standard output is exactly one
//! JSON value, also if the command fails. No other file prints, and nothing here panics: whether its output can be written
//! must not decide what becomes of a command.

use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};

mod safe;
mod table;

pub(crate) use safe::printable;
pub(crate) use table::{Column, Kind, Table, csv_headings, csv_row, table, text_of, with_thousands};

/// The form of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// The values as they are, one row a line
    Csv,
    /// Exactly one JSON value, as --json
    Json,
}

/// The output format of a command.
pub(crate) struct Output {
    format: Format,
    /// Why standard output could not be written. Its reader may have gone, as `head` does; that is no failure.
    unwritten: RefCell<Option<io::Error>>,
    /// Whether the reader of standard output has gone.
    is_closed: Cell<bool>,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    /// What `--json` prints instead of the message.
    value: Option<Value>,
    /// Whether standard output has the value already.
    is_printed: bool,
}

impl Failure {
    /// A failure with a value for `--json`.
    pub(crate) fn with_value(message: impl Into<String>, value: Value) -> Self {
        Self { message: message.into(), value: Some(value), is_printed: false }
    }

    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), value: None, is_printed: false }
    }

    /// The same failure, of which standard output has the JSON value already.
    pub(crate) fn printed(self) -> Self {
        Self { is_printed: true, ..self }
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What the server answered.
    pub(crate) fn ret_code(&self) -> Option<i64> {
        self.value.as_ref()?["RetCode"].as_i64()
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, unwritten: RefCell::default(), is_closed: Cell::default() }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Prints a result: the value with `--json`, otherwise the text.
    pub(crate) fn result(&self, value: &Value, text: impl FnOnce() -> String) {
        if self.format == Format::Json {
            self.print_json(&value.to_string());
        } else {
            let text = text();
            if !text.is_empty() {
                self.line(text.trim_end());
            }
        }
    }

    /// Prints a list of objects: the value as JSON, the named members of its rows as CSV, otherwise the text.
    pub(crate) fn list<'v>(
        &self,
        value: &Value,
        names: &[&str],
        rows: impl IntoIterator<Item = &'v Value>,
        text: impl FnOnce() -> String,
    ) {
        if self.format != Format::Csv {
            return self.result(value, text);
        }
        self.line(&csv_headings(names));
        for row in rows {
            self.line(&csv_row(names, row));
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

    /// Prints a line.
    pub(crate) fn line(&self, text: &str) {
        self.bytes(format!("{text}\n").as_bytes());
    }

    /// Prints JSON, or the last part of it.
    pub(crate) fn print_json(&self, json: &str) {
        self.print_json_part(json);
        self.bytes(b"\n");
    }

    /// Prints a part of JSON. On a terminal, characters that would command it are escaped, which leaves the value as it is.
    pub(crate) fn print_json_part(&self, json: &str) {
        if table::is_terminal() {
            self.bytes(safe::escaped(json).as_bytes());
        } else {
            self.bytes(json.as_bytes());
        }
    }

    /// Prints bytes, such as those of a file.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.is_closed.set(true),
            Err(error) => {
                self.is_closed.set(true);
                self.unwritten.replace(Some(error));
            }
        }
    }

    /// Whether nothing more can be written, so that a long result need not be continued.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// Prints a failure and returns the exit code.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        if self.format == Format::Json && !failure.is_printed {
            let value = failure.value.clone().unwrap_or_else(|| json!({"Error": failure.message}));
            self.print_json(&value.to_string());
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
