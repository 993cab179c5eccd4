//! What scenarios do and wait for: sources, Kustomizations, pushes, events, owned objects.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use e2e::condition;
use lode_object::Value;
use serde_json::json;

use crate::stage::{LONG, Stage};

/// The labels that name an object's owner.
const OWNER: [&str; 2] = [
    "kustomize.toolkit.fluxcd.io/name",
    "kustomize.toolkit.fluxcd.io/namespace",
];

impl Stage {
    /// Creates the `GitRepository` `app` for the stage's repository; it is fetched on request only.
    pub(crate) async fn source(&self) -> anyhow::Result<()> {
        self.source_of(
            "app",
            json!({"url": self.repository.url, "ref": {"branch": "main"}}),
        )
        .await
    }

    /// Creates a `GitRepository`.
    pub(crate) async fn source_of(&self, name: &str, spec: Value) -> anyhow::Result<()> {
        let spec = over(json!({"interval": "1h"}), &spec);
        let object = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": name, "namespace": self.namespace}, "spec": spec});
        self.world.apply(object).await.map(drop)
    }

    /// Creates a Kustomization of the folder with its name, reconciled on changes and requests
    /// only.
    pub(crate) async fn kustomization(&self, name: &str, spec: Value) -> anyhow::Result<()> {
        self.kustomization_with(name, json!({}), spec).await
    }

    /// Creates a Kustomization with annotations.
    pub(crate) async fn kustomization_with(
        &self,
        name: &str,
        notes: Value,
        spec: Value,
    ) -> anyhow::Result<()> {
        let plain = json!({"interval": "1h", "retryInterval": "1h", "timeout": "30s", "prune": true,
            "path": format!("./{name}"), "sourceRef": {"kind": "GitRepository", "name": "app"}});
        let object = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": name, "namespace": self.namespace, "annotations": notes}, "spec": over(plain, &spec)});
        self.world.apply(object).await.map(drop)
    }

    /// Writes objects into one file of the repository.
    pub(crate) fn write(&self, path: &str, objects: &[Value]) -> anyhow::Result<()> {
        let documents: Vec<String> = objects.iter().map(ToString::to_string).collect();
        self.repository
            .write(path, &(documents.join("\n---\n") + "\n"))
    }

    /// Pushes what was written and makes the source fetch it; returns the commit.
    pub(crate) async fn deliver(&self, message: &str) -> anyhow::Result<String> {
        let commit = self.repository.push(message)?;
        self.world
            .reconcile(("GitRepository", &self.namespace, "app"))
            .await?;
        Ok(commit)
    }

    /// The usual start of a scenario: one folder, pushed and applied by a Kustomization of the same
    /// name.
    pub(crate) async fn apply_folder(
        &self,
        name: &str,
        objects: &[Value],
    ) -> anyhow::Result<Value> {
        self.write(&format!("{name}/objects.yaml"), objects)?;
        let commit = self.repository.push("begin")?;
        self.source().await?;
        self.kustomization(name, json!({})).await?;
        self.applied(name, &commit).await
    }

    /// Waits until a commit is applied and ready.
    pub(crate) async fn applied(&self, name: &str, commit: &str) -> anyhow::Result<Value> {
        let revision = format!("main@sha1:{commit}");
        let applied = |object: Option<&Value>| {
            let Some(found) = object else { return false };
            let status = &found["status"];
            status["lastAppliedRevision"] == *revision
                && status["observedGeneration"] == found["metadata"]["generation"]
                && condition(object, "Ready").is_some_and(|ready| ready["status"] == "True")
        };
        let what = ("Kustomization", &*self.namespace, name);
        self.world
            .until(what, LONG, applied)
            .await?
            .context("what was applied exists")
    }

    /// Waits until a commit was attempted, whatever the outcome.
    pub(crate) async fn attempted(&self, name: &str, commit: &str) -> anyhow::Result<Value> {
        let revision = format!("main@sha1:{commit}");
        let tried = |object: Option<&Value>| {
            object.is_some_and(|object| object["status"]["lastAttemptedRevision"] == *revision)
        };
        self.world
            .until(("Kustomization", &*self.namespace, name), LONG, tried)
            .await?
            .context("it exists")
    }

    /// Waits until a Kustomization is not ready with a message that contains `part`; returns the
    /// message.
    pub(crate) async fn complains(&self, name: &str, part: &str) -> anyhow::Result<String> {
        let message = |object: Option<&Value>| {
            let ready = condition(object, "Ready").filter(|ready| ready["status"] == "False");
            ready
                .and_then(|ready| ready["message"].as_str())
                .filter(|text| text.contains(part))
                .map(str::to_owned)
        };
        let what = ("Kustomization", &*self.namespace, name);
        let object = self
            .world
            .until(what, LONG, |object| message(object).is_some())
            .await;
        let object = object.with_context(|| format!("wanted \"{part}\""))?;
        message(object.as_ref()).context("it said so")
    }

    /// Waits until a Kustomization fails for a reason; returns its message.
    pub(crate) async fn fails(&self, name: &str, reason: &str) -> anyhow::Result<String> {
        self.says_no("Kustomization", name, reason).await
    }

