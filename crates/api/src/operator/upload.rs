//! A body that a program of the operator sends: its key, content type and compression are checked before it is read, and
//! it is read and expanded within one bound.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use tollbook_formats::text::{ContentEncoding, ExpandError, expand};

use super::exchange::{Problem, authorize};
use super::state::OperatorRoutes;
use crate::body::{BodyError, ReadBody, Sender};

/// The content types that a route accepts.
pub(super) struct Accepted {
    pub(super) media_types: &'static [&'static str],
    /// What is said about any other one.
    pub(super) otherwise: &'static str,
}

/// A body as it was sent.
pub(super) struct Upload {
    /// One of the accepted content types.
    pub(super) media_type: &'static str,
    body: ReadBody,
    encoding: ContentEncoding,
    /// Maximum bytes, compressed and expanded.
    most: usize,
}

/// Reads the body of a request whose key and content type are valid.
pub(super) async fn receive(
    routes: &OperatorRoutes,
    request: Request,
    accepted: &Accepted,
    most: usize,
) -> Result<Upload, Problem> {
    let (head, body) = request.into_parts();
    let checked = async {
        authorize(routes, &head.headers).await?;
        let media_type = media_type(&head.headers, accepted)?;
        Ok((media_type, content_encoding(&head.headers)?))
    };
    let (media_type, encoding) = match checked.await {
        Ok(checked) => checked,
        Err(problem) => {
            routes.service.bodies().drain(body).await;
            return Err(problem);
        }
    };
    let body = read(routes, body, most).await?;
    Ok(Upload { media_type, body, encoding, most })
}

/// Reads the body of a request whose key is valid.
pub(super) async fn read(routes: &OperatorRoutes, body: Body, most: usize) -> Result<ReadBody, Problem> {
    routes.service.bodies().read(body, most, Sender::Operator).await.map_err(|error| match error {
        BodyError::TooLong => {
            Problem::TooLarge(format!("the body is longer than {most} bytes, the most of one request"))
        }
        BodyError::Unavailable => Problem::Unavailable,
    })
}

impl Upload {
    /// The plain bytes. Blocks for as long as it takes to expand them.
    pub(super) fn expand(self) -> Result<Vec<u8>, Problem> {
        let most = self.most;
        expand(self.body.bytes, self.encoding, most).map_err(|error| match error {
            ExpandError::TooLong(_) => Problem::TooLarge(format!("{error}, the most of one request")),
            ExpandError::Damaged(_) => Problem::Malformed(error.to_string()),
        })
    }
}

fn media_type(headers: &HeaderMap, accepted: &Accepted) -> Result<&'static str, Problem> {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let stated = stated.split(';').next().unwrap_or_default().trim();
    let known = accepted.media_types.iter().find(|known| known.eq_ignore_ascii_case(stated));
    known.copied().ok_or(Problem::ContentType(accepted.otherwise))
}

fn content_encoding(headers: &HeaderMap) -> Result<ContentEncoding, Problem> {
    let mut stated = headers.get_all(header::CONTENT_ENCODING).iter();
    let Some(first) = stated.next() else { return Ok(ContentEncoding::Identity) };
    let name = first.to_str().map(|name| name.trim().to_ascii_lowercase()).unwrap_or_default();
    match (name.as_str(), stated.next()) {
        ("identity", None) => Ok(ContentEncoding::Identity),
        ("gzip" | "x-gzip", None) => Ok(ContentEncoding::Gzip),
        ("zstd", None) => Ok(ContentEncoding::Zstd),
        _ => Err(Problem::ContentEncoding),
    }
}
