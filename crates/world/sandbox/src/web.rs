//! [`Web`]: an HTTP server on loopback that answers from memory, keeps what it was asked, and misbehaves on demand.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame};
use lode_net::{Caller, Limits, RequestBody, SocketListener, Terms};
use lode_stdx::Lock;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Sleep;

/// Largest body of a request, in bytes.
const BODY_MAX: usize = 64 << 20;

/// How a server misbehaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebFault {
    /// It answers after this time.
    Pause(Duration),
    /// Bodies come a few bytes at a time, after a wait each.
    Trickle {
        /// Bytes of one piece.
        bytes: usize,
        /// Wait before each piece.
        pause: Duration,
    },
    /// The last byte of bodies is another one.
    Altered,
    /// Bodies have this many bytes more than they should.
    Longer(usize),
    /// Bodies end after this many bytes.
    Shorter(usize),
    /// It answers with a redirect to a URL.
    Redirect(String),
    /// It answers with a status code, this many times.
    Status(u16, u32),
}

/// One request that a server got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebRequest {
    /// The method.
    pub method: String,
    /// The path, without query.
    pub path: String,
    /// Whether it had credentials.
    pub has_credentials: bool,
}

/// The handle of a server; it ends when this is dropped.
pub(crate) struct Web {
    address: SocketAddr,
    state: Arc<WebState>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct WebState {
    asked: Lock<Vec<WebRequest>>,
    /// By the part of a path that they are for; the first that fits counts.
    faults: Lock<Vec<(String, WebFault)>>,
}

/// A request as a handler sees it.
pub(crate) struct WebAsk {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A response as a handler makes it.
#[derive(Default)]
pub(crate) struct WebReply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl WebReply {
    pub(crate) fn ok(body: impl Into<Bytes>) -> Self {
        Self {
            status: 200,
            body: body.into(),
            ..Self::default()
        }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl WebAsk {
    /// Returns a parameter of the query, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut found = url::form_urlencoded::parse(self.query.as_bytes());
        let found = found.find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    }

    /// Returns a header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns whether the request has this name and password.
    pub(crate) fn is_basic(&self, username: &str, password: &str) -> bool {
        let pair = STANDARD.encode(format!("{username}:{password}"));
        self.header("authorization") == Some(&format!("Basic {pair}"))
    }
}

impl Web {
    /// Serves with a function on a free port, encrypted if an acceptor is given.
    pub(crate) async fn start<A>(
        name: &'static str,
        tls: Option<tokio_rustls::TlsAcceptor>,
        answer: impl FnOnce(SocketAddr) -> A,
    ) -> std::io::Result<Self>
    where
        A: Fn(&WebAsk) -> WebReply + Send + Sync + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (state, answer) = (Arc::new(WebState::default()), Arc::new(answer(address)));
        let terms = Terms {
            name,
            tls,
            limits: Limits::default(),
        };
        let shared = state.clone();
        let serving = lode_net::serve(
            SocketListener::from(listener),
            terms,
            std::future::pending(),
            move |_: &Caller| {
                let (state, answer) = (shared.clone(), answer.clone());
                move |request| respond(state.clone(), answer.clone(), request)
            },
        );
        Ok(Self {
            address,
            state,
            task: tokio::spawn(serving),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes requests go wrong whose path contains a text.
    pub(crate) fn fault(&self, part: &str, fault: WebFault) {
        self.state.faults.lock().push((part.to_owned(), fault));
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) {
        self.state.faults.lock().clear();
    }

    /// Returns the requests since the last call.
    pub(crate) fn take_requests(&self) -> Vec<WebRequest> {
        std::mem::take(&mut *self.state.asked.lock())
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl WebState {
    /// Returns the fault of a path; one that ends after some times is counted.
    fn strike(&self, path: &str) -> Option<WebFault> {
        let mut faults = self.faults.lock();
        let at = faults.iter().position(|(part, _)| path.contains(&**part))?;
        let (_, fault) = faults.get_mut(at)?;
        let struck = fault.clone();
        if let WebFault::Status(_, times) = fault {
            *times = times.saturating_sub(1);
            if *times == 0 {
                faults.remove(at);
            }
        }
        Some(struck)
    }
}

async fn respond<A>(
    state: Arc<WebState>,
    answer: Arc<A>,
    request: Request<RequestBody>,
) -> Response<Paced>
where
    A: Fn(&WebAsk) -> WebReply,
{
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_MAX).collect().await else {
        return written(WebReply::status(413), None, false);
    };
    let ask = WebAsk {
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        method: head.method,
        headers: head.headers,
        body: body.to_bytes(),
    };
    state.asked.lock().push(WebRequest {
        method: ask.method.to_string(),
        path: ask.path.clone(),
        has_credentials: ask.headers.contains_key("authorization"),
    });

    let fault = state.strike(&ask.path);
    let reply = match &fault {
        Some(WebFault::Redirect(to)) => WebReply::status(307).with("location", to),
        Some(WebFault::Status(status, _)) => WebReply::status(*status),
        _ => answer(&ask),
    };
    if let Some(WebFault::Pause(time)) = fault {
        tokio::time::sleep(time).await;
    }
    written(reply, fault.as_ref(), ask.method == Method::HEAD)
}

/// Returns the response, with a body that may be another one than it should.
fn written(reply: WebReply, fault: Option<&WebFault>, is_head: bool) -> Response<Paced> {
    let mut bytes = reply.body.to_vec();
    let length = bytes.len();
    match fault {
        Some(WebFault::Altered) => {
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
        }
        Some(WebFault::Longer(more)) => bytes.resize(bytes.len() + more, b'x'),
        Some(WebFault::Shorter(rest)) => bytes.truncate(*rest),
        _ => {}
    }
    let (piece, pause) = match fault {
        Some(WebFault::Trickle { bytes, pause }) => ((*bytes).max(1), Some(*pause)),
        _ => (bytes.len().max(1), None),
    };

    let mut response = Response::new(Paced {
        rest: if is_head { Bytes::new() } else { bytes.into() },
        piece,
        pause,
        waiting: None,
    });
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
    let lengths = is_head.then(|| ("content-length", length.to_string()));
    for (name, value) in reply.headers.into_iter().chain(lengths) {
        if let Ok(value) = value.parse() {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// A body in pieces, after a wait each.
pub(crate) struct Paced {
    rest: Bytes,
    piece: usize,
    pause: Option<Duration>,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if let Some(pause) = self.pause {
            let timer = self
                .waiting
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
            ready!(timer.as_mut().poll(cx));
            self.waiting = None;
        }
        let count = self.piece.min(self.rest.len());
        let piece = self.rest.split_to(count);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_where_it_is_meant_and_as_often() {
        let state = WebState::default();
        let fault = WebFault::Status(503, 2);
        state.faults.lock().push(("/v2/a/".to_owned(), fault));
        assert_eq!(state.strike("/v2/b/tags/list"), None);
        for times in [2, 1] {
            let struck = state.strike("/v2/a/tags/list");
            assert_eq!(struck, Some(WebFault::Status(503, times)));
        }
        assert_eq!(state.strike("/v2/a/tags/list"), None);
    }

    #[test]
    fn an_altered_body_has_its_length_and_another_end() {
        let altered = written(WebReply::ok("abc"), Some(&WebFault::Altered), false);
        assert_eq!(altered.body().rest, b"abb"[..]);
        let longer = written(WebReply::ok("abc"), Some(&WebFault::Longer(2)), false);
        assert_eq!(longer.body().rest, b"abcxx"[..]);
        let head = written(WebReply::ok("abc"), None, true);
        assert!(head.body().rest.is_empty());
        assert_eq!(head.headers()["content-length"], "3");
    }
}
