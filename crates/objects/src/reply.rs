//! An answer to a US3 request as plain data. The `api` crate turns it into HTTP and adds what belongs to a connection
//! (`X-SessionId`, `Date`); no HTTP type may come in here.

use std::fs::File;

/// Status, headers and body of an answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers: names in lower case, values visible ASCII. `content-length` is among them wherever it is due, also
    /// for `HEAD`.
    pub headers: Vec<(&'static str, String)>,
    /// What follows the headers.
    pub body: ReplyBody,
}

/// The body of a [`Reply`].
#[derive(Debug)]
pub enum ReplyBody {
    /// No body: `HEAD`, 304, 412, 416.
    Empty,
    /// A small body in memory: errors, listings.
    Bytes(Vec<u8>),
    /// A piece of a file.
    File {
        /// Opened for reading and already positioned at `offset`. It stays readable when the object is swept.
        file: File,
        /// Where the piece begins, in bytes from the file's start.
        offset: u64,
        /// How many bytes to send.
        len: u64,
    },
}

impl Reply {
    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// A status and nothing else.
    pub(crate) fn empty(status: u16) -> Self {
        let headers = match status {
            // RFC 9110, section 8.6.
            204 => Vec::new(),
            _ => vec![("content-length", "0".to_owned())],
        };
        Self { status, headers, body: ReplyBody::Empty }
    }

    /// US3's answer of success with a content.
    pub(crate) fn json(value: &serde_json::Value) -> Self {
        let body = value.to_string().into_bytes();
        Self {
            status: 200,
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("content-length", body.len().to_string()),
                ("cache-control", "no-store".to_owned()),
            ],
            body: ReplyBody::Bytes(body),
        }
    }

    /// US3's error answer: `{"RetCode":…,"ErrMsg":"…"}`. The content type carries no charset because the published
    /// Python SDK compares it exactly (docs/SIGNING.md, "US3 errors").
    pub(crate) fn error(status: u16, ret_code: i32, message: &str) -> Self {
        let body = error_body(ret_code, message).into_bytes();
        Self {
            status,
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("content-length", body.len().to_string()),
                ("cache-control", "no-store".to_owned()),
            ],
            body: ReplyBody::Bytes(body),
        }
    }
}

/// The messages are constants of this crate without quotes or backslashes, so nothing is escaped.
pub(crate) fn error_body(ret_code: i32, message: &str) -> String {
    format!(r#"{{"RetCode":{ret_code},"ErrMsg":"{message}"}}"#)
}
