//! [`GatedStream`]: a connection that sends nothing while the gate's time is over.
//!
//! It lies below TLS and HTTP/2, so that what waits in their buffers is held back, too. While the time is over it waits
//! for a renewal, for no byte shows whether it belongs to a write. Once the gate has been closed, the connection is
//! broken: what its buffers still hold was meant for a term that has ended.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use lode_net::{ConnectError, SocketConnector, SocketStream};
use tower::Service;

use super::WriteGate;

/// Opens connections that ask a gate, where there is one.
#[derive(Clone)]
pub(crate) struct GatedConnector {
    connector: SocketConnector,
    gate: Option<WriteGate>,
}

impl GatedConnector {
    pub(crate) fn new(connector: SocketConnector, gate: Option<WriteGate>) -> Self {
        Self { connector, gate }
    }
}

impl Service<Uri> for GatedConnector {
    type Response = GatedStream<TokioIo<SocketStream>>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, std::result::Result<Self::Response, ConnectError>>;

    fn poll_ready(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<std::result::Result<(), ConnectError>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let gate = self.gate.clone();
        let connection = self.connector.call(uri);
        async move { Ok(GatedStream::new(connection.await?, gate)) }.boxed()
    }
}

/// A stream whose writes ask a gate, where there is one.
pub(crate) struct GatedStream<S> {
    stream: S,
    gate: Option<Term>,
}

/// The term of a gate that a connection was opened in.
struct Term {
    gate: WriteGate,
    number: u64,
    /// Ends when the gate may let bytes pass, while they are held back.
    renewal: Option<BoxFuture<'static, ()>>,
}

impl Term {
    fn poll_passed(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            if self.gate.term() != self.number {
                let text = "the connection is of a time in which this replica held its Lease";
                return Poll::Ready(Err(Error::new(ErrorKind::ConnectionAborted, text)));
            }
            if !self.gate.is_over() {
                self.renewal = None;
                return Poll::Ready(Ok(()));
            }
            let gate = &self.gate;
            let renewal = self
                .renewal
                .get_or_insert_with(|| gate.clone().decided().boxed());
            ready!(renewal.poll_unpin(context));
            self.renewal = None;
        }
    }
}

impl<S> GatedStream<S> {
    fn new(stream: S, gate: Option<WriteGate>) -> Self {
        let gate = gate.map(|gate| Term {
            number: gate.term(),
            gate,
            renewal: None,
        });
        Self { stream, gate }
    }

    fn poll_gate(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        match &mut self.gate {
            Some(term) => term.poll_passed(context),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl<S: Read + Unpin> Read for GatedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: Write + Unpin> Write for GatedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        ready!(self.poll_gate(context))?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        ready!(self.poll_gate(context))?;
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: Connection> Connection for GatedStream<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use lode_ambient::Ambient;
    use tokio::io::AsyncReadExt as _;

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    async fn send(stream: &mut GatedStream<TokioIo<tokio::io::DuplexStream>>) -> Result<usize> {
        poll_fn(|context| Pin::new(&mut *stream).poll_write(context, b"bytes")).await
    }

    fn is_held(stream: &mut GatedStream<TokioIo<tokio::io::DuplexStream>>) -> bool {
        send(stream).now_or_never().is_none()
    }

    #[tokio::test]
    async fn bytes_that_wait_when_the_time_is_over_are_sent_after_the_renewal() {
        let gate = WriteGate::closed(Ambient::default());
        let (here, mut there) = tokio::io::duplex(64);
        let mut stream = GatedStream::new(TokioIo::new(here), Some(gate.clone()));
        gate.open_until(Duration::ZERO);
        assert!(is_held(&mut stream));

        let sent = tokio::spawn(async move { send(&mut stream).await });
        tokio::task::yield_now().await;
        assert!(!sent.is_finished());
        gate.open_until(gate.ambient.since_boot() + LONG);
        assert_eq!(sent.await.unwrap().unwrap(), 5);
        let mut arrived = Vec::new();
        there.read_to_end(&mut arrived).await.unwrap();
        assert_eq!(arrived, b"bytes");
    }

    #[tokio::test]
    async fn bytes_of_a_term_that_ended_are_never_sent() {
        let gate = WriteGate::closed(Ambient::default());
        let (here, mut there) = tokio::io::duplex(64);
        let mut stream = GatedStream::new(TokioIo::new(here), Some(gate.clone()));
        gate.open_until(Duration::ZERO);
        assert!(is_held(&mut stream));
        gate.close();
        assert!(send(&mut stream).await.is_err());

        // Another term does not let pass what was meant for the one before.
        gate.open_until(gate.ambient.since_boot() + LONG);
        assert!(send(&mut stream).await.is_err());
        drop(stream);
        let mut arrived = Vec::new();
        there.read_to_end(&mut arrived).await.unwrap();
        assert!(arrived.is_empty());
    }

    #[tokio::test]
    async fn who_waits_for_the_lease_reads_over_its_connection() {
        let gate = WriteGate::closed(Ambient::default());
        let (here, _there) = tokio::io::duplex(64);
        let mut stream = GatedStream::new(TokioIo::new(here), Some(gate.clone()));
        assert_eq!(send(&mut stream).await.unwrap(), 5);
        gate.open_until(gate.ambient.since_boot() + LONG);
        assert_eq!(send(&mut stream).await.unwrap(), 5);
    }
}
