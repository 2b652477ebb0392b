//! Making signed requests: presigned queries and `Authorization` headers. The same texts are read back by `verify`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::signature::{SignedParts, sign};
use crate::key_pair::ObjectKeys;

/// Everything that is not unreserved (RFC 3986) is escaped: what stays means the same to every decoder.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// In a path the slashes stay.
const PATH: &AsciiSet = &VALUE.remove(b'/');

/// A key as it stands in a URL's path, without a leading slash.
pub fn encode_path(key: &str) -> String {
    utf8_percent_encode(key, PATH).to_string()
}

/// A parameter's value as it stands in a query.
pub(crate) fn encode_value(value: &str) -> String {
    utf8_percent_encode(value, VALUE).to_string()
}

/// The `Authorization` header of a request with these parts (docs/SIGNING.md, "Header signatures").
pub fn authorization(keys: &ObjectKeys, parts: &SignedParts<'_>) -> String {
    format!("UCloud {}:{}", keys.public(), sign(keys.private(), &parts.string_to_sign()))
}

/// The query, without `?`, that lets anyone `GET` or `HEAD` the object until `expires_unix_s` (seconds, exclusive;
/// a negative one is written as 0, both being past). With `attachment_name` the reader is told to save it under that
/// name; the scheme does not sign it.
pub fn presign_get(
    keys: &ObjectKeys,
    bucket: &str,
    key: &str,
    expires_unix_s: i64,
    attachment_name: Option<&str>,
) -> String {
    let expires = expires_unix_s.max(0).to_string();
    let text =
        SignedParts { method: "GET", date_or_expires: &expires, bucket, key, ..SignedParts::default() }
            .string_to_sign();
    let mut query = format!(
        "UCloudPublicKey={}&Expires={expires}&Signature={}",
        utf8_percent_encode(keys.public(), VALUE),
        utf8_percent_encode(&sign(keys.private(), &text), VALUE)
    );
    if let Some(name) = attachment_name {
        query.push_str("&ufileattname=");
        query.extend(utf8_percent_encode(name, VALUE));
    }
    query
}
