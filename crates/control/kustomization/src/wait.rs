//! [`Wait`]: objects that must become ready, looked at when they change and never in between.

use std::sync::Arc;
use std::time::Duration;

use lode_apply::{Applier, Kinds, Known};
use lode_cluster::{Kind, Resource, Seen};
use lode_health::{Health, Status};
use lode_object::{GroupVersionKind, Id, NamespacedName, Value};
use tokio::time::Instant;

use crate::exprs::HealthExprs;
use crate::failure::Failure;

/// Objects that must become ready.
pub(crate) struct Wait {
    /// What is waited for: one kind of wait must never be taken for another.
    pub(crate) purpose: Purpose,
    pub(crate) items: Vec<Item>,
    pub(crate) until: Instant,
    pub(crate) since: Instant,
}

/// One object that must become ready.
pub(crate) struct Item {
    pub(crate) id: Id,
    pub(crate) gvk: GroupVersionKind,
    /// What sees it; none where whom we act for may not watch it, and it is read again and again instead.
    pub(crate) kind: Option<Arc<Kind>>,
    pub(crate) resource: Arc<Resource>,
    /// It was last read, not watched: nothing wakes whoever waits for it.
    is_read: bool,
    /// A Job that removes itself is done when it is gone.
    pub(crate) gone_is_done: bool,
    /// The version our own write made: an older one is of before it, and says nothing.
    pub(crate) written: Option<u64>,
    /// When an older version is believed after all: a restored cluster counts from lower numbers.
    believe_at: Instant,
    /// An expression of the user's says how it is: the object itself must be read.
    custom: bool,
    /// Its pods, while it is on its way (`ReplicaSet` and `StatefulSet` fail by them).
    pods: Option<Arc<Kind>>,
}

/// How often an object is read that may not be watched, as Flux reads all of them.
const READ_EVERY: Duration = Duration::from_secs(5);
/// How long the watch may lag behind our own writes.
const BELIEVE: Duration = Duration::from_secs(30);

impl Item {
    pub(crate) fn new(id: Id, gvk: GroupVersionKind, known: Known, exprs: &HealthExprs) -> Self {
        let Known { resource, kind } = known;
        Self { kind: Some(kind), ..Self::unwatched(id, gvk, resource, exprs) }
    }

    /// An object that whom we act for may not watch.
    fn unwatched(id: Id, gvk: GroupVersionKind, resource: Arc<Resource>, exprs: &HealthExprs) -> Self {
        let custom = exprs.speak_for(&gvk);
        Self {
            id,
            gvk,
            kind: None,
            resource,
            is_read: false,
            gone_is_done: false,
            written: None,
            believe_at: Instant::now() + BELIEVE,
            custom,
            pods: None,
        }
    }

    fn name(&self) -> NamespacedName {
        NamespacedName::new(&self.id.namespace, &self.id.name)
    }

    fn seen(&self) -> Option<Health> {
        let old = |version: &str| {
            let version: Option<u64> = version.parse().ok();
            version.zip(self.written).is_some_and(|(version, written)| version < written)
                && Instant::now() < self.believe_at
        };
        self.kind.as_ref()?.with(&self.name(), |seen| {
            if old(&seen.observed.resource_version) {
                Health::new(Status::InProgress, "NotObserved", "the change is not observed yet")
            } else {
                seen.health.clone()
            }
        })
    }
}

/// How the objects of a wait are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// All are ready.
    Ready,
    /// Some are not yet.
    Waiting(Vec<(Id, Health)>),
    /// Some cannot become ready.
    Failed(Vec<(Id, Health)>),
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An early stage that must be ready before the next.
    Stage,
    /// Health at the end.
    Health,
    /// Deleted objects that must be gone.
    Removal,
}

impl Wait {
    /// Tells, from what the caches know, whether it is worth a closer look.
    pub(crate) fn is_worth_a_look(&self) -> bool {
        let mut all = true;
        for item in &self.items {
            if item.custom || item.pods.is_some() {
                return true;
            }
            match item.seen().map(|health| health.status) {
                Some(Status::Current) => {}
                None if item.gone_is_done => {}
                Some(Status::Failed) => return true,
                _ => all = false,
            }
        }
        all
    }

