//! The replies of stores, opened to the fuzz targets: what a server, or a program between, can send.

use super::transport::HttpReply;
use super::{s3, us3};

/// What is read of the body of a reply that lists objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObjects {
    /// Key, length and time of each object.
    pub objects: Vec<(String, u64, i64)>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Reads a body as each protocol reads a list of objects: S3, then US3. The error is a text for the log.
pub fn list_objects(body: &[u8]) -> [Result<ListedObjects, String>; 2] {
    let reply = HttpReply { etag: None, content_length: None, body: body.to_vec() };
    [s3::page_of(&reply), us3::page_of(&reply)].map(|page| {
        let page = page?;
        let objects = page.objects.into_iter().map(|object| (object.key, object.len, object.modified_s));
        Ok(ListedObjects { objects: objects.collect(), next: page.next })
    })
}

/// Reads a body as S3's list of unfinished uploads; the number of uploads. The error is a text for the log.
pub fn list_uploads(body: &[u8]) -> Result<usize, String> {
    let reply = HttpReply { etag: None, content_length: None, body: body.to_vec() };
    s3::uploads_of(&reply).map(|list| list.len())
}
