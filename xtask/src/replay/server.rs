//! [`Server`]: any API server behind a kubeconfig, called over plain HTTP with nothing added or
//! hidden.
//!
//! Comparisons need every status, header and byte, so this is not a Kubernetes client: it sends
//! exactly what it is given. Left out on purpose: retries, decoding, and every kubeconfig feature
//! except a CA, a token and a client certificate.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_yaml::Dialect;
use reqwest::blocking::{Client, ClientBuilder, Response};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity, Method};
use serde_json::Value;

/// Largest answer read, in bytes: the whole `OpenAPI` document is 4 MB.
const ANSWER_MAX: u64 = 64 << 20;
/// Timeout of a call, or of the next part of a stream.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);

/// An API server.
pub(crate) struct Server {
    url: String,
    /// Client with the credentials of the kubeconfig.
    admin: Client,
    token: Option<String>,
    /// Client without a client certificate.
    plain: Client,
}

/// The user of a call.
#[derive(Clone, Default)]
pub(crate) enum Who {
    /// The user of the kubeconfig.
    #[default]
    Admin,
    /// No credentials.
    Anonymous,
    /// The user of this token.
    Token(String),
}

/// One request.
#[derive(Default)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// Path with query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) who: Who,
}

/// A response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By lower-case name, in order.
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    pub(crate) body: Vec<u8>,
}

/// A response whose body has not been read yet.
pub(crate) struct Stream {
    pub(crate) answer: Answer,
    /// The response being received.
    pub(crate) response: Response,
}

impl Server {
    /// Reads a kubeconfig; nothing is sent yet.
    pub(crate) fn of(kubeconfig: &Path) -> Result<Self> {
        let text =
            fs::read(kubeconfig).with_context(|| format!("read {}", kubeconfig.display()))?;
        let config = lode_yaml::parse(&text, Dialect::V3)
            .with_context(|| format!("read {}", kubeconfig.display()))?;
        let (cluster, user) =
            chosen(&config).with_context(|| format!("understand {}", kubeconfig.display()))?;
        let folder = kubeconfig.parent().unwrap_or(Path::new("."));
        let url = cluster["server"]
            .as_str()
            .context("find the server's address")?
            .trim_end_matches('/')
            .to_owned();
        let authority = bytes_of(cluster, "certificate-authority", folder)?;
        let mut admin = builder(authority.as_deref())?;
        if let Some(mut identity) = bytes_of(user, "client-certificate", folder)? {
            identity.extend(
                bytes_of(user, "client-key", folder)?
                    .context("find the key of the client certificate")?,
            );
            admin = admin
                .identity(Identity::from_pem(&identity).context("use the client certificate")?);
        }

        let token = user["token"].as_str().map(str::to_owned);
        let plain = builder(authority.as_deref())?
            .build()
            .context("make a client")?;
        Ok(Self {
            url,
            admin: admin.build().context("make a client")?,
            token,
            plain,
        })
    }

    /// Sends a request and reads the whole response.
    pub(crate) fn call(&self, call: &Call) -> Result<Answer> {
        self.open(call)?.read()
    }

    /// Sends a request and returns once status and headers have arrived.
    pub(crate) fn open(&self, call: &Call) -> Result<Stream> {
        let method = Method::from_bytes(call.method.as_bytes()).context("use the method")?;
        let client = if matches!(call.who, Who::Admin) {
            &self.admin
        } else {
            &self.plain
        };
        let mut request = client.request(method, format!("{}{}", self.url, call.path));
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }

        let token = match &call.who {
            Who::Admin => self.token.as_ref(),
            Who::Anonymous => None,
            Who::Token(token) => Some(token),
        };
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }

        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }

        let response = request
            .send()
            .with_context(|| format!("send {} {}", call.method, call.path))?;
        let mut headers = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in response.headers() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            headers
                .entry(name.as_str().to_owned())
                .or_default()
                .push(value);
        }

        let answer = Answer {
            status: response.status().as_u16(),
            headers,
            body: Vec::new(),
        };
        Ok(Stream { answer, response })
    }
}

