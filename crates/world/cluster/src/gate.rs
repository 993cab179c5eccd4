//! [`WriteGate`]: until when this process may write, checked right before each write is sent.
//!
//! The holder of a Lease opens the gate for as long as the Lease certainly lasts, and again at each
//! renewal. A process that was stopped, or a machine that was asleep, finds the gate closed when it
//! resumes: the time is measured since boot, by a clock that continues in both cases. A write is
//! checked three times: before it waits for a connection; when its body is handed to the
//! connection, so that the wait uses up no time of the Lease; and when its bytes are handed to the
//! socket ([`GatedStream`](stream::GatedStream)), so that none stay in the buffers in between.
//! Without its body no server executes a write.
//!
//! Behind a proxy the connection is kube's: the only check there is the one before the connection.
//!
//! At trace level each check is logged with the `Audit-ID` of the request, by which it is found in
//! the audit log of the API server.

pub(crate) mod stream;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use kube::client::Body;
use lode_ambient::Ambient;
use tokio::sync::watch;
use tower::BoxError;
use tracing::{Level, enabled, trace, warn};

use crate::error::Error;

/// How long a write waits for a renewal in progress: longer than any reasonable renew deadline.
const RENEWAL_MAX: Duration = Duration::from_mins(1);

/// Whether writes may be sent now. Cloning is cheap and shares the gate.
#[derive(Clone)]
pub struct WriteGate {
    state: watch::Sender<GateState>,
    /// Whether a refusal was already logged.
    is_told: Arc<AtomicBool>,
    ambient: Ambient,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GateState {
    /// Writes are refused. The number counts the terms that have ended.
    Closed(u64),
    /// Open until this time since boot; after that, writes wait for a renewal or the closing. The
    /// number counts the terms that ended before.
    OpenUntil(u64, Duration),
}

impl GateState {
    /// Returns how many terms have ended before this one.
    fn term(self) -> u64 {
        match self {
            Self::Closed(term) | Self::OpenUntil(term, _) => term,
        }
    }

    /// Returns whether writes have to wait for a renewal or the closing.
    fn is_over(self, now: Duration) -> bool {
        matches!(self, Self::OpenUntil(_, end) if now >= end)
    }
}

impl WriteGate {
    /// Creates a closed gate that measures time by `ambient`.
    #[must_use]
    pub fn closed(ambient: Ambient) -> Self {
        Self {
            state: watch::Sender::new(GateState::Closed(0)),
            is_told: Arc::default(),
            ambient,
        }
    }

    /// Opens the gate until a time since boot, as measured by [`Ambient::since_boot`]. After that
    /// writes wait until it is opened again or closed.
    pub fn open_until(&self, end: Duration) {
        self.is_told.store(false, Ordering::Relaxed);
        self.state
            .send_modify(|state| *state = GateState::OpenUntil(state.term(), end));
    }

    /// Closes the gate and ends the term: writes are refused, including waiting ones, and
    /// connections of the term are broken.
    pub fn close(&self) {
        self.state
            .send_modify(|state| *state = GateState::Closed(state.term() + 1));
    }

    /// Waits until it is open.
    ///
    /// # Errors
    /// [`Error::NotLeading`]: it is closed, or no renewal came within a minute.
    pub(crate) async fn passed(&self) -> Result<(), Error> {
        let mut states = self.state.subscribe();
        let decided = states.wait_for(|state| !state.is_over(self.ambient.since_boot()));
        match tokio::time::timeout(RENEWAL_MAX, decided).await {
            Ok(Ok(state)) if matches!(*state, GateState::OpenUntil(..)) => Ok(()),
            _ => Err(self.refusal()),
        }
    }

    /// Makes the gate be checked again when the body of a request is sent.
    pub(crate) fn attach(&self, request: &mut Request<Body>) -> Checkpoint {
        let checkpoint = Checkpoint {
            gate: self.clone(),
            has_refused: Arc::default(),
            audit_id: is_traced().then(|| next_audit_id(&self.ambient)),
        };
        if let Some(id) = &checkpoint.audit_id
            && let Ok(id) = HeaderValue::from_str(id)
        {
            request.headers_mut().insert("audit-id", id);
        }
        request.extensions_mut().insert(checkpoint.clone());
        checkpoint
    }

    /// Returns the times it goes by.
    #[must_use]
    pub fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    fn is_open(&self, now: Duration) -> bool {
        matches!(*self.state.borrow(), GateState::OpenUntil(_, end) if now < end)
    }

    /// Returns how many terms have ended.
    fn term(&self) -> u64 {
        self.state.borrow().term()
    }

    /// Returns whether its time is over and neither a renewal nor the end has come yet.
    fn is_over(&self) -> bool {
        self.state.borrow().is_over(self.ambient.since_boot())
    }

