//! Decoding of JSON bodies (RFC 8259). The decoder is our own because the signature covers the characters that were
//! sent: repeated names, the order of names and the spelling of numbers (`-0`, `1E5`) must be kept, which `serde_json`
//! does not guarantee. A property test compares the two.

use super::request::{BODY, Limits, ParameterValue, RawParameter};
use crate::ret_code::Refusal;

/// The members of the object that the body must be.
pub(super) fn decode(body: &[u8], limits: &Limits) -> Result<Vec<RawParameter>, Refusal> {
    let text = std::str::from_utf8(body).map_err(|error| refusal("not valid UTF-8", error.valid_up_to()))?;
    let mut parser = Parser {
        text,
        at: 0,
        depth_left: limits.json_depth.min(Limits::MAX_JSON_DEPTH),
        values_left: limits.parameters,
    };
    parser.skip_whitespace();
    if parser.peek() != Some(b'{') {
        return Err(Refusal::not_available(BODY, "must be a JSON object"));
    }
    let members = parser.nested(Parser::object)?;
    parser.skip_whitespace();
    if parser.peek().is_some() {
        return Err(parser.fault("unexpected text after the object"));
    }
    Ok(members.into_iter().map(|(key, value)| RawParameter { key, value }).collect())
}

/// The text of an object with these members.
pub(super) fn encode<'e>(entries: impl IntoIterator<Item = &'e RawParameter>) -> String {
    let mut text = String::new();
    push_object(&mut text, entries.into_iter().map(|entry| (entry.key.as_str(), &entry.value)));
    text
}

fn push_object<'v>(text: &mut String, members: impl Iterator<Item = (&'v str, &'v ParameterValue)>) {
    text.push('{');
    for (place, (key, value)) in members.enumerate() {
        if place > 0 {
            text.push(',');
        }
        push_string(text, key);
        text.push(':');
        push_value(text, value);
    }
    text.push('}');
}

fn push_value(text: &mut String, value: &ParameterValue) {
    match value {
        ParameterValue::Null => text.push_str("null"),
        ParameterValue::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        ParameterValue::Number(number) => text.push_str(number),
        ParameterValue::String(string) => push_string(text, string),
        ParameterValue::Array(elements) => {
            text.push('[');
            for (place, element) in elements.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                push_value(text, element);
            }
            text.push(']');
        }
        ParameterValue::Object(members) => {
            push_object(text, members.iter().map(|(key, value)| (key.as_str(), value)));
        }
    }
}

fn push_string(text: &mut String, string: &str) {
    text.push_str(&serde_json::Value::from(string).to_string());
}

fn refusal(reason: &str, at: usize) -> Refusal {
    Refusal::not_available(BODY, format!("{reason} at byte {at}"))
}

/// A cursor over the text. It stops at ASCII characters only, so `at` is always a character boundary.
struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth_left: usize,
    values_left: usize,
}

impl Parser<'_> {
    fn value(&mut self) -> Result<ParameterValue, Refusal> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object).map(ParameterValue::Object),
            Some(b'[') => self.nested(Self::array).map(ParameterValue::Array),
            Some(b'"') => self.string().map(ParameterValue::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(ParameterValue::Number),
            Some(b't') => self.word("true", ParameterValue::Bool(true)),
            Some(b'f') => self.word("false", ParameterValue::Bool(false)),
            Some(b'n') => self.word("null", ParameterValue::Null),
            _ => Err(self.fault("expected a value")),
        }
    }

    /// Runs `parse` one level deeper, if the bound allows it.
    fn nested<T>(&mut self, parse: fn(&mut Self) -> Result<T, Refusal>) -> Result<T, Refusal> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or_else(|| self.fault("nested too deeply"))?;
        let parsed = parse(self)?;
        self.depth_left += 1;
        Ok(parsed)
    }

    fn object(&mut self) -> Result<Vec<(String, ParameterValue)>, Refusal> {
        let mut members = Vec::new();
        self.at += 1;
        self.skip_whitespace();
        if self.take(b'}') {
            return Ok(members);
        }
        loop {
            self.count_value()?;
            self.skip_whitespace();
            if self.peek() != Some(b'"') {
                return Err(self.fault("expected a name in quotes"));
            }
            let name = self.string()?;
            self.skip_whitespace();
            if !self.take(b':') {
                return Err(self.fault("expected a colon"));
            }
            self.skip_whitespace();
            members.push((name, self.value()?));
            self.skip_whitespace();
            if self.take(b'}') {
                return Ok(members);
            }
            if !self.take(b',') {
                return Err(self.fault("expected a comma or the end of the object"));
            }
        }
    }

    fn array(&mut self) -> Result<Vec<ParameterValue>, Refusal> {
        let mut elements = Vec::new();
        self.at += 1;
        self.skip_whitespace();
        if self.take(b']') {
            return Ok(elements);
        }
        loop {
            self.count_value()?;
            self.skip_whitespace();
            elements.push(self.value()?);
            self.skip_whitespace();
            if self.take(b']') {
                return Ok(elements);
            }
            if !self.take(b',') {
                return Err(self.fault("expected a comma or the end of the array"));
            }
        }
    }

    fn string(&mut self) -> Result<String, Refusal> {
        let mut string = String::new();
        self.at += 1;
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            string.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                Some(_) => return Err(self.fault("control character in a string")),
                None => return Err(self.fault("string without an end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Refusal> {
        let start = self.at;
        self.at += 1;
        let escaped = match self.peek() {
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape(start);
            }
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return Err(refusal("unknown escape", start)),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// The character after `\u`. One beyond U+FFFF is written as two escapes.
    fn unicode_escape(&mut self, start: usize) -> Result<char, Refusal> {
        let first = self.hex4(start)?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        if first >= 0xdc00 || !self.text[self.at..].starts_with("\\u") {
            return Err(refusal("lone surrogate", start));
        }
        self.at += 2;
        let second = self.hex4(start)?;
        if !(0xdc00..=0xdfff).contains(&second) {
            return Err(refusal("lone surrogate", start));
        }
        let code_point = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        char::from_u32(code_point).ok_or_else(|| refusal("lone surrogate", start))
    }

    fn hex4(&mut self, start: usize) -> Result<u32, Refusal> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| refusal("unknown escape", start))?;
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<String, Refusal> {
        let start = self.at;
        self.take(b'-');
        // After a leading 0 there are no further digits before the point.
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(self.text[start..self.at].to_owned())
    }

    fn digits(&mut self) -> Result<(), Refusal> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.fault("expected a digit")) } else { Ok(()) }
    }

    fn word(&mut self, word: &str, value: ParameterValue) -> Result<ParameterValue, Refusal> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.fault("expected a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    /// Counts a value before it is read, so that a body of many empty values is refused before it takes memory.
    fn count_value(&mut self) -> Result<(), Refusal> {
        self.values_left = self.values_left.checked_sub(1).ok_or_else(|| Refusal::too_large(BODY))?;
        Ok(())
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn fault(&self, reason: &str) -> Refusal {
        refusal(reason, self.at)
    }
}
