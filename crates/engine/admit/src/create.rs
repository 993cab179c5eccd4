//! [`begin`] and [`prepare`]: the steps of a creation before the defaults, and between defaults and
//! validation (`PrepareForCreate` of the strategies, and the admission that needs no other
//! objects).
//!
//! Field ownership was determined before: nobody owns what is set here. Left out: allocated
//! addresses and ports, and everything that depends on other objects.

use lode_schema::{fields, fields::written::zero};
use serde_json::{Value, json};

use crate::{
    custom::prepare_definition,
    default::TEMPLATE_GENERATION,
    kind::{Kind, Types},
    metadata,
    stored::read_again,
    strategy::{self, at, items_at, object_at, put, remove, text},
};

/// Removes from a client's object what only a server can set. This comes first, so that nobody owns
/// it.
pub fn begin(new: &mut Value) {
    for field in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
    ] {
        remove(new, &format!("metadata.{field}"));
    }
}

/// Prepares a new object for validation and storage. Its uid and creation time are already set.
pub fn prepare(kind: &Kind, new: &mut Value) {
    let strategy = strategy::of(kind);
    metadata::on_create(kind, new, strategy);
    strategy
        .cleared
        .iter()
        .for_each(|path| clear(kind, new, path));
    if let Types::Builtin = kind.types
        && let Some((_, _, rule)) = RULES
            .iter()
            .find(|(group, of, _)| (*group, *of) == (&*kind.gvk.group, &*kind.gvk.kind))
    {
        rule(new);
    }
    read_again(kind, new);
}

/// Clears what a client cannot set, leaving what Go writes for unset fields.
fn clear(kind: &Kind, new: &mut Value, path: &str) {
    remove(new, path);
    let of_kind = fields().of_kind(&kind.gvk.api_version(), &kind.gvk.kind);
    let field = of_kind.and_then(|id| {
        fields()
            .structure(id)?
            .always()
            .find(|field| field.name == path)
    });
    if let Some(field) = field {
        put(new, path, zero(fields(), field.ty));
    }
}

type CreateRule = fn(&mut Value);

/// By group and kind, what the rows of the strategies cannot express.
const RULES: &[(&str, &str, CreateRule)] = &[
    ("", "Namespace", namespace),
    ("", "Node", |node| {
        add(
            node,
            "spec.taints",
            json!({"key": NOT_READY, "effect": "NoSchedule"}),
        );
    }),
    ("", "PersistentVolume", volume),
    ("", "PersistentVolumeClaim", claim),
    ("", "Pod", pod),
    ("", "Service", service),
    ("", "ServiceAccount", service_account),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        |definition| prepare_definition(None, definition),
    ),
    ("apiregistration.k8s.io", "APIService", api_service),
    ("apps", "DaemonSet", daemon_set),
    ("batch", "Job", job),
];

fn namespace(namespace: &mut Value) {
    add(namespace, "spec.finalizers", "kubernetes".into());
    metadata::label_with_name(namespace);
}

/// The phase has the time of the creation.
fn volume(volume: &mut Value) {
    add(volume, "metadata.finalizers", PV_PROTECTION.into());
    if let Some(created) = at(volume, "metadata.creationTimestamp")
        .filter(|time| time.is_string())
        .cloned()
    {
        put(volume, "status.lastPhaseTransitionTime", created);
    }
}

/// The data source is given in two fields, of which the older supports only claims and snapshots.
fn claim(claim: &mut Value) {
    add(claim, "metadata.finalizers", PVC_PROTECTION.into());
    let old = at(claim, DATA_SOURCE)
        .filter(|source| !source.is_null())
        .cloned();
    let new = at(claim, DATA_SOURCE_REF)
        .filter(|source| !source.is_null())
        .cloned();
    match (old, new) {
        (Some(old), None) if is_claim_or_snapshot(&old) => put(claim, DATA_SOURCE_REF, old),
        (Some(_), None) => drop(remove(claim, DATA_SOURCE)),
        (None, Some(new)) if text(&new, "namespace").is_empty() => put(claim, DATA_SOURCE, new),
        _ => {}
    }
}

fn is_claim_or_snapshot(source: &Value) -> bool {
    let of = (text(source, "apiGroup"), text(source, "kind"));
    of == ("", "PersistentVolumeClaim") || of == ("snapshot.storage.k8s.io", "VolumeSnapshot")
}

