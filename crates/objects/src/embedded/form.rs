//! `PostFile`: an upload as a `multipart/form-data` body (docs/SIGNING.md, "Form uploads"), read as it comes. What the published Python
//! client sends is not quite such a body: it lacks the `--` behind the last boundary, and is taken nevertheless.

use std::io::{self, Read};

use super::writing::{MAX_FILE_BYTES, with_etag, write};
use super::{EmbeddedStore, ReadError};
use crate::key::ObjectKey;
use crate::reply::Reply;
use crate::store::ObjectStore as _;
use crate::us3::{self, FormUpload, Refusal, Request};

/// Longest head of a part, and longest value of a field but the file, in bytes.
const MAX_FIELD_BYTES: usize = 8 * 1024;

/// Most fields before the file.
const MAX_FIELDS: usize = 32;

/// Bytes read at a time.
const READ_BYTES: usize = 64 * 1024;

const BROKEN: Refusal = Refusal::BadRequest("the form is broken");

impl EmbeddedStore {
    /// The fields `FileName` and `Authorization` must come before the file, as they do in the published clients: the
    /// file is not taken before its signature is verified.
    pub(super) fn post_file(&self, request: &Request<'_>, body: &mut dyn Read) -> Result<Reply, ReadError> {
        let boundary = request.header("content-type").and_then(boundary).ok_or(Refusal::NoAuthorization)?;
        let mut form = Form::new(body, &boundary);
        form.skip_to_first_part()?;
        let (mut file_name, mut authorization) = (None, None);
        for _ in 0..MAX_FIELDS {
            let head = form.head()?;
            if head.name != "file" {
                let value = form.field()?;
                match head.name.as_str() {
                    "FileName" => file_name = Some(value),
                    "Authorization" => authorization = Some(value),
                    _ => {}
                }
                if !form.has_more()? {
                    break;
                }
                continue;
            }
            let authorization = authorization.as_deref().ok_or(Refusal::NoAuthorization)?;
            let upload = FormUpload {
                bucket: &self.bucket,
                file_name: file_name.as_deref().ok_or(BROKEN)?,
                authorization,
                file_content_type: &head.content_type,
                headers: request.headers,
            };
            let verified = us3::verify_form(&upload, &self.keys)?;
            if !self.writable {
                return Err(Refusal::ReadOnly.into());
            }
            let key =
                ObjectKey::parse(&verified.key).map_err(|_| Refusal::BadRequest("file name not allowed"))?;
            let mut spool = self.spool().map_err(ReadError::Store)?;
            form.content(&mut |bytes| {
                if spool.bytes_written() + bytes.len() as u64 > MAX_FILE_BYTES {
                    return Err(Refusal::BadRequest("the file is too long").into());
                }
                write(&mut spool, bytes)
            })?;
            // Whether the form ends well: what is cut off is not stored.
            form.has_more()?;
            return Ok(with_etag(Reply::empty(200), &self.replace(&key, spool)?));
        }
        Err(if authorization.is_none() { Refusal::NoAuthorization } else { BROKEN }.into())
    }
}

/// The `boundary` of a form's media type.
fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

/// A parameter of a header, without its quotes.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    parameters.split(';').find_map(|pair| {
        let (known, value) = pair.split_once('=')?;
        known.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// What stands before a part's content.
struct Head {
    name: String,
    content_type: String,
}

/// A form's body as a stream.
struct Form<'a> {
    body: &'a mut dyn Read,
    /// Read and not yet taken.
    buffer: Vec<u8>,
    /// Where the body is read into.
    chunk: Vec<u8>,
    /// What ends a content: a line end, two hyphens, the boundary.
    delimiter: Vec<u8>,
}

impl<'a> Form<'a> {
    fn new(body: &'a mut dyn Read, boundary: &str) -> Self {
        Self {
            body,
            buffer: Vec::new(),
            chunk: vec![0; READ_BYTES],
            delimiter: format!("\r\n--{boundary}").into_bytes(),
        }
    }

    fn skip_to_first_part(&mut self) -> Result<(), ReadError> {
        let first = self.delimiter[2..].to_vec();
        while self.buffer.len() < first.len() && self.fill()? {}
        if !self.buffer.starts_with(&first) {
            return Err(BROKEN.into());
        }
        self.buffer.drain(..first.len());
        if self.has_more()? { Ok(()) } else { Err(BROKEN.into()) }
    }

    /// Behind a boundary: whether another part follows.
    fn has_more(&mut self) -> Result<bool, ReadError> {
        while self.buffer.len() < 2 && self.fill()? {}
        if self.buffer.starts_with(b"--") {
            return Ok(false);
        }
        if !self.buffer.starts_with(b"\r\n") {
            return Err(BROKEN.into());
        }
        self.buffer.drain(..2);
        // The Python client's end: the last boundary as if another part followed.
        Ok(!self.buffer.is_empty() || self.fill()?)
    }

