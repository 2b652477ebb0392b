//! `PostFile`: an upload as a `multipart/form-data` body (docs/SIGNING.md, "Form uploads"), parsed as a stream. The
//! body that the published Python client sends lacks the `--` after the last boundary; it is accepted nevertheless.

use std::io::{self, Read};

use super::refusal::Refusal;
use super::request::Request;
use super::verify::{FormUpload, Verified, verify_form};
use crate::key_pair::ObjectKeys;

/// Longest head of a part, and longest value of a field other than the file, in bytes.
const MAX_FIELD_BYTES: usize = 8 * 1024;

/// Most fields before the file.
const MAX_FIELDS: usize = 32;

/// Bytes per read of the body.
const READ_BYTES: usize = 64 * 1024;

const BROKEN: Refusal = Refusal::BadRequest("the form is broken");

/// An upload form, read up to the content of its file.
///
/// The fields `FileName` and `Authorization` must precede the file, as they do in the published clients, so that the
/// signature is verified before the file is read.
pub struct UploadForm<'a> {
    form: Form<'a>,
    file_name: String,
    authorization: String,
    file_content_type: String,
}

impl<'a> UploadForm<'a> {
    /// Reads the fields before the file.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoAuthorization`] if the request is not a form or has no `Authorization` field before the file;
    /// [`Refusal::BadRequest`] if the form is malformed or incomplete.
    pub fn read(request: &Request<'_>, body: &'a mut dyn Read) -> Result<Self, Refusal> {
        let boundary = request.header("content-type").and_then(boundary).ok_or(Refusal::NoAuthorization)?;
        let mut form = Form::new(body, &boundary);
        form.skip_to_first_part()?;
        let (mut file_name, mut authorization) = (None, None);
        for _ in 0..MAX_FIELDS {
            let head = form.head()?;
            if head.name == "file" {
                let authorization = authorization.ok_or(Refusal::NoAuthorization)?;
                let file_name = file_name.ok_or(BROKEN)?;
                return Ok(Self { form, file_name, authorization, file_content_type: head.content_type });
            }
            let value = form.field()?;
            match head.name.as_str() {
                "FileName" => file_name = Some(value),
                "Authorization" => authorization = Some(value),
                _ => {}
            }
            if !form.has_more()? {
                break;
            }
        }
        Err(if authorization.is_none() { Refusal::NoAuthorization } else { BROKEN })
    }

    /// Verifies the form's signature; `request` is the one that [`read`](Self::read) took.
    ///
    /// # Errors
    ///
    /// As [`verify_form`].
    pub fn verify(&self, request: &Request<'_>, keys: &ObjectKeys) -> Result<Verified, Refusal> {
        let upload = FormUpload {
            bucket: request.bucket,
            file_name: &self.file_name,
            authorization: &self.authorization,
            file_content_type: &self.file_content_type,
            headers: request.headers,
        };
        verify_form(&upload, keys)
    }

    /// Passes the file's content to `take` in pieces. If the form does not end correctly after it, the file is
    /// incomplete.
    ///
    /// # Errors
    ///
    /// [`Refusal::BadRequest`] if the form is malformed or cut off, and the errors of `take`.
    pub fn content(mut self, take: &mut dyn FnMut(&[u8]) -> Result<(), Refusal>) -> Result<(), Refusal> {
        self.form.content(take)?;
        self.form.has_more().map(drop)
    }
}

/// The `boundary` parameter of a form's media type.
fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

/// The value of a header's parameter, without quotes.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    parameters.split(';').find_map(|pair| {
        let (known, value) = pair.split_once('=')?;
        known.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// The relevant headers of a part.
struct Head {
    name: String,
    content_type: String,
}

