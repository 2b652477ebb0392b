//! Strict signatures of requests: their headers, whether one is demanded, and the window of their time (docs/SIGNING.md,
//! "Strict signatures").

use axum::http::HeaderMap;
use tollbook_domain::tenant::{ApiKey, StrictSigning};
use tollbook_ops::{Brand, Config};

use crate::ret_code::Refusal;
use crate::strict_signature::{
    NONCE_CHARACTERS, NONCE_HEADER, SIGNATURE_HEADER, StrictRequest, TIMESTAMP_HEADER, string_to_sign, verify,
};

/// The strict signature of a request, as it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct StrictSignature<'h> {
    timestamp: &'h str,
    pub(super) signed_s: i64,
    pub(super) nonce: &'h str,
    signature: &'h str,
}

impl<'h> StrictSignature<'h> {
    /// Reads the headers; `None` if the request has none of them.
    ///
    /// # Errors
    /// 220 naming those that are missing, 230 naming one that is given twice or has another form.
    pub(super) fn of(headers: &'h HeaderMap) -> Result<Option<Self>, Refusal> {
        let names = [TIMESTAMP_HEADER, NONCE_HEADER, SIGNATURE_HEADER];
        let given = [header(headers, names[0])?, header(headers, names[1])?, header(headers, names[2])?];
        let [timestamp, nonce, signature] = match given {
            [None, None, None] => return Ok(None),
            [Some(timestamp), Some(nonce), Some(signature)] => [timestamp, nonce, signature],
            _ => {
                let missing = names.into_iter().zip(given).filter(|(_, value)| value.is_none());
                return Err(Refusal::MissingParams(missing.map(|(name, _)| name).collect()));
            }
        };
        let is_number = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let signed_s = timestamp.parse().ok().filter(|_| is_number);
        let signed_s = signed_s.ok_or_else(|| Refusal::not_available(names[0], "must be Unix seconds"))?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !NONCE_CHARACTERS.contains(&nonce.len()) || !nonce.bytes().all(is_plain) {
            return Err(Refusal::not_available(names[1], "must be 16 to 64 of A-Z, a-z, 0-9, - and _"));
        }
        let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        if signature.len() != 64 || !signature.bytes().all(is_digit) {
            return Err(Refusal::not_available(names[2], "must be 64 lower-case hexadecimal digits"));
        }
        Ok(Some(Self { timestamp, signed_s, nonce, signature }))
    }

    /// Whether it is the signature of the request.
    pub(super) fn is_of(&self, request: &StrictParts<'_>, private_key: &str) -> bool {
        verify(&self.signed(request), private_key, self.signature)
    }

    /// The text that is signed, without the private key.
    pub(super) fn string_to_sign(&self, request: &StrictParts<'_>) -> String {
        string_to_sign(&self.signed(request))
    }

    const fn signed<'r>(&'r self, request: &StrictParts<'r>) -> StrictRequest<'r> {
        StrictRequest {
            method: request.method,
            path: request.path,
            query: request.query,
            content_type: request.content_type,
            body: request.body,
            timestamp: self.timestamp,
            nonce: self.nonce,
        }
    }

    /// Refuses a time that is further from the server's than the window, and says which the server's is.
    pub(super) fn check_time(&self, now_s: i64, window_s: i64) -> Result<(), Refusal> {
        if self.signed_s.abs_diff(now_s) <= window_s.unsigned_abs() {
            return Ok(());
        }
        let reason = format!("the server's time is {now_s}, and at most {window_s} s may be between them");
        Err(Refusal::TimestampOutOfWindow { sent: self.timestamp.to_owned(), reason })
    }
}

/// The parts of a request that a strict signature covers.
#[derive(Clone, Copy, Debug)]
pub(super) struct StrictParts<'r> {
    pub(super) method: &'r str,
    pub(super) path: &'r str,
    pub(super) query: &'r str,
    pub(super) content_type: &'r str,
    pub(super) body: &'r [u8],
}

/// The value of a header, which must not be given twice: a proxy could read the other one.
fn header<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::not_available(name, "given more than once"));
    }
    value.to_str().map(Some).map_err(|_| Refusal::not_available(name, "must be printable ASCII"))
}

/// What requests with a key must sign strictly: the key decides before the brand, the brand before the deployment.
pub(super) fn demand(key: &ApiKey, brand: &Brand, config: &Config) -> StrictSigning {
    key.strict.or(brand.strict).unwrap_or(config.signing.strict)
}
