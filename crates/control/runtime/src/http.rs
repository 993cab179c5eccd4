//! [`serve()`]: `/metrics`, `/healthz` and `/readyz` for scrapers and probes.
//!
//! Plain HTTP/1.1 on a listener the caller opened, with bounds on connections, their age and their headers. Request
//! bodies are never read.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::metrics::Metrics;

/// Connections at a time; more wait in the listener's backlog.
const CONNECTIONS_MAX: usize = 64;
/// Oldest connection: an idle client cannot hold a place for ever.
const CONNECTION_AGE_MAX: Duration = Duration::from_mins(5);
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
const HEADERS_MAX_BYTES: usize = 16 << 10;
/// How long answers under way have at shutdown.
const DRAIN_MAX: Duration = Duration::from_secs(2);
/// Wait after a connection could not be accepted, for instance without a free file descriptor.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What [`serve()`] answers from. Cloning is cheap.
#[derive(Clone)]
pub struct Routes {
    metrics: Metrics,
    is_ready: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Routes {
    /// Shows metrics, and is ready as soon as it is healthy.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics, is_ready: Arc::new(|| true) }
    }

    /// Is ready when this is true, for instance when the caches are filled.
    #[must_use]
    pub fn ready_when(self, is_ready: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { is_ready: Arc::new(is_ready), ..self }
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n");
        }
        match path {
            "/metrics" => {
                let mut answer = Response::new(Full::from(self.metrics.text()));
                answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(OPENMETRICS));
                answer
            }
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" if (self.is_ready)() => text(StatusCode::OK, "ok\n"),
            "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            _ => text(StatusCode::NOT_FOUND, "not found\n"),
        }
    }
}

/// Answers until `shutdown` turns true (or its sender is gone), then lets answers under way end.
pub async fn serve(listener: TcpListener, routes: Routes, mut shutdown: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = shutdown.wait_for(|shutdown| *shutdown) => break,
        };
        let Some((stream, place)) = accepted else { continue };
        while connections.try_join_next().is_some() {}
        let (routes, shutdown) = (routes.clone(), shutdown.clone());
        connections.spawn(async move {
            converse(stream, routes, shutdown).await;
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN_MAX, async { while connections.join_next().await.is_some() {} }).await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            warn!(%error, "connection not accepted");
            tokio::time::sleep(ACCEPT_RETRY).await;
            None
        }
    }
}

async fn converse(stream: TcpStream, routes: Routes, mut shutdown: watch::Receiver<bool>) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let answer = routes.answer(request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(HEADERS_MAX_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        _ = shutdown.wait_for(|shutdown| *shutdown) => None,
        () = tokio::time::sleep(CONNECTION_AGE_MAX) => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        tokio::time::timeout(DRAIN_MAX, connection).await.unwrap_or(Ok(()))
    };
    if let Err(error) = ended {
        debug!(%error, "connection broke");
    }
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn each_path_has_its_answer() {
        let is_ready = Arc::new(AtomicBool::new(false));
        let routes = Routes::new(Metrics::new()).ready_when({
            let is_ready = is_ready.clone();
            move || is_ready.load(Ordering::Relaxed)
        });
        let code = |path: &str| routes.answer(&Method::GET, path).status().as_u16();
        assert_eq!(["/metrics", "/healthz", "/readyz", "/"].map(code), [200, 200, 503, 404]);
        is_ready.store(true, Ordering::Relaxed);
        assert_eq!(code("/readyz"), 200);
        assert_eq!(routes.answer(&Method::POST, "/metrics").status(), 405);
    }

    async fn ask(stream: &mut TcpStream, request: &str) -> String {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut buffer = vec![0; 64 << 10];
        let read = stream.read(&mut buffer).await.unwrap();
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    }

    #[tokio::test]
    async fn a_probe_is_answered_and_shutdown_ends_idle_connections() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, is_shutdown) = watch::channel(false);
        let server = tokio::spawn(serve(listener, Routes::new(Metrics::new()), is_shutdown));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let answer = ask(&mut stream, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok\n"), "{answer}");
        let answer = ask(&mut stream, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.contains("application/openmetrics-text"), "{answer}");
        shutdown.send_replace(true);
        server.await.unwrap();
        assert_eq!(ask(&mut stream, "").await, "", "closed");
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn headers_without_end_are_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_shutdown, is_shutdown) = watch::channel(false);
        let server = tokio::spawn(serve(listener, Routes::new(Metrics::new()), is_shutdown));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(HEADERS_MAX_BYTES));
        let answer = ask(&mut stream, &request).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        server.abort();
    }
}