    fn head(&mut self) -> Result<Head, ReadError> {
        let mut text = Vec::new();
        self.until(b"\r\n\r\n", &mut |bytes| bounded(&mut text, bytes))?;
        let text = String::from_utf8(text).map_err(|_| BROKEN)?;
        let mut head = Head { name: String::new(), content_type: String::new() };
        for line in text.split("\r\n") {
            let (name, value) = line.split_once(':').ok_or(BROKEN)?;
            if name.trim().eq_ignore_ascii_case("content-disposition") {
                head.name = parameter(value, "name").unwrap_or_default();
            } else if name.trim().eq_ignore_ascii_case("content-type") {
                value.trim().clone_into(&mut head.content_type);
            }
        }
        Ok(head)
    }

    fn field(&mut self) -> Result<String, ReadError> {
        let mut value = Vec::new();
        self.content(&mut |bytes| bounded(&mut value, bytes))?;
        Ok(String::from_utf8(value).map_err(|_| BROKEN)?)
    }

    fn content(&mut self, take: &mut dyn FnMut(&[u8]) -> Result<(), ReadError>) -> Result<(), ReadError> {
        let delimiter = self.delimiter.clone();
        self.until(&delimiter, take)
    }

    /// Gives everything before `end` to `take`, in pieces, and passes over `end`.
    fn until(
        &mut self,
        end: &[u8],
        take: &mut dyn FnMut(&[u8]) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                take(&self.buffer[..at])?;
                self.buffer.drain(..at + end.len());
                return Ok(());
            }
            // The end may have begun.
            let safe = self.buffer.len().saturating_sub(end.len() - 1);
            take(&self.buffer[..safe])?;
            self.buffer.drain(..safe);
            if !self.fill()? {
                return Err(BROKEN.into());
            }
        }
    }

    /// Reads on; `false` at the end of the body.
    fn fill(&mut self) -> Result<bool, ReadError> {
        loop {
            match self.body.read(&mut self.chunk) {
                Ok(read) => {
                    self.buffer.extend_from_slice(&self.chunk[..read]);
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Refusal::BadRequest("the body broke off").into()),
            }
        }
    }
}

fn bounded(text: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ReadError> {
    if text.len() + bytes.len() > MAX_FIELD_BYTES {
        return Err(BROKEN.into());
    }
    text.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Answers as few bytes at a time as it is told.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(self.1).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn parts(body: &[u8], step: usize) -> Result<Vec<(String, String, Vec<u8>)>, ReadError> {
        let mut trickle = Trickle(body, step);
        let mut form = Form::new(&mut trickle, "b");
        form.skip_to_first_part()?;
        let mut parts = Vec::new();
        loop {
            let head = form.head()?;
            let mut content = Vec::new();
            form.content(&mut |bytes| {
                content.extend_from_slice(bytes);
                Ok(())
            })?;
            parts.push((head.name, head.content_type, content));
            if !form.has_more()? {
                return Ok(parts);
            }
        }
    }

    proptest! {
        /// However the body is cut on its way, with and without the hyphens at its end.
        #[test]
        fn what_was_put_in_comes_out(
            contents in prop::collection::vec("[\r\n\\-b]{0,40}", 1..4),
            step in 1_usize..50,
            closing in prop::sample::select(vec!["--\r\n", "--", "\r\n"]),
        ) {
            prop_assume!(contents.iter().all(|content| !content.contains("\r\n--b") ));
            // Content and the boundary behind it must not make an earlier one.
            let mut body = String::from("--b");
            for content in &contents {
                body += "\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\ncontent-type: t\r\n\r\n";
                body += content;
                body += "\r\n--b";
            }
            body += closing;
            let expected: Vec<_> =
                contents.iter().map(|c| ("f".to_owned(), "t".to_owned(), c.clone().into_bytes())).collect();
            prop_assert_eq!(parts(body.as_bytes(), step).expect("parts"), expected);
            // Cut anywhere before its end it is broken, never shorter.
            let cut = body.len() - closing.len();
            prop_assert!(parts(&body.as_bytes()[..cut], step).is_err());
        }
    }

    #[test]
    fn the_boundary_is_found_and_bounded() {
        assert_eq!(boundary("multipart/form-data; boundary=e2e7"), Some("e2e7".to_owned()));
        assert_eq!(boundary("Multipart/Form-Data; charset=x; Boundary=\"a b\""), Some("a b".to_owned()));
        assert_eq!(boundary("multipart/form-data"), None);
        assert_eq!(boundary("multipart/form-data; boundary="), None);
        assert_eq!(boundary("text/plain; boundary=a"), None);
        assert_eq!(boundary(&format!("multipart/form-data; boundary={}", "a".repeat(71))), None);
    }
}
