//! [`prepare`]: the steps of an update between defaults and validation (`PrepareForUpdate` of the
//! strategies).

use serde_json::Value;

use crate::{
    create::{service_account, template_generation},
    custom::prepare_definition,
    default::TEMPLATE_GENERATION,
    kind::{Kind, Types},
    metadata,
    stored::read_again,
    strategy::{self, Strategy, at, equal, items_at, object_at, put, remove, text},
};

/// Prepares a changed object for validation and storage: what the endpoint does not write is kept,
/// and the generation counts changes.
pub fn prepare(kind: &Kind, subresource: &str, live: &Value, new: &mut Value) {
    let strategy = strategy::of(kind);
    match &kind.types {
        Types::Custom(_) if subresource == "status" => only_status(live, new),
        _ => keep(strategy, subresource, live, new),
    }
    metadata::on_update(kind, live, new);
    if let Types::Builtin = kind.types
        && let Some((_, _, rule)) = RULES
            .iter()
            .find(|(group, of, _)| (*group, *of) == (&*kind.gvk.group, &*kind.gvk.kind))
    {
        rule(subresource, live, new);
    }
    // A status update may write annotations, which do not count.
    if subresource != "status" {
        metadata::count(live, new, strategy);
    }
    read_again(kind, new);
}

fn keep(strategy: &Strategy, subresource: &str, live: &Value, new: &mut Value) {
    strategy
        .reset_paths(subresource)
        .iter()
        .for_each(|path| metadata::keep(live, new, path));
}

/// The status endpoint of a custom resource writes nothing else.
fn only_status(live: &Value, new: &mut Value) {
    let mut object = live.clone();
    for path in [
        "status",
        "metadata.managedFields",
        "metadata.resourceVersion",
    ] {
        metadata::keep(new, &mut object, path);
    }
    *new = object;
}

type UpdateRule = fn(&str, &Value, &mut Value);

/// By group and kind, what the rows of the strategies cannot express.
const RULES: &[(&str, &str, UpdateRule)] = &[
    ("", "Namespace", namespace),
    ("", "Pod", pod),
    ("", "Secret", secret),
    ("", "Service", service),
    ("", "ServiceAccount", |_, _, new| service_account(new)),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        definition,
    ),
    ("apps", "DaemonSet", daemon_set),
];

/// Finalizers in the spec are written through their own endpoint.
fn namespace(subresource: &str, live: &Value, new: &mut Value) {
    if subresource != "finalize" {
        metadata::keep(live, new, "spec.finalizers");
    }
    metadata::label_with_name(new);
}

/// Ephemeral containers and resizes are written through their own endpoints, which write nothing
/// else.
fn pod(subresource: &str, live: &Value, new: &mut Value) {
    let mut object = live.clone();
    match subresource {
        "ephemeralcontainers" => metadata::keep(new, &mut object, "spec.ephemeralContainers"),
        "resize" => resize(new, &mut object),
        _ => return metadata::keep(live, new, "spec.ephemeralContainers"),
    }
    for path in ["metadata.managedFields", "metadata.resourceVersion"] {
        metadata::keep(new, &mut object, path);
    }
    *new = object;
}

/// Copies resources to the containers of the same name.
fn resize(from: &Value, to: &mut Value) {
    for list in ["spec.containers", "spec.initContainers"] {
        let wanted = at(from, list).and_then(Value::as_array);
        for container in items_at(to, list) {
            let same = wanted
                .into_iter()
                .flatten()
                .find(|wanted| wanted.get("name") == container.get("name"));
            if let Some(resources) = same.and_then(|wanted| wanted.get("resources")) {
                container.insert("resources".to_owned(), resources.clone());
            }
        }
    }
}

fn secret(_: &str, live: &Value, new: &mut Value) {
    if text(new, "type").is_empty() {
        metadata::keep(live, new, "type");
    }
}

fn definition(subresource: &str, live: &Value, new: &mut Value) {
    if subresource.is_empty() {
        prepare_definition(Some(live), new);
    }
}

/// The generation of the template is set by the server.
fn daemon_set(_: &str, live: &Value, new: &mut Value) {
    let changed = !equal(at(live, "spec.template"), at(new, "spec.template"));
    let generation = template_generation(live).saturating_add(i64::from(changed));
    let annotations = object_at(new, "metadata.annotations");
    annotations.insert(
        TEMPLATE_GENERATION.to_owned(),
        generation.to_string().into(),
    );
}

