//! Events of OpenMeter's ingest (docs/GATEWAYS.md, "OpenMeter"): `CloudEvents` whose subject is the customer and whose data
//! has counts of tokens, as LiteLLM's callback and Kong's plugin send them.

use std::borrow::Cow;

use tollbook_domain::Usage;

use super::event::{BatchError, RefusedEvent};
use super::time;
use crate::text::json::{ElementsError, JsonValue, elements, members, value};
use crate::text::shorten;

/// An event of OpenMeter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeterEvent {
    /// It counts tokens.
    Usage {
        /// The record, without company, organization and resource.
        usage: Box<Usage>,
        /// The customer as the sender names it.
        subject: String,
    },
    /// It counts no tokens: its type.
    NoTokens(String),
}

/// The events of a body: an array, or a single one. `now_s` is the time of events that state none.
///
/// # Errors
/// The body is not JSON, or has more than `most` events.
pub fn read_events(
    body: &str,
    most: usize,
    now_s: i64,
) -> Result<Vec<Result<MeterEvent, RefusedEvent>>, BatchError> {
    let events = if body.trim_start().starts_with('[') {
        elements(body, most).map_err(|error| match error {
            ElementsError::NotJson(reason) => BatchError::NotJson(reason),
            ElementsError::NotArray => BatchError::NotArray,
            ElementsError::TooMany => BatchError::TooMany { max: most },
        })?
    } else {
        members(body, |_, _| Ok(())).map_err(BatchError::NotJson)?;
        vec![body]
    };
    Ok(events.into_iter().map(|event| read_event(event, now_s)).collect())
}

#[derive(Default)]
struct Event<'e> {
    has_version: bool,
    id: Option<Cow<'e, str>>,
    source: Option<Cow<'e, str>>,
    kind: Option<Cow<'e, str>>,
    subject: Option<Cow<'e, str>>,
    time_s: Option<i64>,
    data: Option<&'e str>,
}

fn read_event(event: &str, now_s: i64) -> Result<MeterEvent, RefusedEvent> {
    let mut read = Event::default();
    let usage = members(event, |name, raw| read.take(&name, raw)).and_then(|()| read.usage(now_s));
    let text = |text: &Option<Cow<'_, str>>| text.as_ref().map(|text| text.clone().into_owned());
    usage.map_err(|reason| RefusedEvent { id: text(&read.id), source: text(&read.source), reason })
}

impl<'e> Event<'e> {
    fn take(&mut self, name: &str, raw: &'e str) -> Result<(), String> {
        let attribute = match name {
            "id" => &mut self.id,
            "source" => &mut self.source,
            "type" => &mut self.kind,
            "subject" => &mut self.subject,
            "specversion" => {
                self.has_version = raw == "\"1.0\"";
                return Ok(());
            }
            "time" => {
                self.time_s = match value(raw) {
                    Ok(None) => None,
                    Ok(Some(JsonValue::Text(text))) => Some(seconds(&text)?),
                    _ => return Err("time: must be an RFC 3339 time".to_owned()),
                };
                return Ok(());
            }
            "data" => {
                self.data = (raw != "null").then_some(raw);
                return Ok(());
            }
            _ => return Ok(()),
        };
        if attribute.is_some() {
            return Err(format!("{name}: occurs twice"));
        }
        match value(raw).map_err(|reason| format!("{name}: {reason}"))? {
            Some(JsonValue::Text(text)) => *attribute = Some(text),
            None => {}
            Some(_) => return Err(format!("{name}: must be a text")),
        }
        Ok(())
    }

    fn usage(&self, now_s: i64) -> Result<MeterEvent, String> {
        if !self.has_version {
            return Err("specversion: must be \"1.0\"".to_owned());
        }
        let required = |name: &str, text: &Option<Cow<'e, str>>| match text {
            Some(text) if !text.is_empty() => Ok(text.clone().into_owned()),
            _ => Err(format!("{name}: is required")),
        };
        let (id, source) = (required("id", &self.id)?, required("source", &self.source)?);
        let (kind, subject) = (required("type", &self.kind)?, required("subject", &self.subject)?);
        let mut data = Data::default();
        if let Some(raw) = self.data {
            members(raw, |name, raw| data.take(&name, raw)).map_err(|reason| format!("data: {reason}"))?;
        }
        let Some(quantities) = data.quantities().map_err(|reason| format!("data: {reason}"))? else {
            return Ok(MeterEvent::NoTokens(kind));
        };
        let usage = Usage {
            id,
            source,
            time_s: self.time_s.unwrap_or(now_s),
            provider: data.provider.unwrap_or_default(),
            model_id: data.model.unwrap_or_default(),
            product_code: PRODUCT.to_owned(),
            quantities,
            ..Usage::default()
        };
        Ok(MeterEvent::Usage { usage: Box::new(usage), subject })
    }
}

/// The product of tokens, as in the built-in mappings.
const PRODUCT: &str = "modelverse";

