//! Defaults that rows cannot express: computed ones, and those that depend on other fields.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{image, is_unset};

/// Sets the defaults of a struct.
pub(super) type DefaultRule = fn(&mut Map<String, Value>);

/// By type, as the data file names them.
pub(super) const RULES: &[(&str, DefaultRule)] = &[
    ("core.v1.Pod", pod),
    ("core.v1.PodSpec", pod_spec),
    ("core.v1.Container", container),
    ("core.v1.EphemeralContainer", container),
    ("core.v1.Volume", volume),
    ("core.v1.ServiceSpec", service),
    ("core.v1.ServicePort", service_port),
    ("core.v1.ReplicationController", replication_controller),
    ("core.v1.Namespace", namespace),
    ("core.v1.NodeStatus", node_status),
    ("core.v1.LimitRangeItem", limits),
    ("core.v1.Secret", secret),
    ("apps.v1.DaemonSet", daemon_set),
    ("apps.v1.StatefulSetSpec", stateful_set),
    ("autoscaling.v1.HorizontalPodAutoscaler", autoscaler),
    ("batch.v1.Job", job),
    ("networking.v1.NetworkPolicySpec", network_policy),
    ("apiextensions.v1.CustomResourceDefinition", definition),
    (
        "apiextensions.v1.CustomResourceDefinitionNames",
        definition_names,
    ),
];

/// Defaults of pods that templates do not have.
fn pod(pod: &mut Map<String, Value>) {
    let spec = object(pod, "spec");
    set(spec, "enableServiceLinks", || true.into());
    let host_network = spec.get("hostNetwork") == Some(&Value::Bool(true));
    for list in ["containers", "initContainers"] {
        for container in items(spec, list) {
            requests(container);
            if host_network {
                items(container, "ports").for_each(host_port);
            }
        }
    }
    pod_requests(spec);
}

/// Requests default to the limits.
fn requests(container: &mut Map<String, Value>) {
    let Some(Value::Object(resources)) = container.get_mut("resources") else {
        return;
    };
    let Some(Value::Object(limits)) = resources.get("limits").cloned() else {
        return;
    };
    fill(object(resources, "requests"), limits);
}

/// The same for a pod as a whole, if its containers have no requests.
fn pod_requests(spec: &mut Map<String, Value>) {
    let Some(limits) = spec
        .get("resources")
        .and_then(|resources| resources.get("limits")?.as_object())
        .cloned()
    else {
        return;
    };
    let asked = items(spec, "containers")
        .filter_map(|container| {
            container
                .get("resources")?
                .get("requests")?
                .as_object()
                .cloned()
        })
        .flat_map(Map::into_iter)
        .map(|(name, _)| name)
        .collect::<Vec<_>>();
    let limits = limits
        .into_iter()
        .filter(|(name, _)| !asked.contains(name))
        .collect();
    fill(object(object(spec, "resources"), "requests"), limits);
}

fn host_port(port: &mut Map<String, Value>) {
    if let Some(number) = port.get("containerPort").cloned()
        && port.get("hostPort").is_none_or(|host| *host == 0)
    {
        port.insert("hostPort".to_owned(), number);
    }
}

/// The account has an old name too; if they differ the new one counts.
fn pod_spec(spec: &mut Map<String, Value>) {
    let name = ["serviceAccountName", "serviceAccount"]
        .into_iter()
        .find(|key| !is_unset(spec.get(*key)));
    if let Some(name) = name.and_then(|key| spec.get(key)).cloned() {
        spec.insert("serviceAccountName".to_owned(), name.clone());
        spec.insert("serviceAccount".to_owned(), name);
    }
}

fn container(container: &mut Map<String, Value>) {
    let policy = image::pull_policy(text(container, "image"));
    set(container, "imagePullPolicy", || policy.into());
}

