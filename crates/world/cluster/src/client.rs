//! [`Client`]: calls to one API server, bounded, counted, as the operator itself or as another
//! account.
//!
//! HTTP/2 if the server supports it: thousands of small calls share one connection; watches have
//! others. That is why the connector is our own; credentials, proxies and CA rotation are kube's. A
//! 429 or 503 with `Retry-After` is retried here, so that callers need not handle it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, header};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use kube::client::Body;
use lode_net::Sockets;
use lode_object::Value;
use lode_stdx::Lock;
use serde::Deserialize;

use crate::account::Account;
use crate::connect::{self, Connection, Incoming, IsWatch};
use crate::error::Error;
use crate::gate::WriteGate;
use crate::refusal::Status;
use crate::resource::Resource;

/// Largest response read, in bytes: objects are limited by etcd to 1.5 MiB, pages to 500 of them.
const ANSWER_MAX: usize = 64 << 20;
/// Most memory reserved for a response because of its `Content-Length`.
const EXPECTED_MAX: usize = 1 << 20;
/// Attempts of a call while the server asks to retry later.
const TRIES_MAX: u32 = 6;
/// Longest `Retry-After` that is followed.
const LATER_MAX: Duration = Duration::from_secs(30);
/// Timeout of a call.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);

/// Calls to one API server. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct Client {
    connection: Connection,
    user: Option<HeaderValue>,
    account: Option<Arc<Account>>,
    host: Arc<str>,
    namespace: Arc<str>,
    /// Checked before every write; without a gate all writes are sent.
    gate: Option<WriteGate>,
    counts: Arc<Lock<BTreeMap<(&'static str, u16), u64>>>,
}

impl Client {
    /// Reads a configuration and creates a client: the given kubeconfig, or `KUBECONFIG`, or the
    /// cluster the process runs in. Nothing is sent yet.
    ///
    /// # Errors
    /// There is no configuration, or its certificates or credentials cannot be used.
    pub async fn connect(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Self, Error> {
        Self::connect_over(&Sockets::default(), None, kubeconfig, context).await
    }

    /// Does what [`Client::connect`] does, over sockets of the caller's choice. Behind a gate, writes are sent only while
    /// it is open, dry-runs too; clients made of this one share it.
    ///
    /// # Errors
    /// As of [`Client::connect`].
    pub async fn connect_over(
        sockets: &Sockets,
        gate: Option<WriteGate>,
        kubeconfig: Option<&Path>,
        context: Option<&str>,
    ) -> Result<Self, Error> {
        let config = connect::config(kubeconfig, context).await?;
        Ok(Self {
            connection: connect::connect(&config, sockets, gate.as_ref())?,
            user: None,
            account: None,
            host: config
                .cluster_url
                .authority()
                .map(ToString::to_string)
                .unwrap_or_default()
                .into(),
            namespace: config.default_namespace.as_str().into(),
            gate,
            counts: Arc::default(),
        })
    }

    /// Returns the namespace of the configuration, `default` if it has none.
    #[must_use]
    pub fn default_namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the server's host and port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the client without its gate, for POST requests that store nothing.
    pub(crate) fn ungated(self) -> Self {
        Self { gate: None, ..self }
    }

    /// Returns a client that acts as a service account: `system:serviceaccount:<namespace>:<name>`.
    ///
    /// # Errors
    /// The name is not valid for a service account: a name of another form could be a user with
    /// rights of its own.
    pub fn as_service_account(&self, namespace: &str, name: &str) -> Result<Self, Error> {
        if !is_account_name(name) {
            return Err(Error::Request(format!(
                "\"{}\" is not a valid name of a service account",
                name.escape_debug()
            )));
        }
        let account = Account {
            namespace: namespace.into(),
            name: name.into(),
        };
        let user = HeaderValue::from_str(&account.user()).map_err(|_| {
            Error::Request(format!("service account name \"{name}\" cannot be sent"))
        })?;
        Ok(Self {
            user: Some(user),
            account: Some(Arc::new(account)),
            ..self.clone()
        })
    }

    /// Returns the service account that calls are made as; none if they are made as the operator
    /// itself.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        self.account.as_deref()
    }

