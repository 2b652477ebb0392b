//! The strict signature of a request (docs/SIGNING.md, "Strict signatures"), computed for clients and verified for the
//! server. Whether its time is within the window and its nonce is new is not checked here.

use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Header with the time of signing, Unix seconds.
pub const TIMESTAMP_HEADER: &str = "X-Tollbook-Timestamp";
/// Header with a text that no other request of the key and that second has.
pub const NONCE_HEADER: &str = "X-Tollbook-Nonce";
/// Header with the signature.
pub const SIGNATURE_HEADER: &str = "X-Tollbook-Signature";

/// The length of a nonce, in characters. Its characters are letters, digits, `-` and `_`.
pub const NONCE_CHARACTERS: std::ops::RangeInclusive<usize> = 16..=64;

/// The first line of the signed text. It keeps a signature from having another meaning.
const SCHEME: &str = "TOLLBOOK-HMAC-SHA256";
/// What is escaped in the canonical query: everything but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub struct StrictRequest<'r> {
    /// The method, in upper case.
    pub method: &'r str,
    /// The path, as it stands in the request line.
    pub path: &'r str,
    /// The query, as it stands in the request line, without `?`; empty if there is none.
    pub query: &'r str,
    /// The header `Content-Type`; empty if there is none.
    pub content_type: &'r str,
    /// The bytes of the body.
    pub body: &'r [u8],
    /// The header with the time of signing, as it was sent.
    pub timestamp: &'r str,
    /// The header with the nonce.
    pub nonce: &'r str,
}

/// The signed text: eight lines without a line feed at the end. No part can hold a line feed, so the text of two requests is
/// never the same.
pub fn string_to_sign(request: &StrictRequest<'_>) -> String {
    let media_type = request.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let body = hex::encode(Sha256::digest(request.body));
    [
        SCHEME,
        request.method,
        request.path,
        &canonical_query(request.query),
        &media_type,
        &body,
        request.timestamp,
        request.nonce,
    ]
    .join("\n")
}

/// The signature: lower-case hexadecimal HMAC-SHA256 of the signed text with the private key.
pub fn sign(request: &StrictRequest<'_>, private_key: &str) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(private_key.as_bytes()) else { return String::new() };
    mac.update(string_to_sign(request).as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Whether `signature` is that of the request. The time of the comparison does not depend on the place of a difference.
pub fn verify(request: &StrictRequest<'_>, private_key: &str, signature: &str) -> bool {
    let expected = sign(request, private_key);
    !expected.is_empty() && bool::from(expected.as_bytes().ct_eq(signature.as_bytes()))
}

/// The pairs of a query as `name=value`, decoded like those of a form, escaped again in one way, sorted by their bytes and
/// joined by `&`.
fn canonical_query(query: &str) -> String {
    let again = |encoded: &str| {
        let spaced = encoded.replace('+', " ");
        let bytes: Vec<u8> = percent_decode(spaced.as_bytes()).collect();
        percent_encode(&bytes, ESCAPED).to_string()
    };
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            format!("{}={}", again(name), again(value))
        })
        .collect();
    pairs.sort_unstable();
    pairs.join("&")
}
