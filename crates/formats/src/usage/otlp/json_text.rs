//! A span or log record as one JSON object, in the form of the Python SDK's `ReadableSpan.to_json`, which mappings read.

use jiff::Timestamp;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde_json::ser::{CompactFormatter, Formatter as _};

/// Texts beyond this are left out: prompts and answers. No name or count is as long.
const MAX_TEXT_BYTES: usize = 16_384;

/// Writes one JSON text.
#[derive(Default)]
pub(super) struct JsonText(Vec<u8>);

impl JsonText {
    /// Appends text that is JSON already.
    pub(super) fn raw(&mut self, json: &str) -> &mut Self {
        self.0.extend_from_slice(json.as_bytes());
        self
    }

    /// Appends a text in quotes.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(&mut self.0, text);
        self
    }

    /// Appends an id as the Python SDK writes it.
    pub(super) fn id(&mut self, id: &[u8]) -> &mut Self {
        self.raw("\"0x").raw(&digits(id)).raw("\"")
    }

    /// Appends a time, or `null` for 0, which means that it is not known.
    pub(super) fn time(&mut self, nanoseconds: u64) -> &mut Self {
        match Timestamp::from_nanosecond(i128::from(nanoseconds)) {
            Ok(time) if nanoseconds > 0 => self.raw("\"").raw(&time.to_string()).raw("\""),
            _ => self.raw("null"),
        }
    }

    /// Appends attributes as one object.
    pub(super) fn attributes(&mut self, attributes: &[KeyValue]) -> &mut Self {
        self.raw("{");
        let mut between = "";
        for KeyValue { key, value, .. } in attributes {
            let Some(AnyValue { value: Some(value) }) = value else { continue };
            if matches!(value, Value::StringValue(text) if text.len() > MAX_TEXT_BYTES) {
                continue;
            }
            self.raw(between).text(key).raw(":").value(value);
            between = ",";
        }
        self.raw("}")
    }

    fn value(&mut self, value: &Value) -> &mut Self {
        match value {
            Value::StringValue(text) => self.text(text),
            Value::BoolValue(value) => self.raw(if *value { "true" } else { "false" }),
            Value::IntValue(number) => {
                let _ = CompactFormatter.write_i64(&mut self.0, *number);
                self
            }
            Value::DoubleValue(number) if number.is_finite() => {
                let _ = CompactFormatter.write_f64(&mut self.0, *number);
                self
            }
            // `NaN`, `inf` or `-inf`: a text, because JSON has no such numbers.
            Value::DoubleValue(number) => self.text(&number.to_string()),
            Value::ArrayValue(array) => {
                self.raw("[");
                let mut between = "";
                for AnyValue { value } in &array.values {
                    self.raw(between);
                    match value {
                        Some(value) => self.value(value),
                        None => self.raw("null"),
                    };
                    between = ",";
                }
                self.raw("]")
            }
            Value::KvlistValue(list) => self.attributes(&list.values),
            // Bytes, and references to a dictionary that requests do not have.
            _ => self.raw("null"),
        }
    }

    pub(super) fn into_string(self) -> String {
        // Everything appended is UTF-8.
        String::from_utf8(self.0).unwrap_or_default()
    }
}

/// The hexadecimal digits of an id.
pub(super) fn digits(id: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    id.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]).collect()
}
