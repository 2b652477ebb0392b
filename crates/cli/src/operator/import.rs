//! `orders import`: imports order files, with a progress bar on a terminal.

use std::ops::ControlFlow;

use serde_json::{Value, json};
use tollbook_formats::text::Input;
use tollbook_ops::import::orders::{self, Failure as Reason, FileReport, Options, Phase, Report, Step};
use tollbook_ops::webhooks::import_refused;
use tollbook_store::Store;

use super::context::now_s;
use super::progress::{Bar, Unit};
use crate::arguments::{Global, Import};
use crate::deployment::{self, Deployment, Purpose};
use crate::output::{Failure, Output, note, printable};

pub(crate) fn run(global: &Global, arguments: &Import, output: &Output) -> Result<(), Failure> {
    let Deployment { store, config, catalogue } = deployment::open(global, Purpose::Command)?;
    let inputs = arguments.files.iter().map(|file| Input::from_argument(file)).collect();
    let spool = deployment::spool_directory(global)?;
    let (skip_invalid, as_billed) = (arguments.skip_invalid, arguments.as_billed);
    let options = Options { skip_invalid, as_billed, ..Options::new(spool) };
    let bar = Bar::new(Unit::Bytes);
    let result = orders::run(store.as_ref(), &config, &catalogue, inputs, &options, &mut |step: &Step| {
        show_step(&bar, step)
    });
    bar.finish();
    match result {
        Ok(report) => {
            show_errors(&report);
            output.result(&value_of(&report), || text_of(&report));
            Ok(())
        }
        Err(error) => match &error.failure {
            Reason::Refused(report) => {
                show_errors(report);
                record(store.as_ref(), report);
                Err(Failure::with_value(error.to_string(), value_of(report)))
            }
            _ => Err(Failure::new(error.to_string())),
        },
    }
}

/// Writes the event about a refused import. The refusal is reported in any case.
fn record(store: &dyn Store, report: &Report) {
    let total = report.total();
    let files: Vec<&str> = report.files.iter().map(|file| file.file.as_str()).collect();
    let reasons: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
    let counts = (total.read, total.invalid);
    if let Err(error) = import_refused(store, "orders", &files, counts, &reasons, now_s()) {
        note(&format!("webhooks: {error}"));
    }
}

fn show_errors(report: &Report) {
    for error in &report.errors {
        note(&printable(&error.to_string()));
    }
    let hidden = report.total().invalid.saturating_sub(report.errors.len() as u64);
    if hidden > 0 {
        note(&format!("and {hidden} more"));
    }
}

fn counts(file: &FileReport) -> Value {
    json!({"Read": file.read, "Added": file.added, "Present": file.present, "Invalid": file.invalid})
}

fn value_of(report: &Report) -> Value {
    let mut value = counts(&report.total());
    let files = report.files.iter().map(|file| {
        let mut entry = counts(file);
        entry["File"] = file.file.as_str().into();
        entry
    });
    value["Files"] = files.collect();
    let errors = report
        .errors
        .iter()
        .map(|error| json!({"File": error.file, "Line": error.line, "Reason": error.reason}));
    value["Errors"] = errors.collect();
    value
}

fn text_of(report: &Report) -> String {
    let line = |file: &FileReport| {
        format!(
            "{}: {} read, {} added, {} present already, {} invalid",
            printable(&file.file),
            file.read,
            file.added,
            file.present,
            file.invalid
        )
    };
    report.files.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn show_step(bar: &Bar, step: &Step) -> ControlFlow<()> {
    let phase = match step.phase {
        Phase::Receiving => "receiving",
        Phase::Checking => "checking",
        Phase::Storing => "storing",
    };
    bar.show(phase, step.bytes_read, step.bytes_total);
    ControlFlow::Continue(())
}
