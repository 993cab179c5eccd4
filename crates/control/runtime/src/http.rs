//! [`serve()`]: `/metrics`, `/healthz` and `/readyz` for scrapers and probes.
//!
//! Plain HTTP/1.1 on a listener that the caller opened. Request bodies are never read, and no
//! response waits for anything, so every client is answered however many sockets others hold: the
//! oldest connection that is idle or not reading is closed to make room.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use lode_net::{Caller, Limits, RequestBody, SocketListener, Terms};
use lode_stdx::Lock;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::metrics::Metrics;

/// Most connections at a time, in total and per peer. There are many, so that a probe has sent its
/// request long before enough newcomers arrive to displace it.
const CONNECTIONS_MAX: usize = 512;
const CONNECTIONS_PER_PEER_MAX: usize = 256;
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
const HEADERS_MAX_BYTES: usize = 16 << 10;
/// How long responses in progress have at shutdown.
const DRAIN_MAX: Duration = Duration::from_secs(2);
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How often metrics are rendered per second; more frequent requests get the previous text, which
/// costs nothing.
const RENDERINGS_PER_SECOND_MAX: u32 = 20;

/// What [`serve()`] responds with. Cloning is cheap.
#[derive(Clone)]
pub struct Routes {
    metrics: Metrics,
    rendered: Arc<Lock<RenderedMetrics>>,
    is_ready: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Routes {
    /// Shows metrics, and is ready whenever it is healthy.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            rendered: Arc::default(),
            is_ready: Arc::new(|| true),
        }
    }

    /// Is ready when this returns true, for instance when the caches are filled.
    #[must_use]
    pub fn ready_when(self, is_ready: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self {
            is_ready: Arc::new(is_ready),
            ..self
        }
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n");
        }
        match path {
            "/metrics" => {
                let mut answer = Response::new(Full::from(self.text()));
                answer
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static(OPENMETRICS));
                answer
            }
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" if (self.is_ready)() => text(StatusCode::OK, "ok\n"),
            "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            _ => text(StatusCode::NOT_FOUND, "not found\n"),
        }
    }
}

impl Routes {
    /// Returns the metrics as text, current unless there are too many requests.
    fn text(&self) -> Bytes {
        let mut rendered = self.rendered.lock();
        if rendered
            .since
            .is_none_or(|since| since.elapsed() >= Duration::from_secs(1))
        {
            (rendered.since, rendered.count) = (Some(Instant::now()), 0);
        }
        if rendered.count < RENDERINGS_PER_SECOND_MAX {
            rendered.count += 1;
            rendered.text = self.metrics.text().into();
        }
        rendered.text.clone()
    }
}

/// The last rendered metrics, and the number of renderings in the second that started then.
#[derive(Default)]
struct RenderedMetrics {
    since: Option<Instant>,
    count: u32,
    text: Bytes,
}