    /// Returns when to look again at the latest: at the end, and before it where nothing wakes us.
    pub(crate) fn next_look(&self) -> Instant {
        let is_read = self.items.iter().any(|item| item.is_read);
        if is_read { self.until.min(Instant::now() + READ_EVERY) } else { self.until }
    }

    /// Looks at every object, reading those that only themselves can tell.
    pub(crate) async fn standing(&mut self, looker: &Looker<'_>, owner: &NamespacedName) -> Result<Standing, Failure> {
        let (mut waiting, mut failed) = (Vec::new(), Vec::new());
        for item in &mut self.items {
            let health = looker.look(item, owner).await?;
            match health.status {
                Status::Current => {}
                Status::Failed => failed.push((item.id.clone(), health)),
                _ => waiting.push((item.id.clone(), health)),
            }
        }
        Ok(match (failed.is_empty(), waiting.is_empty()) {
            (false, _) => Standing::Failed(failed),
            (true, false) => Standing::Waiting(waiting),
            (true, true) => Standing::Ready,
        })
    }
}

/// Who looks at objects: whom a Kustomization acts as, under its expressions.
///
/// Nothing is told of an object that this user may not see itself: what the cache knows is used only where the user may
/// watch, and what must be read is read as the user. A refusal is the same whether the object exists or not.
pub(crate) struct Looker<'a> {
    pub(crate) applier: &'a Applier,
    pub(crate) exprs: &'a HealthExprs,
}

impl Looker<'_> {
    async fn look(&self, item: &mut Item, owner: &NamespacedName) -> Result<Health, Failure> {
        let may_watch = self.applier.may_watch(&item.resource, &item.id.namespace).await?;
        item.is_read = !may_watch || item.kind.is_none();
        if item.custom {
            return self.evaluate(item).await;
        }
        let health = if item.is_read { self.read(item).await?.map(|seen| seen.health) } else { item.seen() };
        let Some(health) = health else { return Ok(Health::absent(item.gone_is_done)) };
        let by_pods = &*item.gvk.group == "apps" && matches!(&*item.gvk.kind, "ReplicaSet" | "StatefulSet");
        if health.status == Status::InProgress && by_pods {
            return self.look_at_pods(item, health, owner).await;
        }
        item.pods = None;
        Ok(health)
    }

    /// Returns whether an object still exists, for the user that looks.
    pub(crate) async fn is_there(&self, item: &Item) -> Result<bool, Failure> {
        let may_watch = self.applier.may_watch(&item.resource, &item.id.namespace).await?;
        let seen = item.kind.as_ref().filter(|_| may_watch).map(|kind| kind.with(&item.name(), |_| ()).is_some());
        match seen {
            Some(seen) => Ok(seen),
            None => Ok(self.read(item).await?.is_some()),
        }
    }

    async fn evaluate(&self, item: &Item) -> Result<Health, Failure> {
        match self.applier.client().get(&item.resource, &item.id.namespace, &item.id.name).await {
            Ok(object) => Ok(self.exprs.evaluate(&item.gvk, &object)),
            Err(error) if error.is_not_found() => Ok(Health::absent(item.gone_is_done)),
            Err(error) => Err(unseen(item, error)),
        }
    }

    async fn read(&self, item: &Item) -> Result<Option<Seen>, Failure> {
        match self.applier.client().get(&item.resource, &item.id.namespace, &item.id.name).await {
            Ok(object) => Ok(Some(self.applier.cache().digest(&object))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(unseen(item, error)),
        }
    }

    async fn look_at_pods(&self, item: &mut Item, health: Health, owner: &NamespacedName) -> Result<Health, Failure> {
        let pods = Resource::known("v1", "Pod", "pods", true);
        // Pods are somebody's too: who may not watch them waits for the object's own status.
        if !self.applier.may_watch(&pods, &item.id.namespace).await? {
            item.pods = None;
            return Ok(health);
        }
        if item.pods.is_none() {
            let object = self.applier.client().get(&item.resource, &item.id.namespace, &item.id.name).await;
            let labels = selector(&object.map_err(|error| unseen(item, error))?);
            if labels.is_empty() {
                return Ok(health);
            }
            let pods = self.applier.cache().selected(&pods, &item.id.namespace, &labels);
            pods.subscribe(owner);
            item.pods = Some(pods);
        }
        let pods = item.pods.iter().flat_map(|pods| pods.all());
        let failed = pods.filter(|pod| lode_health::pod_failed(&pod.health)).count();
        Ok(lode_health::with_failed_pods(health, failed))
    }
}

