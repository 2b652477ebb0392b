//! Why US3 refuses a request, and the published form of the answer. Reasons that the system has inside (a disk that
//! fails) do not belong here.

use crate::reply::{Reply, error_body};

/// A refused request. `Display` is for the log; [`message`](Self::message) is what the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither a US3 `Authorization` header nor a complete presigned query. Its HTTP status is not published; 403
    /// is chosen.
    #[error("no authorization found")]
    NoAuthorization,
    /// `Authorization` header and presigned query together. The rule is published, its code is not.
    #[error("both a header and a url signature")]
    TwoAuthorizations,
    /// The presigned URL is no longer valid. The published code is unknown; that of an invalid signature is sent
    /// with a message of its own.
    #[error("signature expired")]
    Expired,
    /// The public key is not the deployment's. The client is told "invalid signature" like for any other.
    #[error("unknown public key")]
    UnknownPublicKey,
    /// The signature is malformed or not that of this request.
    #[error("invalid signature")]
    InvalidSignature,
    /// There is no such bucket here.
    #[error("bucket not exists")]
    NoSuchBucket,
    /// There is no such object, or the key can be none's.
    #[error("file not exist")]
    NoSuchFile,
    /// A validly signed request that this store does not serve. No code is published.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// A validly signed request to write that this deployment does not let clients do. Its code is not published.
    #[error("writing is not allowed")]
    ReadOnly,
    /// There is no such upload in parts, or it has ended. Its code is not published.
    #[error("upload not exist")]
    NoSuchUpload,
    /// The request cannot be what the client means; the text says why. No code is published.
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
            Self::NoSuchBucket | Self::NoSuchFile | Self::NoSuchUpload => 404,
            Self::MethodNotAllowed => 405,
            Self::BadRequest(_) => 400,
        }
    }

    /// US3's `RetCode`, where one is published (docs/SIGNING.md, "US3 errors"). −1 is what the Python SDK calls an error without
    /// one.
    pub fn ret_code(self) -> i32 {
        match self {
            Self::NoAuthorization => -148_643,
            Self::NoSuchBucket => -148_653,
            Self::NoSuchFile => -148_654,
            Self::TwoAuthorizations | Self::Expired | Self::UnknownPublicKey | Self::InvalidSignature => {
                -148_658
            }
            Self::MethodNotAllowed | Self::ReadOnly | Self::NoSuchUpload | Self::BadRequest(_) => -1,
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
            Self::NoSuchUpload => "upload not exist",
            Self::BadRequest(reason) => reason,
        }
    }

    /// The body: JSON with `RetCode` and `ErrMsg`, both of which the published SDKs require.
    pub fn body(self) -> String {
        error_body(self.ret_code(), self.message())
    }

    /// The whole answer, `Content-Type: application/json` without a charset.
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
