//! Answers `GET` and `HEAD` of an object: signature, object, conditions, range, headers, in that order. Replies are
//! plain data that the `api` crate sends.

use std::io::{Seek as _, SeekFrom};

use super::conditions::{self, Verdict};
use super::directory::Object;
use super::error::ReadError;
use super::range::{self, Span};
use super::store::EmbeddedStore;
use crate::error::ObjectStoreError;
use crate::headers::{attachment, content_type};
use crate::key::ObjectKey;
use crate::reply::{Reply, ReplyBody};
use crate::us3::{self, Refusal, Request};

impl EmbeddedStore {
    /// Answers a signed read of an object at `now_s` (Unix seconds): US3's `GetFile` and `HeadFile`.
    ///
    /// A single `Range` gives 206 or 416; `HEAD` ignores it. `If-Match`, `If-Unmodified-Since`, `If-None-Match`,
    /// `If-Modified-Since` and `If-Range` follow RFC 9110. The query parameter `ufileattname`, decoded once as a form
    /// field, becomes the `Content-Disposition`; the Java SDK encodes it twice, so its file names keep one encoding.
    ///
    /// # Errors
    ///
    /// [`ReadError::Refused`], in this order, with [`Refusal::NoSuchBucket`], the refusals of [`us3::verify`],
    /// [`Refusal::MethodNotAllowed`] and [`Refusal::NoSuchFile`]. [`ReadError::Store`] if the file system fails.
    pub fn get(&self, request: &Request<'_>, now_s: i64) -> Result<Reply, ReadError> {
        if request.bucket != self.bucket() {
            return Err(Refusal::NoSuchBucket.into());
        }
        let verified = us3::verify(request, self.keys(), now_s)?;
        let is_head = match request.method {
            "GET" => false,
            "HEAD" => true,
            _ => return Err(Refusal::MethodNotAllowed.into()),
        };
        let key = ObjectKey::parse(&verified.key).map_err(|_| Refusal::NoSuchFile)?;
        let object = self.open(&key).map_err(|error| match error {
            ObjectStoreError::NotFound => ReadError::Refused(Refusal::NoSuchFile),
            other => ReadError::Store(other),
        })?;
        serve(request, is_head, &key, object).map_err(ReadError::Store)
    }
}

fn serve(
    request: &Request<'_>,
    is_head: bool,
    key: &ObjectKey,
    object: Object,
) -> Result<Reply, ObjectStoreError> {
    let Object { mut file, len, etag, modified_unix_s } = object;
    let mut headers = vec![("etag", format!("\"{etag}\"")), ("cache-control", "private".to_owned())];
    headers.extend(conditions::format_date(modified_unix_s).map(|date| ("last-modified", date)));
    let status = match conditions::evaluate(request, &etag, modified_unix_s) {
        Verdict::Proceed => None,
        Verdict::NotModified => Some(304),
        Verdict::PreconditionFailed => Some(412),
    };
    if let Some(status) = status {
        return Ok(Reply { status, headers, body: ReplyBody::Empty });
    }

    headers.push(("accept-ranges", "bytes".to_owned()));
    let span = match request.header("range") {
        // RFC 9110, section 14.2: a range applies to GET alone.
        Some(range) if !is_head && conditions::range_applies(request, &etag, modified_unix_s) => {
            range::evaluate(range, len)
        }
        _ => Span::Whole,
    };
    let (status, offset, count) = match span {
        Span::Whole => (200, 0, len),
        Span::Part { first, last } => {
            headers.push(("content-range", format!("bytes {first}-{last}/{len}")));
            (206, first, last - first + 1)
        }
        Span::Unsatisfiable => {
            headers.push(("content-range", format!("bytes */{len}")));
            headers.push(("content-length", "0".to_owned()));
            return Ok(Reply { status: 416, headers, body: ReplyBody::Empty });
        }
    };
    headers.push(("content-length", count.to_string()));
    headers.push(("content-type", content_type(key.file_name()).to_owned()));
    // Keeps browsers from guessing another type from the content.
    headers.push(("x-content-type-options", "nosniff".to_owned()));
    if let Some(name) = request.form_parameter("ufileattname").filter(|name| !name.is_empty()) {
        headers.push(("content-disposition", attachment(&name)));
    }
    if is_head {
        return Ok(Reply { status, headers, body: ReplyBody::Empty });
    }
    file.seek(SeekFrom::Start(offset)).map_err(|source| ObjectStoreError::Io {
        doing: "seek in object",
        path: key.as_str().into(),
        source,
    })?;
    Ok(Reply { status, headers, body: ReplyBody::File { file, offset, len: count } })
}
