//! [`Metered`]: a connection that requires its client to read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::places::Activity;

/// Bytes that must be sent within the time a write may wait; single bytes at long intervals are not
/// progress.
const PROGRESS_BYTES: usize = 64 << 10;

/// A connection that fails if its client reads less than [`PROGRESS_BYTES`] while writes have
/// waited for `wait_max` in total.
pub(super) struct Metered<S> {
    inner: S,
    activity: Arc<Activity>,
    wait_max: Duration,
    /// How long writes have waited since the last progress, without the current wait.
    waited: Duration,
    /// Bytes sent since the last progress.
    written: usize,
    /// Start of the current wait.
    waiting: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Metered<S> {
    pub(super) fn new(inner: S, activity: Arc<Activity>, wait_max: Duration) -> Self {
        Self {
            inner,
            activity,
            wait_max,
            waited: Duration::ZERO,
            written: 0,
            waiting: None,
            timer: None,
        }
    }

    fn wrote(&mut self, count: usize) {
        if let Some(since) = self.waiting.take() {
            self.waited = self.waited.saturating_add(since.elapsed());
        }
        self.written = self.written.saturating_add(count);
        if self.written >= PROGRESS_BYTES {
            (self.written, self.waited) = (0, Duration::ZERO);
            self.activity.progressed();
        }
        self.activity.wrote();
    }

    /// Returns whether the client has used up its time.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.activity.is_unread();
        let left = self.wait_max.saturating_sub(self.waited);
        if self.waiting.is_none() {
            self.waiting = Some(Instant::now());
            self.timer = Some(Box::pin(sleep(left)));
        }
        self.timer
            .as_mut()
            .is_some_and(|timer| timer.as_mut().poll(cx).is_ready())
    }

    fn noted(
        &mut self,
        cx: &mut Context<'_>,
        wrote: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match &wrote {
            Poll::Ready(Ok(count)) => self.wrote(*count),
            Poll::Pending if self.is_over(cx) => {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            _ => {}
        }
        wrote
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.noted(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.inner).poll_write_vectored(cx, pieces);
        self.noted(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const WAIT_MAX: Duration = Duration::from_secs(30);

    /// Writes continuously to a client that reads `bytes` every `pause`; returns whether that works
    /// for ten minutes.
    async fn lasts(bytes: usize, pause: Duration) -> bool {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let mut metered = Metered::new(ours, Arc::new(Activity::new(Instant::now())), WAIT_MAX);
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; bytes];
            while theirs.read_exact(&mut buffer).await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        });
        let writer = async { while metered.write_all(&[0; 4096]).await.is_ok() {} };
        let ended = tokio::time::timeout(Duration::from_mins(10), writer).await;
        reader.abort();
        ended.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_kept_and_one_that_only_pretends_is_not() {
        assert!(lasts(4096, Duration::from_secs(1)).await, "4 KiB a second");
        assert!(
            !lasts(1, Duration::from_secs(29)).await,
            "a byte every 29 seconds"
        );
        assert!(!lasts(1, Duration::from_hours(1)).await, "nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_something_to_write_does_not_count() {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let mut metered = Metered::new(ours, Arc::new(Activity::new(Instant::now())), WAIT_MAX);
        let mut buffer = [0; 1];
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_mins(1)).await;
            metered.write_all(b"x").await.unwrap();
            theirs.read_exact(&mut buffer).await.unwrap();
        }
    }
}