/// A form's body as a stream.
struct Form<'a> {
    body: &'a mut dyn Read,
    /// Bytes read and not yet consumed.
    buffer: Vec<u8>,
    /// Buffer for one read.
    chunk: Vec<u8>,
    /// The end of a part's content: a line end, two hyphens, the boundary.
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

    fn skip_to_first_part(&mut self) -> Result<(), Refusal> {
        let first = self.delimiter[2..].to_vec();
        while self.buffer.len() < first.len() && self.fill()? {}
        if !self.buffer.starts_with(&first) {
            return Err(BROKEN);
        }
        self.buffer.drain(..first.len());
        if self.has_more()? { Ok(()) } else { Err(BROKEN) }
    }

    /// After a boundary: whether another part follows.
    fn has_more(&mut self) -> Result<bool, Refusal> {
        while self.buffer.len() < 2 && self.fill()? {}
        if self.buffer.starts_with(b"--") {
            return Ok(false);
        }
        if !self.buffer.starts_with(b"\r\n") {
            return Err(BROKEN);
        }
        self.buffer.drain(..2);
        // The Python client ends its last boundary as if another part followed.
        Ok(!self.buffer.is_empty() || self.fill()?)
    }

    fn head(&mut self) -> Result<Head, Refusal> {
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

    fn field(&mut self) -> Result<String, Refusal> {
        let mut value = Vec::new();
        self.content(&mut |bytes| bounded(&mut value, bytes))?;
        String::from_utf8(value).map_err(|_| BROKEN)
    }

    fn content(&mut self, take: &mut dyn FnMut(&[u8]) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let delimiter = self.delimiter.clone();
        self.until(&delimiter, take)
    }

    /// Passes everything before `end` to `take`, in pieces, and skips `end`.
    fn until(
        &mut self,
        end: &[u8],
        take: &mut dyn FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                take(&self.buffer[..at])?;
                self.buffer.drain(..at + end.len());
                return Ok(());
            }
            // The last bytes may be the beginning of `end`.
            let safe = self.buffer.len().saturating_sub(end.len() - 1);
            take(&self.buffer[..safe])?;
            self.buffer.drain(..safe);
            if !self.fill()? {
                return Err(BROKEN);
            }
        }
    }

    /// Reads more of the body; `false` at its end.
    fn fill(&mut self) -> Result<bool, Refusal> {
        loop {
            match self.body.read(&mut self.chunk) {
                Ok(read) => {
                    self.buffer.extend_from_slice(&self.chunk[..read]);
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Refusal::BadRequest("the body broke off")),
            }
        }
    }
}

fn bounded(text: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Refusal> {
    if text.len() + bytes.len() > MAX_FIELD_BYTES {
        return Err(BROKEN);
    }
    text.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns at most the given number of bytes per read.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(self.1).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn parts(body: &[u8], step: usize) -> Result<Vec<(String, String, Vec<u8>)>, Refusal> {
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
        /// For reads of any size, with and without the hyphens at the end.
        #[test]
        fn parts_are_parsed_as_sent(
            contents in prop::collection::vec("[\r\n\\-b]{0,40}", 1..4),
            step in 1_usize..50,
            closing in prop::sample::select(vec!["--\r\n", "--", "\r\n"]),
        ) {
            prop_assume!(contents.iter().all(|content| !content.contains("\r\n--b") ));
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
            // A truncated form is an error, never a shorter file.
            let cut = body.len() - closing.len();
            prop_assert!(parts(&body.as_bytes()[..cut], step).is_err());
        }
    }

    #[test]
    fn boundaries_are_parsed_and_bounded() {
        assert_eq!(boundary("multipart/form-data; boundary=e2e7"), Some("e2e7".to_owned()));
        assert_eq!(boundary("Multipart/Form-Data; charset=x; Boundary=\"a b\""), Some("a b".to_owned()));
        assert_eq!(boundary("multipart/form-data"), None);
        assert_eq!(boundary("multipart/form-data; boundary="), None);
        assert_eq!(boundary("text/plain; boundary=a"), None);
        assert_eq!(boundary(&format!("multipart/form-data; boundary={}", "a".repeat(71))), None);
    }
}