    /// Reads one object.
    ///
    /// # Errors
    /// See [`Error`]; 404 if it does not exist.
    pub async fn get(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Value, Error> {
        decode(
            &self
                .call(
                    "get",
                    Method::GET,
                    &resource.path_of_one(namespace, name)?,
                    None,
                )
                .await?,
        )
    }

    /// Reads a path as bytes, with an `Accept` header.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn read(&self, path: &str, accept: &'static str) -> Result<Bytes, Error> {
        self.call(
            "get",
            Method::GET,
            path,
            Some((header::ACCEPT, accept, Bytes::new())),
        )
        .await
    }

    /// Reads one page of a collection; `query` starts with `?`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list(
        &self,
        resource: &Resource,
        namespace: &str,
        query: &str,
    ) -> Result<Bytes, Error> {
        let path = format!("{}{query}", resource.path(namespace, ""));
        self.call("list", Method::GET, &path, None).await
    }

    /// Returns the number of calls so far, by verb and HTTP code (0: no response).
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(&'static str, u16), u64> {
        self.counts.lock().clone()
    }

    /// Opens a watch: the body of the response is a stream of frames.
    pub(crate) async fn watch(&self, path: &str) -> Result<http::Response<Incoming>, Error> {
        let mut request = self.request(Method::GET, path, None)?;
        request.extensions_mut().insert(IsWatch);
        let answer = self
            .connection
            .send(request)
            .await
            .map_err(|error| unreachable(&*error));
        self.count(
            "watch",
            answer.as_ref().map_or(0, |answer| answer.status().as_u16()),
        );
        let answer = answer?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let code = answer.status().as_u16();
        Err(refusal(code, &collect(answer.into_body()).await?))
    }

    pub(crate) async fn call(
        &self,
        verb: &'static str,
        method: Method,
        path: &str,
        content: RequestContent,
    ) -> Result<Bytes, Error> {
        let mut tries = 1;
        let gate = self.gate.as_ref().filter(|_| method != Method::GET);
        loop {
            let mut request = self.request(method.clone(), path, content.clone())?;
            let checkpoint = match gate {
                Some(gate) => {
                    gate.passed().await?;
                    Some(gate.attach(&mut request))
                }
                None => None,
            };
            let answer = tokio::time::timeout(CALL_TIMEOUT, self.once(request)).await;
            if checkpoint.is_some_and(|checkpoint| checkpoint.has_refused()) {
                // The gate closed while a connection was made: nothing arrived, whatever the error
                // says.
                continue;
            }
            let answer = answer.unwrap_or_else(|_| {
                Err(Error::Unreachable(format!(
                    "no answer within {CALL_TIMEOUT:?}"
                )))
            });
            let (code, later, body) = answer.inspect_err(|_| self.count(verb, 0))?;
            self.count(verb, code);
            match later {
                Some(later) if tries < TRIES_MAX => {
                    tries += 1;
                    tokio::time::sleep(later.min(LATER_MAX)).await;
                }
                _ if (200..300).contains(&code) => return Ok(body),
                _ => return Err(refusal(code, &body)),
            }
        }
    }

    /// Sends a request once: HTTP code, `Retry-After`, body.
    async fn once(&self, request: Request<Body>) -> Result<(u16, Option<Duration>, Bytes), Error> {
        let answer = self
            .connection
            .send(request)
            .await
            .map_err(|error| unreachable(&*error))?;
        let code = answer.status().as_u16();
        let later = answer
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let later = later
            .filter(|_| code == 429 || code == 503)
            .map(Duration::from_secs);
        Ok((code, later, collect(answer.into_body()).await?))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        content: RequestContent,
    ) -> Result<Request<Body>, Error> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(user) = &self.user {
            request = request.header("impersonate-user", user);
        }
        let body = match content {
            Some((name, value, body)) => {
                request = request.header(name, value);
                Body::from(body)
            }
            None => Body::empty(),
        };
        request
            .body(body)
            .map_err(|error| Error::Request(error.to_string()))
    }

    fn count(&self, verb: &'static str, code: u16) {
        *self.counts.lock().entry((verb, code)).or_default() += 1;
    }
}

/// Returns whether a service account can have this name: a DNS subdomain.
fn is_account_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let label = |label: &str| {
        label.bytes().all(|byte| plain(byte) || byte == b'-')
            && label.bytes().next().is_some_and(plain)
            && label.bytes().last().is_some_and(plain)
    };
    name.len() <= ACCOUNT_NAME_MAX && name.split('.').all(label)
}

