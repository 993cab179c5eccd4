//! Compares a set of objects with a cluster: one read and one dry-run per object, a bounded number
//! in parallel.

use anyhow::Context as _;
use futures::StreamExt as _;
use lode_api::Kustomization;
use lode_api::shared::IgnoreRule;
use lode_apply::{
    Decision, Desired, Error, Fault, Force, Rule, Set, decide, force, immutable_differences,
};
use lode_cluster::{Client, Discovery, Error as ClusterError, Resource, Target};
use lode_merge::{Flags, diff, observe};
use lode_object::{
    GroupKind, GroupVersionKind, Id, NamespacedName, OwnerLabels, Secrecy, Selector, Value, order,
};

use super::findings::{Finding, ForeseenChange};

/// The operator's field manager.
const MANAGER: &str = "kustomize-controller";
/// Objects compared in parallel.
const PARALLEL: usize = 16;

/// What is compared with what.
pub(super) struct Comparison<'a> {
    client: &'a Client,
    discovery: &'a Discovery,
    object: &'a Kustomization,
    set: &'a Set,
    rules: Vec<(Rule, &'a IgnoreRule)>,
    /// Kinds defined by definitions in the set itself.
    defined: Vec<GroupKind>,
}

impl<'a> Comparison<'a> {
    /// Prepares a comparison.
    pub(super) fn new(
        client: &'a Client,
        discovery: &'a Discovery,
        object: &'a Kustomization,
        set: &'a Set,
    ) -> anyhow::Result<Self> {
        let rules = object
            .spec
            .ignore
            .iter()
            .enumerate()
            .map(|(index, given)| Ok((rule(index, given)?, given)));
        let rules = rules
            .collect::<Result<_, Error>>()
            .context("read spec.ignore")?;
        let defined = set.objects().iter().filter_map(defined).collect();
        Ok(Self {
            client,
            discovery,
            object,
            set,
            rules,
            defined,
        })
    }

    /// Returns the differences in the order they would be applied and deleted, and errors for
    /// objects that could not be compared.
    pub(super) async fn run(&self) -> (Vec<Finding>, Vec<String>) {
        let stale = stale(self.object, self.set);
        let applied = futures::stream::iter(self.set.objects())
            .map(|desired| self.applied(desired))
            .buffered(PARALLEL);
        let mut outcomes: Vec<_> = applied.collect().await;
        let pruned = futures::stream::iter(&stale)
            .map(|gvk_id| self.pruned(gvk_id))
            .buffered(PARALLEL);
        outcomes.extend(pruned.collect::<Vec<_>>().await);
        let (mut findings, mut faults) = (Vec::new(), Vec::new());
        for outcome in outcomes {
            match outcome {
                Ok(finding) => findings.extend(finding),
                Err(error) => faults.push(error.to_string()),
            }
        }
        (findings, faults)
    }

    /// What an apply would do to one object.
    async fn applied(&self, desired: &Desired) -> Result<Option<Finding>, Error> {
        let Some(resource) = self.discovery.resolve(&desired.gvk).await? else {
            if self.defined.contains(&desired.gvk.group_kind()) {
                return Ok(Some(Finding {
                    id: desired.secrecy.masked(&desired.id),
                    change: ForeseenChange::Created,
                }));
            }
            let unknown = (
                desired.id.clone(),
                desired.gvk.clone(),
                desired.origin.clone(),
            );
            return Err(Error::UnknownKinds(vec![unknown]));
        };
        let bare;
        let desired = if resource.namespaced {
            desired
        } else {
            bare = desired.cluster_scoped();
            &bare
        };
        if resource.namespaced && desired.id.namespace.is_empty() {
            return Err(Error::NoNamespace(
                desired.id.clone(),
                desired.origin.clone(),
            ));
        }
        let live = self
            .live(&resource, &desired.id, &desired.origin, &desired.secrecy)
            .await?;
        let change = match live {
            None if decide(desired, None, None) == Decision::Skip => None,
            None => self.creation(&resource, desired).await?,
            Some(live) => self.change(&resource, desired, &live).await?,
        };
        Ok(change.map(|change| Finding {
            id: desired.secrecy.masked(&desired.id),
            change,
        }))
    }

    async fn creation(
        &self,
        resource: &Resource,
        desired: &Desired,
    ) -> Result<Option<ForeseenChange>, Error> {
        match self.dry_run(resource, desired).await {
            Ok(_) => Ok(Some(ForeseenChange::Created)),
            // The server cannot dry-run an object in a namespace that the same set creates.
            Err(error) if error.is_not_found() && self.brings_namespace(&desired.id.namespace) => {
                Ok(Some(ForeseenChange::Created))
            }
            Err(cause) => Err(refused_dry_run(desired, cause)),
        }
    }

