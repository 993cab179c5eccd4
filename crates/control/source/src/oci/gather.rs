//! Reads what a specification names: pull secrets, certificates and a proxy; prepares the requests to the registry.

use lode_api::shared::LocalRef;
use lode_api::{OCIRepository, reasons};
use lode_cluster::{Client, Resource};
use lode_net::{Egress, Outbound, OutboundError, Proxy};
use lode_object::Value;
use lode_oci::{Credentials, DockerConfig, Error, Registry};
use lode_runtime::Failure;

use super::validate::OciPlan;
use crate::credentials::{self, Certificates};
use crate::secret::{self, SecretData};
use crate::step;

/// Most pull secrets of an account that are read.
const PULL_SECRETS_MAX: usize = 32;

/// Returns the registry, with what proves who is asking.
pub(crate) async fn registry(
    client: &Client,
    object: &OCIRepository,
    plan: &OciPlan,
    egress: &Egress,
) -> Result<Registry, Failure> {
    let credentials = config(client, object).await;
    let config =
        credentials.map_err(|text| refused(format!("failed to get credential: {text}")))?;
    let credentials = config.of_repository(&plan.repository).cloned();

    let proxy = proxy(client, object, egress).await;
    let proxy = proxy.map_err(|text| refused(format!("failed to get proxy address: {text}")))?;

    let transport = |text: &str| {
        let url = &object.spec.url;
        refused(format!("failed to generate transport for '{url}': {text}"))
    };
    let certificates = certificates(client, object).await;
    let certificates = certificates.map_err(|text| transport(&text))?;
    let outbound = Outbound {
        egress: egress.clone(),
        proxy,
        accepts_any_certificate: plan.accepts_any_certificate,
        ..certificates
    };

    let registry = Registry::new(
        plan.repository.clone(),
        credentials.unwrap_or(Credentials::None),
        plan.scheme,
        outbound,
        plan.timeout,
    );
    match registry.check() {
        Ok(()) => Ok(registry),
        Err(error) => Err(unusable(&error, transport)),
    }
}

/// Returns the failure of what is known to be wrong before a request is sent.
fn unusable(error: &Error, transport: impl Fn(&str) -> Failure) -> Failure {
    if let Some(refused) = error.egress() {
        return step::denied(refused);
    }
    match error {
        Error::Outbound {
            source: OutboundError::Configuration(text),
            ..
        } => transport(text),
        _ => transport(&error.to_string()),
    }
}

/// Reads the pull secrets of the specification and of its account.
async fn config(client: &Client, object: &OCIRepository) -> Result<DockerConfig, String> {
    let (namespace, spec) = (&object.metadata.namespace, &object.spec);
    let mut config = DockerConfig::default();
    if let Some(LocalRef { name }) = &spec.secret_ref {
        let secret = secret::get(client, namespace, name).await;
        let secret = secret
            .map_err(|error| format!("failed to get secret '{namespace}/{name}': {error}"))?;
        config.extend(pull_secret(&secret)?);
    }
    let account = spec.service_account_name.as_deref();
    if let Some(account) = account.filter(|account| !account.is_empty()) {
        for name in pull_secrets(client, namespace, account).await? {
            let secret = secret::get(client, namespace, &name).await;
            let secret = secret.map_err(|error| {
                let said = absent(&error, || format!("secret '{namespace}/{name}' not found"));
                format!("failed to get image pull secret for serviceaccount '{namespace}/{account}': {said}")
            })?;
            config.extend(pull_secret(&secret)?);
        }
    }
    Ok(config)
}

/// Returns the names of an account's pull secrets.
async fn pull_secrets(
    client: &Client,
    namespace: &str,
    account: &str,
) -> Result<Vec<String>, String> {
    let found = client
        .get(&Resource::service_accounts(), namespace, account)
        .await;
    let found = found.map_err(|error| {
        let name = format!("serviceaccount '{namespace}/{account}'");
        absent(&error, || format!("{name} not found"))
    })?;
    let secrets = found.get("imagePullSecrets").and_then(Value::as_array);
    let names = secrets.into_iter().flatten().take(PULL_SECRETS_MAX);
    let names = names.filter_map(|secret| secret.get("name")?.as_str());
    Ok(names.map(str::to_owned).collect())
}

