//! Reads the bodies of requests within bounds of size and time.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};

/// Longest time that a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an oversized or unwanted body to drain, so that the client can still read the response.
pub(crate) const DRAINED_BYTES: usize = 16 << 20;

/// The body, or `None` if it is longer than `limit` bytes. Of a body that breaks off, what arrived is returned: its
/// signature will not match.
pub(crate) async fn read_body(body: Body, limit: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut total = 0usize;
    let mut body = std::pin::pin!(body);
    let read = async {
        while let Some(Ok(frame)) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await {
            let Ok(data) = frame.into_data() else { continue };
            total = total.saturating_add(data.len());
            if total <= limit {
                bytes.extend_from_slice(&data);
            } else {
                bytes.clear();
            }
            if total > limit.saturating_add(DRAINED_BYTES) {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(BODY_TIMEOUT, read).await;
    (total <= limit).then_some(bytes)
}

/// Drains a body that is not needed, so that the client can still read the response.
pub(crate) async fn drain_body(body: Body) {
    let _ = read_body(body, 0).await;
}