    async fn change(
        &self,
        resource: &Resource,
        desired: &Desired,
        live: &Value,
    ) -> Result<Option<ForeseenChange>, Error> {
        let observed = observe(live, MANAGER, &[]);
        if decide(desired, None, Some(&observed)) == Decision::Skip {
            return Ok(None);
        }
        let kept = with_ignored_fields(&self.rules, desired, live);
        match self
            .dry_run(resource, kept.as_ref().unwrap_or(desired))
            .await
        {
            Ok(after) => {
                let differences = diff::between(live, &after);
                let differences: Vec<_> = differences
                    .into_iter()
                    .map(|one| one.told(&desired.secrecy))
                    .collect();
                Ok((!differences.is_empty()).then_some(ForeseenChange::Drifted(differences)))
            }
            Err(cause) if self.recreates(desired, live, observed.flags, &cause) => {
                Ok(Some(ForeseenChange::Recreated))
            }
            Err(cause) => Err(refused_dry_run(desired, cause)),
        }
    }

    /// What pruning would do to one object of the inventory.
    async fn pruned(&self, (gvk, id): &(GroupVersionKind, Id)) -> Result<Option<Finding>, Error> {
        let resource = match self.discovery.resolve(gvk).await? {
            Some(resource) => Some(resource),
            None => self.discovery.preferred(&gvk.group_kind()).await?,
        };
        // If a kind is gone, so are its objects.
        let Some(resource) = resource else {
            return Ok(None);
        };
        let Some(live) = self.live(&resource, id, "", &Secrecy::default()).await? else {
            return Ok(None);
        };
        let owner =
            NamespacedName::new(&self.object.metadata.namespace, &self.object.metadata.name);
        let goes = is_owned(&live, &owner) && !stays(observe(&live, MANAGER, &[]).flags);
        Ok(goes.then(|| Finding {
            id: id.clone(),
            change: ForeseenChange::Pruned,
        }))
    }

    async fn live(
        &self,
        resource: &Resource,
        id: &Id,
        origin: &str,
        secrecy: &Secrecy,
    ) -> Result<Option<Value>, Error> {
        match self.client.get(resource, &id.namespace, &id.name).await {
            Ok(live) => Ok(Some(live)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(cause) => Err(refused(id, origin, "read", cause, secrecy)),
        }
    }

    async fn dry_run(&self, resource: &Resource, desired: &Desired) -> Result<Value, ClusterError> {
        let target = Target {
            namespace: &desired.id.namespace,
            name: &desired.id.name,
            manager: MANAGER,
            dry_run: true,
        };
        self.client
            .apply(resource, target, desired.body.clone())
            .await
    }

    fn brings_namespace(&self, namespace: &str) -> bool {
        self.set
            .objects()
            .iter()
            .any(|desired| &*desired.gvk.kind == "Namespace" && &*desired.id.name == namespace)
    }

    /// Returns whether the operator would delete the object and create it again.
    fn recreates(
        &self,
        desired: &Desired,
        live: &Value,
        flags: Flags,
        refusal: &ClusterError,
    ) -> bool {
        let force = force(desired, flags, self.object.spec.force.unwrap_or_default());
        force == Force::Yes && !immutable_differences(refusal, &desired.value(), live).is_empty()
    }
}

/// Returns the entries of the inventory that the set no longer holds, last applied first.
fn stale(object: &Kustomization, set: &Set) -> Vec<(GroupVersionKind, Id)> {
    if !object.spec.prune {
        return Vec::new();
    }
    let entries = object
        .status
        .inventory
        .iter()
        .flat_map(|inventory| &inventory.entries);
    let mut stale: Vec<_> = entries
        .filter_map(|entry| {
            let id = Id::parse_inventory(&entry.id).ok()?;
            let gvk = id.gvk(&entry.v);
            (!holds(set, &id)).then_some((gvk, id))
        })
        .collect();
    stale.sort_by(|(_, a), (_, b)| order::key(b).cmp(&order::key(a)));
    stale
}

/// An object of a cluster-scoped kind may be written with a namespace.
fn holds(set: &Set, id: &Id) -> bool {
    let bare = id.namespace.is_empty();
    set.objects().iter().any(|desired| {
        let found = &desired.id;
        (&found.kind, &found.group, &found.name) == (&id.kind, &id.group, &id.name)
            && (bare || found.namespace == id.namespace)
    })
}

/// Returns the object with the live values of fields that ignore rules leave as they are.
fn with_ignored_fields(
    rules: &[(Rule, &IgnoreRule)],
    desired: &Desired,
    live: &Value,
) -> Option<Desired> {
    let mut value: Option<Value> = None;
    for (_, given) in rules.iter().filter(|(rule, _)| rule.selects(desired)) {
        let value = value.get_or_insert_with(|| desired.value());
        for path in &given.paths {
            if let (Some(wanted), Some(found)) = (value.pointer_mut(path), live.pointer(path)) {
                *wanted = found.clone();
            }
        }
    }
    desired.with(value?)
}

fn refused_dry_run(desired: &Desired, cause: ClusterError) -> Error {
    refused(
        &desired.id,
        &desired.origin,
        "dry-run",
        cause,
        &desired.secrecy,
    )
}

fn refused(
    id: &Id,
    origin: &str,
    step: &'static str,
    cause: ClusterError,
    secrecy: &Secrecy,
) -> Error {
    let (id, origin, secrecy) = (id.clone(), origin.into(), secrecy.clone());
    Error::Refused(vec![Fault {
        id,
        origin,
        step,
        cause,
        note: "".into(),
        secrecy,
    }])
}

fn is_owned(live: &Value, owner: &NamespacedName) -> bool {
    OwnerLabels::KUSTOMIZATION.owner_of(live).as_ref() == Some(owner)
}

fn stays(flags: Flags) -> bool {
    [
        Flags::PRUNE_DISABLED,
        Flags::RECONCILE_DISABLED,
        Flags::SSA_IGNORE,
    ]
    .into_iter()
    .any(|flag| flags.contains(flag))
}

fn defined(desired: &Desired) -> Option<GroupKind> {
    if &*desired.gvk.kind != "CustomResourceDefinition" {
        return None;
    }
    let value = desired.value();
    let part = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(Box::from)
    };
    Some(GroupKind {
        group: part("/spec/group")?,
        kind: part("/spec/names/kind")?,
    })
}

