//! An HTTP client that sends the given bytes unchanged, signs like the SDKs, and checks every answer against the
//! envelope of docs/WIRE.md, "Answers".

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Map, Value};
use tollbook_api::actions::Action;
use tollbook_api::signature::sign;

use super::server::{Key, Server};

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const JSON: &str = "application/json";

/// Decoded names and values, in the order in which they are sent.
pub(crate) type Pairs = Vec<(String, String)>;

/// Reads `a=1&b=2`, with escapes.
pub(crate) fn pairs(text: &str) -> Pairs {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// Encodes the pairs as a query string or form.
pub(crate) fn encode(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The value of a parameter, the first if it is repeated.
pub(crate) fn value_of<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

impl Key {
    /// The parameters, followed by `PublicKey` and `Signature`.
    pub(crate) fn signed(&self, mut pairs: Pairs) -> Pairs {
        pairs.push(("PublicKey".to_owned(), self.public.clone()));
        let signature = sign(&pairs, &self.private);
        pairs.push(("Signature".to_owned(), signature));
        pairs
    }

    /// A JSON body of these names and raw values, in this order, signed.
    pub(crate) fn signed_json(&self, members: &[(String, String)]) -> String {
        let mut members = members.to_vec();
        members.push(("PublicKey".to_owned(), quoted(&self.public)));
        let texts: Pairs = members
            .iter()
            .map(|(name, raw)| match serde_json::from_str(raw).unwrap() {
                // Unchanged, because serde_json may write the number in another notation.
                Value::Number(_) => (name.clone(), raw.clone()),
                value => (name.clone(), signed_text(&value)),
            })
            .collect();
        members.push(("Signature".to_owned(), quoted(&sign(&texts, &self.private))));
        let members: Vec<String> =
            members.iter().map(|(name, raw)| format!("{}:{raw}", quoted(name))).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Parameters as JSON members, every value a string.
pub(crate) fn quoted_pairs(pairs: &[(String, String)]) -> Pairs {
    pairs.iter().map(|(name, value)| (name.clone(), quoted(value))).collect()
}

/// The signed text of a JSON value (docs/SIGNING.md, "Canonical values").
fn signed_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(elements) => elements.iter().map(signed_text).collect(),
        Value::Object(members) => {
            members.iter().flat_map(|(name, value)| [name.clone(), signed_text(value)]).collect()
        }
    }
}

/// An HTTP request.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) host: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Http {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            host: "127.0.0.1".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn get(pairs: &[(String, String)]) -> Self {
        Self::new("GET", &format!("/?{}", encode(pairs)))
    }

    pub(crate) fn post(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new("POST", "/") }.header("Content-Type", content_type)
    }

    pub(crate) fn form(pairs: &[(String, String)]) -> Self {
        Self::post(FORM, encode(pairs))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn at(self, target: &str) -> Self {
        Self { target: target.to_owned(), ..self }
    }

    pub(crate) fn host(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            self.method, self.target, self.host
        )
        .into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        if !self.body.is_empty() {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends the request. Dropping the stream disconnects the client.
    pub(crate) fn begin(&self, address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&self.bytes()).unwrap();
        stream
    }

    /// Sends the request and reads the whole reply.
    pub(crate) fn send(&self, address: SocketAddr) -> Reply {
        let mut stream = self.begin(address);
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Reply::parse(&bytes, self.method == "HEAD")
    }
}

/// An HTTP reply.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn parse(bytes: &[u8], is_head: bool) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap();
        let status = status_line.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let reply = Self { status, headers, body: bytes[end + 4..].to_vec() };
        if is_head || matches!(status, 204 | 304) {
            assert!(reply.body.is_empty(), "a reply that must have no body has one");
        } else {
            assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()), "{head}");
        }
        reply
    }

    /// The value of a header, which must occur at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next();
        assert!(values.next().is_none(), "{name} occurs twice");
        value.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// An answer of the API that has passed every rule of its envelope.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer(pub(crate) Map<String, Value>);