impl Call {
    /// Returns a request by the administrator without a body.
    pub(crate) fn new(method: &str, path: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            path: path.into(),
            ..Self::default()
        }
    }

    /// Returns the request with another header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the request with a body of this type.
    pub(crate) fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: Some(body.into()),
            ..self.header("Content-Type", content_type)
        }
    }
}

impl Answer {
    /// Returns a response that consists of this text.
    pub(crate) fn of_text(text: &str) -> Self {
        Self {
            status: 200,
            headers: BTreeMap::new(),
            body: text.as_bytes().to_vec(),
        }
    }

    /// Returns the first value of a header, empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|values| values.first())
            .map_or("", String::as_str)
    }

    /// Returns the body as JSON, or nothing if it is not JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Returns the body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the sequence of JSON values in the body.
    pub(crate) fn values(&self) -> Result<Vec<Value>> {
        let values = serde_json::Deserializer::from_slice(&self.body)
            .into_iter()
            .collect();
        let values: Result<Vec<Value>, _> = values;
        values.with_context(|| format!("read a stream of {} bytes", self.body.len()))
    }
}

impl Stream {
    /// Reads to the end.
    pub(crate) fn read(mut self) -> Result<Answer> {
        let body = &mut self.answer.body;
        let size = self
            .response
            .take(ANSWER_MAX + 1)
            .read_to_end(body)
            .context("read the answer")?;
        if size as u64 > ANSWER_MAX {
            bail!("the answer is larger than {ANSWER_MAX} bytes");
        }
        Ok(self.answer)
    }
}

/// Returns the cluster and the user of the current context.
fn chosen(config: &Value) -> Result<(&Value, &Value)> {
    let named = |list: &str, name: &Value, part: &'static str| {
        let entries = config[list].as_array().into_iter().flatten();
        let entry = entries.into_iter().find(|entry| &entry["name"] == name);
        entry
            .map(|entry| &entry[part])
            .with_context(|| format!("find {name} among the {list}"))
    };
    let context = named("contexts", &config["current-context"], "context")?;
    Ok((
        named("clusters", &context["cluster"], "cluster")?,
        named("users", &context["user"], "user")?,
    ))
}

/// Returns the content of a field: `<name>-data` in base64, or the file that `<name>` names.
fn bytes_of(of: &Value, name: &str, folder: &Path) -> Result<Option<Vec<u8>>> {
    if let Some(data) = of[format!("{name}-data")].as_str() {
        return Ok(Some(
            STANDARD
                .decode(data)
                .with_context(|| format!("decode {name}-data"))?,
        ));
    }
    let Some(path) = of[name].as_str() else {
        return Ok(None);
    };
    fs::read(folder.join(path))
        .map(Some)
        .with_context(|| format!("read {path}"))
}

fn builder(authority: Option<&[u8]>) -> Result<ClientBuilder> {
    let builder = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .timeout(ANSWER_TIME_MAX);
    let Some(authority) = authority else {
        return Ok(builder);
    };
    Ok(builder.tls_certs_only(
        Certificate::from_pem_bundle(authority).context("use the certificate authority")?,
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_current_context_says_which_cluster_and_user() {
        let config = json!({"current-context": "b",
            "contexts": [{"name": "a", "context": {"cluster": "x", "user": "u"}},
                {"name": "b", "context": {"cluster": "y", "user": "v"}}],
            "clusters": [{"name": "x", "cluster": {}}, {"name": "y", "cluster": {"server": "https://y"}}],
            "users": [{"name": "v", "user": {"token": "t"}}]});
        let (cluster, user) = chosen(&config).unwrap();
        assert_eq!(
            (cluster["server"].as_str(), user["token"].as_str()),
            (Some("https://y"), Some("t"))
        );
    }

    #[test]
    fn data_in_the_file_wins_over_a_path() {
        let of = json!({"client-key-data": "a2V5", "client-key": "nowhere"});
        assert_eq!(
            bytes_of(&of, "client-key", Path::new("/"))
                .unwrap()
                .unwrap(),
            b"key"
        );
        assert!(
            bytes_of(&of, "client-certificate", Path::new("/"))
                .unwrap()
                .is_none()
        );
    }
}
