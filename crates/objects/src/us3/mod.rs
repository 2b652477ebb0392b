//! US3's (`UFile`'s) native scheme as published: what is signed, how a signature is verified or made, how refusals
//! look, and the `ETag`. Pure functions on plain data; no store, no files, no HTTP types.
//!
//! Source of the rules: docs/SIGNING.md, "US3 signatures"; the recorded requests in `tests/vectors/us3_vectors.json` test them.

mod etag;
mod presign;
mod refusal;
mod request;
mod signature;
mod verify;

pub(crate) use etag::BLOCK_BYTES;
pub use etag::{EtagHasher, is_etag};
pub(crate) use presign::encode_value;
pub use presign::{authorization, encode_path, presign_get};
pub use refusal::Refusal;
pub use request::Request;
pub(crate) use request::decode_path;
pub use signature::{SignedParts, sign};
pub use verify::{FormUpload, Verified, verify, verify_form};
