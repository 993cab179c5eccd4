//! [`BareRelease`]: the requests that one release takes, made by a client that knows all of them in advance.
//!
//! They are those of the operator, with the same bodies, and all but their sending is done before the time is taken:
//! create the `HelmRelease`, add its finalizer, list the records, create the record, apply the objects with Helm's labels,
//! replace the record, write the status, create the event. Nothing is waited for.

use e2e::World;
use jiff::Timestamp;
use lode_chart::release::{ApplyMethod, Driver, Release, ReleaseStatus, Stamp, selector};
use lode_chart::{Chart, LIMITS, ReleaseInfo, manifest};
use lode_cluster::{Client, Target};
use lode_object::{Object, Value};
use lode_stdx::Digest;
use lode_stdx::budget::Budget;
use serde_json::{Map, json};

use crate::bare::apply_one;
use crate::helm::rendered;

/// The field manager of all that the operator writes for a release.
const MANAGER: &str = "helm-controller";
/// How many digits of the digest that a chart was pulled by are in its version.
const DIGITS: usize = 12;
/// Asks for names and labels alone.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// A chart that was pulled.
pub(crate) struct PulledChart {
    chart: Chart,
    digest: String,
}

impl PulledChart {
    /// Gives a chart the version that it has after it was pulled by a digest.
    pub(crate) fn new(chart: Chart, digest: String) -> Self {
        let hex = digest.split_once(':').map_or("", |(_, hex)| hex);
        let hex = hex.get(..DIGITS).unwrap_or(hex);
        let version = format!("{}+{hex}", chart.metadata().version);
        let chart = chart.with_version(&version);
        Self { chart, digest }
    }
}

/// The requests of one release.
pub(crate) struct BareRelease {
    release: Value,
    objects: [Value; 4],
    /// The record when the release begins, and when it ends.
    records: [Value; 2],
    status: Value,
    event: Value,
}

impl BareRelease {
    /// How many requests [`BareRelease::make`] sends.
    pub(crate) const REQUESTS: usize = 11;

    /// Prepares all bodies.
    pub(crate) fn of(
        chart: &PulledChart,
        release: Value,
        objects: [Value; 4],
    ) -> anyhow::Result<Self> {
        let object = Object::parse(release.clone())?;
        let (name, namespace) = (object.name(), object.namespace());
        let mut record = record(chart, name, namespace)?;
        let mut records = Vec::new();
        for (status, description) in [
            (ReleaseStatus::PendingInstall, "Initial install underway"),
            (ReleaseStatus::Deployed, "Install complete"),
        ] {
            record.info.status = status;
            description.clone_into(&mut record.info.description);
            let stamp = match status {
                ReleaseStatus::Deployed => Stamp::Modified(Timestamp::now()),
                _ => Stamp::Created(Timestamp::now()),
            };
            let mut secret = record.object(Driver::Secret, stamp)?;
            secret["metadata"]["namespace"] = namespace.into();
            records.push(secret);
        }
        let [begun, ended] = records.try_into().unwrap_or_default();
        let status = status(&record, &objects, &chart.digest);
        Ok(Self {
            event: event(&record, &status),
            status: json!({"status": status}),
            objects: objects.map(|object| owned(object, name, namespace)),
            records: [begun, ended],
            release,
        })
    }

    /// Sends the requests, one after the other.
    pub(crate) async fn make(&self, world: &World, client: &Client) -> anyhow::Result<()> {
        apply_one(world, client, "bare", &self.release).await?;
        let object = Object::parse(self.release.clone())?;
        let (name, namespace) = (object.name(), object.namespace());
        let target = |name| Target {
            namespace,
            name,
            manager: MANAGER,
            dry_run: false,
        };
        let releases = world.resource("HelmRelease");
        let finalizer = json!({"metadata": {"finalizers": ["finalizers.fluxcd.io"]}});
        client
            .merge(&releases, target(name), "", &finalizer)
            .await?;

        let secrets = world.resource("Secret");
        let labels = selector(Some(name)).replace('=', "%3D").replace(',', "%2C");
        let path = secrets.path(namespace, "");
        let path = format!("{path}?labelSelector={labels}&limit=500");
        client.read(&path, METADATA).await?;
        let key = self.records[0]["metadata"]["name"]
            .as_str()
            .unwrap_or_default();
        client
            .create_as(&secrets, target(key), &self.records[0])
            .await?;
        for object in &self.objects {
            apply_one(world, client, MANAGER, object).await?;
        }
        client
            .replace(&secrets, target(key), &self.records[1])
            .await?;

        client
            .merge(&releases, target(name), "/status", &self.status)
            .await?;
        let events = world.resource("Event");
        Ok(client.create(&events, namespace, &self.event).await?)
    }
}

