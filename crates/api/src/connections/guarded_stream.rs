//! The socket of a connection: it reports what arrives, and a write fails when the peer accepts nothing for too long, or
//! too little.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::progress::{Acceptance, Connection};
use super::transport::Transport;

pub(super) struct GuardedStream {
    stream: Transport,
    connection: Arc<Connection>,
    /// Made when it is first needed, then reused.
    write_timer: Option<Pin<Box<Sleep>>>,
    /// Since when the peer has accepted nothing; `None` if nothing is to be sent.
    unsent_since: Option<Instant>,
    acceptance: Acceptance,
}

impl GuardedStream {
    pub(super) fn new(stream: Transport, connection: Arc<Connection>) -> Self {
        Self { stream, connection, write_timer: None, unsent_since: None, acceptance: Acceptance::default() }
    }

    /// What becomes of an attempt to send: it fails if the peer has accepted nothing for too long, or less than it must.
    fn sent(
        &mut self,
        context: &mut Context<'_>,
        attempt: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(sent) = &attempt {
            let waited = self.unsent_since.take().map(|since| since.elapsed()).unwrap_or_default();
            let bytes = *sent.as_ref().unwrap_or(&0);
            let is_enough = self.acceptance.has_accepted(bytes, waited, &self.connection.timeouts);
            return if is_enough { attempt } else { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) };
        }
        let since = *self.unsent_since.get_or_insert_with(Instant::now);
        let deadline = since + self.connection.timeouts.write;
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        let bytes = buffer.filled().len() - before;
        if bytes > 0 && !this.connection.has_read(bytes) {
            return Poll::Ready(Err(io::Error::other("too many large heads")));
        }
        read
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let attempt = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.sent(context, attempt)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let attempt = Pin::new(&mut this.stream).poll_write_vectored(context, pieces);
        this.sent(context, attempt)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What TLS has encrypted is sent here; its bytes were counted when they were written.
        let this = self.get_mut();
        let attempt = Pin::new(&mut this.stream).poll_flush(context).map_ok(|()| 0);
        this.sent(context, attempt).map_ok(|_| ())
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
