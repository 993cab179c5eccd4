//! The objects of an installation besides the custom resource definitions. Pure.
//!
//! They carry the labels by which `flux check` finds the parts of a toolkit. Left out: network policies and quotas,
//! which differ from cluster to cluster.

use lode_api::{Kind as _, git_repository, kustomization};
use lode_cluster::Resource;
use lode_object::Value;
use serde_json::json;

/// The image of this version.
pub(super) const IMAGE: &str = concat!("lodestone.dev/lode:v", env!("CARGO_PKG_VERSION"));
const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));
/// Name of the operator's `Deployment`, `ServiceAccount` and roles.
const NAME: &str = "lode";
/// Name under which others look for artifacts.
const SOURCES: &str = "source-controller";
/// User and group of the process; neither exists in the image.
const USER: u32 = 65_532;

/// Returns the objects in the order they are applied.
pub(super) fn all(namespace: &str, image: &str) -> Vec<Value> {
    vec![
        self::namespace(namespace),
        account(namespace),
        role(namespace),
        binding(namespace, &format!("{NAME}-{namespace}"), &format!("{NAME}-{namespace}")),
        binding(namespace, &format!("{NAME}-applier-{namespace}"), "cluster-admin"),
        deployment(namespace, image),
        service(namespace),
    ]
}

/// Returns where a kind of the installation lives.
pub(super) fn known(kind: &str) -> Option<Resource> {
    let (api_version, plural, namespaced) = match kind {
        "CustomResourceDefinition" => return Some(definitions()),
        "Namespace" => ("v1", "namespaces", false),
        "ServiceAccount" => ("v1", "serviceaccounts", true),
        "Service" => ("v1", "services", true),
        "ClusterRole" => ("rbac.authorization.k8s.io/v1", "clusterroles", false),
        "ClusterRoleBinding" => ("rbac.authorization.k8s.io/v1", "clusterrolebindings", false),
        "Deployment" => ("apps/v1", "deployments", true),
        _ => return None,
    };
    Some(Resource::known(api_version, kind, plural, namespaced))
}

/// Returns where custom resource definitions live.
pub(super) fn definitions() -> Resource {
    Resource::known("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false)
}

fn labels(namespace: &str) -> Value {
    json!({
        "app.kubernetes.io/component": NAME,
        "app.kubernetes.io/instance": namespace,
        "app.kubernetes.io/part-of": "flux",
        "app.kubernetes.io/version": VERSION,
    })
}

fn namespace(namespace: &str) -> Value {
    let mut labels = labels(namespace);
    labels["pod-security.kubernetes.io/warn"] = json!("restricted");
    labels["pod-security.kubernetes.io/warn-version"] = json!("latest");
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
}

fn account(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": NAME, "namespace": namespace, "labels": labels(namespace)},
    })
}

/// What the operator needs for itself. What it applies for Kustomizations without a service account needs more, and
/// has a binding of its own: a cluster that locks tenants down deletes that one.
fn role(namespace: &str) -> Value {
    let (source, kustomization) = (git_repository::Spec::NAMES, kustomization::Spec::NAMES);
    let groups = [source.group, kustomization.group];
    let with = |part: &str| [source.plural, kustomization.plural].map(|plural| format!("{plural}{part}"));
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": format!("{NAME}-{namespace}"), "labels": labels(namespace)},
        "rules": [
            rule(&groups, &with(""), &["get", "list", "watch", "patch", "update"]),
            rule(&groups, &with("/status"), &["get", "patch", "update"]),
            rule(&groups, &with("/finalizers"), &["patch", "update"]),
            rule(&[""], &["namespaces", "secrets", "configmaps", "serviceaccounts"], &["get", "list", "watch"]),
            rule(&[""], &["events"], &["create", "patch"]),
            rule(&["coordination.k8s.io"], &["leases"], &["get", "create", "patch", "update"]),
            rule(&[""], &["serviceaccounts"], &["impersonate"]),
        ],
    })
}

fn rule(groups: &[&str], resources: &[impl AsRef<str>], verbs: &[&str]) -> Value {
    let resources: Vec<&str> = resources.iter().map(AsRef::as_ref).collect();
    json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
}

fn binding(namespace: &str, name: &str, role: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": name, "labels": labels(namespace)},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
    })
}