/// Unix seconds of a time; a time without an offset is UTC, as older versions of LiteLLM write it.
fn seconds(text: &str) -> Result<i64, String> {
    let parsed = time::rfc3339(text).or_else(|reason| time::rfc3339(&format!("{text}Z")).map_err(|_| reason));
    parsed.map_err(|reason| format!("time: {reason}"))
}

/// Counts by what they count. Input includes cached tokens, output includes reasoning.
const COUNTS: [(&str, Count); 10] = [
    ("prompt_tokens", Count::Input),
    ("input_tokens", Count::Input),
    ("completion_tokens", Count::Output),
    ("output_tokens", Count::Output),
    ("cached_tokens", Count::CacheRead),
    ("cache_read_tokens", Count::CacheRead),
    ("cache_read_input_tokens", Count::CacheRead),
    ("reasoning_tokens", Count::Reasoning),
    ("total_tokens", Count::Total),
    ("tokens", Count::OfType),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    Input,
    Output,
    CacheRead,
    Reasoning,
    Total,
    /// What it counts is in the member `type`.
    OfType,
}

#[derive(Default)]
struct Data {
    model: Option<String>,
    provider: Option<String>,
    kind: Option<String>,
    counts: Vec<(Count, &'static str, i64)>,
}

impl Data {
    fn take(&mut self, name: &str, raw: &str) -> Result<(), String> {
        let text = match name {
            "model" | "model_id" | "model_name" => &mut self.model,
            "provider" | "provider_name" => &mut self.provider,
            "type" | "token_type" => &mut self.kind,
            _ => return self.take_count(name, raw),
        };
        match value(raw).map_err(|reason| format!("{name}: {reason}"))? {
            Some(JsonValue::Text(stated)) => {
                if text.as_ref().is_some_and(|text| *text != stated) {
                    return Err(format!("{name}: contradicts another member"));
                }
                *text = Some(stated.into_owned());
                Ok(())
            }
            None => Ok(()),
            Some(_) => Err(format!("{name}: must be a text")),
        }
    }

    fn take_count(&mut self, name: &str, raw: &str) -> Result<(), String> {
        let known = COUNTS.iter().find(|(known, _)| *known == name);
        if known.is_none() && !name.contains("token") {
            return Ok(());
        }
        let token = match value(raw).map_err(|reason| format!("{name}: {reason}"))? {
            None => return Ok(()),
            Some(JsonValue::Text(text)) => text,
            Some(JsonValue::Number(token)) => Cow::Borrowed(token),
            Some(JsonValue::Other) => return Err(format!("{}: must be a count", shorten(name))),
        };
        match (known, token.parse::<i64>()) {
            (Some((name, count)), Ok(number)) if number >= 0 => self.counts.push((*count, name, number)),
            (None, Ok(0)) => {}
            (None, Ok(_)) => return Err(format!("{}: is not a known count", shorten(name))),
            _ => return Err(format!("{}: must be a whole number that is not negative", shorten(name))),
        }
        Ok(())
    }