/// A service of this server itself is available at once.
fn api_service(service: &mut Value) {
    if at(service, "spec.service").is_none_or(Value::is_null) {
        let now = at(service, "metadata.creationTimestamp")
            .cloned()
            .unwrap_or_default();
        let local = json!({"type": "Available", "status": "True", "reason": "Local", "lastTransitionTime": now,
            "message": "Local APIServices are always available"});
        put(service, "status.conditions", json!([local]));
    }
}

fn pod(pod: &mut Value) {
    put(
        pod,
        "status",
        json!({"phase": "Pending", "qosClass": quality(pod)}),
    );
    if at(pod, "spec.schedulingGates")
        .and_then(Value::as_array)
        .is_some_and(|gates| !gates.is_empty())
    {
        let gated = json!({"type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates"});
        put(pod, "status.conditions", json!([gated]));
    }
    for (class, priority) in [
        ("system-cluster-critical", 2_000_000_000),
        ("system-node-critical", 2_000_001_000),
    ] {
        if text(pod, "spec.priorityClassName") == class {
            put(pod, "spec.priority", priority.into());
        }
    }
    for (field, value) in [
        ("spec.priority", json!(0)),
        ("spec.preemptionPolicy", json!("PreemptLowerPriority")),
    ] {
        if at(pod, field).is_none_or(Value::is_null) {
            put(pod, field, value);
        }
    }
    for key in [NOT_READY, UNREACHABLE] {
        if !tolerates(pod, key) {
            let toleration = json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
            add(pod, "spec.tolerations", toleration);
        }
    }
}

/// Returns whether a pod itself defines how long it tolerates a taint.
fn tolerates(pod: &Value, key: &str) -> bool {
    let matches = |toleration: &Value| {
        let is = |field: &str, value: &str| ["", value].contains(&text(toleration, field));
        is("key", key) && is("effect", "NoExecute")
    };
    at(pod, "spec.tolerations")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .any(matches)
}

/// Returns the quality of service: guaranteed if all resources are limited and requests equal the
/// limits.
fn quality(pod: &Value) -> &'static str {
    let lists = ["spec.containers", "spec.initContainers"];
    let containers = lists
        .iter()
        .filter_map(|list| at(pod, list)?.as_array())
        .flatten();
    let (mut any, mut all) = (false, true);
    let own = at(pod, "spec.resources")
        .filter(|own| !own.is_null())
        .map(|own| std::slice::from_ref(own).to_vec());
    let resources: Vec<Value> = own.unwrap_or_else(|| {
        containers
            .map(|container| container["resources"].clone())
            .collect()
    });
    for resources in &resources {
        for name in ["cpu", "memory"] {
            let of = |sort: &str| resources[sort].get(name).filter(|amount| !is_zero(amount));
            any |= of("requests").or(of("limits")).is_some();
            all &= of("limits").is_some()
                && of("requests").is_none_or(|request| Some(request) == of("limits"));
        }
    }
    match (any, all) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

fn is_zero(amount: &Value) -> bool {
    *amount == 0 || *amount == "0"
}

/// The first address has its own field.
fn service(service: &mut Value) {
    let ip = text(service, "spec.clusterIP").to_owned();
    if !ip.is_empty()
        && at(service, "spec.clusterIPs")
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
    {
        put(service, "spec.clusterIPs", json!([ip]));
    }
}

/// Secrets are references by name only.
pub(crate) fn service_account(account: &mut Value) {
    items_at(account, "secrets").for_each(|secret| secret.retain(|field, _| field == "name"));
}

fn daemon_set(daemon_set: &mut Value) {
    let generation = template_generation(daemon_set).max(1);
    let annotations = object_at(daemon_set, "metadata.annotations");
    annotations.insert(
        TEMPLATE_GENERATION.to_owned(),
        generation.to_string().into(),
    );
}

