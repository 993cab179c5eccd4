//! Which cluster and namespace a verb is about, and the connection to it.

use std::path::PathBuf;

use lode_cluster::Client;

/// The namespace of a verb when neither the command line nor the context names one.
pub(crate) const NAMESPACE: &str = "flux-system";
/// The field manager of what a person writes.
pub(crate) const MANAGER: &str = "lode";

/// Which cluster.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Access {
    /// Kubeconfig file [default: KUBECONFIG, ~/.kube/config, or the cluster lode runs in]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
}

/// Which cluster and namespace.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Place {
    #[command(flatten)]
    pub(crate) access: Access,
    /// Namespace [default: the context's, or flux-system where it names none]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
}

/// A connection, and the namespace it is used in.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

impl Access {
    /// Connects. Nothing is sent yet.
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        Ok(Client::connect(self.kubeconfig.as_deref(), self.context.as_deref()).await?)
    }
}

impl Place {
    /// Connects and settles the namespace.
    pub(crate) async fn connect(&self) -> anyhow::Result<Session> {
        let client = self.access.connect().await?;
        let namespace = namespace(self.namespace.as_deref(), client.default_namespace());
        Ok(Session { client, namespace })
    }
}

/// A configuration that names no namespace reads as `default`, where no toolkit lives.
fn namespace(given: Option<&str>, of_context: &str) -> String {
    match given {
        Some(given) => given,
        None if of_context.is_empty() || of_context == "default" => NAMESPACE,
        None => of_context,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins_over_the_context_and_that_over_flux_system() {
        assert_eq!(namespace(Some("default"), "team"), "default");
        assert_eq!(namespace(None, "team"), "team");
        assert_eq!(namespace(None, "default"), "flux-system");
    }
}
