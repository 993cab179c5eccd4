//! [`WriteGate`]: until when this process may write, checked right before each write is sent.
//!
//! The holder of a Lease opens the gate for as long as the Lease certainly lasts, and again at each
//! renewal. A process that was stopped, or a machine that was asleep, finds the gate closed when it
//! resumes: the time is measured since boot, by a clock that continues in both cases. A write is
//! checked twice, before it waits for a connection and when its body is handed to the connection,
//! so that the wait uses up no time of the Lease. Without its body no server executes a write.
//!
//! A request that was handed to the connection before the process stopped may still arrive after it
//! resumed: what is in the buffers between here and the socket is not checked again.
//!
//! At trace level each check is logged with the `Audit-ID` of the request, by which it is found in
//! the audit log of the API server.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use kube::client::Body;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;
use tower::BoxError;
use tracing::{Level, enabled, trace, warn};

use crate::error::Error;

/// How long a write waits for a renewal in progress: longer than any reasonable renew deadline.
const RENEWAL_MAX: Duration = Duration::from_mins(1);

/// Whether writes may be sent now. Cloning is cheap and shares the gate.
#[derive(Clone)]
pub struct WriteGate {
    state: watch::Sender<State>,
    /// Whether a refusal was already logged.
    is_told: Arc<AtomicBool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Writes are refused.
    Closed,
    /// Open until this time since boot; after that, writes wait for a renewal or the closing.
    OpenUntil(Duration),
}

impl WriteGate {
    /// Starts closed.
    #[must_use]
    pub fn closed() -> Self {
        Self {
            state: watch::Sender::new(State::Closed),
            is_told: Arc::default(),
        }
    }

    /// Opens the gate until a time since boot, as measured by [`boot_time`]. After that writes wait
    /// until it is opened again or closed.
    pub fn open_until(&self, end: Duration) {
        self.is_told.store(false, Ordering::Relaxed);
        self.state.send_replace(State::OpenUntil(end));
    }

    /// Closes the gate: writes are refused, including waiting ones.
    pub fn close(&self) {
        self.state.send_replace(State::Closed);
    }

    /// Waits until it is open.
    ///
    /// # Errors
    /// [`Error::NotLeading`]: it is closed, or no renewal came within a minute.
    pub(crate) async fn passed(&self) -> Result<(), Error> {
        let mut states = self.state.subscribe();
        let is_decided = |state: &State| match state {
            State::Closed => true,
            State::OpenUntil(end) => boot_time() < *end,
        };
        let state = tokio::time::timeout(RENEWAL_MAX, states.wait_for(is_decided)).await;
        match state {
            Ok(Ok(state)) if *state != State::Closed => Ok(()),
            _ => Err(self.refusal()),
        }
    }

    /// Makes the gate be checked again when the body of a request is sent.
    pub(crate) fn attach(&self, request: &mut Request<Body>) -> Checkpoint {
        let checkpoint = Checkpoint {
            gate: self.clone(),
            has_refused: Arc::default(),
            audit_id: is_traced().then(next_audit_id),
        };
        if let Some(id) = &checkpoint.audit_id
            && let Ok(id) = HeaderValue::from_str(id)
        {
            request.headers_mut().insert("audit-id", id);
        }
        request.extensions_mut().insert(checkpoint.clone());
        checkpoint
    }

    fn is_open(&self, now: Duration) -> bool {
        matches!(*self.state.borrow(), State::OpenUntil(end) if now < end)
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
        let now = boot_time();
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

/// Returns the time since boot, including time asleep.
#[must_use]
pub fn boot_time() -> Duration {
    // Only Linux has this clock.
    #[cfg(target_os = "linux")]
    let clock = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = ClockId::Monotonic;
    let time = clock_gettime(clock);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}

fn is_traced() -> bool {
    enabled!(Level::TRACE)
}

/// Returns an id that no other request of this machine's processes has.
fn next_audit_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("lode-{}-{number}", std::process::id())
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
        let gate = WriteGate::closed();
        assert!(matches!(gate.passed().await, Err(Error::NotLeading)));
        gate.open_until(boot_time() + LONG);
        gate.passed().await.unwrap();
        gate.close();
        assert!(matches!(gate.passed().await, Err(Error::NotLeading)));
    }

    #[tokio::test]
    async fn a_gate_whose_time_is_over_waits_for_the_renewal() {
        let gate = WriteGate::closed();
        gate.open_until(Duration::ZERO);
        let waits = tokio::spawn({
            let gate = gate.clone();
            async move { gate.passed().await }
        });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        gate.open_until(boot_time() + LONG);
        waits.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_gate_that_is_closed_meanwhile_ends_the_wait() {
        let gate = WriteGate::closed();
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
        let gate = WriteGate::closed();
        gate.open_until(boot_time() + LONG);
        let (checkpoint, open) = body(&gate);
        assert_eq!(sent(open).await.unwrap(), "{}");
        assert!(!checkpoint.has_refused());

        let (checkpoint, late) = body(&gate);
        gate.open_until(Duration::ZERO);
        assert!(sent(late).await.is_err());
        assert!(checkpoint.has_refused());
    }

    #[test]
    fn time_since_boot_runs() {
        let before = boot_time();
        assert!(before > Duration::ZERO && boot_time() >= before);
    }
}
