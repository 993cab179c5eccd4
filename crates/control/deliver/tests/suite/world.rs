//! A cluster, an owner in it, and what the owner hears.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lode_ambient::Ambient;
use lode_api::shared::{InventoryEntry, ObjRef};
use lode_apply::{Applier, Common, Correction, Desired, OnFault, Preflight, Set};
use lode_cluster::{Cache, Client, Discovery};
use lode_deliver::{
    BuiltObjects, DeliveryEnd, DeliveryNews, DeliveryOwner, DeliveryState, DeliveryTerms,
    DriftMode, HealthChecks, HealthExprs, RecordKeeper, WantedObjects, deliver,
};
use lode_object::{GroupKind, NamespacedName, Object};
use lode_runtime::Failure;
use lode_sandbox::{Options as Cluster, Sandbox};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const MAP: (&str, &str) = ("v1", "ConfigMap");
pub(crate) const SET: (&str, &str) = ("apps/v1", "StatefulSet");
const MANAGER: &str = "kustomize-controller";
/// How long anything may take that a test waits for.
const LONG: Duration = Duration::from_secs(30);

/// A cluster, and who delivers into it.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) applier: Applier,
    keeper: RecordKeeper,
    name: NamespacedName,
    kind: GroupKind,
    _records: TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        let sandbox = Sandbox::start(Cluster::default()).await.unwrap();
        let client = Client::connect(Some(sandbox.kubeconfig()), None)
            .await
            .unwrap();
        let cache = Arc::new(Cache::new(
            client.clone(),
            MANAGER,
            &[],
            100,
            Ambient::default(),
        ));
        let options = lode_apply::Options {
            manager: MANAGER.to_owned(),
            overrides: Vec::new(),
            custom_stage_kinds: Vec::new(),
            preflight: Preflight::Changes,
            parallel: 4,
        };
        let folder = tempfile::tempdir().unwrap();
        let store = lode_store::Records::open(folder.path());
        Self {
            applier: Applier::new(client.clone(), Discovery::new(client), cache, options),
            keeper: RecordKeeper::new(Arc::new(store), "toy"),
            name: NamespacedName::new("default", "app"),
            kind: GroupKind {
                group: "toys.example.com".into(),
                kind: "Toy".into(),
            },
            sandbox,
            _records: folder,
        }
    }

    /// Returns the terms of an owner that waits for nothing.
    pub(crate) fn terms<'a>(
        &'a self,
        revision: &'a str,
        inventory: Option<&'a [InventoryEntry]>,
        exprs: &'a HealthExprs,
    ) -> DeliveryTerms<'a> {
        DeliveryTerms {
            owner: &self.name,
            kind: &self.kind,
            uid: "u",
            keeper: &self.keeper,
            applier: &self.applier,
            revision,
            inventory,
            custom_stage_kinds: &[],
            rules: &[],
            exprs,
            checks: HealthChecks::Named(&[]),
            drift: DriftMode::Correct,
            correction: Correction::Apply,
            on_fault: OnFault::Stop,
            prune: true,
            force: false,
            is_asked: false,
            interval: Duration::from_mins(10),
            rerun_every: Duration::from_mins(9),
            timeout: LONG,
        }
    }

    /// Returns objects ready to be applied.
    pub(crate) fn set(&self, objects: &[Value]) -> Set {
        let desired = |object: &Value| {
            let object = Object::parse(object.clone()).unwrap();
            Desired::new(object, "a.yaml:1", &self.name, &Common::default()).unwrap()
        };
        Set::new(objects.iter().map(desired).collect(), &[])
    }

    pub(crate) async fn live(&self, kind: (&str, &str), name: &str) -> Option<Value> {
        let objects = self.sandbox.objects();
        objects.get(kind, "default", name).await.unwrap()
    }

    /// Somebody else edits an object.
    pub(crate) async fn edit(&self, kind: (&str, &str), name: &str, patch: &Value) {
        let objects = self.sandbox.objects();
        let at = ("default", name);
        objects
            .patch("kubectl-edit", kind, at, patch)
            .await
            .unwrap();
    }

    /// Waits until the caches say that a run is worth its while.
    pub(crate) async fn until_worth_a_run(&self, state: &DeliveryState) {
        let changes = self.applier.cache().changes();
        let worth = async {
            loop {
                let changed = changes.next().await;
                let ids = changed.into_values().flatten().collect();
                if state.is_worth_a_run(&self.applier, &ids) {
                    return;
                }
            }
        };
        tokio::time::timeout(LONG, worth).await.unwrap();
    }

    /// Returns how many requests were made so far that change something.
    pub(crate) fn writes(&self) -> u64 {
        self.requests(|verb| !["get", "list", "watch"].contains(&verb))
    }

    /// Returns how many objects were read so far.
    pub(crate) fn reads(&self) -> u64 {
        self.requests(|verb| verb == "get")
    }

    fn requests(&self, is_meant: impl Fn(&str) -> bool) -> u64 {
        let counts = self.applier.client().counts();
        let meant = counts.iter().filter(|((verb, _), _)| is_meant(verb));
        meant.map(|(_, count)| count).sum()
    }
}

/// An owner of objects, and what it hears.
pub(crate) struct Toy<'w> {
    world: &'w World,
    /// What it is built from, should it be built once more.
    source: Mutex<Vec<Value>>,
    status: Mutex<ToyStatus>,
}

#[derive(Default)]
struct ToyStatus {
    inventory: Option<Vec<InventoryEntry>>,
    refuses_inventory: bool,
    rebuilt: usize,
    heard: Vec<String>,
}

