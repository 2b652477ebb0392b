//! The store as a US3 host (docs/SIGNING.md, "US3 operations"): the operation of each request, its signature, and the
//! refusal of all writes. Exports are the only objects, and only the server writes them.

use std::io::Read;

use super::error::ReadError;
use super::listing::multipart_uploads;
use super::store::EmbeddedStore;
use crate::reply::Reply;
use crate::us3::{self, Refusal, Request, UploadForm};

impl EmbeddedStore {
    /// Answers any US3 request to the store's bucket at `now_s` (Unix seconds), as published: `GetFile`, `HeadFile`,
    /// `PrefixFileList`, `ListObjects` and `GetMultiUploadId`, which lists nothing. Requests that would write are
    /// refused once their signature is verified. `body` is read only for an upload form, which contains its signature.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`Refusal::ReadOnly`]; [`Refusal::BadRequest`].
    pub fn us3(&self, request: &Request<'_>, body: &mut dyn Read, now_s: i64) -> Result<Reply, ReadError> {
        if request.bucket != self.bucket() {
            return Err(Refusal::NoSuchBucket.into());
        }
        let has = |name: &str| request.raw_parameters(name).next().is_some();
        let is_bucket = matches!(request.path, "" | "/");
        match request.method {
            "GET" if is_bucket && (has("list") || has("listobjects") || has("muploadid")) => {
                us3::verify(request, self.keys(), now_s)?;
                if has("list") {
                    self.prefix_file_list(request)
                } else if has("listobjects") {
                    self.list_objects(request)
                } else {
                    multipart_uploads(request)
                }
            }
            "GET" | "HEAD" => self.get(request, now_s),
            "POST" if is_bucket => {
                UploadForm::read(request, body)?.verify(request, self.keys())?;
                Err(Refusal::ReadOnly.into())
            }
            "PUT" | "POST" | "DELETE" => {
                us3::verify(request, self.keys(), now_s)?;
                Err(Refusal::ReadOnly.into())
            }
            _ => {
                us3::verify(request, self.keys(), now_s)?;
                Err(Refusal::MethodNotAllowed.into())
            }
        }
    }
}