impl Answer {
    /// Checks the envelope. `action` is the action of the request, or `None` if the server could not read it.
    pub(crate) fn of(reply: &Reply, action: Option<&str>) -> Self {
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_uuid(reply.header("x-ucloud-request-uuid").unwrap());
        assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let mut members: Map<String, Value> = serde_json::from_slice(&reply.body).unwrap();
        // Removed, so that answers to equal requests are equal.
        let request_uuid = members.remove("request_uuid").unwrap();
        assert_eq!(request_uuid.as_str(), reply.header("x-ucloud-request-uuid"));
        let mut answer = Self(members);
        let named = answer.0.get("Action").map(|name| name.as_str().unwrap());
        assert_eq!(named, action.map(|action| format!("{action}Response")).as_deref(), "{answer:?}");
        if answer.code() == 0 {
            // Removed too, so that tests compare what an action answers.
            assert_eq!(answer.0.remove("Message"), Some(Value::from("success")), "{answer:?}");
        } else {
            let mut names: Vec<&str> = answer.0.keys().map(String::as_str).collect();
            let is_export = action.is_some_and(|name| name.starts_with("Download"));
            names.retain(|name| {
                !matches!(*name, "Action" | "Warnings")
                    && !((is_export || answer.code() == 153) && *name == "Reason")
            });
            assert_eq!(names, ["Message", "RetCode"], "a refusal has no other members");
        }
        answer
    }

    pub(crate) fn code(&self) -> i64 {
        self.integer("RetCode")
    }

    /// `0`, or code and message.
    pub(crate) fn verdict(&self) -> String {
        match self.code() {
            0 => "0".to_owned(),
            code => format!("{code} {}", self.text("Message")),
        }
    }

    /// The verdict and the reason why an export is not available.
    pub(crate) fn verdict_with_reason(&self) -> String {
        format!("{}: {}", self.verdict(), self.text("Reason"))
    }

    /// A member that is an integer on the wire, without point or exponent.
    pub(crate) fn integer(&self, name: &str) -> i64 {
        let Some(Value::Number(number)) = self.0.get(name) else {
            panic!("{name} is not a number: {self:?}")
        };
        number.to_string().parse().unwrap()
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap()
    }

    pub(crate) fn list(&self, name: &str) -> &[Value] {
        assert_eq!(self.code(), 0, "{self:?}");
        self.0.get(name).and_then(Value::as_array).unwrap()
    }

    /// A member of `Data`.
    pub(crate) fn data(&self, name: &str) -> &Value {
        assert_eq!(self.code(), 0, "{self:?}");
        self.0.get("Data").and_then(|data| data.get(name)).unwrap()
    }
}

fn assert_uuid(text: &str) {
    let parts: Vec<&str> = text.split('-').collect();
    assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{text}");
    let digits = parts.concat();
    assert!(digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)), "{text}");
    assert!(
        parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']),
        "{text} is not version 4"
    );
}

impl Server {
    /// Sends a request whose parameters are `pairs` and checks the answer's envelope.
    pub(crate) fn answer(&self, http: &Http, pairs: &[(String, String)]) -> Answer {
        let action = value_of(pairs, "Action").filter(|name| Action::find(name).is_some());
        Answer::of(&http.send(self.address), action)
    }

    /// Signs `a=1&b=2` and sends it as a form.
    pub(crate) fn ask(&self, key: &Key, text: &str) -> Answer {
        let signed = key.signed(pairs(text));
        self.answer(&Http::form(&signed), &signed)
    }

    /// Signs a JSON object of these names and raw values and sends it.
    pub(crate) fn ask_json(&self, key: &Key, members: &[(String, String)]) -> Answer {
        let action: Option<String> =
            value_of(members, "Action").and_then(|raw| serde_json::from_str(raw).ok());
        let known = action.as_deref().filter(|name| Action::find(name).is_some());
        Answer::of(&Http::post(JSON, key.signed_json(members)).send(self.address), known)
    }

    /// A request for a link to this server's own address.
    pub(crate) fn follow(&self, method: &str, url: &str) -> Http {
        let base = format!("http://{}", self.address);
        Http::new(method, url.strip_prefix(&base).unwrap())
    }
}
