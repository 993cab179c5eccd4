//! Reads what a specification names: the Secret with credentials and the one with a proxy.

use lode_api::GitRepository;
use lode_cluster::Client;
use lode_git::{Credentials, Remote};
use lode_net::Egress;
use lode_runtime::Failure;
use tracing::warn;

use super::validate::{GitPlan, authorize, proxy};
use crate::secret;

/// Returns the way to the repository, with what proves who is asking.
pub(crate) async fn remote(
    client: &Client,
    object: &GitRepository,
    plan: &GitPlan,
    egress: &Egress,
) -> Result<Remote, Failure> {
    let (namespace, spec) = (&object.metadata.namespace, &object.spec);
    let credentials = secret::read(client, namespace, spec.secret_ref.as_ref()).await?;
    let mut remote = authorize(plan, credentials.as_ref())?;
    if remote.url().starts_with("http:") && remote.credentials != Credentials::None {
        warn!(url = %lode_stdx::bare_url(remote.url()), "credentials are sent over plain http and can be read on the way");
    }

    let through = secret::read(client, namespace, spec.proxy_secret_ref.as_ref()).await?;
    if let Some(through) = through {
        remote.proxy = Some(proxy(&through, egress)?);
    }
    Ok(remote)
}