/// A volume without a type is an empty directory.
fn volume(volume: &mut Map<String, Value>) {
    if volume
        .iter()
        .all(|(key, value)| key == "name" || value.is_null())
    {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    if let Some(Value::Object(source)) = volume.get_mut("image") {
        let policy = image::pull_policy(text(source, "reference"));
        set(source, "pullPolicy", || policy.into());
    }
}

fn service(spec: &mut Map<String, Value>) {
    if spec
        .get("sessionAffinity")
        .is_some_and(|affinity| affinity == "None")
    {
        spec.remove("sessionAffinityConfig");
    }
    if text(spec, "type") == "ClusterIP" && !is_unset(spec.get("externalIPs")) {
        set(spec, "externalTrafficPolicy", || "Cluster".into());
    }
}

fn service_port(port: &mut Map<String, Value>) {
    let target = port.get("targetPort");
    if (is_unset(target) || target.is_some_and(|target| *target == 0))
        && let Some(number) = port.get("port").cloned()
    {
        port.insert("targetPort".to_owned(), number);
    }
}

fn replication_controller(controller: &mut Map<String, Value>) {
    let Some(labels) = labels_of_template(controller) else {
        return;
    };
    let spec = object(controller, "spec");
    if is_empty(spec.get("selector")) {
        spec.insert("selector".to_owned(), labels.clone());
    }
    label(controller, labels);
}

fn namespace(namespace: &mut Map<String, Value>) {
    let metadata = object(namespace, "metadata");
    let name = text(metadata, "name").to_owned();
    if !name.is_empty() {
        object(metadata, "labels").insert(NAME_LABEL.to_owned(), name.into());
    }
}

fn node_status(status: &mut Map<String, Value>) {
    if let Some(capacity) = status
        .get("capacity")
        .filter(|capacity| capacity.is_object())
        .cloned()
    {
        set(status, "allocatable", || capacity);
    }
}

/// The default limit of a container is the maximum, and the default request is the limit.
fn limits(item: &mut Map<String, Value>) {
    if text(item, "type") != "Container" {
        return;
    }
    for (from, to) in [
        ("max", "default"),
        ("default", "defaultRequest"),
        ("min", "defaultRequest"),
    ] {
        if let Some(Value::Object(values)) = item.get(from).cloned() {
            fill(object(item, to), values);
        }
    }
}

/// Texts are stored as bytes.
fn secret(secret: &mut Map<String, Value>) {
    let Some(Value::Object(texts)) = secret.remove("stringData") else {
        return;
    };
    let data = object(secret, "data");
    for (key, value) in texts {
        data.insert(
            key,
            STANDARD.encode(value.as_str().unwrap_or_default()).into(),
        );
    }
}

/// The generation of its template is kept in an annotation.
fn daemon_set(daemon_set: &mut Map<String, Value>) {
    let annotations = object(object(daemon_set, "metadata"), "annotations");
    set(annotations, TEMPLATE_GENERATION, || "0".into());
}

/// Claim templates are whole objects.
fn stateful_set(spec: &mut Map<String, Value>) {
    for claim in items(spec, "volumeClaimTemplates") {
        set(claim, "kind", || "PersistentVolumeClaim".into());
        set(claim, "apiVersion", || "v1".into());
    }
}

/// The first version keeps further metrics in an annotation.
fn autoscaler(autoscaler: &mut Map<String, Value>) {
    let metadata = object(autoscaler, "metadata");
    if metadata
        .get("annotations")
        .is_none_or(|annotations| annotations.get(METRICS).is_none())
    {
        set(
            object(autoscaler, "spec"),
            "targetCPUUtilizationPercentage",
            || 80.into(),
        );
    }
}

fn job(job: &mut Map<String, Value>) {
    let labels = labels_of_template(job);
    let spec = object(job, "spec");
    let given =
        |spec: &Map<String, Value>, key: &str| spec.get(key).is_some_and(|value| !value.is_null());
    if !given(spec, "completions") && !given(spec, "parallelism") {
        spec.insert("completions".to_owned(), 1.into());
    }
    let per_index = given(spec, "backoffLimitPerIndex");
    let replaced = if given(spec, "podFailurePolicy") {
        "Failed"
    } else {
        "TerminatingOrFailed"
    };
    set(spec, "parallelism", || 1.into());
    set(spec, "backoffLimit", || {
        if per_index { i32::MAX.into() } else { 6.into() }
    });
    set(spec, "completionMode", || "NonIndexed".into());
    set(spec, "suspend", || false.into());
    set(spec, "podReplacementPolicy", || replaced.into());
    set(spec, "manualSelector", || false.into());
    if let Some(labels) = labels {
        label(job, labels);
    }
}

fn network_policy(spec: &mut Map<String, Value>) {
    let egress = !is_unset(spec.get("egress"));
    set(spec, "policyTypes", || {
        if egress {
            json!(["Ingress", "Egress"])
        } else {
            json!(["Ingress"])
        }
    });
}

/// The first storage version is the version of the definition's name.
fn definition(definition: &mut Map<String, Value>) {
    let versions = definition
        .get("spec")
        .and_then(|spec| spec.get("versions")?.as_array());
    let stored = versions
        .into_iter()
        .flatten()
        .find(|version| version.get("storage") == Some(&Value::Bool(true)));
    if let Some(name) = stored.and_then(|version| version.get("name")).cloned() {
        set(object(definition, "status"), "storedVersions", || {
            json!([name])
        });
    }
}

fn definition_names(names: &mut Map<String, Value>) {
    let kind = text(names, "kind").to_owned();
    if !kind.is_empty() {
        set(names, "singular", || kind.to_lowercase().into());
        set(names, "listKind", || format!("{kind}List").into());
    }
}

/// Sets an empty field.
fn set(object: &mut Map<String, Value>, key: &str, value: impl FnOnce() -> Value) {
    if is_unset(object.get(key)) {
        object.insert(key.to_owned(), value());
    }
}

/// Adds missing entries.
fn fill(object: &mut Map<String, Value>, values: Map<String, Value>) {
    for (key, value) in values {
        object.entry(key).or_insert(value);
    }
}

/// Returns the object in a field, created if absent.
fn object<'m>(map: &'m mut Map<String, Value>, key: &str) -> &'m mut Map<String, Value> {
    crate::strategy::object(map.entry(key).or_insert(Value::Null))
}

/// Returns the objects in a list.
fn items<'m>(
    map: &'m mut Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = &'m mut Map<String, Value>> {
    map.get_mut(key)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

fn text<'m>(map: &'m Map<String, Value>, key: &str) -> &'m str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn labels_of_template(object: &Map<String, Value>) -> Option<Value> {
    let template = object.get("spec")?.get("template")?;
    template
        .get("metadata")?
        .get("labels")
        .filter(|labels| !is_empty(Some(labels)))
        .cloned()
}

/// An object without labels gets those of its template.
fn label(of: &mut Map<String, Value>, labels: Value) {
    let metadata = object(of, "metadata");
    if is_empty(metadata.get("labels")) {
        metadata.insert("labels".to_owned(), labels);
    }
}

fn is_empty(map: Option<&Value>) -> bool {
    map.and_then(Value::as_object).is_none_or(Map::is_empty)
}

/// The label that every namespace has.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";
/// The annotation for further metrics in the first version of an autoscaler.
const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
/// The annotation for the template generation of a daemon set.
pub(crate) const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";
