//! Reads the bodies of requests within bounds of size and time, and within one bound of memory for all of them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};
use tollbook_ops::config::ServerConfig;

use crate::blocking::QUEUE_TIMEOUT;

/// Bytes of an oversized or unwanted body to drain, so that the client can still read the response.
const DRAINED_BYTES: usize = 16 << 20;
/// Bytes of a body that count towards no bound: about what a connection takes anyway. The requests of well-behaved
/// clients are shorter, so they are read whatever others send.
const SMALL_BYTES: usize = 8 * 1024;
/// Unit of the bound on all bodies, in bytes.
const UNIT_BYTES: usize = 1024;
/// What is reserved first for a body that does not state its length, in bytes.
const FIRST_RESERVED_BYTES: usize = 256 * 1024;

/// Who sends a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// Not known yet: the body is a part of what is signed.
    Unknown,
    /// A program of the operator, by its key.
    Operator,
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is longer than the request may be.
    TooLong,
    /// Too many bytes of other bodies were in memory for too long.
    Unavailable,
}

/// The bodies that are in memory, and the bound on their bytes.
#[derive(Clone)]
pub(crate) struct Bodies {
    all: Arc<Semaphore>,
    /// Half of `all`: senders that are not known cannot keep the operator's programs from reporting usage.
    unsigned: Arc<Semaphore>,
    timeout: Duration,
    pause: Duration,
    /// Permits of `all`.
    units: usize,
}

/// A body. Its bytes count until it is dropped.
pub(crate) struct ReadBody {
    pub(crate) bytes: Vec<u8>,
    reserved: Reserved,
}

/// The right to keep bytes in memory.
#[derive(Default)]
struct Reserved {
    bytes: usize,
    permits: Vec<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let units = config.body_bytes_at_once / UNIT_BYTES;
        Self {
            all: Arc::new(Semaphore::new(units)),
            unsigned: Arc::new(Semaphore::new(units / 2)),
            units,
            timeout: config.body_timeout,
            pause: config.body_pause,
        }
    }

    /// Bytes of bodies that are in memory now.
    pub(crate) fn bytes_in_use(&self) -> usize {
        (self.units - self.all.available_permits().min(self.units)) * UNIT_BYTES
    }

    /// The body, if it is at most `limit` bytes long. Of a body that breaks off or takes too long, what arrived is
    /// returned: its signature will not match.
    pub(crate) async fn read(&self, body: Body, limit: usize, sender: Sender) -> Result<ReadBody, BodyError> {
        let stated = body.size_hint().exact().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let mut read = ReadBody { bytes: Vec::new(), reserved: Reserved::default() };
        let mut pieces = self.pieces(body);
        let mut total = 0usize;
        while let Some(piece) = pieces.next().await {
            total = total.saturating_add(piece.len());
            if total > limit {
                read = ReadBody { bytes: Vec::new(), reserved: Reserved::default() };
                if total > limit.saturating_add(DRAINED_BYTES) {
                    break;
                }
                continue;
            }
            // A body that states more than it may have is never kept.
            if stated.is_some_and(|stated| stated > limit) {
                continue;
            }
            if total > SMALL_BYTES && total > read.reserved.bytes {
                let wanted = stated.unwrap_or_else(|| FIRST_RESERVED_BYTES.max(total.saturating_mul(2)));
                let began = Instant::now();
                self.reserve(&mut read.reserved, wanted.clamp(total, limit), sender).await?;
                // The peer has waited for us, not we for it.
                pieces.deadline += began.elapsed();
                read.bytes.reserve_exact(read.reserved.bytes - read.bytes.len());
            }
            read.bytes.extend_from_slice(&piece);
        }
        if total > limit { Err(BodyError::TooLong) } else { Ok(read) }
    }

    /// The first bytes of a body, at most `limit`, and what is left of it.
    pub(crate) async fn read_beginning(
        &self,
        body: Body,
        limit: usize,
    ) -> Result<(ReadBody, Pieces), BodyError> {
        let mut read = ReadBody { bytes: Vec::new(), reserved: Reserved::default() };
        let mut pieces = self.pieces(body);
        while read.bytes.len() < limit
            && let Some(piece) = pieces.next().await
        {
            let piece = &piece[..piece.len().min(limit - read.bytes.len())];
            let total = read.bytes.len() + piece.len();
            if total > SMALL_BYTES && total > read.reserved.bytes {
                self.reserve(&mut read.reserved, limit, Sender::Unknown).await?;
            }
            read.bytes.extend_from_slice(piece);
        }
        Ok((read, pieces))
    }

    /// Drains a body that is not needed, so that the client can still read the response.
    pub(crate) async fn drain(&self, body: Body) {
        self.pieces(body).drain().await;
    }

    fn pieces(&self, body: Body) -> Pieces {
        Pieces { body: Box::pin(body), deadline: Instant::now() + self.timeout, pause: self.pause }
    }

    /// Reserves memory until it is `bytes` in all.
    async fn reserve(&self, reserved: &mut Reserved, bytes: usize, sender: Sender) -> Result<(), BodyError> {
        let units = (bytes - reserved.bytes).div_ceil(UNIT_BYTES);
        let units = u32::try_from(units).map_err(|_| BodyError::Unavailable)?;
        let acquire = async {
            // Those of a sender that is not known first, so that it does not take what it cannot use.
            if sender == Sender::Unknown {
                reserved.permits.push(Arc::clone(&self.unsigned).acquire_many_owned(units).await?);
            }
            reserved.permits.push(Arc::clone(&self.all).acquire_many_owned(units).await?);
            Ok::<_, tokio::sync::AcquireError>(())
        };
        let Ok(Ok(())) = timeout(QUEUE_TIMEOUT, acquire).await else {
            tracing::warn!(bytes, "no memory for a body: server.body_bytes_at_once is in use");
            return Err(BodyError::Unavailable);
        };
        reserved.bytes = bytes;
        Ok(())
    }
}

