//! A client of a server in this process: JSON requests and responses, and waiting for conditions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use lode_apiserver::{Config, Server};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A server, and one connection to it.
pub(crate) struct Client {
    server: Arc<Server>,
    token: Option<String>,
    sender: tokio::sync::Mutex<http1::SendRequest<Full<Bytes>>>,
}

impl Client {
    /// Starts a server.
    pub(crate) async fn start() -> Self {
        Self::of(
            Arc::new(Server::start(Config::default()).await.unwrap()),
            None,
        )
        .await
    }

    /// Starts a server and connects with a client certificate of a user.
    pub(crate) async fn start_as(user: &str, groups: &[&str]) -> Self {
        let server = Server::start(Config::default()).await.unwrap();
        let certificate = server.client_certificate(user, groups).unwrap();
        Self::of(Arc::new(server), Some(certificate)).await
    }

    /// Connects to the same server again.
    pub(crate) async fn another(&self) -> Self {
        Self::of(Arc::clone(&self.server), None).await
    }

    /// Connects to a running server.
    pub(crate) async fn of(server: Arc<Server>, certificate: Option<(String, String)>) -> Self {
        let token = certificate.is_none().then(|| server.token().to_owned());
        let stream = Self::stream(&server, certificate).await;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self {
            server,
            token,
            sender: tokio::sync::Mutex::new(sender),
        }
    }

    /// Opens an encrypted connection.
    pub(crate) async fn stream(
        server: &Server,
        certificate: Option<(String, String)>,
    ) -> TlsStream<TcpStream> {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(server.certificate().as_bytes()).unwrap())
            .unwrap();
        let config = rustls::ClientConfig::builder().with_root_certificates(roots);
        let config = match certificate {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                config
                    .with_client_auth_cert(vec![certificate], key)
                    .unwrap()
            }
        };
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let name = ServerName::from(server.address().ip());
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .unwrap()
    }

    /// Returns the server.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Sends a request. Returns status code and body of the response; a body that is not JSON is a
    /// text.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        media: &str,
        body: &Value,
    ) -> (u16, Value) {
        let (code, body) = self
            .raw(method, path, &[("content-type", media)], body)
            .await;
        let text = || Value::from(String::from_utf8_lossy(&body));
        (
            code,
            serde_json::from_slice(&body).unwrap_or_else(|_| text()),
        )
    }

    /// Sends a request with headers. Returns status code and body of the response.
    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (u16, Bytes) {
        let response = self.open(method, path, headers, body).await;
        let code = response.status().as_u16();
        (
            code,
            response.into_body().collect().await.unwrap().to_bytes(),
        )
    }

    /// Returns the first lines at a path, as they arrive.
    pub(crate) async fn lines(&self, path: &str, count: usize) -> Vec<Value> {
        let mut body = self
            .open(Method::GET, path, &[], &Value::Null)
            .await
            .into_body();
        let mut read = Vec::new();
        while read.split(|byte| *byte == b'\n').count() <= count {
            let frame = body.frame().await.unwrap().unwrap();
            read.extend_from_slice(&frame.into_data().unwrap());
        }
        let lines = read.split(|byte| *byte == b'\n').take(count);
        lines
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> hyper::Response<hyper::body::Incoming> {
        let body = if body.is_null() {
            Bytes::new()
        } else {
            body.to_string().into()
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.server.address().to_string());
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).unwrap();
        let mut sender = self.sender.lock().await;
        sender.ready().await.unwrap();
        sender.send_request(request).await.unwrap()
    }

    /// Returns what is at a path.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, JSON, &Value::Null).await.1
    }

    /// Creates an object.
    pub(crate) async fn create(&self, path: &str, object: &Value) -> Value {
        let (code, answer) = self.send(Method::POST, path, JSON, object).await;
        assert_eq!(code, 201, "{answer}");
        answer
    }

    /// Merges a patch into an object.
    pub(crate) async fn patch(&self, path: &str, patch: &Value) {
        let (code, answer) = self
            .send(Method::PATCH, path, "application/merge-patch+json", patch)
            .await;
        assert_eq!(code, 200, "{answer}");
    }

    /// Deletes an object.
    pub(crate) async fn delete(&self, path: &str, propagation: &str) {
        let options = json!({"propagationPolicy": propagation});
        let (code, answer) = self.send(Method::DELETE, path, JSON, &options).await;
        assert!(code == 200 || code == 202, "{answer}");
    }

    /// Waits until what is at a path satisfies `until`, and returns it.
    pub(crate) async fn wait(&self, path: &str, until: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let found = self.get(path).await;
            if until(&found) {
                return found;
            }
            assert!(begun.elapsed() < WAIT_MAX, "{path} is still: {found:#}");
            tokio::task::yield_now().await;
        }
    }
}

/// Returns whether a condition of an object is true.
pub(crate) fn is_true(object: &Value, condition: &str) -> bool {
    let conditions = object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten();
    conditions
        .into_iter()
        .any(|found| found["type"] == condition && found["status"] == "True")
}

const JSON: &str = "application/json";
/// Longest wait, on a busy machine.
const WAIT_MAX: Duration = Duration::from_mins(1);
