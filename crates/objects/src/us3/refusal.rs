//! US3's refusals of requests, with their published replies. Internal failures, such as a disk error, are not refusals.

use crate::reply::{Reply, error_body};

/// The reason for refusing a request. `Display` is for the log; [`message`](Self::message) is sent to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request has neither a US3 `Authorization` header nor a complete presigned query. The HTTP status is not
    /// published; we send 403.
    #[error("no authorization found")]
    NoAuthorization,
    /// The request has both an `Authorization` header and a presigned query. The rule is published, its code is not.
    #[error("both a header and a url signature")]
    TwoAuthorizations,
    /// The presigned URL has expired. The code is not published; we send that of an invalid signature with a message
    /// of its own.
    #[error("signature expired")]
    Expired,
    /// The public key is not the deployment's. The client gets the reply for an invalid signature.
    #[error("unknown public key")]
    UnknownPublicKey,
    /// The signature is malformed or does not match the request.
    #[error("invalid signature")]
    InvalidSignature,
    /// The bucket does not exist here.
    #[error("bucket not exists")]
    NoSuchBucket,
    /// The object does not exist, or no object can have the key.
    #[error("file not exist")]
    NoSuchFile,
    /// The request is signed correctly, but its method is not supported. No code is published.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// The request is signed correctly, but would write, which clients may not. No code is published.
    #[error("writing is not allowed")]
    ReadOnly,
    /// The request is malformed; the text says how. No code is published.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
}

impl Refusal {
    /// HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::NoAuthorization
            | Self::TwoAuthorizations
            | Self::Expired
            | Self::UnknownPublicKey
            | Self::InvalidSignature
            | Self::ReadOnly => 403,
            Self::NoSuchBucket | Self::NoSuchFile => 404,
            Self::MethodNotAllowed => 405,
            Self::BadRequest(_) => 400,
        }
    }

    /// US3's `RetCode` if one is published (docs/SIGNING.md, "US3 errors"), else −1, which the Python SDK uses for
    /// errors without a code.
    pub fn ret_code(self) -> i32 {
        match self {
            Self::NoAuthorization => -148_643,
            Self::NoSuchBucket => -148_653,
            Self::NoSuchFile => -148_654,
            Self::TwoAuthorizations | Self::Expired | Self::UnknownPublicKey | Self::InvalidSignature => {
                -148_658
            }
            Self::MethodNotAllowed | Self::ReadOnly | Self::BadRequest(_) => -1,
        }
    }

    /// US3's `ErrMsg`.
    pub fn message(self) -> &'static str {
        match self {
            Self::NoAuthorization => "no authorization found",
            Self::TwoAuthorizations => "header and url signature together",
            Self::Expired => "signature expired",
            Self::UnknownPublicKey | Self::InvalidSignature => "invalid signature",
            Self::NoSuchBucket => "bucket not exists",
            Self::NoSuchFile => "file not exist",
            Self::MethodNotAllowed => "method not allowed",
            Self::ReadOnly => "writing is not allowed",
            Self::BadRequest(reason) => reason,
        }
    }

    /// The body: JSON with `RetCode` and `ErrMsg`; the published SDKs require both.
    pub fn body(self) -> String {
        error_body(self.ret_code(), self.message())
    }

    /// The whole reply.
    pub fn reply(self) -> Reply {
        let mut reply = Reply::error(self.status(), self.ret_code(), self.message());
        if self == Self::MethodNotAllowed {
            reply.headers.push(("allow", "GET, HEAD".to_owned()));
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_the_published_ones() {
        assert_eq!(Refusal::InvalidSignature.body(), r#"{"RetCode":-148658,"ErrMsg":"invalid signature"}"#);
        assert_eq!(Refusal::UnknownPublicKey.body(), Refusal::InvalidSignature.body());
        assert_eq!(
            Refusal::NoAuthorization.body(),
            r#"{"RetCode":-148643,"ErrMsg":"no authorization found"}"#
        );
        assert_eq!(Refusal::NoSuchFile.body(), r#"{"RetCode":-148654,"ErrMsg":"file not exist"}"#);
        assert_eq!(Refusal::NoSuchBucket.body(), r#"{"RetCode":-148653,"ErrMsg":"bucket not exists"}"#);
        assert_eq!(Refusal::NoSuchFile.reply().header("content-type"), Some("application/json"));
        assert_eq!(Refusal::MethodNotAllowed.reply().header("allow"), Some("GET, HEAD"));
    }
}
