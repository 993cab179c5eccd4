//! [`Leadership`]: whether this replica acts, for a process that may have been told to be alone.

use lode_cluster::{Client, Resource, WriteGate};
use lode_runtime::{Election, LeaseOptions, Metrics};
use tracing::error;

use crate::ending::Ending;
use crate::options::{LeaderElection, Options};

/// Name of the Lease.
const LEASE: &str = "lode-leader-election";
/// Where the operator is installed unless somebody says otherwise.
const INSTALLED: &str = "flux-system";
/// The namespace that every cluster has.
const ANY: &str = "default";

/// One replica's leadership.
pub(crate) struct Leadership(Option<Contest>);

/// What it takes to be chosen.
struct Contest {
    /// With a connection of its own: a renewal must not wait for room beside thousands of calls. Its calls do not count
    /// among the operator's, they are no work.
    client: Client,
    gate: WriteGate,
    options: LeaderElection,
    election: Option<Election>,
}

impl Leadership {
    /// Connects; nothing is sent yet.
    pub(crate) async fn prepare(options: &Options) -> anyhow::Result<Self> {
        let Some(election) = &options.leader_election else {
            return Ok(Self(None));
        };
        election.timings.check()?;
        let (kubeconfig, context) = (options.kubeconfig.as_deref(), options.context.as_deref());
        Ok(Self(Some(Contest {
            client: Client::connect(kubeconfig, context).await?,
            gate: WriteGate::closed(options.ambient.clone()),
            options: election.clone(),
            election: None,
        })))
    }

    /// Connects a client that writes only while this replica leads.
    pub(crate) async fn client(&self, options: &Options) -> Result<Client, lode_cluster::Error> {
        let gate = self.0.as_ref().map(|contest| contest.gate.clone());
        let (kubeconfig, context) = (options.kubeconfig.as_deref(), options.context.as_deref());
        Client::connect_behind(gate, kubeconfig, context).await
    }

    /// Stands for election and waits until this replica leads. Returns whether it does: it may be asked to end before.
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
    /// This replica leads no more.
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

    /// Waits until this replica leads no more; for ever where it is alone.
    async fn lost(&mut self) -> anyhow::Error {
        let election = self
            .0
            .as_mut()
            .and_then(|contest| contest.election.as_mut());
        let Some(election) = election else {
            return std::future::pending().await;
        };
        let lost = election.lost().await;
        error!("{lost}; this process ends, and stands for election again when it is started");
        anyhow::Error::new(lost)
    }

    /// Lets another replica act. Nothing may be under way any more that writes.
    pub(crate) async fn release(self) {
        if let Some(election) = self.0.and_then(|contest| contest.election) {
            election.release().await;
        }
    }
}

/// Returns the namespace of an installation if there is one: who runs the operator by hand beside it waits.
async fn usual_namespace(client: &Client) -> &'static str {
    let namespaces = Resource::known("v1", "Namespace", "namespaces", false);
    match client.get(&namespaces, "", INSTALLED).await {
        Ok(_) => INSTALLED,
        Err(_) => ANY,
    }
}