/// Returns what is said if something is not there; all else is what the API server says.
fn absent(error: &lode_cluster::Error, said: impl FnOnce() -> String) -> String {
    if error.is_not_found() {
        said()
    } else {
        error.to_string()
    }
}

/// Reads a pull secret; one of another type holds no credentials for registries.
fn pull_secret(secret: &SecretData) -> Result<DockerConfig, String> {
    let read = match secret.kind() {
        "kubernetes.io/dockerconfigjson" => {
            let json = secret.any(&[".dockerconfigjson"]);
            json.map(|json| DockerConfig::parse(&json))
        }
        "kubernetes.io/dockercfg" => {
            let json = secret.any(&[".dockercfg"]);
            json.map(|json| DockerConfig::parse_entries(&json))
        }
        _ => None,
    };
    let read = read.transpose();
    let read = read.map_err(|error| format!("secret '{}': {error}", secret.name()))?;
    Ok(read.unwrap_or_default())
}

async fn proxy(
    client: &Client,
    object: &OCIRepository,
    egress: &Egress,
) -> Result<Option<Proxy>, String> {
    let Some(LocalRef { name }) = &object.spec.proxy_secret_ref else {
        return Ok(None);
    };
    let secret = named(client, &object.metadata.namespace, name).await?;
    credentials::proxy(&secret, egress).map(Some)
}

/// Returns the certificates as part of an [`Outbound`].
async fn certificates(client: &Client, object: &OCIRepository) -> Result<Outbound, String> {
    let Some(LocalRef { name }) = &object.spec.cert_secret_ref else {
        return Ok(Outbound::default());
    };
    let secret = named(client, &object.metadata.namespace, name).await?;
    let Certificates { ca, client } = credentials::certificates(&secret)?;
    Ok(Outbound {
        ca,
        client_certificate: client,
        ..Outbound::default()
    })
}

/// Reads a Secret; a missing one is named with its namespace.
async fn named(client: &Client, namespace: &str, name: &str) -> Result<SecretData, String> {
    let found = secret::get(client, namespace, name).await;
    found.map_err(|error| {
        let name = format!("secret '{namespace}/{name}'");
        if error.is_not_found() {
            format!("{name} not found")
        } else {
            format!("failed to get {name}: {error}")
        }
    })
}

fn refused(text: String) -> Failure {
    step::fetch(reasons::AUTHENTICATION_FAILED, text)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use lode_oci::Repository;
    use serde_json::json;

    use super::*;

    fn user(kind: &str, key: &str, text: &str) -> Result<Option<Credentials>, String> {
        let object = json!({"type": kind, "data": {key: STANDARD.encode(text)}});
        let config = pull_secret(&SecretData::parse(&object, "ns/auth".to_owned()))?;
        let repository = Repository::parse("ghcr.io/a/b").unwrap();
        Ok(config.of_repository(&repository).cloned())
    }

    #[test]
    fn only_pull_secrets_hold_credentials() {
        let entries = r#"{"ghcr.io": {"username": "me", "password": "hunter2"}}"#;
        let json = format!(r#"{{"auths": {entries}}}"#);
        for (kind, key, text, found) in [
            (
                "kubernetes.io/dockerconfigjson",
                ".dockerconfigjson",
                &*json,
                true,
            ),
            ("kubernetes.io/dockercfg", ".dockercfg", entries, true),
            ("Opaque", ".dockerconfigjson", &*json, false),
            ("kubernetes.io/dockerconfigjson", "other", &*json, false),
        ] {
            assert_eq!(
                user(kind, key, text).unwrap().is_some(),
                found,
                "{kind} {key}"
            );
        }
    }

    #[test]
    fn a_pull_secret_that_cannot_be_read_is_named_and_not_quoted() {
        let text = user("kubernetes.io/dockercfg", ".dockercfg", "hunter2").unwrap_err();
        assert!(
            text.starts_with("secret 'ns/auth': ") && !text.contains("hunter2"),
            "{text}"
        );
    }
}
