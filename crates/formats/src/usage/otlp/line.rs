//! A line of a file with a request of OTLP in JSON, as OpenTelemetry's file exporters write them: each call in it is a
//! record.

use std::sync::Arc;

use super::export::{Encoding, ExportLimits, Selection, Signal};
use super::request::read_export;
use crate::text::json::members;
use crate::usage::mapping::{Mapped, Mapping};

/// A line is bounded, so that nothing else needs to be.
const LIMITS: ExportLimits = ExportLimits { records: 1 << 20, messages_of_record: 8 };

/// What a mapping makes of the calls in a line; `None` if the line is no request of OTLP. `number` is that of the first
/// record in its file, from 1.
pub(in crate::usage) fn map_line(mapping: &Mapping, line: &str, number: u64) -> Option<Vec<Mapped>> {
    let signal = signal(line)?;
    let selection = Selection::default();
    let export = match read_export(line.as_bytes(), signal, Encoding::Json, LIMITS, &selection) {
        Ok(export) => export,
        Err(error) => return Some(vec![Mapped::Refused(error.to_string())]),
    };
    let mut mapped = Vec::with_capacity(export.calls.len());
    for (call, number) in export.calls.iter().zip(number..) {
        mapped.extend(mapping.map_json(&call.json, number));
    }
    mapped.extend(export.refused.into_iter().map(Mapped::Refused));
    for (name, skipped) in export.passed_over.by_name() {
        let name: Arc<str> = name.into();
        mapped.extend((0..skipped).map(|_| Mapped::Skipped(Arc::clone(&name))));
    }
    Some(mapped)
}

/// The signal of a line that is a request of OTLP.
fn signal(line: &str) -> Option<Signal> {
    let (spans, logs) = (line.contains("\"resourceSpans\""), line.contains("\"resourceLogs\""));
    if !spans && !logs {
        return None;
    }
    let mut signal = None;
    // The names may also occur in a value, so the members decide.
    let _ = members(line, |name, _| {
        match name.as_ref() {
            "resourceSpans" => signal = Some(Signal::Traces),
            "resourceLogs" => signal = Some(Signal::Logs),
            _ => {}
        }
        Ok(())
    });
    signal
}
