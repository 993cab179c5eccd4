//! [`RequestBody`] and [`CountedBody`]: bodies with time limits.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::places::UnderWay;

/// The body of a request, which must arrive at a minimum rate.
pub struct RequestBody {
    inner: Incoming,
    grace: Duration,
    rate: u64,
    received: u64,
    /// When it was first read, and the timer of the current wait.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

/// Why a body ended early.
#[derive(Debug)]
pub enum Error {
    /// It came too slowly.
    TooSlow,
    /// The connection broke.
    Broken(hyper::Error),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooSlow => f.write_str("the body of the request came too slowly"),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl RequestBody {
    pub(super) fn new(inner: Incoming, grace: Duration, rate: u64) -> Self {
        Self {
            inner,
            grace,
            rate: rate.max(1),
            received: 0,
            waiting: None,
        }
    }

    /// Returns how long the part received so far may have taken.
    fn allowed(&self) -> Duration {
        self.grace
            .saturating_add(Duration::from_secs(self.received / self.rate))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            let frame = frame.map(|frame| frame.map_err(Error::Broken));
            let bytes = frame
                .as_ref()
                .and_then(|frame| frame.as_ref().ok()?.data_ref().map(Bytes::len));
            self.received = self
                .received
                .saturating_add(bytes.unwrap_or_default() as u64);
            return Poll::Ready(frame);
        }

        let (allowed, now) = (self.allowed(), Instant::now());
        let (since, timer) = self
            .waiting
            .get_or_insert_with(|| (now, Box::pin(sleep_until(now))));
        let deadline = since.checked_add(allowed).unwrap_or(*since);
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx).map(|()| Some(Err(Error::TooSlow)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of a response, which keeps its request in progress until it is sent.
pub(super) struct CountedBody<B> {
    inner: Pin<Box<B>>,
    under_way: UnderWay,
}

impl<B> CountedBody<B> {
    pub(super) fn new(inner: B, under_way: UnderWay) -> Self {
        Self {
            inner: Box::pin(inner),
            under_way,
        }
    }
}

impl<B: Body> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.under_way.asked();
        let frame = self.inner.as_mut().poll_frame(cx);
        if matches!(frame, Poll::Ready(Some(_))) {
            self.under_way.handed_over();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