impl<'w> Toy<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self {
            world,
            source: Mutex::default(),
            status: Mutex::default(),
        }
    }

    /// Returns the inventory in its status.
    pub(crate) fn inventory(&self) -> Option<Vec<InventoryEntry>> {
        self.status.lock().unwrap().inventory.clone()
    }

    /// Returns the names in its inventory.
    pub(crate) fn names(&self) -> Vec<String> {
        let inventory = self.inventory().unwrap_or_default();
        let name = |entry: &InventoryEntry| entry.id.split('_').nth(1).unwrap().to_owned();
        inventory.iter().map(name).collect()
    }

    /// From now on its status cannot be written.
    pub(crate) fn refuse_inventory(&self) {
        self.status.lock().unwrap().refuses_inventory = true;
    }

    /// Returns how often it was built once more.
    pub(crate) fn rebuilt(&self) -> usize {
        self.status.lock().unwrap().rebuilt
    }

    /// Returns what it heard since the last time.
    pub(crate) fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.status.lock().unwrap().heard)
    }

    /// Delivers a revision of objects, or without any what was delivered last.
    pub(crate) async fn deliver(
        &self,
        state: &mut DeliveryState,
        revision: &str,
        objects: Option<&[Value]>,
    ) -> Result<DeliveryEnd, Failure> {
        self.deliver_under(state, revision, objects, |terms| terms)
            .await
    }

    /// Delivers under other terms than those of an owner that waits for nothing.
    pub(crate) async fn deliver_under(
        &self,
        state: &mut DeliveryState,
        revision: &str,
        objects: Option<&[Value]>,
        under: impl for<'t> FnOnce(DeliveryTerms<'t>) -> DeliveryTerms<'t>,
    ) -> Result<DeliveryEnd, Failure> {
        if let Some(objects) = objects {
            *self.source.lock().unwrap() = objects.to_vec();
        }
        let inventory = self.inventory();
        let exprs = HealthExprs::default();
        let terms = under(self.world.terms(revision, inventory.as_deref(), &exprs));
        state.load(&terms).await;
        state.begin(revision, 1);
        let built = objects.map(|objects| BuiltObjects {
            set: self.world.set(objects),
            text_digest: format!("digest of {revision}"),
        });
        let inputs = format!("inputs of {revision}");
        let wanted = WantedObjects { inputs, built };
        let end = deliver(&terms, self, state, wanted).await;
        match &end {
            Ok(DeliveryEnd::Done { inventory, .. }) => {
                self.status.lock().unwrap().inventory = Some(inventory.clone());
                state.end();
            }
            Err(failure) => state.failed(failure.retry),
            Ok(_) => {}
        }
        end
    }

    /// Delivers again and again until the delivery does not wait any more.
    pub(crate) async fn deliver_to_its_end(
        &self,
        state: &mut DeliveryState,
        revision: &str,
        objects: &[Value],
        under: impl for<'t> Fn(DeliveryTerms<'t>) -> DeliveryTerms<'t>,
    ) -> Result<DeliveryEnd, Failure> {
        let delivered = async {
            loop {
                let end = self
                    .deliver_under(state, revision, Some(objects), &under)
                    .await;
                if !matches!(end, Ok(DeliveryEnd::Parked { .. })) {
                    return end;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LONG, delivered).await.unwrap()
    }
}

impl DeliveryOwner for Toy<'_> {
    async fn rebuild(&self) -> Result<Set, Failure> {
        self.status.lock().unwrap().rebuilt += 1;
        let source = self.source.lock().unwrap().clone();
        Ok(self.world.set(&source))
    }

    async fn write_ahead(&self, inventory: Vec<InventoryEntry>) -> Result<(), lode_cluster::Error> {
        let mut status = self.status.lock().unwrap();
        if status.refuses_inventory {
            let refusal = lode_cluster::Status::new(409, "Conflict", "somebody else wrote");
            return Err(lode_cluster::Error::Refused(Box::new(refusal)));
        }
        status.heard.push(format!("ahead: {}", inventory.len()));
        status.inventory = Some(inventory);
        Ok(())
    }

    fn hear(&self, news: DeliveryNews<'_>) {
        let mut status = self.status.lock().unwrap();
        let line = match news {
            DeliveryNews::Changed { changes, revision } => {
                let log = lode_apply::change_log(changes).replace('\n', ", ");
                format!("{revision}: {log}")
            }
            DeliveryNews::Drifted { drift, revision } => format!("{revision}: {drift}"),
            DeliveryNews::NotHeld(failure) => format!("not held: {failure}"),
            DeliveryNews::Inventory(entries) => {
                status.inventory = Some(entries);
                return;
            }
            DeliveryNews::Hidden(words) if !words.is_empty() => format!("hidden: {words:?}"),
            DeliveryNews::Doing(_) | DeliveryNews::Text(_) | DeliveryNews::Hidden(_) => return,
        };
        status.heard.push(line);
    }
}

/// A `ConfigMap` in the namespace of the owner.
pub(crate) fn map(name: &str, color: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"},
        "data": {"color": color}})
}

/// A set of Pods that want a node which there is not.
pub(crate) fn homeless(name: &str) -> Value {
    let labels = json!({"app": name});
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"replicas": 3, "serviceName": "none", "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"nodeSelector": {"there-is": "no-such-node"},
        "containers": [{"name": "main", "image": "registry.example.com/main:1"}]}}}})
}

/// An object that a server never takes.
pub(crate) fn refused() -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "bad", "namespace": "default"},
        "spec": {"ports": [{"port": 99_999}]}})
}

pub(crate) fn reference(kind: (&str, &str), name: &str) -> ObjRef {
    ObjRef {
        api_version: Some(kind.0.into()),
        kind: kind.1.into(),
        name: name.into(),
        ..ObjRef::default()
    }
}
