//! The trace that a request belongs to. What follows traces is set up by the program, which knows the exporter of spans;
//! without it, nothing is read of a request.

use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderName};
use tracing::Span;

/// Makes a span part of the trace that the headers of its request name (W3C `traceparent`), if they name one.
pub type FollowTrace = fn(&Span, &HeaderMap);

static FOLLOW: OnceLock<FollowTrace> = OnceLock::new();

/// Follows the traces of requests from now on, in the whole process, as its subscriber of spans does. The first call
/// decides.
pub fn follow_traces(follow: FollowTrace) {
    let _ = FOLLOW.set(follow);
}

tokio::task_local! {
    /// The headers of the request that this task answers which name its trace.
    static HEADERS: HeaderMap;
}

/// The headers that name a trace.
const NAMES: [&str; 2] = ["traceparent", "tracestate"];

/// What a request says about its trace; `None` if it says nothing, or if traces are not followed.
pub(crate) struct TraceHeaders(Option<HeaderMap>);

impl TraceHeaders {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if FOLLOW.get().is_none() || !headers.contains_key(NAMES[0]) {
            return Self(None);
        }
        let values = NAMES.into_iter().flat_map(|name| {
            let name = HeaderName::from_static(name);
            headers.get_all(&name).iter().map(move |value| (name.clone(), value.clone())).collect::<Vec<_>>()
        });
        Self(Some(values.collect()))
    }

    /// Answers the request.
    pub(crate) async fn within<T>(self, answer: impl Future<Output = T>) -> T {
        match self.0 {
            Some(headers) => HEADERS.scope(headers, answer).await,
            None => answer.await,
        }
    }
}

/// Makes a new span part of the trace of the request that this task answers.
pub(crate) fn follow(span: &Span) {
    if let Some(follow) = FOLLOW.get() {
        // It fails if the request names no trace.
        let _ = HEADERS.try_with(|headers| follow(span, headers));
    }
}
