//! A request as it is signed, and the decoding of its path and query. Missing and repeated parameters are reported, not
//! refused.

use std::fmt;

use percent_encoding::percent_decode_str;

/// A request as plain data, exactly as on the wire.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Upper case, as sent.
    pub method: &'a str,
    /// The bucket of the host. A custom domain does not name it, so the caller provides it (docs/SIGNING.md, "US3
    /// signatures").
    pub bucket: &'a str,
    /// Percent-encoded path, beginning with `/`.
    pub path: &'a str,
    /// Percent-encoded query without the `?`, empty if there is none.
    pub query: &'a str,
    /// Headers in any order and case; a name may repeat.
    pub headers: &'a [(&'a str, &'a str)],
}

impl<'a> Request<'a> {
    /// A request from a target that contains both path and query.
    pub fn from_target(
        method: &'a str,
        bucket: &'a str,
        target: &'a str,
        headers: &'a [(&'a str, &'a str)],
    ) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self { method, bucket, path, query, headers }
    }

    /// The first header of that name, without surrounding white space.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The key: the path without its first slash, with only `%XX` decoded (`+` is a plus). `None` if there is no slash,
    /// if the bytes are not UTF-8, or if the key contains a control character: a line feed could be mistaken for part
    /// of the signed text.
    pub(crate) fn key(&self) -> Option<String> {
        let key = decode(self.path.strip_prefix('/')?)?;
        (!key.chars().any(char::is_control)).then_some(key)
    }

    /// The raw values of a query parameter. A parameter without `=` has an empty value.
    pub fn raw_parameters(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .filter(move |(raw_name, _)| decode(raw_name).is_some_and(|known| known == name))
            .map(|(_, value)| value)
    }

    /// The first value of a query parameter, decoded as a form field: `+` is a space.
    pub fn form_parameter(&self, name: &str) -> Option<String> {
        self.raw_parameters(name).next().and_then(|raw| decode(&raw.replace('+', " ")))
    }
}

impl fmt::Debug for Request<'_> {
    /// Omits query and headers: a presigned query is a bearer secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("bucket", &self.bucket)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Decodes `%XX`; `None` if the result is not UTF-8. A `%` that does not begin an escape is literal.
fn decode(raw: &str) -> Option<String> {
    percent_decode_str(raw).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Decodes a base64 value: `+` is literal, and a space, which form decoding makes of a `+`, becomes a `+` again
/// (docs/SIGNING.md, "Presigned URLs").
pub(crate) fn decode_base64_value(raw: &str) -> Option<String> {
    decode(raw).map(|value| value.replace(' ', "+"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_decode_escapes_only() {
        let table = [
            ("/a%20b+c", Some("a b+c")),
            ("/%E8%AE%A2.xlsx", Some("订.xlsx")),
            ("/100%.txt", Some("100%.txt")),
            ("/a%252e", Some("a%2e")),
            ("/", Some("")),
            ("", None),
            ("a", None),
            ("/%ff", None),
            ("/a%0Ab", None),
            ("/a%00", None),
        ];
        for (path, key) in table {
            let request = Request { method: "GET", bucket: "b", path, query: "", headers: &[] };
            assert_eq!(request.key().as_deref(), key, "{path}");
        }
    }

    #[test]
    fn parameters_are_found_by_their_decoded_name() {
        let request = Request::from_target("GET", "b", "/k?list&x=1&%78=2&y=a+b%2B", &[]);
        assert_eq!(request.raw_parameters("list").collect::<Vec<_>>(), [""]);
        assert_eq!(request.raw_parameters("x").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(request.form_parameter("y").as_deref(), Some("a b+"));
        assert_eq!(request.form_parameter("z"), None);
    }

    #[test]
    fn debug_hides_query_and_headers() {
        let headers = [("Authorization", "UCloud pub:sig")];
        let shown = format!("{:?}", Request::from_target("GET", "b", "/k?Signature=abc", &headers));
        assert!(!shown.contains("abc") && !shown.contains("sig"), "{shown}");
    }
}