/// Returns the record of the first revision, as the operator makes it.
fn record(chart: &PulledChart, name: &str, namespace: &str) -> anyhow::Result<Release> {
    let budget = Budget::new(LIMITS);
    let prepared = chart.chart.prepare(&Map::new(), &budget)?;
    let info = ReleaseInfo {
        name,
        namespace,
        revision: 1,
        is_upgrade: false,
    };
    let rendered = rendered(&prepared, &info, &budget)?;

    let mut record = Release::new(name, namespace, 1, prepared.recorded()?);
    record.manifest = manifest::text(&rendered.manifests);
    record.hooks = rendered.hooks;
    record.apply_method = Some(ApplyMethod::ServerSide);
    record.info.first_deployed = Some(Timestamp::now());
    record.info.last_deployed = Some(Timestamp::now());
    Ok(record)
}

/// Adds what Helm says of whose an object is.
fn owned(mut object: Value, name: &str, namespace: &str) -> Value {
    object["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"});
    object["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": name,
        "meta.helm.sh/release-namespace": namespace});
    object
}

/// Returns the status of a release that was installed.
fn status(record: &Release, objects: &[Value; 4], oci_digest: &str) -> Value {
    let (chart, now) = (record.chart.metadata(), time());
    let text = format!(
        "Helm install succeeded for release {}/{}.v1 with chart {}@{}",
        record.namespace, record.name, chart.name, chart.version
    );
    let condition = |kind: &str| {
        json!({"type": kind, "status": "True", "observedGeneration": 1, "lastTransitionTime": now,
            "reason": "InstallSucceeded", "message": text})
    };
    let digest = Digest::of(record.manifest.as_bytes()).to_string();
    let entry = |object: &Value| {
        let group = object["apiVersion"].as_str().unwrap_or_default();
        let (group, version) = group.split_once('/').unwrap_or(("", group));
        let kind = object["kind"].as_str().unwrap_or_default();
        let id = format!("{}_{}_{group}_{kind}", record.namespace, record.name);
        json!({"id": id, "v": version})
    };
    json!({"conditions": [condition("Ready"), condition("Released")],
        "history": [{"action": "install", "apiVersion": "v2", "chartName": chart.name, "chartVersion": chart.version,
            "configDigest": digest, "digest": digest, "firstDeployed": now, "lastDeployed": now, "name": record.name,
            "namespace": record.namespace, "ociDigest": oci_digest, "status": "deployed", "version": 1}],
        "inventory": {"entries": objects.iter().map(entry).collect::<Vec<_>>()},
        "lastAttemptedConfigDigest": digest, "lastAttemptedGeneration": 1, "lastAttemptedReleaseAction": "install",
        "lastAttemptedReleaseActionDuration": "1s", "lastAttemptedRevision": chart.version,
        "lastAttemptedRevisionDigest": oci_digest, "observedGeneration": 1, "storageNamespace": record.namespace})
}

/// Returns the event that says so.
fn event(record: &Release, status: &Value) -> Value {
    let (name, namespace, now) = (&record.name, &record.namespace, time());
    let about = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "name": name,
        "namespace": namespace});
    json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": format!("{name}.bare"), "namespace": namespace},
        "involvedObject": about, "type": "Normal", "reason": "InstallSucceeded", "count": 1,
        "message": status["conditions"][0]["message"], "firstTimestamp": now, "lastTimestamp": now,
        "source": {"component": MANAGER}, "reportingComponent": MANAGER})
}

/// Returns the time as the API writes it.
fn time() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