/// The pieces of a body as they arrive.
pub(crate) struct Pieces {
    body: Pin<Box<Body>>,
    deadline: Instant,
    pause: Duration,
}

impl Pieces {
    /// The next piece; `None` at the end, after an error, or if the peer takes too long.
    async fn next(&mut self) -> Option<axum::body::Bytes> {
        loop {
            let until = self.deadline.min(Instant::now() + self.pause);
            let frame = std::future::poll_fn(|context| self.body.as_mut().poll_frame(context));
            let frame = timeout_at(until, frame).await.ok()??.ok()?;
            // Trailers are not a part of the body.
            if let Ok(data) = frame.into_data() {
                return Some(data);
            }
        }
    }

    /// Reads and discards what is left, within bounds.
    pub(crate) async fn drain(mut self) {
        let mut left = DRAINED_BYTES;
        while let Some(piece) = self.next().await {
            left = left.saturating_sub(piece.len());
            if left == 0 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(bytes: usize) -> Bodies {
        Bodies::new(&ServerConfig { body_bytes_at_once: bytes, ..ServerConfig::default() })
    }

    async fn read(bodies: &Bodies, bytes: usize, sender: Sender) -> Result<ReadBody, BodyError> {
        bodies.read(Body::from(vec![7; bytes]), 1 << 20, sender).await
    }

    fn free(bodies: &Bodies) -> (usize, usize) {
        (bodies.all.available_permits() * UNIT_BYTES, bodies.unsigned.available_permits() * UNIT_BYTES)
    }

    #[tokio::test]
    async fn a_body_counts_until_it_is_dropped() {
        let bodies = bodies(1 << 20);
        let small = read(&bodies, SMALL_BYTES, Sender::Unknown).await.unwrap();
        assert_eq!((small.bytes.len(), free(&bodies)), (SMALL_BYTES, (1 << 20, 1 << 19)));
        let unknown = read(&bodies, 100 << 10, Sender::Unknown).await.unwrap();
        let known = read(&bodies, 200 << 10, Sender::Operator).await.unwrap();
        assert_eq!((unknown.bytes.len(), unknown.bytes.capacity()), (100 << 10, 100 << 10));
        assert_eq!(free(&bodies), ((1024 - 300) << 10, (512 - 100) << 10));
        drop((unknown, known));
        assert_eq!(free(&bodies), (1 << 20, 1 << 19));
    }

    #[tokio::test]
    async fn a_body_that_is_too_long_counts_nothing() {
        let bodies = bodies(1 << 20);
        assert_eq!(read(&bodies, (1 << 20) + 1, Sender::Unknown).await.err(), Some(BodyError::TooLong));
        assert_eq!(free(&bodies), (1 << 20, 1 << 19));
    }

    #[tokio::test]
    async fn a_sender_that_is_not_known_waits_and_the_operator_does_not() {
        let bodies = bodies(1 << 20);
        let first = read(&bodies, 512 << 10, Sender::Unknown).await.unwrap();
        let waiting = {
            let bodies = bodies.clone();
            tokio::spawn(async move { read(&bodies, 100 << 10, Sender::Unknown).await.map(drop) })
        };
        let _operator = read(&bodies, 512 << 10, Sender::Operator).await.unwrap();
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn the_beginning_of_a_body_is_bounded() {
        let bodies = bodies(1 << 20);
        let (beginning, rest) =
            bodies.read_beginning(Body::from(vec![7; 300 << 10]), 64 << 10).await.unwrap();
        assert_eq!(beginning.bytes.len(), 64 << 10);
        rest.drain().await;
    }
}
