//! The cluster and namespace that a verb works on, and the connection.

use std::path::PathBuf;

use lode_cluster::Client;

/// Namespace of a verb if neither the command line nor the context names one.
pub(crate) const NAMESPACE: &str = "flux-system";
/// Field manager for changes that a person makes with a verb.
pub(crate) const MANAGER: &str = "lode";

/// Which cluster to use.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Access {
    /// Kubeconfig file [default: KUBECONFIG, ~/.kube/config, or the cluster that lode runs in]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current context]
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
}

/// Which cluster and namespace to use.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ClusterPlace {
    #[command(flatten)]
    pub(crate) access: Access,
    /// Namespace [default: that of the context, or flux-system if it has none]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
}

/// A connection and its namespace.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

impl Access {
    /// Creates a client. Nothing is sent yet.
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        Ok(Client::connect(self.kubeconfig.as_deref(), self.context.as_deref()).await?)
    }
}

impl ClusterPlace {
    /// Creates a client and determines the namespace.
    pub(crate) async fn connect(&self) -> anyhow::Result<Session> {
        let client = self.access.connect().await?;
        let namespace = namespace(self.namespace.as_deref(), client.default_namespace());
        Ok(Session { client, namespace })
    }
}

/// A context without a namespace reads as `default`, where no operator is installed; `flux-system`
/// is used instead.
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