/// Serves until `shutdown` turns true (or its sender is dropped), then lets responses in progress
/// end.
pub async fn serve(
    listener: impl Into<SocketListener>,
    routes: Routes,
    mut shutdown: watch::Receiver<bool>,
) {
    let limits = Limits {
        connections: CONNECTIONS_MAX,
        per_peer: CONNECTIONS_PER_PEER_MAX,
        header: HEADERS_WITHIN,
        header_bytes: HEADERS_MAX_BYTES,
        // One request each: probes and scrapers come rarely, and a thousand requests in a row are
        // an attack.
        keep_alive: false,
        // Responses are small: a client that does not read one at once makes room for a newcomer.
        unread_min: Duration::ZERO,
        drain: DRAIN_MAX,
        ..Limits::default()
    };
    let terms = Terms {
        name: "health and metrics",
        tls: None,
        limits,
    };
    let stop = async { drop(shutdown.wait_for(|shutdown| *shutdown).await) };
    let greet = move |_: &Caller| {
        let routes = routes.clone();
        move |request: Request<RequestBody>| {
            std::future::ready(routes.answer(request.method(), request.uri().path()))
        }
    };
    lode_net::serve(listener.into(), terms, stop, greet).await;
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    answer
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn each_path_has_its_answer() {
        let is_ready = Arc::new(AtomicBool::new(false));
        let routes = Routes::new(Metrics::new()).ready_when({
            let is_ready = is_ready.clone();
            move || is_ready.load(Ordering::Relaxed)
        });
        let code = |path: &str| routes.answer(&Method::GET, path).status().as_u16();
        assert_eq!(
            ["/metrics", "/healthz", "/readyz", "/"].map(code),
            [200, 200, 503, 404]
        );
        is_ready.store(true, Ordering::Relaxed);
        assert_eq!(code("/readyz"), 200);
        assert_eq!(routes.answer(&Method::POST, "/metrics").status(), 405);
    }

    #[test]
    fn metrics_are_written_out_only_so_often() {
        let metrics = Metrics::new();
        let routes = Routes::new(metrics.clone());
        let first = routes.text();
        metrics.set_leader("lode", true);
        let texts: Vec<_> = (0..100).map(|_| routes.text()).collect();
        assert_ne!(first, texts[0], "as of now");
        metrics.set_leader("lode", false);
        let late = routes.text();
        let is_fresh = routes.rendered.lock().count < RENDERINGS_PER_SECOND_MAX;
        assert!(
            is_fresh || late == texts[99],
            "who asks too often gets the text of before"
        );
    }

    #[test]
    fn who_wants_the_head_alone_is_answered_too() {
        let routes = Routes::new(Metrics::new());
        for method in [Method::GET, Method::HEAD] {
            let answer = routes.answer(&method, "/metrics");
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()[header::CONTENT_TYPE], OPENMETRICS);
        }
        for method in [Method::PUT, Method::DELETE, Method::OPTIONS] {
            assert_eq!(routes.answer(&method, "/healthz").status(), 405);
        }
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
        let mut idle = TcpStream::connect(address).await.unwrap();
        for (path, found) in [
            ("/healthz", "ok\n"),
            ("/metrics", "application/openmetrics-text"),
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let answer = ask(
                &mut stream,
                &format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"),
            )
            .await;
            assert!(
                answer.starts_with("HTTP/1.1 200 OK") && answer.contains(found),
                "{answer}"
            );
        }
        shutdown.send_replace(true);
        server.await.unwrap();
        assert_eq!(ask(&mut idle, "").await, "", "closed");
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

    /// Like a kubelet, which gives up after three failed probes in a row.
    const PROBES_IN_A_ROW: usize = 3;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_liveness_probe_is_answered_while_hundreds_of_sockets_come_back_whenever_they_are_closed()
     {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_shutdown, is_shutdown) = watch::channel(false);
        tokio::spawn(serve(listener, Routes::new(Metrics::new()), is_shutdown));
        let (done, is_done) = tokio::sync::oneshot::channel::<()>();
        let strangers = std::thread::spawn(move || strangers(address, is_done));
        for at in 0..20 {
            let is_answered = (0..PROBES_IN_A_ROW).any(|_| probe(address).is_some());
            assert!(is_answered, "probe {at}");
        }
        drop(done);
        strangers.join().unwrap();
    }

    /// Sends a probe like a kubelet, from a separate thread.
    fn probe(address: std::net::SocketAddr) -> Option<()> {
        use std::io::{Read as _, Write as _};

        let mut stream = std::net::TcpStream::connect(address).ok()?;
        // A kubelet waits a second; a machine that runs all tests at once is slower than that.
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .ok()?;
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.starts_with("HTTP/1.1 200").then_some(())
    }

    /// Holds more sockets than one peer may have, idle or without reading, and opens another for
    /// each that is closed.
    fn strangers(address: std::net::SocketAddr, is_done: tokio::sync::oneshot::Receiver<()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut held = tokio::task::JoinSet::new();
            for at in 0..2 * CONNECTIONS_PER_PEER_MAX {
                held.spawn(async move {
                    loop {
                        let Ok(mut stream) = TcpStream::connect(address).await else {
                            continue;
                        };
                        if at % 8 == 0 {
                            let many = "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
                            while stream.write_all(many.as_bytes()).await.is_ok() {}
                        } else {
                            let _ = stream.read(&mut [0; 1]).await;
                        }
                    }
                });
            }
            drop(is_done.await);
        });
    }
}
