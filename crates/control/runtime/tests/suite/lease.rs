//! Of two replicas on one cluster, the one that holds the Lease acts.

use std::time::Duration;

use lode_ambient::Ambient;
use lode_cluster::{Client, Error, Resource, WriteGate};
use lode_net::Sockets;
use lode_object::Value;
use lode_runtime::{Election, LeaseOptions, LostLease, Metrics, Timings};
use lode_sandbox::{Fault, Options, Requests, Sandbox};
use serde_json::json;
use tokio::time::timeout;

use super::PATIENCE;

const KIND: (&str, &str) = ("coordination.k8s.io/v1", "Lease");
/// The Lease runs out after this.
const LASTS: Duration = Duration::from_secs(2);

/// One replica.
struct Replica {
    election: Election,
    /// Writes only while the replica leads.
    client: Client,
    metrics: Metrics,
}

impl Replica {
    async fn start(sandbox: &Sandbox) -> Self {
        let gate = WriteGate::closed(Ambient::default());
        let kubeconfig = Some(sandbox.kubeconfig());
        let sockets = Sockets::default();
        let gated = Client::connect_over(&sockets, Some(gate.clone()), kubeconfig, None);
        let client = Client::connect(kubeconfig, None).await.unwrap();
        let options = LeaseOptions {
            namespace: "default".to_owned(),
            name: "lode".to_owned(),
            timings: Timings {
                lease_duration: LASTS,
                renew_deadline: Duration::from_secs(1),
                retry_period: Duration::from_millis(200),
            },
            release_on_cancel: true,
        };
        options.timings.check().unwrap();
        let metrics = Metrics::new();
        let election = Election::start(client, gate, options, metrics.clone());
        Self {
            election,
            client: gated.await.unwrap(),
            metrics,
        }
    }

    async fn elected(&self) {
        timeout(PATIENCE, self.election.elected()).await.unwrap();
    }

    /// Returns whether a write gets through.
    async fn writes(&self) -> bool {
        let maps = Resource::config_maps();
        let map =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "a-"}});
        let written = self.client.create(&maps, "default", &map).await;
        match written {
            Ok(()) => true,
            Err(Error::NotLeading) => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn shows(&self, leads: u8) -> bool {
        let line = format!("leader_election_master_status{{name=\"lode\"}} {leads}");
        self.metrics.text().contains(&line)
    }
}

async fn cluster() -> Sandbox {
    let options = Options {
        definitions: false,
        ..Options::default()
    };
    Sandbox::start(options).await.unwrap()
}

async fn spec(sandbox: &Sandbox) -> Value {
    let lease = sandbox.objects().get(KIND, "default", "lode").await;
    lease.unwrap().unwrap()["spec"].take()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_replica_leads_at_once_and_may_write() {
    let sandbox = cluster().await;
    let replica = Replica::start(&sandbox).await;
    replica.elected().await;
    assert!(replica.shows(1));
    assert!(replica.writes().await);
    let spec = spec(&sandbox).await;
    assert_eq!(spec["leaseDurationSeconds"], LASTS.as_secs());
    assert!(!spec["holderIdentity"].as_str().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_replica_waits_until_the_first_lets_go() {
    let sandbox = cluster().await;
    let first = Replica::start(&sandbox).await;
    first.elected().await;
    let second = Replica::start(&sandbox).await;
    let waits = timeout(LASTS * 2, second.election.elected());
    assert!(waits.await.is_err(), "the first one renews");
    assert!(second.shows(0));
    assert!(!second.writes().await, "its gate is closed");

    let Replica {
        election, client, ..
    } = first;
    election.release().await;
    second.elected().await;
    assert!(second.shows(1) && second.writes().await);
    let maps = Resource::config_maps();
    let late = client.create(&maps, "default", &json!({})).await;
    assert!(matches!(late, Err(Error::NotLeading)), "{late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_cannot_be_renewed_is_lost_with_the_cause() {
    let sandbox = cluster().await;
    let mut replica = Replica::start(&sandbox).await;
    replica.elected().await;
    let writes = Requests {
        verb: "patch",
        resource: "leases",
        ..Requests::default()
    };
    sandbox.faults().strike(usize::MAX, writes, Fault::Broken);
    let lost = timeout(PATIENCE, replica.election.lost()).await.unwrap();
    assert!(matches!(lost, LostLease::NotRenewed { .. }), "{lost}");
    let text = lost.to_string();
    assert!(
        text.starts_with("lost the Lease default/lode: it was not renewed"),
        "{text}"
    );
    assert!(replica.shows(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_somebody_else_took_is_lost_to_them() {
    let sandbox = cluster().await;
    let mut replica = Replica::start(&sandbox).await;
    replica.elected().await;
    let taken = json!({"spec": {"holderIdentity": "somebody"}});
    let objects = sandbox.objects();
    let patched = objects.patch("somebody", KIND, ("default", "lode"), &taken);
    patched.await.unwrap();
    let lost = timeout(PATIENCE, replica.election.lost()).await.unwrap();
    let LostLease::Taken { holder, .. } = &lost else {
        panic!("{lost}");
    };
    assert_eq!(holder, "somebody");
}