fn deployment(namespace: &str, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": namespace, "labels": labels(namespace)},
        "spec": {
            "replicas": 1,
            // Two operators at once would write the same objects.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app": NAME}},
            "template": {
                "metadata": {
                    "labels": pod_labels(namespace),
                    "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
                },
                "spec": {
                    "serviceAccountName": NAME,
                    "terminationGracePeriodSeconds": 30,
                    "nodeSelector": {"kubernetes.io/os": "linux"},
                    "priorityClassName": "system-cluster-critical",
                    "securityContext": {"fsGroup": USER},
                    "containers": [container(image)],
                    "volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
                },
            },
        },
    })
}

fn pod_labels(namespace: &str) -> Value {
    let mut labels = labels(namespace);
    labels["app"] = json!(NAME);
    labels
}

fn container(image: &str) -> Value {
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": "healthz"}});
    json!({
        "name": "manager",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": [
            "serve",
            "--watch-all-namespaces=true",
            "--log-encoding=json",
            "--storage-path=/data",
            format!("--storage-adv-addr={SOURCES}.$(RUNTIME_NAMESPACE).svc.cluster.local."),
        ],
        "env": [{"name": "RUNTIME_NAMESPACE", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}}],
        "ports": [
            {"name": "http", "containerPort": 9090, "protocol": "TCP"},
            {"name": "http-prom", "containerPort": 8080, "protocol": "TCP"},
            {"name": "healthz", "containerPort": 9440, "protocol": "TCP"},
        ],
        "livenessProbe": probe("/healthz"),
        "readinessProbe": probe("/readyz"),
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
            "runAsUser": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}],
    })
}

fn service(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": SOURCES, "namespace": namespace, "labels": labels(namespace)},
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": NAME},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"}],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(kind: &str) -> Value {
        all("gitops", "example.com/lode:1").into_iter().find(|object| object["kind"] == kind).unwrap()
    }

    #[test]
    fn a_toolkit_check_finds_the_deployment() {
        let deployment = find("Deployment");
        assert_eq!(deployment["metadata"]["labels"]["app.kubernetes.io/part-of"], "flux");
        assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
        assert_eq!(deployment.pointer("/spec/template/spec/containers/0/image").unwrap(), "example.com/lode:1");
    }

    #[test]
    fn the_pod_is_restricted() {
        let deployment = find("Deployment");
        let context = deployment.pointer("/spec/template/spec/containers/0/securityContext").unwrap();
        assert_eq!(context["runAsNonRoot"], true);
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
        assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    }

    #[test]
    fn the_service_leads_to_the_artifacts_of_the_pod() {
        let (service, deployment) = (find("Service"), find("Deployment"));
        assert_eq!(service["metadata"]["name"], "source-controller");
        let (labels, selector) =
            (deployment.pointer("/spec/template/metadata/labels").unwrap(), &service["spec"]["selector"]);
        assert!(selector.as_object().unwrap().iter().all(|(key, value)| labels[key] == *value));
        let port = deployment.pointer("/spec/template/spec/containers/0/ports/0").unwrap();
        assert_eq!((&service["spec"]["ports"][0]["targetPort"], &port["containerPort"]), (&port["name"], &json!(9090)));
        assert_eq!(service["spec"]["ports"][0]["port"], 80);
    }

    #[test]
    fn the_role_reads_secrets_and_never_writes_them() {
        let role = find("ClusterRole");
        let about = |word: &str| {
            let rules = role["rules"].as_array().unwrap().iter();
            let rules = rules.filter(|rule| rule["resources"].as_array().unwrap().contains(&json!(word)));
            rules.flat_map(|rule| rule["verbs"].as_array().unwrap().clone()).collect::<Vec<_>>()
        };
        assert_eq!(about("secrets"), ["get", "list", "watch"]);
        assert!(about("serviceaccounts").contains(&json!("impersonate")));
        assert!(about("kustomizations/status").contains(&json!("patch")));
        assert!(about("leases").contains(&json!("create")) && about("events").contains(&json!("create")));
    }

    #[test]
    fn what_has_no_namespace_is_named_after_it() {
        for kind in ["ClusterRole", "ClusterRoleBinding"] {
            assert!(find(kind)["metadata"]["name"].as_str().unwrap().ends_with("-gitops"));
        }
        let bindings = all("gitops", "x").into_iter().filter(|object| object["kind"] == "ClusterRoleBinding");
        assert_eq!(bindings.filter(|object| object["roleRef"]["name"] == "cluster-admin").count(), 1);
    }
}