/// Returns the generation of a template, which is kept in an annotation.
pub(crate) fn template_generation(daemon_set: &Value) -> i64 {
    let annotation =
        at(daemon_set, "metadata.annotations").and_then(|of| of.get(TEMPLATE_GENERATION)?.as_str());
    annotation
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

/// A job without its own selector selects its pods by its uid.
fn job(job: &mut Value) {
    if at(job, "spec.manualSelector") == Some(&Value::Bool(true)) {
        return;
    }
    let of = |field: &str| at(job, field).cloned().unwrap_or_default();
    let (name, uid) = (Value::from(text(job, "metadata.name")), of("metadata.uid"));
    let labels = [
        ("job-name", &name),
        (JOB_NAME, &name),
        ("controller-uid", &uid),
        (JOB_UID, &uid),
    ];
    for (label, value) in labels {
        let labels = object_at(job, "spec.template.metadata.labels");
        labels.entry(label).or_insert_with(|| value.clone());
    }
    object_at(job, "spec.selector.matchLabels")
        .entry(JOB_UID)
        .or_insert(uid);
}

/// Adds an item to a list unless it is already there.
fn add(to: &mut Value, path: &str, item: Value) {
    let mut items = at(to, path)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if !items.contains(&item) {
        items.push(item);
        put(to, path, items.into());
    }
}

const DATA_SOURCE: &str = "spec.dataSource";
const DATA_SOURCE_REF: &str = "spec.dataSourceRef";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// Blocks the deletion of a volume while it is bound.
pub const PV_PROTECTION: &str = "kubernetes.io/pv-protection";
/// Blocks the deletion of a claim while a pod uses it.
pub const PVC_PROTECTION: &str = "kubernetes.io/pvc-protection";
const JOB_NAME: &str = "batch.kubernetes.io/job-name";
const JOB_UID: &str = "batch.kubernetes.io/controller-uid";

#[cfg(test)]
mod tests {
    use lode_schema::resources;

    use super::*;

    fn created(group: &str, name: &str, mut new: Value) -> Value {
        let kind = Kind::builtin(resources().of_kind(group, "v1", name).unwrap()).unwrap();
        prepare(&kind, &mut new);
        new
    }

    #[test]
    fn a_status_cannot_be_said() {
        let new = json!({"metadata": {"generation": 7, "deletionTimestamp": "t"}, "status": {"replicas": 3}});
        let set = created("apps", "ReplicaSet", new);
        assert_eq!(
            (&set["status"], &set["metadata"]),
            (&json!({"replicas": 0}), &json!({"generation": 1}))
        );
        let namespace = created(
            "",
            "Namespace",
            json!({"metadata": {"name": "a"}, "status": {"phase": "Terminating"}}),
        );
        assert_eq!(namespace["status"], json!({"phase": "Active"}));
        assert_eq!(namespace["spec"], json!({"finalizers": ["kubernetes"]}));
    }

    #[test]
    fn a_pod_has_the_quality_of_what_it_asks_for() {
        let quality = |resources: Value| {
            let pod = json!({"spec": {"containers": [{"name": "c", "image": "i", "resources": resources}]}});
            created("", "Pod", pod)["status"]["qosClass"].clone()
        };
        assert_eq!(quality(json!({})), "BestEffort");
        assert_eq!(quality(json!({"requests": {"cpu": "1"}})), "Burstable");
        let all = json!({"cpu": "1", "memory": "1Gi"});
        assert_eq!(
            quality(json!({"requests": all, "limits": all})),
            "Guaranteed"
        );
        assert_eq!(quality(json!({"limits": {"cpu": "1"}})), "Burstable");
    }

    #[test]
    fn a_pod_is_as_important_as_the_system_says_and_tolerates_what_it_likes() {
        let pod = json!({"spec": {"priorityClassName": "system-node-critical",
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]}});
        let pod = created("", "Pod", pod);
        assert_eq!(pod["spec"]["priority"], 2_000_001_000);
        let keys: Vec<&str> = pod["spec"]["tolerations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|of| text(of, "key"))
            .collect();
        assert_eq!(
            keys,
            [
                "node.kubernetes.io/not-ready",
                "node.kubernetes.io/unreachable"
            ]
        );
    }

    #[test]
    fn both_fields_of_a_claims_source_say_the_same() {
        let snapshot =
            json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"});
        let claim = |field: &str, source: &Value| {
            let claim = created(
                "",
                "PersistentVolumeClaim",
                json!({"spec": {field: source}}),
            );
            (
                claim["spec"]["dataSource"].clone(),
                claim["spec"]["dataSourceRef"].clone(),
            )
        };
        assert_eq!(
            claim("dataSource", &snapshot),
            (snapshot.clone(), snapshot.clone())
        );
        let other = json!({"apiGroup": "x.io", "kind": "Other", "name": "o"});
        assert_eq!(claim("dataSource", &other), (Value::Null, Value::Null));
        assert_eq!(
            claim("dataSourceRef", &other),
            (other.clone(), other.clone())
        );
    }

    #[test]
    fn what_a_client_says_of_uid_and_times_is_not_heard() {
        let mut new = json!({"metadata": {"name": "a", "uid": "u", "creationTimestamp": "t", "selfLink": "/x"}});
        begin(&mut new);
        assert_eq!(new, json!({"metadata": {"name": "a"}}));
    }
}
