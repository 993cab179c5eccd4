//! [`HttpClient`]: sends requests as an [`Outbound`](super::Outbound) says.

use std::time::Duration;

use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use reqwest::header::{HeaderValue, USER_AGENT};
use reqwest::{Body, Method, RequestBuilder, Response, Url};

use super::client::IDLE_TIMEOUT;
use super::error::{CONNECT_TIMEOUT, OutboundError as Error, is_refused};
use crate::sockets::{SocketConnector, Sockets};

/// Sends requests. Cloning is cheap and shares the connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    requests: reqwest::Client,
    /// Sends them instead where connections stay within this process.
    in_process: Option<InProcessClient>,
}

/// A client without proxy and TLS.
#[derive(Debug, Clone)]
struct InProcessClient {
    http: legacy::Client<SocketConnector, Body>,
    user_agent: &'static str,
}

impl HttpClient {
    pub(super) fn new(
        requests: reqwest::Client,
        sockets: &Sockets,
        user_agent: &'static str,
    ) -> Self {
        let in_process = sockets
            .are_in_process()
            .then(|| InProcessClient::new(sockets, user_agent));
        Self {
            requests,
            in_process,
        }
    }

    /// Starts a request; [`HttpClient::send`] sends it.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.requests.request(method, url)
    }

    /// Sends a request and waits for the head of the response. If that takes too long, the error names `timeout`, which
    /// the caller limits the wait to.
    ///
    /// # Errors
    /// There is no response.
    pub async fn send(
        &self,
        request: RequestBuilder,
        timeout: Duration,
    ) -> Result<Response, Error> {
        let sent = match &self.in_process {
            Some(client) => return client.send(request).await,
            None => request.send().await,
        };
        sent.map_err(|error| Error::of(&error, timeout))
    }
}

impl InProcessClient {
    fn new(sockets: &Sockets, user_agent: &'static str) -> Self {
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(sockets.connector(CONNECT_TIMEOUT, None));
        Self { http, user_agent }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let unsound = |_| Error::Configuration("the request cannot be built");
        let mut request: http::Request<Body> = request
            .build()
            .and_then(http::Request::try_from)
            .map_err(unsound)?;
        if request.uri().scheme_str() != Some("http") {
            return Err(Error::Tls("there is none within a process"));
        }
        let agent = HeaderValue::from_static(self.user_agent);
        request.headers_mut().entry(USER_AGENT).or_insert(agent);

        let sent = self.http.request(request).await;
        let response = sent.map_err(|error| {
            if is_refused(&error) {
                Error::Refused
            } else if error.is_connect() {
                Error::Connect
            } else {
                Error::BrokeOff
            }
        })?;
        Ok(response.map(Body::wrap).into())
    }
}