/// Allocated addresses and ports that a service still needs are not lost by omitting them.
fn service(subresource: &str, live: &Value, new: &mut Value) {
    if subresource == "status" {
        return;
    }
    let (was, is) = (
        text(live, "spec.type").to_owned(),
        text(new, "spec.type").to_owned(),
    );
    drop_unneeded(&was, &is, live, new);
    if was == EXTERNAL || is == EXTERNAL {
        return;
    }
    sync_cluster_ips(live, new);
    if text(new, "spec.clusterIP").is_empty() {
        metadata::keep(live, new, "spec.clusterIP");
    }
    let same = equal(at(live, "spec.clusterIP"), at(new, "spec.clusterIP"));
    for path in ["spec.clusterIPs", "spec.ipFamilies", "spec.ipFamilyPolicy"] {
        if same && equal(at(new, path), None) {
            metadata::keep(live, new, path);
        }
    }
    if has_node_ports(&was) && has_node_ports(&is) {
        keep_node_ports(live, new);
    }
}

/// The first address has its own field; changing only one of the two means both.
fn sync_cluster_ips(live: &Value, new: &mut Value) {
    let (ip, ips) = ("spec.clusterIP", "spec.clusterIPs");
    if !equal(at(live, ip), at(new, ip)) && equal(at(live, ips), at(new, ips)) {
        let first = at(new, ip)
            .filter(|first| !first.is_null() && **first != "")
            .cloned();
        let rest = at(new, ips)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .skip(1)
            .cloned();
        let all: Vec<Value> = first
            .map(|first| [first].into_iter().chain(rest).collect())
            .unwrap_or_default();
        put(new, ips, all.into());
    }
}

/// Ports are matched by protocol and number.
fn keep_node_ports(live: &Value, new: &mut Value) {
    let Some(Value::Array(before)) = at(live, "spec.ports") else {
        return;
    };
    for port in items_at(new, "spec.ports") {
        let same = |old: &&Value| {
            ["protocol", "port"]
                .iter()
                .all(|field| old.get(field) == port.get(*field))
        };
        if port.get("nodePort").is_none_or(|number| *number == 0)
            && let Some(number) = before.iter().find(same).and_then(|old| old.get("nodePort"))
        {
            port.insert("nodePort".to_owned(), number.clone());
        }
    }
}

/// A service that changes its type releases what only the old type needed, unless it is set again.
fn drop_unneeded(was: &str, is: &str, live: &Value, new: &mut Value) {
    let same = |new: &Value, path: &str| equal(at(live, path), at(new, path));
    if was != EXTERNAL && is == EXTERNAL {
        for path in [
            "clusterIP",
            "clusterIPs",
            "ipFamilies",
            "ipFamilyPolicy",
            "internalTrafficPolicy",
        ] {
            let path = format!("spec.{path}");
            if same(new, &path) {
                remove(new, &path);
            }
        }
    }
    if has_node_ports(was) && !has_node_ports(is) {
        drop_node_ports(live, new);
        if same(new, "spec.externalTrafficPolicy") && at(new, "spec.externalIPs").is_none() {
            remove(new, "spec.externalTrafficPolicy");
        }
    }
    if was == "LoadBalancer" && is != "LoadBalancer" {
        for path in [
            "spec.allocateLoadBalancerNodePorts",
            "spec.loadBalancerClass",
            "spec.healthCheckNodePort",
        ] {
            if same(new, path) {
                remove(new, path);
            }
        }
    }
}

fn drop_node_ports(live: &Value, new: &mut Value) {
    let ports = at(live, "spec.ports").and_then(Value::as_array);
    let before: Vec<&Value> = ports
        .into_iter()
        .flatten()
        .filter_map(|port| port.get("nodePort"))
        .collect();
    for port in items_at(new, "spec.ports") {
        if port
            .get("nodePort")
            .is_some_and(|number| before.contains(&number))
        {
            port.remove("nodePort");
        }
    }
}

fn has_node_ports(of: &str) -> bool {
    matches!(of, "NodePort" | "LoadBalancer")
}

const EXTERNAL: &str = "ExternalName";

#[cfg(test)]
mod tests {
    use lode_schema::resources;
    use serde_json::json;

    use super::*;