fn rule(index: usize, given: &IgnoreRule) -> Result<Rule, Error> {
    let selector = given.target.as_deref().map(Selector::from);
    let selector = selector.unwrap_or_default();
    let paths: Vec<String> = given.paths.iter().map(ToString::to_string).collect();
    Rule::new(index, &selector, &paths)
}

#[cfg(test)]
mod tests {
    use lode_apply::Common;
    use lode_object::{Object, meta};
    use serde_json::json;

    use super::*;

    fn desired(object: Value) -> Desired {
        let owner = NamespacedName::new("team", "apps");
        Desired::new(
            Object::parse(object).unwrap(),
            "a.yaml:1",
            &owner,
            &Common::default(),
        )
        .unwrap()
    }

    fn kustomization(spec: &Value) -> Kustomization {
        let entries = [
            "shop_web_apps_Deployment",
            "shop_old_apps_Deployment",
            "_shop__Namespace",
            "_gone__Namespace",
        ];
        let entries = entries.map(|id| json!({"id": id, "v": "v1"}));
        Kustomization::parse(&json!({
            "metadata": {"name": "apps", "namespace": "team"}, "spec": spec, "status": {"inventory": {"entries": entries}},
        }))
        .unwrap()
    }

    fn set() -> Set {
        let web = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}});
        let shop = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "namespace": "ignored"}});
        Set::new(vec![desired(web), desired(shop)], &[])
    }

    #[test]
    fn what_the_set_no_longer_holds_is_stale_last_applied_first() {
        let stale = stale(&kustomization(&json!({"prune": true})), &set());
        let shown: Vec<_> = stale
            .iter()
            .map(|(gvk, id)| format!("{id} {}", gvk.api_version()))
            .collect();
        assert_eq!(shown, ["Deployment/shop/old apps/v1", "Namespace/gone v1"]);
    }

    #[test]
    fn nothing_is_stale_without_prune() {
        assert!(super::stale(&kustomization(&json!({"prune": false})), &set()).is_empty());
    }

    #[test]
    fn ignored_fields_take_the_live_value() {
        let given = json!({"ignore": [{"paths": ["/spec/replicas", "/spec/none"], "target": {"kind": "Deployment"}}]});
        let object = kustomization(&given);
        let rules = [(
            rule(0, &object.spec.ignore[0]).unwrap(),
            &object.spec.ignore[0],
        )];
        let web = desired(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 1}}),
        );
        let kept = with_ignored_fields(&rules, &web, &json!({"spec": {"replicas": 5, "none": 1}}))
            .unwrap();
        assert_eq!(kept.value()["spec"], json!({"replicas": 5}));
        let other =
            desired(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}}));
        assert!(with_ignored_fields(&rules, &other, &json!({})).is_none());
    }

    #[test]
    fn a_definition_says_which_kind_it_brings() {
        let definition = desired(
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "a"}, "spec": {"group": "example.com", "names": {"kind": "Gadget"}}}),
        );
        assert_eq!(
            defined(&definition).unwrap(),
            GroupKind {
                group: "example.com".into(),
                kind: "Gadget".into()
            }
        );
    }

    #[test]
    fn only_owned_objects_go() {
        let owner = NamespacedName::new("team", "apps");
        assert!(is_owned(
            &desired(json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}})).value(),
            &owner
        ));
        assert!(!is_owned(
            &json!({"metadata": {"labels": {meta::OWNER_NAME: "apps"}}}),
            &owner
        ));
    }
}
