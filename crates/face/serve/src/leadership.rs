//! [`Leadership`]: whether this replica acts. Without leader election it always does.

use lode_cluster::{Client, Resource, WriteGate};
use lode_runtime::{Election, LeaseOptions, Metrics};
use tracing::error;

use crate::ending::Ending;
use crate::options::{LeaderElection, Options};

/// Name of the Lease.
const LEASE: &str = "lode-leader-election";
/// Namespace where the operator is usually installed.
const INSTALLED: &str = "flux-system";
/// A namespace that every cluster has.
const ANY: &str = "default";

/// One replica's leadership.
pub(crate) struct Leadership(Option<Contest>);

/// What leader election needs.
struct Contest {
    /// It has its own connection, so that a renewal never waits behind thousands of calls. Its
    /// calls are not counted among the operator's.
    client: Client,
    gate: WriteGate,
    options: LeaderElection,
    election: Option<Election>,
}

impl Leadership {
    /// Creates the clients; nothing is sent yet.
    pub(crate) async fn prepare(options: &Options) -> anyhow::Result<Self> {
        let Some(election) = &options.leader_election else {
            return Ok(Self(None));
        };
        election.timings.check()?;
        let (kubeconfig, context) = (options.kubeconfig.as_deref(), options.context.as_deref());
        Ok(Self(Some(Contest {
            client: Client::connect_over(&options.sockets, None, kubeconfig, context).await?,
            gate: WriteGate::closed(options.ambient.clone()),
            options: election.clone(),
            election: None,
        })))
    }

    /// Connects a client that writes only while this replica leads.
    pub(crate) async fn client(&self, options: &Options) -> Result<Client, lode_cluster::Error> {
        let gate = self.0.as_ref().map(|contest| contest.gate.clone());
        let (kubeconfig, context) = (options.kubeconfig.as_deref(), options.context.as_deref());
        Client::connect_over(&options.sockets, gate, kubeconfig, context).await
    }

    /// Waits until this replica leads. Returns false if the process was asked to end before that.
    pub(crate) async fn won(&mut self, metrics: &Metrics, ending: &mut Ending) -> bool {
        let won = tokio::select! {
            () = self.campaign(metrics) => true,
            () = ending.asked() => false,
        };
        if !won {
            std::mem::replace(self, Self(None)).release().await;
        }
        won
    }

    async fn campaign(&mut self, metrics: &Metrics) {
        let Some(contest) = &mut self.0 else { return };
        let namespace = match &contest.options.namespace {
            Some(namespace) => namespace.clone(),
            None => usual_namespace(&contest.client).await.to_owned(),
        };
        let options = LeaseOptions {
            namespace,
            name: LEASE.to_owned(),
            timings: contest.options.timings,
            release_on_cancel: contest.options.release_on_cancel,
        };
        let (client, gate) = (contest.client.clone(), contest.gate.clone());
        let election = Election::start(client, gate, options, metrics.clone());
        contest.election.insert(election).elected().await;
    }

    /// Leads until the process is asked to end; `meanwhile` never ends.
    ///
    /// # Errors
    /// This replica lost its Lease.
    pub(crate) async fn keep(
        &mut self,
        meanwhile: impl Future<Output = ()>,
        ending: &mut Ending,
    ) -> anyhow::Result<()> {
        tokio::select! {
            () = meanwhile => Ok(()),
            lost = self.lost() => Err(lost),
            () = ending.asked() => Ok(()),
        }
    }

    /// Waits until this replica loses its Lease; for ever without leader election.
    async fn lost(&mut self) -> anyhow::Error {
        let election = self
            .0
            .as_mut()
            .and_then(|contest| contest.election.as_mut());
        let Some(election) = election else {
            return std::future::pending().await;
        };
        let lost = election.lost().await;
        error!("{lost}; this process ends, and takes part in the election again after a restart");
        anyhow::Error::new(lost)
    }

    /// Releases the Lease so that another replica takes over. No write may be in progress.
    pub(crate) async fn release(self) {
        if let Some(election) = self.0.and_then(|contest| contest.election) {
            election.release().await;
        }
    }
}

/// Returns the namespace of an existing installation, so that an operator started by hand competes
/// for the same Lease.
async fn usual_namespace(client: &Client) -> &'static str {
    let namespaces = Resource::namespaces();
    match client.get(&namespaces, "", INSTALLED).await {
        Ok(_) => INSTALLED,
        Err(_) => ANY,
    }
}