    fn updated(name: &str, subresource: &str, live: &Value, mut new: Value) -> Value {
        let group = if matches!(name, "DaemonSet" | "Deployment") {
            "apps"
        } else {
            ""
        };
        let kind = Kind::builtin(resources().of_kind(group, "v1", name).unwrap()).unwrap();
        prepare(&kind, subresource, live, &mut new);
        new
    }

    #[test]
    fn an_endpoint_of_a_part_writes_that_part() {
        let pod = |cpu: &str, image: &str, look: &str| {
            json!({"metadata": {"generation": 1}, "spec": {"ephemeralContainers": [{"name": look}],
                "containers": [{"name": "c", "image": image, "resources": {"limits": {"cpu": cpu}}}]}})
        };
        let part = |subresource: &str| {
            updated("Pod", subresource, &pod("1", "a", "x"), pod("2", "b", "y"))
        };
        let of = |pod: &Value| {
            let container = &pod["spec"]["containers"][0];
            let look = &pod["spec"]["ephemeralContainers"][0]["name"];
            json!([
                container["resources"]["limits"]["cpu"],
                container["image"],
                look
            ])
        };
        assert_eq!(of(&part("")), json!(["2", "b", "x"]));
        assert_eq!(of(&part("resize")), json!(["2", "a", "x"]));
        assert_eq!(of(&part("ephemeralcontainers")), json!(["1", "a", "y"]));
        assert_eq!(of(&part("status")), json!(["1", "a", "x"]));
        assert_eq!(part("status")["metadata"]["generation"], 1);
        assert_eq!(part("resize")["metadata"]["generation"], 2);
    }

    #[test]
    fn a_service_of_another_type_lets_go_of_its_node_ports() {
        let live = json!({"spec": {"type": "NodePort", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
            "externalTrafficPolicy": "Cluster", "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30000}]}});
        let new = |sort: &str| {
            json!({"spec": {"type": sort, "externalTrafficPolicy": "Cluster",
            "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30000}]}})
        };
        let inside = updated("Service", "", &live, new("ClusterIP"));
        assert_eq!(
            inside["spec"]["ports"][0],
            json!({"port": 80, "protocol": "TCP", "targetPort": 80})
        );
        assert_eq!(inside["spec"]["clusterIPs"], json!(["10.0.0.1"]));
        assert!(inside["spec"].get("externalTrafficPolicy").is_none());
        let kept =
            json!({"spec": {"type": "NodePort", "ports": [{"port": 80, "protocol": "TCP"}]}});
        assert_eq!(
            updated("Service", "", &live, kept)["spec"]["ports"][0]["nodePort"],
            30000
        );
    }

    #[test]
    fn the_generation_of_a_daemon_sets_template_is_counted() {
        let set = |image: &str| {
            json!({"metadata": {"generation": 4, "annotations": {TEMPLATE_GENERATION: "2"}},
            "spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}})
        };
        let live = updated("DaemonSet", "", &set("a"), set("a"));
        assert_eq!(live["metadata"]["annotations"][TEMPLATE_GENERATION], "2");
        let next = updated("DaemonSet", "", &live, set("b"));
        assert_eq!(next["metadata"]["annotations"][TEMPLATE_GENERATION], "3");
    }

    #[test]
    fn a_namespace_keeps_its_finalizers_but_through_their_endpoint() {
        let live = json!({"metadata": {"name": "a"}, "spec": {"finalizers": ["kubernetes"]}});
        let new =
            || json!({"metadata": {"name": "a", "labels": {"x": "y"}}, "spec": {"finalizers": []}});
        let kept = updated("Namespace", "", &live, new());
        assert_eq!(kept["spec"]["finalizers"], json!(["kubernetes"]));
        assert_eq!(
            kept["metadata"]["labels"],
            json!({"x": "y", "kubernetes.io/metadata.name": "a"})
        );
        assert!(
            updated("Namespace", "finalize", &live, new())["spec"]
                .get("finalizers")
                .is_none()
        );
    }

    #[test]
    fn annotations_written_with_a_status_are_no_new_generation() {
        let live = json!({"metadata": {"generation": 1}, "spec": {"replicas": 1}});
        let annotated = json!({"metadata": {"generation": 1, "annotations": {"a": "b"}}, "spec": {"replicas": 1}});
        let generation = |subresource: &str| {
            updated("Deployment", subresource, &live, annotated.clone())["metadata"]["generation"]
                .clone()
        };
        assert_eq!((generation("status"), generation("")), (json!(1), json!(2)));
    }
}
