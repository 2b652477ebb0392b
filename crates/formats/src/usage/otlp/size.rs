//! Bounds the memory that a request takes when it is decoded: an empty message of two bytes becomes a struct of hundreds.
//! The messages are counted in the encoded bytes, before any of them is decoded.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::export::Signal;

/// A message whose parts are counted.
#[derive(Clone, Copy, Debug)]
enum Message {
    Request(Signal),
    Resources(Signal),
    Scopes(Signal),
    Span,
    LogRecord,
    Resource,
    Entity,
    /// A scope, or an event of a span.
    Named,
    Link,
    KeyValue,
    Value,
    Values,
    KeyValues,
    /// Nothing in it is counted.
    Leaf,
}

impl Message {
    /// What a field with a length holds; `None` if it is not counted.
    const fn field(self, number: u32) -> Option<Self> {
        Some(match (self, number) {
            (Self::Request(signal), 1) => Self::Resources(signal),
            (Self::Resources(_), 1) => Self::Resource,
            (Self::Resources(signal), 2) => Self::Scopes(signal),
            (Self::Scopes(Signal::Traces), 2) => Self::Span,
            (Self::Scopes(Signal::Logs), 2) => Self::LogRecord,
            (Self::Scopes(_), 1) | (Self::Span, 11) => Self::Named,
            (Self::Span, 13) => Self::Link,
            (Self::Span, 9)
            | (Self::LogRecord, 6)
            | (Self::Resource | Self::KeyValues, 1)
            | (Self::Named, 3)
            | (Self::Link, 4) => Self::KeyValue,
            (Self::LogRecord, 5) | (Self::KeyValue, 2) | (Self::Values, 1) => Self::Value,
            (Self::Value, 5) => Self::Values,
            (Self::Value, 6) => Self::KeyValues,
            (Self::Resource, 3) => Self::Entity,
            (Self::Entity, 3 | 4) => Self::Leaf,
            _ => return None,
        })
    }

    const fn is_record(self) -> bool {
        matches!(self, Self::Span | Self::LogRecord)
    }
}

/// What a request consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Spans or log records.
    pub(super) records: usize,
    /// All messages, the records included.
    pub(super) messages: usize,
}

/// Deepest nesting of values.
const MAX_DEPTH: u32 = 64;

/// Counts the messages of a request in protobuf. The error says what is not protobuf.
pub(super) fn of_protobuf(body: &[u8], signal: Signal) -> Result<Size, String> {
    let mut size = Size::default();
    count(Message::Request(signal), body, 0, &mut size)?;
    Ok(size)
}

fn count(message: Message, mut bytes: &[u8], depth: u32, size: &mut Size) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("values are nested deeper than {MAX_DEPTH}"));
    }
    while !bytes.is_empty() {
        let (number, wire) = decode_key(&mut bytes).map_err(|error| error.to_string())?;
        let (WireType::LengthDelimited, Some(inner)) = (wire, message.field(number)) else {
            skip_field(wire, number, &mut bytes, DecodeContext::default())
                .map_err(|error| error.to_string())?;
            continue;
        };
        let length = decode_varint(&mut bytes).map_err(|error| error.to_string())?;
        let part = usize::try_from(length).ok().and_then(|length| bytes.split_at_checked(length));
        let (part, rest) = part.ok_or("a message ends early")?;
        bytes = rest;
        size.messages += 1;
        size.records += usize::from(inner.is_record());
        if !matches!(inner, Message::Leaf) {
            count(inner, part, depth + 1, size)?;
        }
    }
    Ok(())
}

/// Counts the objects, arrays and elements of a request in JSON: braces and commas outside of texts. Whether it is JSON is
/// checked when it is read.
pub(super) fn messages_of_json(body: &[u8]) -> usize {
    let (mut messages, mut at) = (0, 0);
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => at = end_of_text(body, at + 1),
            b'{' | b'[' | b',' => messages += 1,
            _ => {}
        }
        at += 1;
    }
    messages
}

/// The position of the quote that ends a text.
fn end_of_text(body: &[u8], mut at: usize) -> usize {
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}