    /// Waits for a renewal or the end.
    async fn decided(self) {
        let mut states = self.state.subscribe();
        // The sender is ours: it does not go away meanwhile.
        let _ = states
            .wait_for(|state| !state.is_over(self.ambient.since_boot()))
            .await;
    }

    /// Returns the error of a refused write and logs the first one: there may be one for each
    /// object.
    fn refusal(&self) -> Error {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            warn!("writes are refused: this replica does not hold its Lease");
        }
        Error::NotLeading
    }
}

/// Accompanies a write request and lets its body pass only while the gate is open.
#[derive(Clone)]
pub(crate) struct Checkpoint {
    gate: WriteGate,
    has_refused: Arc<AtomicBool>,
    audit_id: Option<String>,
}

impl Checkpoint {
    /// Returns the checkpoint of a request.
    pub(crate) fn of<B>(request: &Request<B>) -> Option<&Self> {
        request.extensions().get()
    }

    /// Checks the gate for the body.
    pub(crate) fn pass(&self) -> Result<(), Error> {
        let now = self.gate.ambient.since_boot();
        if !self.gate.is_open(now) {
            self.has_refused.store(true, Ordering::Relaxed);
            return Err(Error::NotLeading);
        }
        if let Some(audit_id) = &self.audit_id {
            trace!(audit_id, boot_us = now.as_micros() as u64, "write checked");
        }
        Ok(())
    }

    /// Returns whether the body was refused.
    pub(crate) fn has_refused(&self) -> bool {
        self.has_refused.load(Ordering::Relaxed)
    }
}

/// The body of a request, subject to the request's [`Checkpoint`].
pub(crate) struct Outgoing {
    body: Body,
    checkpoint: Option<Checkpoint>,
}

impl Outgoing {
    /// Wraps the body of a request.
    pub(crate) fn wrap(request: Request<Body>) -> Request<Self> {
        let checkpoint = Checkpoint::of(&request).cloned();
        request.map(|body| Self { body, checkpoint })
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(checkpoint) = self.checkpoint.take()
            && let Err(error) = checkpoint.pass()
        {
            return Poll::Ready(Some(Err(error.into())));
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        frame.map_err(BoxError::from)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn is_traced() -> bool {
    enabled!(Level::TRACE)
}

/// Returns an id that no other request has: the process's own part, then a number.
fn next_audit_id(ambient: &Ambient) -> String {
    // The id of the process alone is used again after a while.
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let process = PROCESS.get_or_init(|| ambient.random());
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("lode-{process:016x}-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    fn body(gate: &WriteGate) -> (Checkpoint, Outgoing) {
        let mut request = Request::new(Body::from(b"{}".to_vec()));
        let checkpoint = gate.attach(&mut request);
        (checkpoint, Outgoing::wrap(request).into_body())
    }

    async fn sent(body: Outgoing) -> Result<Bytes, BoxError> {
        use http_body_util::BodyExt as _;
        Ok(body.collect().await?.to_bytes())
    }

    #[tokio::test]
    async fn a_closed_gate_refuses_and_an_open_one_does_not() {
        let gate = WriteGate::closed(Ambient::default());
        assert!(matches!(gate.passed().await, Err(Error::NotLeading)));
        gate.open_until(gate.ambient.since_boot() + LONG);
        gate.passed().await.unwrap();
        gate.close();
        assert!(matches!(gate.passed().await, Err(Error::NotLeading)));
    }

    #[tokio::test]
    async fn a_gate_whose_time_is_over_waits_for_the_renewal() {
        let gate = WriteGate::closed(Ambient::default());
        gate.open_until(Duration::ZERO);
        let waits = tokio::spawn({
            let gate = gate.clone();
            async move { gate.passed().await }
        });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        gate.open_until(gate.ambient.since_boot() + LONG);
        waits.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_gate_that_is_closed_meanwhile_ends_the_wait() {
        let gate = WriteGate::closed(Ambient::default());
        gate.open_until(Duration::ZERO);
        let waits = tokio::spawn({
            let gate = gate.clone();
            async move { gate.passed().await }
        });
        tokio::task::yield_now().await;
        gate.close();
        assert!(matches!(waits.await.unwrap(), Err(Error::NotLeading)));
    }

    #[tokio::test]
    async fn a_body_passes_only_while_the_gate_is_open() {
        let gate = WriteGate::closed(Ambient::default());
        gate.open_until(gate.ambient.since_boot() + LONG);
        let (checkpoint, open) = body(&gate);
        assert_eq!(sent(open).await.unwrap(), "{}");
        assert!(!checkpoint.has_refused());

        let (checkpoint, late) = body(&gate);
        gate.open_until(Duration::ZERO);
        assert!(sent(late).await.is_err());
        assert!(checkpoint.has_refused());
    }
}