/// Longest name of a service account.
const ACCOUNT_NAME_MAX: usize = 253;

/// The object of a write, and the field manager.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Its namespace, empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The field manager.
    pub manager: &'a str,
    /// Whether nothing is stored; the response is what would be.
    pub dry_run: bool,
}

/// The object and version to delete; empty parts are not checked.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// `metadata.uid`.
    pub uid: &'a str,
    /// `metadata.resourceVersion`.
    pub version: &'a str,
}

pub(crate) type RequestContent = Option<(header::HeaderName, &'static str, Bytes)>;

async fn collect(mut body: Incoming) -> Result<Bytes, Error> {
    let expected =
        usize::try_from(body.size_hint().exact().unwrap_or_default()).unwrap_or(usize::MAX);
    let mut all = BytesMut::with_capacity(expected.min(EXPECTED_MAX));
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Error::Unreachable(format!("connection broke: {error}")))?;
        if let Ok(data) = frame.into_data() {
            if all.len() + data.len() > ANSWER_MAX {
                return Err(Error::TooLarge(ANSWER_MAX));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(all.freeze())
}

fn refusal(code: u16, body: &[u8]) -> Error {
    let mut status = serde_json::from_slice::<Status>(body).unwrap_or_else(|_| {
        Status::new(
            code,
            "",
            String::from_utf8_lossy(&body[..body.len().min(1024)]).trim(),
        )
    });
    status.code = code;
    Error::Refused(Box::new(status))
}

fn unreachable(error: &(dyn std::error::Error + 'static)) -> Error {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    Error::Unreachable(text)
}

pub(crate) fn decode<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, Error> {
    serde_json::from_slice(json).map_err(|error| Error::NotUnderstood(error.to_string()))
}

pub(crate) fn encode(value: &Value) -> Bytes {
    value.to_string().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns a client, behind a gate, of a server that does not exist.
    async fn client(gate: &WriteGate) -> Client {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": {}}]});
        std::fs::write(&file, config.to_string()).unwrap();
        Client::connect_over(&Sockets::default(), Some(gate.clone()), Some(&file), None)
            .await
            .unwrap()
    }

    /// Attempts each kind of write and returns the results.
    async fn write(client: &Client) -> Vec<Result<(), Error>> {
        let maps = Resource::config_maps();
        let target = |dry_run| Target {
            namespace: "team",
            name: "a",
            manager: "me",
            dry_run,
        };
        let object = json!({});
        vec![
            client.create(&maps, "team", &object).await,
            client
                .create_as(&maps, target(true), &object)
                .await
                .map(drop),
            client
                .apply(&maps, target(false), "{}".into())
                .await
                .map(drop),
            client
                .apply(&maps, target(true), "{}".into())
                .await
                .map(drop),
            client
                .merge(&maps, target(false), "/status", &object)
                .await
                .map(drop),
            client
                .json_patch(&maps, target(false), &object)
                .await
                .map(drop),
            client.delete(&maps, "team", "a", "").await,
        ]
    }

    #[tokio::test]
    async fn behind_a_closed_gate_every_write_is_refused_also_as_an_account() {
        let gate = WriteGate::closed(lode_ambient::Ambient::default());
        let client = client(&gate).await;
        let account = client.as_service_account("team", "deployer").unwrap();
        for client in [&client, &account] {
            for end in write(client).await {
                assert!(matches!(end, Err(Error::NotLeading)), "{end:?}");
            }
        }
        assert!(client.counts().is_empty(), "nothing was sent");

        let maps = Resource::config_maps();
        let read = client.get(&maps, "team", "a").await;
        assert!(matches!(read, Err(Error::Unreachable(_))), "{read:?}");
        gate.open_until(lode_ambient::Ambient::default().since_boot() + Duration::from_hours(1));
        for end in write(&account).await {
            assert!(matches!(end, Err(Error::Unreachable(_))), "{end:?}");
        }
    }

    #[test]
    fn an_account_has_a_name_that_accounts_can_have() {
        for (name, good) in [
            ("deployer", true),
            ("a.b-c", true),
            ("0", true),
            ("", false),
            (" ", false),
            ("a b", false),
            ("a:b", false),
            ("A", false),
            ("-a", false),
            ("a.", false),
            ("a\nb", false),
        ] {
            assert_eq!(is_account_name(name), good, "{name:?}");
        }
    }
}
