//! [`converse`]: one connection, from the first byte to the last.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::Caller;
use super::body::{CountedBody, RequestBody};
use super::limits::{Limits, Terms};
use super::places::{Activity, ConnectionPlace, UnderWay};
use super::stream::Metered;
use crate::sockets::SocketStream;

/// Bytes of request bodies that a client may send ahead, per HTTP/2 stream and connection.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// Streams that a client may reset before they are processed, and that we reset because of client
/// errors.
const PENDING_RESETS_MAX: usize = 20;
const LOCAL_RESETS_MAX: usize = 100;
/// Longest time for a connection to close when asked to.
const CLOSE_MAX: Duration = Duration::from_secs(1);
/// Shortest interval of deadline checks.
const LOOK_INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Serves a connection until it ends, is displaced, exceeds a limit or the server stops.
pub(super) async fn converse<G, A, F, B>(
    stream: SocketStream,
    address: SocketAddr,
    place: ConnectionPlace,
    terms: Arc<Terms>,
    greet: G,
    stopped: watch::Receiver<bool>,
) where
    G: Fn(&Caller) -> A,
    A: Fn(Request<RequestBody>) -> F,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let activity = Arc::clone(place.activity());
    let stream = Metered::new(stream, Arc::clone(&activity), terms.limits.write);

    let served = async {
        let Some(acceptor) = &terms.tls else {
            let answer = greet(&Caller {
                address,
                certificate: None,
            });
            return speak(stream, &terms, &activity, answer, stopped).await;
        };
        let Ok(Ok(stream)) = timeout(terms.limits.handshake, acceptor.accept(stream)).await else {
            return;
        };
        let certificates = stream.get_ref().1.peer_certificates();
        let certificate = certificates.and_then(<[_]>::first).map(|der| der.to_vec());
        let answer = greet(&Caller {
            address,
            certificate,
        });
        speak(stream, &terms, &activity, answer, stopped).await;
    };
    tokio::select! {
        () = served => {}
        () = activity.displaced() => tracing::debug!(server = terms.name, %address, "connection displaced"),
    }
    drop(place);
}

/// Serves HTTP until the connection ends, exceeds a limit or the server stops.
async fn speak<S, A, F, B>(
    stream: S,
    terms: &Terms,
    activity: &Arc<Activity>,
    answer: A,
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn(Request<RequestBody>) -> F,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let limits = &terms.limits;
    let service = service_fn(|request: Request<Incoming>| {
        let under_way = UnderWay::begin(activity);
        let answered =
            answer(request.map(|body| RequestBody::new(body, limits.body, limits.body_rate)));
        async move { Ok::<_, Infallible>(answered.await.map(|body| CountedBody::new(body, under_way))) }
    });
    let builder = builder(limits, terms.tls.is_some());
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));

    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => {
            if limits.drain.is_zero() {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        broken = broken(limits, activity) => {
            tracing::debug!(server = terms.name, broken, "connection closed");
            connection.as_mut().graceful_shutdown();
            // A client that does not read would not see the closing message either; this only lets
            // idle connections close cleanly.
            timeout(CLOSE_MAX, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(server = terms.name, %error, "connection ended");
    }
}

fn builder(limits: &Limits, encrypted: bool) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .keep_alive(limits.keep_alive)
        .header_read_timeout(limits.header)
        .max_buf_size(limits.header_bytes.max(HTTP1_BUFFER_MIN));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(LOCAL_RESETS_MAX);
    if encrypted {
        builder
    } else {
        builder.http1_only()
    }
}

/// Waits until the client exceeds a limit that HTTP itself does not enforce, and returns which.
async fn broken(limits: &Limits, activity: &Activity) -> &'static str {
    let started = Instant::now();
    loop {
        let idle_max = if activity.is_known() {
            limits.idle
        } else {
            limits.header
        };
        let idle_left = match activity.quiet_for() {
            Some(quiet) if quiet >= idle_max => return "no request for too long",
            Some(quiet) => idle_max.saturating_sub(quiet),
            None => limits.idle.min(limits.header),
        };
        let unread_left = match activity.unread_for() {
            Some(unread) if unread >= limits.write => return "an answer was not read",
            Some(unread) => limits.write.saturating_sub(unread),
            None => limits.write,
        };
        if !activity.is_known() && started.elapsed() >= limits.header {
            return "no request in time";
        }
        sleep(idle_left.min(unread_left).max(LOOK_INTERVAL_MIN)).await;
    }
}

/// Smallest buffer size that the HTTP/1 parser accepts.
const HTTP1_BUFFER_MIN: usize = 8 << 10;