/// An object that cannot be looked at.
fn unseen(item: &Item, error: lode_cluster::Error) -> Failure {
    if !error.is(403) {
        return error.into();
    }
    let text = format!("can't determine status for {}: {error}", item.id);
    Failure::new(lode_api::reasons::HEALTH_CHECK_FAILED, text)
}

/// Puts a label selector into the form of a query: `a=b,c in (d,e),!f`.
fn selector(object: &Value) -> String {
    let mut terms = Vec::new();
    let labels = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    for (key, value) in labels.into_iter().flatten() {
        terms.push(format!("{key}={}", value.as_str().unwrap_or_default()));
    }
    let expressions = object.pointer("/spec/selector/matchExpressions").and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default();
        let values = expression["values"].as_array().into_iter().flatten();
        let values = values.filter_map(Value::as_str).collect::<Vec<_>>().join(",");
        match expression["operator"].as_str().unwrap_or_default() {
            "In" => terms.push(format!("{key} in ({values})")),
            "NotIn" => terms.push(format!("{key} notin ({values})")),
            "Exists" => terms.push(key.to_owned()),
            "DoesNotExist" => terms.push(format!("!{key}")),
            _ => {}
        }
    }
    terms.join(",")
}

/// Lists objects and how they are, as health messages do.
pub(crate) fn list(objects: &[(Id, Health)]) -> String {
    let one = |(id, health): &(Id, Health)| lode_health::describe(id, health);
    objects.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Finds what sees the objects that `healthChecks` names; the objects may be anybody's.
pub(crate) async fn named(
    object: &lode_api::Kustomization,
    applier: &Applier,
    kinds: &Kinds,
    exprs: &HealthExprs,
) -> Result<Vec<Item>, Failure> {
    let mut items = Vec::new();
    for reference in &object.spec.health_checks {
        let api_version = reference.api_version.as_deref().unwrap_or("apps/v1");
        let gvk = GroupVersionKind::new(api_version, &reference.kind);
        let own = &*object.metadata.namespace;
        let namespace = reference.namespace.as_deref().unwrap_or(own);
        let resource = applier.discovery().resolve(&gvk).await?;
        let Some(resource) = resource else {
            let text = format!(
                "can't determine status for {}/{namespace}/{}: the server does not serve {gvk}",
                gvk.kind, reference.name
            );
            return Err(Failure::new(lode_api::reasons::HEALTH_CHECK_FAILED, text));
        };
        let namespace = if resource.namespaced { namespace } else { "" };
        let id = Id {
            namespace: namespace.into(),
            name: reference.name.clone(),
            group: gvk.group.clone(),
            kind: gvk.kind.clone(),
        };
        if !applier.may_watch(&resource, namespace).await? {
            items.push(Item::unwatched(id, gvk, resource, exprs));
            continue;
        }
        let owned = kinds.get(&gvk).filter(|known| known.kind.get(namespace, &reference.name).is_some());
        let known = owned.cloned().unwrap_or_else(|| {
            let kind = applier.cache().one(&resource, namespace, &reference.name);
            kind.subscribe(&NamespacedName::new(own, &object.metadata.name));
            Known { resource, kind }
        });
        items.push(Item::new(id, gvk, known, exprs));
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_become_queries() {
        let object = json!({"spec": {"selector": {"matchLabels": {"app": "db"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "old", "operator": "DoesNotExist"}]}}});
        assert_eq!(selector(&object), "app=db,tier in (a,b),!old");
        assert_eq!(selector(&json!({})), "");
    }
}
