//! Usage records as CloudEvents 1.0 in JSON (the published "JSON Event Format" and "JSON Batch Format"): the event
//! carries identity and time, its data the rest. Who may report what is not decided here.

use std::borrow::Cow;

use tollbook_domain::usage::Usage;

use super::record::{Draft, TIME, place};
use super::time;
use crate::text::json::{ElementsError, JsonValue, elements, members, value};
use crate::text::shorten;

/// Most attributes of one event. The specification has nine; extensions come on top.
const MAX_ATTRIBUTES: usize = 64;

/// An event of a batch that is no usage record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedEvent {
    /// Its id, if one could be read.
    pub id: Option<String>,
    /// Its source, if one could be read.
    pub source: Option<String>,
    /// Lowercase, no full stop; the attribute or field first, where one is to blame.
    pub reason: String,
}

/// A body that is no batch of events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes are not JSON.
    #[error("{0}")]
    NotJson(String),
    /// It is JSON, but no array.
    #[error("must be a JSON array of events")]
    NotArray,
    /// The array is longer than it may be; nothing of it was looked at.
    #[error("must hold at most {max} events")]
    TooMany {
        /// The bound.
        max: usize,
    },
}

/// One event in the JSON Event Format.
///
/// # Errors
/// The reason why it is no usage record, lowercase and without a full stop.
pub fn parse_event(body: &[u8]) -> Result<Usage, String> {
    parse(std::str::from_utf8(body).map_err(|_| "is not valid UTF-8")?)
}

/// A batch in the JSON Batch Format: one answer for each element, in order.
///
/// # Errors
/// When the body as a whole is not an array of at most `max_events` elements.
pub fn parse_batch(body: &[u8], max_events: usize) -> Result<Vec<Result<Usage, RefusedEvent>>, BatchError> {
    let body = std::str::from_utf8(body).map_err(|_| BatchError::NotJson("is not valid UTF-8".to_owned()))?;
    let events = elements(body, max_events).map_err(|error| match error {
        ElementsError::NoJson(reason) => BatchError::NotJson(reason),
        ElementsError::NoArray => BatchError::NotArray,
        ElementsError::TooMany => BatchError::TooMany { max: max_events },
    })?;
    Ok(events.into_iter().map(|event| parse(event).map_err(|reason| refused(event, reason))).collect())
}

/// Reads id and source, whatever else is wrong.
fn refused(event: &str, reason: String) -> RefusedEvent {
    let mut refused = RefusedEvent { id: None, source: None, reason };
    // What stands before an error is read; the error itself is told already.
    let _ = members(event, |name, raw| {
        let place = match name.as_ref() {
            "id" => &mut refused.id,
            "source" => &mut refused.source,
            _ => return Ok(()),
        };
        if let (None, Ok(Some(JsonValue::Text(text)))) = (&place, value(raw)) {
            *place = Some(text.into_owned());
        }
        Ok(())
    });
    refused
}

/// The attributes that mean something here.
#[derive(Default)]
struct Attributes<'e> {
    specversion: bool,
    kind: bool,
    id: Option<Cow<'e, str>>,
    source: Option<Cow<'e, str>>,
    time_s: Option<i64>,
    data: Option<&'e str>,
}

/// The usage record of an event.
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
            // A name of the specification: the rest of it, and extensions.
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
        let mut draft = Draft::default();
        members(data, |name, raw| match name.as_ref() {
            "id" | "source" | "time" => Err(format!("{name}: belongs to the event, not to its data")),
            _ => draft.member(&name, raw),
        })
        .map_err(|reason| {
            if reason == "must be a JSON object" { format!("data: {reason}") } else { reason }
        })?;
        for (name, text) in [("id", id), ("source", source)] {
            if let Some(field) = place(name) {
                draft.set_text(field, text);
            }
        }
        draft.set_number(TIME, Ok(time_s))?;
        draft.finish()
    }
}
