//! The connection itself: TLS, ALPN, keep-alive, credentials.
//!
//! Calls share one connection; watches have others ([`Lines`]).
//!
//! kube's own client first hands every call to a task; ours sends it directly on the connection.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper_rustls::HttpsConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ClientBuilder, ConfigExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig};
use lode_net::Sockets;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt as _, service_fn};

use crate::error::Error;
use crate::gate::stream::GatedConnector;
use crate::gate::{Checkpoint, Outgoing, WriteGate};
use crate::lines::{Lines, Placed};

/// A connection that answers no ping within this time is dead: its watches start again on another
/// one.
const PING_EVERY: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout for the head of a watch's response. A server sends it at once, unless the connection is
/// full.
const WATCH_ANSWER_MAX: Duration = Duration::from_secs(15);
/// Flow control window of one connection, in bytes: one slow watch must not starve the calls next
/// to it.
const WINDOW: u32 = 8 << 20;
const STREAM_WINDOW: u32 = 1 << 20;

/// The body of a response as it arrives.
pub(crate) type Incoming = UnsyncBoxBody<Bytes, BoxError>;

/// Marks a request with a long-running response, which goes to a connection where no call has to
/// wait for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IsWatch;

/// Sends requests. Cloning is cheap and shares the connection.
#[derive(Clone)]
pub(crate) struct Connection(
    BoxCloneSyncService<http::Request<Body>, http::Response<Incoming>, BoxError>,
);

impl Connection {
    /// Sends a request and waits for the head of the response.
    pub(crate) async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Incoming>, BoxError> {
        self.0.clone().oneshot(request).await
    }
}

/// Reads a configuration: the named file, or that of the environment.
pub(crate) async fn config(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
) -> Result<kube::Config, Error> {
    // Two providers may be linked in, so the default must be installed before TLS is used.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let bad = |error: &dyn std::error::Error| {
        Error::Request(format!("no usable cluster configuration: {error}"))
    };
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..KubeConfigOptions::default()
    };
    match kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(|error| bad(&error))?;
            kube::Config::from_custom_kubeconfig(file, &options)
                .await
                .map_err(|error| bad(&error))
        }
        None if context.is_some() => kube::Config::from_kubeconfig(&options)
            .await
            .map_err(|error| bad(&error)),
        None => kube::Config::infer().await.map_err(|error| bad(&error)),
    }
}

/// Creates a client whose connector offers HTTP/2 first (kube's own offers only HTTP/1.1). What its
/// calls send passes the gate, if there is one.
pub(crate) fn connect(
    config: &kube::Config,
    sockets: &Sockets,
    gate: Option<&WriteGate>,
) -> Result<Connection, Error> {
    if config.proxy_url.is_some() {
        return connect_by_proxy(config);
    }
    let connector = sockets.connector(CONNECT_TIMEOUT, Some(PING_EVERY));
    let calls = GatedConnector::new(connector.clone(), gate.cloned());
    let calls = dial(&encrypted(config, calls)?);
    // Watches write nothing, so they continue without the Lease.
    let watches = encrypted(config, GatedConnector::new(connector, None))?;
    let watches = Arc::new(Lines::new(move || dial(&watches)));
    let http = service_fn(move |request: http::Request<Body>| {
        let (calls, watches) = (calls.clone(), watches.clone());
        async move {
            let request = Outgoing::wrap(request);
            if request.extensions().get::<IsWatch>().is_some() {
                return watch(&watches, request).await;
            }
            let answer = calls.request(request).await.map_err(BoxError::from)?;
            Ok(answer.map(|body| body.map_err(BoxError::from).boxed_unsync()))
        }
    });
    let auth = config
        .auth_layer()
        .map_err(|error| Error::Request(error.to_string()))?;
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(auth)
        .map_err(BoxError::from)
        .service(http);
    Ok(Connection(BoxCloneSyncService::new(service)))
}

/// Adds TLS to a connector, if the configuration asks for it.
fn encrypted(
    config: &kube::Config,
    connector: GatedConnector,
) -> Result<HttpsConnector<GatedConnector>, Error> {
    let tls = config
        .rustls_client_config()
        .map_err(|error| Error::Request(error.to_string()))?;
    let builder = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http();
    let builder = match &config.tls_server_name {
        Some(name) => {
            let name = name
                .clone()
                .try_into()
                .map_err(|_| Error::Request(format!("server name \"{name}\"")))?;
            builder.with_server_name_resolver(hyper_rustls::FixedServerNameResolver::new(name))
        }
        None => builder,
    };
    Ok(builder.enable_all_versions().wrap_connector(connector))
}

/// Connects through kube, which supports proxies.
fn connect_by_proxy(config: &kube::Config) -> Result<Connection, Error> {
    let builder = ClientBuilder::try_from(config.clone())
        .map_err(|error| Error::Request(error.to_string()))?;
    let client = builder.build();
    let service = service_fn(move |request: http::Request<Body>| {
        let client = client.clone();
        async move {
            // kube's client accepts only its own body type, so the gate is checked before it looks
            // for a connection.
            Checkpoint::of(&request).map_or(Ok(()), Checkpoint::pass)?;
            Ok(client
                .send(request)
                .await?
                .map(|body| body.map_err(BoxError::from).boxed_unsync()))
        }
    });
    Ok(Connection(BoxCloneSyncService::new(service)))
}

type Http = hyper_util::client::legacy::Client<HttpsConnector<GatedConnector>, Outgoing>;

/// Creates a client with one HTTP/2 connection, opened by its first request and closed with the
/// client.
fn dial(connector: &HttpsConnector<GatedConnector>) -> Http {
    hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(PING_EVERY)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_keep_alive_while_idle(true)
        .http2_initial_connection_window_size(WINDOW)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .build(connector.clone())
}

/// Sends a request on a connection with room for it; the response holds its place until it is
/// dropped.
async fn watch(
    lines: &Lines<Http>,
    request: http::Request<Outgoing>,
) -> Result<http::Response<Incoming>, BoxError> {
    let (http, mut place) = lines.take();
    let Ok(answer) = tokio::time::timeout(WATCH_ANSWER_MAX, http.request(request)).await else {
        lines.silent(&place);
        return Err(format!("no answer to a watch within {WATCH_ANSWER_MAX:?}").into());
    };
    let answer = answer?;
    lines.answered(&mut place);
    Ok(answer.map(|body| {
        Placed::new(body, place)
            .map_err(BoxError::from)
            .boxed_unsync()
    }))
}
