//! Verification of US3 signatures, with the tolerance that the published clients need. It depends only on the request,
//! the key pair and the given time.

use std::fmt;

use subtle::ConstantTimeEq as _;

use super::refusal::Refusal;
use super::request::{Request, decode_base64_value};
use super::signature::{SignedParts, canonical_headers, is_copy_source, sign};
use crate::key_pair::ObjectKeys;

/// A request with a valid signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The object's key, decoded, without a leading slash. It is checked only as far as the signature requires.
    pub key: String,
    /// The string that was signed; of several readings, the one that matched. It is not secret.
    pub string_to_sign: String,
}

/// The signed parts of a form upload (`POST /`, multipart).
#[derive(Clone, Copy)]
pub struct FormUpload<'a> {
    /// The bucket of the host.
    pub bucket: &'a str,
    /// The field `FileName`: the key, not encoded.
    pub file_name: &'a str,
    /// The field `Authorization`.
    pub authorization: &'a str,
    /// The `Content-Type` of the part `file`, which is signed instead of the request's.
    pub file_content_type: &'a str,
    /// The headers of the request.
    pub headers: &'a [(&'a str, &'a str)],
}

// `Debug` is not derived for `FormUpload`: its authorization is a bearer secret.
impl fmt::Debug for FormUpload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormUpload")
            .field("bucket", &self.bucket)
            .field("file_name", &self.file_name)
            .finish_non_exhaustive()
    }
}

/// Verifies a request signed by header or by presigned URL (docs/SIGNING.md, "Verification") at `now_s` (Unix seconds).
///
/// # Errors
///
/// In this order: [`Refusal::TwoAuthorizations`], [`Refusal::NoAuthorization`], [`Refusal::Expired`] (a presigned URL
/// is valid while `now_s < Expires`), [`Refusal::UnknownPublicKey`], [`Refusal::InvalidSignature`].
pub fn verify(request: &Request<'_>, keys: &ObjectKeys, now_s: i64) -> Result<Verified, Refusal> {
    match (request.header("authorization"), PresignedQuery::is_claimed(request)) {
        (Some(_), true) => Err(Refusal::TwoAuthorizations),
        (None, false) => Err(Refusal::NoAuthorization),
        (Some(authorization), false) => {
            let claim = HeaderClaim::parse(authorization)?;
            let key = request.key().ok_or(Refusal::InvalidSignature)?;
            let content_type = request.header("content-type").unwrap_or_default();
            verify_header(&claim, request, &key, content_type, keys)
        }
        (None, true) => verify_query(&PresignedQuery::parse(request)?, request, keys, now_s),
    }
}

/// Verifies a form upload (docs/SIGNING.md, "Form uploads").
///
/// # Errors
///
/// As [`verify`] for a request signed by header.
pub fn verify_form(form: &FormUpload<'_>, keys: &ObjectKeys) -> Result<Verified, Refusal> {
    let claim = HeaderClaim::parse(form.authorization.trim())?;
    if form.file_name.chars().any(char::is_control) {
        return Err(Refusal::InvalidSignature);
    }
    let request =
        Request { method: "POST", bucket: form.bucket, path: "/", query: "", headers: form.headers };
    verify_header(&claim, &request, form.file_name, form.file_content_type, keys)
}

/// `UCloud <public>:<signature>[:<policy>]`.
struct HeaderClaim<'a> {
    public_key: &'a str,
    signature: &'a str,
    policy: &'a str,
}

impl<'a> HeaderClaim<'a> {
    fn parse(authorization: &'a str) -> Result<Self, Refusal> {
        // Another scheme, such as Basic, is no US3 authorization; a malformed US3 one is an invalid signature.
        let claim = authorization.strip_prefix("UCloud ").ok_or(Refusal::NoAuthorization)?.trim_start();
        let (public_key, rest) = claim.split_once(':').ok_or(Refusal::InvalidSignature)?;
        let (signature, policy) = rest.split_once(':').unwrap_or((rest, ""));
        // The policy is signed directly after the key without a separator, so only base64 is allowed.
        if !policy.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'='))
        {
            return Err(Refusal::InvalidSignature);
        }
        Ok(Self { public_key, signature, policy })
    }
}

/// `UCloudPublicKey`, `Expires` and `Signature` of a presigned URL.
struct PresignedQuery {
    public_key: String,
    /// As in the URL, because this text is signed.
    expires: String,
    signature: String,
}

impl PresignedQuery {
    /// Whether the query claims to be signed. `Expires` alone does not.
    fn is_claimed(request: &Request<'_>) -> bool {
        ["UCloudPublicKey", "Signature"].iter().any(|name| request.raw_parameters(name).next().is_some())
    }

