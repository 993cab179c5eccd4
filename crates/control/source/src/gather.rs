//! Reads what a specification names: the secret with credentials and the one with a proxy.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_api::shared::LocalRef;
use lode_api::{GitRepository, reasons};
use lode_cluster::{Client, Resource};
use lode_git::{Credentials, Remote};
use lode_net::Egress;
use lode_object::Value;
use lode_runtime::Failure;
use tracing::warn;

use crate::step;
use crate::validate::{self, Plan};

/// What a Secret holds. It has no `Debug`, so that it cannot be printed.
pub(crate) struct Secret {
    /// Namespace and name, for messages.
    pub(crate) name: String,
    data: BTreeMap<String, Vec<u8>>,
}

/// Returns the way to the repository, with whatever proves who is asking.
pub(crate) async fn remote(
    client: &Client,
    object: &GitRepository,
    plan: &Plan,
    egress: &Egress,
) -> Result<Remote, Failure> {
    let credentials = read(client, object, object.spec.secret_ref.as_ref()).await?;
    let mut remote = validate::authorize(plan, credentials.as_ref())?;
    if remote.url().starts_with("http:") && remote.credentials != Credentials::None {
        warn!(url = %lode_stdx::bare_url(remote.url()), "credentials are sent over plain http and can be read on the way");
    }
    if let Some(proxy) = read(client, object, object.spec.proxy_secret_ref.as_ref()).await? {
        remote.proxy = Some(validate::proxy(&proxy, egress)?);
    }
    Ok(remote)
}

async fn read(
    client: &Client,
    object: &GitRepository,
    name: Option<&LocalRef>,
) -> Result<Option<Secret>, Failure> {
    let Some(LocalRef { name }) = name else {
        return Ok(None);
    };
    let namespace = &*object.metadata.namespace;
    let found = client
        .get(
            &Resource::known("v1", "Secret", "secrets", true),
            namespace,
            name,
        )
        .await;
    let found = found.map_err(|error| {
        let text = format!("failed to get secret '{namespace}/{name}': {error}");
        step::fetch(reasons::AUTHENTICATION_FAILED, text)
    })?;
    Ok(Some(Secret::parse(&found, format!("{namespace}/{name}"))))
}

impl Secret {
    /// Reads `data`; what is no base64 is left out.
    pub(crate) fn parse(object: &Value, name: String) -> Self {
        let data = object
            .get("data")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let data = data
            .filter_map(|(key, value)| Some((key.clone(), STANDARD.decode(value.as_str()?).ok()?)));
        Self {
            name,
            data: data.collect(),
        }
    }

    /// Returns the first of some keys that holds anything.
    pub(crate) fn any(&self, keys: &[&str]) -> Option<Vec<u8>> {
        keys.iter().find_map(|key| {
            self.data
                .get(*key)
                .filter(|value| !value.is_empty())
                .cloned()
        })
    }

    /// Returns a value as text; one that is empty or no text is none.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        String::from_utf8(self.any(&[key])?).ok()
    }
}