    /// Waits until an object of our kinds is not ready for a reason; returns its message.
    pub(crate) async fn says_no(
        &self,
        kind: &str,
        name: &str,
        reason: &str,
    ) -> anyhow::Result<String> {
        let object = self
            .world
            .ready((kind, &self.namespace, name), "False", reason)
            .await?;
        let ready = condition(Some(&object), "Ready").context("it says whether it is ready")?;
        Ok(ready["message"].as_str().unwrap_or_default().to_owned())
    }

    /// Requests a reconcile of a Kustomization and waits until it is handled.
    pub(crate) async fn reconcile(&self, name: &str) -> anyhow::Result<Value> {
        self.world
            .reconcile(("Kustomization", &self.namespace, name))
            .await
    }

    /// Reads an object of the stage's namespace that must exist.
    pub(crate) async fn object(&self, kind: &str, name: &str) -> anyhow::Result<Value> {
        let found = self.world.get(kind, &self.namespace, name).await?;
        found.with_context(|| format!("{kind} {name} does not exist"))
    }

    /// Waits until an object of the stage's namespace has a value at a pointer.
    pub(crate) async fn sees(
        &self,
        kind: &str,
        name: &str,
        pointer: &str,
        wanted: Value,
    ) -> anyhow::Result<Value> {
        let what = (kind, &*self.namespace, name);
        let is = |object: Option<&Value>| {
            object.and_then(|found| found.pointer(pointer)) == Some(&wanted)
        };
        let found = self.world.until(what, LONG, is).await;
        found
            .with_context(|| format!("wanted {pointer} = {wanted}"))?
            .context("what is seen exists")
    }

    /// Waits until an object of the stage's namespace is gone.
    pub(crate) async fn gone(&self, kind: &str, name: &str) -> anyhow::Result<()> {
        self.world
            .until((kind, &self.namespace, name), LONG, |found| found.is_none())
            .await
            .map(drop)
    }

    /// Returns the events about an object: reason and message.
    pub(crate) async fn events(&self, name: &str) -> anyhow::Result<Vec<(String, String)>> {
        self.events_in(&self.namespace, name).await
    }

    async fn events_in(
        &self,
        namespace: &str,
        name: &str,
    ) -> anyhow::Result<Vec<(String, String)>> {
        let query = format!("?fieldSelector=involvedObject.name%3D{name}");
        let events = self.world.list("Event", namespace, &query).await?;
        let text =
            |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
        Ok(events
            .iter()
            .map(|event| (text(event, "reason"), text(event, "message")))
            .collect())
    }

    /// Waits for an event with a reason whose message contains all of `parts`.
    pub(crate) async fn told(
        &self,
        name: &str,
        reason: &str,
        parts: &[&str],
    ) -> anyhow::Result<String> {
        self.told_in(&self.namespace, name, reason, parts).await
    }

    /// Waits for an event as [`Self::told`] does, in any namespace.
    pub(crate) async fn told_in(
        &self,
        namespace: &str,
        name: &str,
        reason: &str,
        parts: &[&str],
    ) -> anyhow::Result<String> {
        let until = std::time::Instant::now() + LONG;
        loop {
            let events = self.events_in(namespace, name).await?;
            let fits = |(of, text): &&(String, String)| {
                of == reason && parts.iter().all(|part| text.contains(part))
            };
            if let Some((_, text)) = events.iter().find(fits) {
                return Ok(text.clone());
            }
            if std::time::Instant::now() > until {
                bail!("no event {reason} with {parts:?} about {name}, but {events:#?}");
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Returns the objects of a kind that carry a Kustomization's labels: name and uid.
    pub(crate) async fn owned(
        &self,
        kind: &str,
        owner: &str,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let [name, namespace] = OWNER.map(|label| label.replace('/', "%2F"));
        let query = format!(
            "?labelSelector={name}%3D{owner},{namespace}%3D{}",
            self.namespace
        );
        let objects = self.world.list(kind, "", &query).await?;
        let text = |object: &Value, field: &str| {
            object["metadata"][field]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        Ok(objects
            .iter()
            .map(|object| (text(object, "name"), text(object, "uid")))
            .collect())
    }

    /// Returns the ids in a Kustomization's inventory.
    pub(crate) async fn inventory(&self, name: &str) -> anyhow::Result<BTreeSet<String>> {
        Ok(inventory_of(&self.object("Kustomization", name).await?))
    }
}

/// Returns the ids in an inventory.
pub(crate) fn inventory_of(kustomization: &Value) -> BTreeSet<String> {
    let entries = kustomization["status"]["inventory"]["entries"].as_array();
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["id"].as_str().map(str::to_owned))
        .collect()
}

/// Fails unless a text contains every part.
pub(crate) fn holds(text: &str, parts: &[&str]) -> anyhow::Result<()> {
    for part in parts {
        ensure!(text.contains(part), "\"{part}\" is not in: {text}");
    }
    Ok(())
}

/// Returns an object with some of its fields replaced.
pub(crate) fn over(mut plain: Value, wish: &Value) -> Value {
    for (field, value) in wish.as_object().into_iter().flatten() {
        plain[field] = value.clone();
    }
    plain
}