    /// The counts without overlap; `None` if there are none, or if all are 0.
    fn quantities(&self) -> Result<Option<Vec<(String, i64)>>, String> {
        if self.counts.is_empty() {
            return Ok(None);
        }
        let mut counted = [0i64; 5];
        for (count, name, number) in &self.counts {
            let place = match count {
                Count::OfType => of_type(self.kind.as_deref())?,
                count => *count,
            };
            let counted = &mut counted[place as usize];
            if *counted != 0 && *number != 0 && *counted != *number {
                return Err(format!("{name}: contradicts another member"));
            }
            *counted = (*counted).max(*number);
        }
        let [input, output, cache_read, reasoning, total] = counted;
        if total != 0 && total != input.saturating_add(output) {
            return Err(format!(
                "total_tokens: is {total}, but input and output add up to {}",
                input + output
            ));
        }
        let part = |whole: i64, part: i64, names: (&str, &str)| {
            let rest = whole - part;
            if rest < 0 { Err(format!("{}: is more than {}", names.1, names.0)) } else { Ok(rest) }
        };
        // A single count of cached or reasoning tokens stands for itself.
        let whole = |whole: i64, part: i64| if self.kind.is_some() && whole == 0 { part } else { whole };
        let quantities = [
            ("input", part(whole(input, cache_read), cache_read, ("the input", "the cached tokens"))?),
            ("cache_read", cache_read),
            ("output", part(whole(output, reasoning), reasoning, ("the output", "the reasoning tokens"))?),
            ("reasoning", reasoning),
        ];
        let mut quantities: Vec<(String, i64)> =
            quantities.into_iter().map(|(sku, quantity)| (sku.to_owned(), quantity)).collect();
        quantities.retain(|(_, quantity)| *quantity > 0);
        quantities.sort();
        Ok((!quantities.is_empty()).then_some(quantities))
    }
}

fn of_type(kind: Option<&str>) -> Result<Count, String> {
    match kind {
        Some("input" | "prompt") => Ok(Count::Input),
        Some("output" | "completion") => Ok(Count::Output),
        Some("cached" | "cache_read") => Ok(Count::CacheRead),
        Some("reasoning") => Ok(Count::Reasoning),
        Some(kind) => Err(format!("type: {} is not a known type of tokens", shorten(kind))),
        None => Err("type: is required beside tokens".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(data: &Value) -> Value {
        json!({
            "specversion": "1.0", "id": "e-1", "source": "kong", "type": "tokens", "subject": "customer-1",
            "time": "2026-06-01T00:00:00Z", "data": data,
        })
    }

    fn read(event: &Value) -> Result<MeterEvent, RefusedEvent> {
        read_events(&event.to_string(), 1, 5).unwrap().remove(0)
    }

    #[test]
    fn counts_become_quantities() {
        // data | quantities, or the reason
        let table = [
            (json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}), "input 10, output 5"),
            (json!({"tokens": "12", "type": "input", "provider": "openai"}), "input 12"),
            (json!({"tokens": 12, "type": "output", "route": "a", "status": 200}), "output 12"),
            (json!({"tokens": 12, "type": "cached"}), "cache_read 12"),
            (
                json!({"input_tokens": 10, "cached_tokens": 4, "output_tokens": 5, "reasoning_tokens": 5}),
                "cache_read 4, input 6, reasoning 5",
            ),
            (
                json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 16}),
                "data: total_tokens: is 16",
            ),
            (
                json!({"prompt_tokens": 10, "input_tokens": 9}),
                "data: prompt_tokens: contradicts another member",
            ),
            (
                json!({"prompt_tokens": 1, "cached_tokens": 2}),
                "data: the cached tokens: is more than the input",
            ),
            (json!({"tokens": 12}), "data: type: is required beside tokens"),
            (json!({"tokens": 12, "type": "thought"}), "data: type: thought is not a known type"),
            (json!({"prompt_tokens": 1, "audio_tokens": 3}), "data: audio_tokens: is not a known count"),
            (json!({"prompt_tokens": 1.5}), "data: prompt_tokens: must be a whole number"),
            (json!({"prompt_tokens": -1}), "data: prompt_tokens: must be a whole number"),
            (json!({"prompt_tokens": "NaN"}), "data: prompt_tokens: must be a whole number"),
            (json!({"prompt_tokens": true}), "data: prompt_tokens: must be a count"),
        ];
        for (data, expected) in table {
            let mut data = data;
            data["model"] = "m-1".into();
            match read(&event(&data)) {
                Ok(MeterEvent::Usage { usage, subject }) => {
                    let quantities: Vec<String> =
                        usage.quantities.iter().map(|(sku, number)| format!("{sku} {number}")).collect();
                    assert_eq!(quantities.join(", "), expected, "{data}");
                    assert_eq!((subject.as_str(), usage.model_id.as_str()), ("customer-1", "m-1"));
                    assert_eq!((usage.id.as_str(), usage.source.as_str()), ("e-1", "kong"));
                    assert_eq!(usage.time_s, 1_780_272_000);
                }
                Ok(other) => panic!("{other:?}"),
                Err(refused) => {
                    assert!(refused.reason.starts_with(expected), "{refused:?}");
                    assert_eq!(refused.id.as_deref(), Some("e-1"));
                }
            }
        }
    }

    #[test]
    fn an_event_without_an_identity_is_refused_by_name() {
        for (name, reason) in [
            ("id", "id: is required"),
            ("source", "source: is required"),
            ("type", "type: is required"),
            ("subject", "subject: is required"),
            ("specversion", "specversion: must be \"1.0\""),
        ] {
            let mut event = event(&json!({"prompt_tokens": 1}));
            event.as_object_mut().unwrap().remove(name);
            assert_eq!(read(&event).unwrap_err().reason, reason);
        }
        let mut untimed = event(&json!({"prompt_tokens": 1}));
        untimed["time"] = Value::Null;
        assert!(matches!(read(&untimed), Ok(MeterEvent::Usage { usage, .. }) if usage.time_s == 5));
        untimed["time"] = "2026-06-01T00:00:00.25".into();
        assert!(
            matches!(read(&untimed), Ok(MeterEvent::Usage { usage, .. }) if usage.time_s == 1_780_272_000)
        );
        untimed["time"] = 5.into();
        assert_eq!(read(&untimed).unwrap_err().reason, "time: must be an RFC 3339 time");
        for data in [json!({"route": "a"}), json!({"tokens": 0, "type": "output"}), Value::Null] {
            assert_eq!(read(&event(&data)), Ok(MeterEvent::NoTokens("tokens".into())));
        }
    }

    #[test]
    fn a_body_is_an_event_or_an_array() {
        let one = event(&json!({"prompt_tokens": 1})).to_string();
        assert_eq!(read_events(&format!("[{one},{one}]"), 2, 0).unwrap().len(), 2);
        assert_eq!(read_events(&format!("[{one},{one}]"), 1, 0), Err(BatchError::TooMany { max: 1 }));
        assert_eq!(read_events(&one, 1, 0).unwrap().len(), 1);
        for body in ["", "1", "{", "[{]"] {
            assert!(read_events(body, 1, 0).is_err(), "{body}");
        }
    }
}
