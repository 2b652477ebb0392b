//! Forms with a file: `multipart/form-data`.

use axum::body::Body;
use axum::http::{HeaderMap, header};

use super::error::PageError;

/// Most parts of a form.
const MAX_PARTS: usize = 200;

/// The fields of a form by their names, and its file.
type Parts = (Vec<(String, String)>, Option<Upload>);

/// A file that was sent with a form.
#[derive(Debug, Default)]
pub(super) struct Upload {
    /// Its name on the machine of the person.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The boundary of the parts of a form; `None` if the form is of another content type.
pub(super) fn boundary(headers: &HeaderMap) -> Option<String> {
    let stated = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    multer::parse_boundary(stated).ok()
}

/// The fields of a form and its file.
pub(super) async fn parse(bytes: Vec<u8>, boundary: String) -> Result<Parts, PageError> {
    let refuse = |_| PageError::Invalid("the form is not valid multipart/form-data".to_owned());
    let mut parts = multer::Multipart::new(Body::from(bytes).into_data_stream(), boundary);
    let (mut pairs, mut upload) = (Vec::new(), None);
    while let Some(part) = parts.next_field().await.map_err(refuse)? {
        if pairs.len() >= MAX_PARTS {
            return Err(PageError::Invalid("the form has too many fields".to_owned()));
        }
        let name = part.name().unwrap_or_default().to_owned();
        if let Some(file) = part.file_name() {
            let file = file.to_owned();
            let bytes = part.bytes().await.map_err(refuse)?.to_vec();
            if upload.replace(Upload { name: file, bytes }).is_some() {
                return Err(PageError::Invalid("the form has more than one file".to_owned()));
            }
        } else {
            let bytes = part.bytes().await.map_err(refuse)?.to_vec();
            let text = String::from_utf8(bytes);
            pairs
                .push((name, text.map_err(|_| PageError::Invalid("a field is not valid UTF-8".to_owned()))?));
        }
    }
    Ok((pairs, upload))
}