    /// Without one of its parts the query is no authorization; with a repeated or undecodable part its signature is
    /// invalid.
    fn parse(request: &Request<'_>) -> Result<Self, Refusal> {
        let one = |name| {
            let mut values = request.raw_parameters(name);
            let value = values.next().ok_or(Refusal::NoAuthorization)?;
            if values.next().is_some() {
                return Err(Refusal::InvalidSignature);
            }
            decode_base64_value(value).ok_or(Refusal::InvalidSignature)
        };
        Ok(Self {
            public_key: one("UCloudPublicKey")?,
            expires: one("Expires")?,
            signature: one("Signature")?,
        })
    }

    /// The expiry in Unix seconds. Only digits are allowed.
    fn expires_unix_s(&self) -> Result<i64, Refusal> {
        if self.expires.is_empty() || !self.expires.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Refusal::InvalidSignature);
        }
        self.expires.parse().map_err(|_| Refusal::InvalidSignature)
    }
}

fn verify_header(
    claim: &HeaderClaim<'_>,
    request: &Request<'_>,
    key: &str,
    content_type: &str,
    keys: &ObjectKeys,
) -> Result<Verified, Refusal> {
    if claim.public_key != keys.public() {
        return Err(Refusal::UnknownPublicKey);
    }
    // The Python SDK signs the parameters of a listing, the Go SDK does not.
    let mut extras = vec![claim.policy.to_owned()];
    if request.raw_parameters("listobjects").next().is_some() {
        extras.push(listobjects_block(request));
    }
    let fixed = SignedParts {
        date_or_expires: request.header("date").unwrap_or_default(),
        content_type,
        ..request_parts(request, key)
    };
    matching(&fixed, &[request.method], &header_readings(request.headers), &extras, claim.signature, keys)
}

fn verify_query(
    query: &PresignedQuery,
    request: &Request<'_>,
    keys: &ObjectKeys,
    now_s: i64,
) -> Result<Verified, Refusal> {
    if now_s >= query.expires_unix_s()? {
        return Err(Refusal::Expired);
    }
    if query.public_key != keys.public() {
        return Err(Refusal::UnknownPublicKey);
    }
    let key = request.key().ok_or(Refusal::InvalidSignature)?;
    // Download tools send HEAD before GET, so a signature for GET also allows HEAD. No other method implies another.
    let methods: &[&str] = if request.method == "HEAD" { &["HEAD", "GET"] } else { &[request.method] };
    let fixed = SignedParts { date_or_expires: &query.expires, ..request_parts(request, &key) };
    matching(&fixed, methods, &header_readings(request.headers), &[String::new()], &query.signature, keys)
}

/// The parts that both kinds of signature take from a request.
fn request_parts<'a>(request: &Request<'a>, key: &'a str) -> SignedParts<'a> {
    SignedParts {
        content_md5: request.header("content-md5").unwrap_or_default(),
        content_type: request.header("content-type").unwrap_or_default(),
        bucket: request.bucket,
        key,
        ..SignedParts::default()
    }
}

/// The canonical headers as different SDKs compute them: without the copy source and, if one was sent, with it (only
/// the Java SDK signs it).
fn header_readings(headers: &[(&str, &str)]) -> Vec<String> {
    let mut readings = vec![canonical_headers(headers, false)];
    if headers.iter().any(|(name, _)| is_copy_source(&name.to_ascii_lowercase())) {
        readings.push(canonical_headers(headers, true));
    }
    readings
}

/// The block that the Python SDK appends to the resource of `GET /?listobjects`; absent parameters are empty.
fn listobjects_block(request: &Request<'_>) -> String {
    let [delimiter, marker, max_keys, prefix] = ["delimiter", "marker", "max-keys", "prefix"]
        .map(|name| request.form_parameter(name).unwrap_or_default());
    format!("\nlistobjects\ndelimiter:{delimiter}\nmarker:{marker}\nmax-keys:{max_keys}\nprefix:{prefix}")
}

/// The first of at most four readings that has the signature. Comparisons take constant time.
fn matching(
    fixed: &SignedParts<'_>,
    methods: &[&str],
    header_readings: &[String],
    extras: &[String],
    signature: &str,
    keys: &ObjectKeys,
) -> Result<Verified, Refusal> {
    for method in methods {
        for canonical_headers in header_readings {
            for extra in extras {
                let string_to_sign =
                    SignedParts { method, canonical_headers, extra, ..*fixed }.string_to_sign();
                let expected = sign(keys.private(), &string_to_sign);
                if bool::from(expected.as_bytes().ct_eq(signature.as_bytes())) {
                    return Ok(Verified { key: fixed.key.to_owned(), string_to_sign });
                }
            }
        }
    }
    Err(Refusal::InvalidSignature)
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
