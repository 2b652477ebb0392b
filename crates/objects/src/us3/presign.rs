//! Signs requests: presigned queries and `Authorization` headers. `verify` checks them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::signature::{SignedParts, sign};
use crate::key_pair::ObjectKeys;

/// All but unreserved characters (RFC 3986) are escaped, so every decoder agrees on the value.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// In a path, slashes are not escaped.
const PATH: &AsciiSet = &VALUE.remove(b'/');

/// A key, escaped for the path of a URL, without a leading slash.
pub fn encode_path(key: &str) -> String {
    utf8_percent_encode(key, PATH).to_string()
}

/// A parameter's value, escaped for a query.
pub(crate) fn encode_value(value: &str) -> String {
    utf8_percent_encode(value, VALUE).to_string()
}

/// The `Authorization` header of a request with these parts (docs/SIGNING.md, "Header signatures").
pub fn authorization(keys: &ObjectKeys, parts: &SignedParts<'_>) -> String {
    format!("UCloud {}:{}", keys.public(), sign(keys.private(), &parts.string_to_sign()))
}

/// The query, without `?`, of a URL that allows `GET` and `HEAD` of the object until `expires_unix_s` (seconds,
/// exclusive; a negative value is written as 0, which is past as well). Browsers save the object as `attachment_name`,
/// which the scheme does not sign.
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
