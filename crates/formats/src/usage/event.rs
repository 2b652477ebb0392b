//! Usage records as CloudEvents 1.0 in JSON (the published "JSON Event Format" and "JSON Batch Format"): the event
//! has identity and time, its data has the rest. Permission to report is checked elsewhere.

use std::borrow::Cow;

use tollbook_domain::usage::Usage;

use super::builder::{ID, SOURCE, TIME, UsageBuilder};
use super::time;
use crate::text::json::{ElementsError, JsonValue, elements, members, value};
use crate::text::shorten;

/// Most attributes of one event: nine of the specification, and extensions.
const MAX_ATTRIBUTES: usize = 64;

/// An event of a batch that is not a valid usage record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedEvent {
    /// The event's id, if it could be read.
    pub id: Option<String>,
    /// The event's source, if it could be read.
    pub source: Option<String>,
    /// Lowercase, no full stop; starts with the attribute or field if the error is in one.
    pub reason: String,
}

/// Why a body is not a batch of events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The body is not JSON.
    #[error("{0}")]
    NotJson(String),
    /// The body is another JSON value.
    #[error("must be a JSON array of events")]
    NotArray,
    /// The array is too long. Nothing of it was read.
    #[error("must hold at most {max} events")]
    TooMany {
        /// The most events that are allowed.
        max: usize,
    },
}

/// Reads one event in the JSON Event Format.
///
/// # Errors
/// The reason why it is not a valid usage record: lowercase, no full stop.
pub fn parse_event(body: &[u8]) -> Result<Usage, String> {
    parse(std::str::from_utf8(body).map_err(|_| "is not valid UTF-8")?)
}

/// Reads a batch in the JSON Batch Format: one result for each element, in order.
///
/// # Errors
/// If the body is not an array of at most `max_events` elements.
pub fn parse_batch(body: &[u8], max_events: usize) -> Result<Vec<Result<Usage, RefusedEvent>>, BatchError> {
    let body = std::str::from_utf8(body).map_err(|_| BatchError::NotJson("is not valid UTF-8".to_owned()))?;
    let events = elements(body, max_events).map_err(|error| match error {
        ElementsError::NotJson(reason) => BatchError::NotJson(reason),
        ElementsError::NotArray => BatchError::NotArray,
        ElementsError::TooMany => BatchError::TooMany { max: max_events },
    })?;
    Ok(events.into_iter().map(|event| parse(event).map_err(|reason| refused(event, reason))).collect())
}

/// Reads id and source of an event that is not valid.
fn refused(event: &str, reason: String) -> RefusedEvent {
    let mut refused = RefusedEvent { id: None, source: None, reason };
    // The members before an error are read; the reason already has the error.
    let _ = members(event, |name, raw| {
        let attribute = match name.as_ref() {
            "id" => &mut refused.id,
            "source" => &mut refused.source,
            _ => return Ok(()),
        };
        if let (None, Ok(Some(JsonValue::Text(text)))) = (&attribute, value(raw)) {
            *attribute = Some(text.into_owned());
        }
        Ok(())
    });
    refused
}

/// The attributes that a usage record needs.
#[derive(Default)]
struct Attributes<'e> {
    specversion: bool,
    kind: bool,
    id: Option<Cow<'e, str>>,
    source: Option<Cow<'e, str>>,
    time_s: Option<i64>,
    data: Option<&'e str>,
}

/// Reads the usage record of an event.
pub(super) fn parse(event: &str) -> Result<Usage, String> {
    let mut attributes = Attributes::default();
    let mut seen: Vec<Cow<'_, str>> = Vec::with_capacity(8);
    members(event, |name, raw| {
        if seen.contains(&name) {
            return Err(format!("{}: occurs twice", shorten(&name)));
        }
        if seen.len() == MAX_ATTRIBUTES {
            return Err(format!("has more than {MAX_ATTRIBUTES} attributes"));
        }
        attributes.take(&name, raw)?;
        seen.push(name);
        Ok(())
    })?;
    attributes.usage()
}

impl<'e> Attributes<'e> {
    fn take(&mut self, name: &str, raw: &'e str) -> Result<(), String> {
        let text = || match value(raw) {
            Ok(Some(JsonValue::Text(text))) if !text.is_empty() => Ok(text),
            Err(reason) => Err(format!("{name}: {reason}")),
            Ok(_) => Err(format!("{name}: must be a text that is not empty")),
        };
        match name {
            "specversion" if text()? != "1.0" => return Err("specversion: must be 1.0".to_owned()),
            "specversion" => self.specversion = true,
            "type" => {
                text()?;
                self.kind = true;
            }
            "id" => self.id = Some(text()?),
            "source" => self.source = Some(text()?),
            "time" => {
                let seconds = time::rfc3339(&text()?).map_err(|reason| format!("time: {reason}"))?;
                self.time_s = Some(seconds);
            }
            "data" => self.data = Some(raw),
            "data_base64" => return Err("data_base64: the record must be JSON in data".to_owned()),
            // A valid name: another attribute of the specification, or an extension.
            _ if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) => {}
            _ => return Err(format!("{}: is not an attribute of an event", shorten(name))),
        }
        Ok(())
    }

    fn usage(self) -> Result<Usage, String> {
        for (stated, name) in [
            (self.specversion, "specversion"),
            (self.id.is_some(), "id"),
            (self.source.is_some(), "source"),
            (self.kind, "type"),
            (self.time_s.is_some(), "time"),
            (self.data.is_some(), "data"),
        ] {
            if !stated {
                return Err(format!("{name}: is required"));
            }
        }
        let (Some(id), Some(source), Some(time_s), Some(data)) =
            (self.id, self.source, self.time_s, self.data)
        else {
            return Err("is not an event".to_owned());
        };
        let mut builder = UsageBuilder::default();
        members(data, |name, raw| match name.as_ref() {
            "id" | "source" | "time" => Err(format!("{name}: belongs to the event, not to its data")),
            _ => builder.member(&name, raw),
        })
        .map_err(|reason| {
            if reason == "must be a JSON object" { format!("data: {reason}") } else { reason }
        })?;
        builder.set_text(ID, id);
        builder.set_text(SOURCE, source);
        builder.set_number(TIME, Ok(time_s))?;
        builder.finish()
    }
}
