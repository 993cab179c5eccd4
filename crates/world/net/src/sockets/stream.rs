//! [`SocketStream`]: one connection, of either kind.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;

/// A connection over a socket of the machine, or within this process.
#[derive(Debug)]
pub struct SocketStream(Kind);

#[derive(Debug)]
enum Kind {
    Machine(TcpStream),
    InProcess(DuplexStream),
}

impl From<TcpStream> for SocketStream {
    fn from(stream: TcpStream) -> Self {
        Self(Kind::Machine(stream))
    }
}

impl From<DuplexStream> for SocketStream {
    fn from(stream: DuplexStream) -> Self {
        Self(Kind::InProcess(stream))
    }
}

/// Calls a method of whichever stream it is.
macro_rules! whichever {
    ($self:ident, $method:ident($($argument:expr),*)) => {
        match &mut $self.get_mut().0 {
            Kind::Machine(stream) => Pin::new(stream).$method($($argument),*),
            Kind::InProcess(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

impl AsyncRead for SocketStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        whichever!(self, poll_read(context, buffer))
    }
}

impl AsyncWrite for SocketStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        whichever!(self, poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        whichever!(self, poll_write_vectored(context, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Kind::Machine(stream) => stream.is_write_vectored(),
            Kind::InProcess(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        whichever!(self, poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        whichever!(self, poll_shutdown(context))
    }
}

impl Connection for SocketStream {
    fn connected(&self) -> Connected {
        match &self.0 {
            Kind::Machine(stream) => stream.connected(),
            Kind::InProcess(_) => Connected::new(),
        }
    }
}
