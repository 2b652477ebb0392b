//! US3's (`UFile`'s) published native scheme: signing and verifying requests, parsing upload forms, refusals and the
//! `ETag`. Pure functions on plain data; no stores, files or HTTP types.
//!
//! docs/SIGNING.md, "US3 signatures", defines the rules; the recorded requests in `tests/vectors/us3_vectors.json` test
//! them.

mod etag;
mod form;
mod presign;
mod refusal;
mod request;
mod signature;
mod verify;

pub(crate) use etag::is_etag;
pub use etag::{BLOCK_BYTES, EtagHasher};
pub use form::UploadForm;
pub(crate) use presign::encode_value;
pub use presign::{authorization, encode_path, presign_get};
pub use refusal::Refusal;
pub use request::Request;
pub use signature::{SignedParts, sign};
pub use verify::{FormUpload, Verified, verify, verify_form};
