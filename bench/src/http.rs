//! A minimal client, so that the server is measured: one kept-alive connection, one request after another, each signed as
//! an SDK signs it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use tollbook_api::signature::sign;

use crate::result::Result;

/// An API key.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) public: String,
    pub(crate) private: String,
}

/// A connection to a server.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
    keys: Keys,
}

impl Client {
    pub(crate) fn connect(host: SocketAddr, keys: &Keys) -> Result<Self> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(1 << 18, stream), host, keys: keys.clone() })
    }

    /// Sends a signed form and returns the body of the answer.
    pub(crate) fn action(&mut self, action: &str, parameters: &[(String, String)]) -> Result<Vec<u8>> {
        let body = signed_form(action, parameters, &self.keys);
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.exchange(request.as_bytes())
    }

    /// Sends a GET request and returns the body of the answer.
    pub(crate) fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.exchange(request.as_bytes())
    }

    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.stream.get_mut().write_all(request)?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 200 ") {
            return Err(format!("the server answers {line:?}").into());
        }
        let mut length = None;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse::<usize>()?);
            }
        }
        let mut body = vec![0; length.ok_or("the answer has no Content-Length")?];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }
}

/// The form of a request, signed as an SDK signs it.
pub(crate) fn signed_form(action: &str, parameters: &[(String, String)], keys: &Keys) -> String {
    let mut form = parameters.to_vec();
    form.push(("Action".into(), action.into()));
    form.push(("PublicKey".into(), keys.public.clone()));
    let signature = sign(&form, &keys.private);
    form.push(("Signature".into(), signature));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish()
}

/// Parses an answer; an error unless its `RetCode` is 0.
pub(crate) fn answer(body: &[u8]) -> Result<Value> {
    let answer: Value = serde_json::from_slice(body)?;
    match answer.get("RetCode").and_then(Value::as_i64) {
        Some(0) => Ok(answer),
        _ => Err(format!("the server refuses: {answer}").into()),
    }
}
