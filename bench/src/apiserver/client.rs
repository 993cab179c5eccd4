//! [`Client`]: the thinnest possible client for a benchmark: bytes go out, bytes come back, nothing
//! is decoded.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::ConfigExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use lode_object::Value;

/// The content type of an apply.
pub(super) const APPLY: &str = "application/apply-patch+yaml";
/// The content type of a merge patch.
pub(super) const MERGE: &str = "application/merge-patch+json";

/// One connection to a server, HTTP/2 if the server supports it.
#[derive(Clone)]
pub(super) struct Client {
    http: hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
    authorization: Option<String>,
    kubeconfig: PathBuf,
}

impl Client {
    /// Reads a kubeconfig; nothing is sent yet.
    pub(super) async fn of(kubeconfig: &Path) -> anyhow::Result<Self> {
        // Two providers may be linked in, so the default must be installed before TLS is used.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let text =
            std::fs::read(kubeconfig).with_context(|| format!("read {}", kubeconfig.display()))?;
        let token = token(&lode_yaml::parse(&text, lode_yaml::Dialect::V3)?);
        let file = Kubeconfig::read_from(kubeconfig)?;
        let config =
            kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let tls = config.rustls_client_config()?;
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http();
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        Ok(Self {
            http: http.build(https.enable_all_versions().wrap_connector(tcp)),
            url: config
                .cluster_url
                .to_string()
                .trim_end_matches('/')
                .to_owned(),
            authorization: token.map(|token| format!("Bearer {token}")),
            kubeconfig: kubeconfig.to_owned(),
        })
    }

    /// Opens more connections.
    pub(super) async fn several(&self, count: usize) -> anyhow::Result<Vec<Self>> {
        let mut clients = Vec::with_capacity(count);
        for _ in 0..count {
            clients.push(Self::of(&self.kubeconfig).await?);
        }
        Ok(clients)
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Bytes> {
        self.whole(Method::GET, path, "", Bytes::new()).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Bytes> {
        self.whole(
            Method::POST,
            path,
            "application/json",
            body.to_string().into(),
        )
        .await
    }

    pub(super) async fn patch(
        &self,
        path: &str,
        content_type: &str,
        body: &Value,
    ) -> anyhow::Result<Bytes> {
        self.whole(Method::PATCH, path, content_type, body.to_string().into())
            .await
    }

    /// Opens a stream.
    pub(super) async fn open(&self, path: &str) -> anyhow::Result<Incoming> {
        let response = self.send(Method::GET, path, "", Bytes::new()).await?;
        if !response.status().is_success() {
            bail!("GET {path}: {}", response.status());
        }
        Ok(response.into_body())
    }

    async fn whole(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> anyhow::Result<Bytes> {
        let response = self.send(method.clone(), path, content_type, body).await?;
        let status = response.status();
        let answer = response
            .into_body()
            .collect()
            .await
            .with_context(|| format!("read {path}"))?
            .to_bytes();
        if !status.is_success() {
            bail!(
                "{method} {path}: {status}: {}",
                String::from_utf8_lossy(&answer)
            );
        }
        Ok(answer)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> anyhow::Result<Response<Incoming>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let request = request.body(Full::new(body)).context("build a request")?;
        self.http
            .request(request)
            .await
            .with_context(|| format!("send {path}"))
    }
}

/// Returns the token of the only user that has one.
fn token(kubeconfig: &Value) -> Option<String> {
    let mut users = kubeconfig["users"].as_array().into_iter().flatten();
    users.find_map(|user| user["user"]["token"].as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_user_may_have_a_certificate_instead_of_a_token() {
        assert_eq!(
            token(&json!({"users": [{"user": {"token": "t"}}]})).as_deref(),
            Some("t")
        );
        assert_eq!(
            token(&json!({"users": [{"user": {"client-certificate": "c"}}]})),
            None
        );
    }
}
