//! Reply to a US3 request as plain data, without HTTP types. The `api` crate converts it to HTTP and adds the headers
//! of the connection (`X-SessionId`, `Date`).

use std::fs::File;

/// Status, headers and body of a reply.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers: names in lower case, values printable ASCII. They include `content-length` where it is required, also
    /// for `HEAD`.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: ReplyBody,
}

/// The body of a [`Reply`].
#[derive(Debug)]
pub enum ReplyBody {
    /// No body: `HEAD`, 304, 412, 416.
    Empty,
    /// A small body in memory: errors, listings.
    Bytes(Vec<u8>),
    /// A range of a file.
    File {
        /// Open for reading and positioned at `offset`. It stays readable when the object is removed.
        file: File,
        /// Start of the range, in bytes from the start of the file.
        offset: u64,
        /// Number of bytes to send.
        len: u64,
    },
}

impl Reply {
    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// US3's reply with a JSON value. The content type has no charset because the published Python SDK compares it
    /// exactly (docs/SIGNING.md, "US3 errors").
    pub fn json(status: u16, body: String) -> Self {
        Self {
            status,
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("content-length", body.len().to_string()),
                ("cache-control", "no-store".to_owned()),
            ],
            body: ReplyBody::Bytes(body.into_bytes()),
        }
    }

    /// US3's error reply: `{"RetCode":…,"ErrMsg":"…"}`.
    pub(crate) fn error(status: u16, ret_code: i32, message: &str) -> Self {
        Self::json(status, error_body(ret_code, message))
    }
}

/// The body of an error reply. `message` must be a constant of this crate without quotes or backslashes, since nothing
/// is escaped.
pub(crate) fn error_body(ret_code: i32, message: &str) -> String {
    format!(r#"{{"RetCode":{ret_code},"ErrMsg":"{message}"}}"#)
}
