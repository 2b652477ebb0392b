//! The store as a whole US3 host (docs/SIGNING.md, "US3 operations"): which operation a request means, its signature, and whether it may
//! write. What the operations do is in `read`, `listing`, `writing` and `form`.

use std::io::Read;

use super::{EmbeddedStore, ReadError};
use crate::key::ObjectKey;
use crate::reply::Reply;
use crate::us3::{self, Refusal, Request};

/// The header that makes a `PUT` a copy.
pub(super) const COPY_SOURCE: &str = "x-ufile-copy-source";

impl EmbeddedStore {
    /// Answers any US3 request to the store's bucket at `now_s` (Unix seconds), as published: `GetFile`, `HeadFile`,
    /// `PrefixFileList`, `ListObjects`, `GetMultiUploadId` and, where the settings let clients write, `PutFile`,
    /// `PostFile`, `InitiateMultipartUpload`, `UploadPart`, `FinishMultipartUpload`, `AbortMultipartUpload`, `Copy`
    /// and `DeleteFile`. `body` is read only once the signature is verified; of a form, its signature is looked for
    /// first.
    ///
    /// Keys are those of [`ObjectKey`]; others cannot be written and are never there.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`Refusal::ReadOnly`] where the settings do not let clients write;
    /// [`Refusal::NoSuchUpload`], [`Refusal::BadRequest`].
    pub fn us3(&self, request: &Request<'_>, body: &mut dyn Read, now_s: i64) -> Result<Reply, ReadError> {
        if request.bucket != self.bucket {
            return Err(Refusal::NoSuchBucket.into());
        }
        let has = |name: &str| request.raw_parameters(name).next().is_some();
        let is_bucket = matches!(request.path, "" | "/");
        match request.method {
            "GET" if is_bucket && (has("list") || has("listobjects") || has("muploadid")) => {
                us3::verify(request, &self.keys, now_s)?;
                if has("list") {
                    self.prefix_file_list(request)
                } else if has("listobjects") {
                    self.list_objects(request)
                } else {
                    self.upload_ids(request)
                }
            }
            "GET" | "HEAD" => self.get(request, now_s),
            "POST" if is_bucket => self.post_file(request, body),
            "PUT" | "POST" | "DELETE" => {
                let verified = us3::verify(request, &self.keys, now_s)?;
                if !self.writable {
                    return Err(Refusal::ReadOnly.into());
                }
                let key = ObjectKey::parse(&verified.key)
                    .map_err(|_| Refusal::BadRequest("file name not allowed"))?;
                match request.method {
                    "PUT" if has("uploadId") => self.upload_part(request, body),
                    "PUT" if request.header(COPY_SOURCE).is_some() => self.copy_file(request, &key),
                    "PUT" => self.put_file(request, &key, body),
                    "POST" if has("uploads") => Ok(self.begin_upload(key, now_s)),
                    "POST" if has("uploadId") => self.finish_upload(request, &key, body),
                    "DELETE" if has("uploadId") => self.abort_upload(request),
                    "DELETE" => self.delete_file(&key),
                    _ => Err(Refusal::BadRequest("operation not known").into()),
                }
            }
            _ => {
                us3::verify(request, &self.keys, now_s)?;
                Err(Refusal::MethodNotAllowed.into())
            }
        }
    }
}
