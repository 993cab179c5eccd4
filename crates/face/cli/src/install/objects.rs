//! The objects of an installation other than the custom resource definitions. Pure.
//!
//! They carry the labels by which `flux check` finds the parts of a toolkit. Quotas are left out,
//! because they differ between clusters.

use lode_api::kinds::{self, Row};
use lode_cluster::Resource;
use lode_object::Value;
use serde_json::json;

/// The image of this version.
pub(super) const IMAGE: &str = concat!("lodestone.dev/lode:v", env!("CARGO_PKG_VERSION"));
const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));
/// Name of the operator's `Deployment`, `ServiceAccount` and roles.
pub(super) const NAME: &str = "lode";
/// Name of the Service under which others find artifacts.
const SOURCES: &str = "source-controller";
/// User and group id of the process; the image has no entry for them.
const USER: u32 = 65_532;

/// How the operator is to be installed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wishes<'w> {
    pub(super) namespace: &'w str,
    pub(super) image: &'w str,
    pub(super) role: Role,
    pub(super) network_policy: bool,
    /// Flags of `lode serve` in addition to those it always runs with.
    pub(super) serve: &'w [String],
}

/// Permissions of the operator itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Role {
    /// Everything, for Kustomizations that name no account
    ClusterAdmin,
    /// Read only; writes are made as the accounts that Kustomizations name, or as `default` of
    /// their namespace
    LeastPrivilege,
}

/// Returns the objects in the order in which they are applied.
pub(super) fn all(wishes: &Wishes<'_>) -> Vec<Value> {
    let namespace = wishes.namespace;
    let mut objects = vec![
        self::namespace(namespace),
        account(namespace),
        role(namespace, wishes.role),
        binding(
            namespace,
            &format!("{NAME}-{namespace}"),
            &format!("{NAME}-{namespace}"),
        ),
    ];

    if wishes.role == Role::ClusterAdmin {
        objects.push(binding(
            namespace,
            &format!("{NAME}-applier-{namespace}"),
            "cluster-admin",
        ));
    }

    if wishes.network_policy {
        objects.push(network_policy(namespace));
    }

    objects.push(deployment(wishes));
    objects.push(service(namespace));
    objects
}

/// Returns the API resource of a kind of the installation.
pub(super) fn known(kind: &str) -> Option<Resource> {
    let (api_version, plural, namespaced) = match kind {
        "CustomResourceDefinition" => return Some(definitions()),
        "Namespace" => ("v1", "namespaces", false),
        "ServiceAccount" => ("v1", "serviceaccounts", true),
        "Service" => ("v1", "services", true),
        "ClusterRole" => ("rbac.authorization.k8s.io/v1", "clusterroles", false),
        "ClusterRoleBinding" => ("rbac.authorization.k8s.io/v1", "clusterrolebindings", false),
        "NetworkPolicy" => ("networking.k8s.io/v1", "networkpolicies", true),
        "Deployment" => ("apps/v1", "deployments", true),
        _ => return None,
    };
    Some(Resource::known(api_version, kind, plural, namespaced))
}

/// Returns the API resource of custom resource definitions.
pub(super) fn definitions() -> Resource {
    Resource::known(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
    )
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

/// Permissions the operator needs for itself. Applying for Kustomizations without a service account
/// needs more and has its own binding; a cluster that locks tenants down deletes that one.
fn role(namespace: &str, role: Role) -> Value {
    let mut rules = rules_of_kinds(kinds::ALL);
    rules.extend([
        rule(
            &[""],
            &["namespaces", "secrets", "configmaps", "serviceaccounts"],
            &["get", "list", "watch"],
        ),
        rule(&[""], &["events"], &["create", "patch"]),
        rule(
            &["coordination.k8s.io"],
            &["leases"],
            &["get", "create", "patch", "update"],
        ),
        rule(&[""], &["serviceaccounts"], &["impersonate"]),
        // The chart object of a release comes and goes with it.
        rule(
            &[kinds::HELM_CHART.names.group],
            &[kinds::HELM_CHART.names.plural],
            &["create", "delete"],
        ),
        // The operator checks an account's rights before its Kustomizations learn anything from the
        // shared watches.
        rule(
            &["authorization.k8s.io"],
            &["subjectaccessreviews"],
            &["create"],
        ),
    ]);
    if role == Role::LeastPrivilege {
        // Applied kinds are watched once for all tenants; an account's rights decide what its
        // Kustomizations learn from them.
        rules.push(rule(&["*"], &["*"], &["get", "list", "watch"]));
    }
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": format!("{NAME}-{namespace}"), "labels": labels(namespace)},
        "rules": rules,
    })
}

/// Returns the rules for objects of the operator's own kinds.
fn rules_of_kinds(rows: &[Row]) -> Vec<Value> {
    let mut groups: Vec<&str> = Vec::new();
    for row in rows {
        if !groups.contains(&row.names.group) {
            groups.push(row.names.group);
        }
    }
    let with = |part: &str| -> Vec<String> {
        let plurals = rows.iter().map(|row| row.names.plural);
        plurals.map(|plural| format!("{plural}{part}")).collect()
    };
    let all = ["get", "list", "watch", "patch", "update"];
    vec![
        rule(&groups, &with(""), &all),
        rule(&groups, &with("/status"), &["get", "patch", "update"]),
        rule(&groups, &with("/finalizers"), &["patch", "update"]),
    ]
}

/// As in Flux: from other namespaces only metrics can be reached, and all egress is allowed. Probes
/// come from the node, which network policies do not restrict.
fn network_policy(namespace: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": NAME, "namespace": namespace, "labels": labels(namespace)},
        "spec": {
            "podSelector": {"matchLabels": {"app": NAME}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": [{"podSelector": {}}]},
                {"from": [{"namespaceSelector": {}}], "ports": [{"port": "http-prom", "protocol": "TCP"}]},
            ],
            "egress": [{}],
        },
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

fn deployment(wishes: &Wishes<'_>) -> Value {
    let namespace = wishes.namespace;
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": namespace, "labels": labels(namespace)},
        "spec": {
            "replicas": 1,
            // A standby replica is not ready: a rolling update would wait for the new one for ever.
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
                    "containers": [container(wishes)],
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

fn container(wishes: &Wishes<'_>) -> Value {
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": "healthz"}});
    json!({
        "name": "manager",
        "image": wishes.image,
        "imagePullPolicy": "IfNotPresent",
        "args": arguments(wishes),
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

fn arguments(wishes: &Wishes<'_>) -> Vec<String> {
    let mut arguments = vec![
        "--watch-all-namespaces=true".to_owned(),
        "--log-encoding=json".to_owned(),
        "--storage-path=/data".to_owned(),
        format!("--storage-adv-addr={SOURCES}.$(RUNTIME_NAMESPACE).svc.cluster.local."),
    ];
    if wishes.role == Role::LeastPrivilege {
        // As in Flux's lockdown of tenants: Kustomizations without an account use `default` of
        // their namespace.
        arguments.extend([
            "--default-service-account=default".to_owned(),
            "--no-cross-namespace-refs=true".to_owned(),
        ]);
    }
    // A flag may be given only once, so the user's value replaces the default.
    let name = |flag: &str| flag.split('=').next().unwrap_or_default().to_owned();
    let said: Vec<String> = wishes.serve.iter().map(|flag| name(flag)).collect();
    arguments.retain(|flag| !said.contains(&name(flag)));
    arguments.insert(0, "serve".to_owned());
    arguments.extend(wishes.serve.iter().cloned());
    arguments
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
impl Wishes<'_> {
    /// The installation that tests use.
    pub(super) fn example(role: Role) -> Self {
        Self {
            namespace: "gitops",
            image: "example.com/lode:1",
            role,
            network_policy: true,
            serve: &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_as(role: Role) -> Vec<Value> {
        all(&Wishes::example(role))
    }

    fn find(kind: &str) -> Value {
        all_as(Role::ClusterAdmin)
            .into_iter()
            .find(|object| object["kind"] == kind)
            .unwrap()
    }

    #[test]
    fn a_toolkit_check_finds_the_deployment() {
        let deployment = find("Deployment");
        assert_eq!(
            deployment["metadata"]["labels"]["app.kubernetes.io/part-of"],
            "flux"
        );
        assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
        assert_eq!(
            deployment
                .pointer("/spec/template/spec/containers/0/image")
                .unwrap(),
            "example.com/lode:1"
        );
    }

    #[test]
    fn the_pod_is_restricted() {
        let deployment = find("Deployment");
        let context = deployment
            .pointer("/spec/template/spec/containers/0/securityContext")
            .unwrap();
        assert_eq!(context["runAsNonRoot"], true);
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
        assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    }

    #[test]
    fn the_service_leads_to_the_artifacts_of_the_pod() {
        let (service, deployment) = (find("Service"), find("Deployment"));
        assert_eq!(service["metadata"]["name"], "source-controller");
        let (labels, selector) = (
            deployment
                .pointer("/spec/template/metadata/labels")
                .unwrap(),
            &service["spec"]["selector"],
        );
        assert!(
            selector
                .as_object()
                .unwrap()
                .iter()
                .all(|(key, value)| labels[key] == *value)
        );
        let port = deployment
            .pointer("/spec/template/spec/containers/0/ports/0")
            .unwrap();
        assert_eq!(
            (
                &service["spec"]["ports"][0]["targetPort"],
                &port["containerPort"]
            ),
            (&port["name"], &json!(9090))
        );
        assert_eq!(service["spec"]["ports"][0]["port"], 80);
    }

    #[test]
    fn the_role_reads_secrets_and_never_writes_them() {
        let role = find("ClusterRole");
        let about = |word: &str| {
            let rules = role["rules"].as_array().unwrap().iter();
            let rules =
                rules.filter(|rule| rule["resources"].as_array().unwrap().contains(&json!(word)));
            rules
                .flat_map(|rule| rule["verbs"].as_array().unwrap().clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(about("secrets"), ["get", "list", "watch"]);
        assert!(about("serviceaccounts").contains(&json!("impersonate")));
        assert!(about("kustomizations/status").contains(&json!("patch")));
        assert!(
            about("leases").contains(&json!("create"))
                && about("events").contains(&json!("create"))
        );
    }

    #[test]
    fn the_role_follows_from_the_rows() {
        let rules = rules_of_kinds(crate::toy::ROWS);
        assert_eq!(rules[0]["apiGroups"], json!(["toys.lodestone.dev"]));
        let resources: Vec<&Value> = rules.iter().map(|rule| &rule["resources"][0]).collect();
        assert_eq!(resources, ["toys", "toys/status", "toys/finalizers"]);
    }

    #[test]
    fn what_has_no_namespace_is_named_after_it() {
        for kind in ["ClusterRole", "ClusterRoleBinding"] {
            assert!(
                find(kind)["metadata"]["name"]
                    .as_str()
                    .unwrap()
                    .ends_with("-gitops")
            );
        }
    }

    #[test]
    fn an_operator_of_least_privilege_is_no_admin_and_acts_as_accounts() {
        let admins = |role| {
            let objects = all_as(role).into_iter();
            objects
                .filter(|object| object.pointer("/roleRef/name") == Some(&json!("cluster-admin")))
                .count()
        };
        assert_eq!(
            (admins(Role::ClusterAdmin), admins(Role::LeastPrivilege)),
            (1, 0)
        );
        let deployment = all_as(Role::LeastPrivilege)
            .into_iter()
            .find(|object| object["kind"] == "Deployment")
            .unwrap();
        let arguments = deployment
            .pointer("/spec/template/spec/containers/0/args")
            .unwrap()
            .as_array()
            .unwrap();
        assert!(arguments.contains(&json!("--default-service-account=default")));
        let makes_charts = json!({"apiGroups": ["source.toolkit.fluxcd.io"], "resources": ["helmcharts"],
            "verbs": ["create", "delete"]});
        let roles = all_as(Role::LeastPrivilege);
        let rules = roles.iter().filter_map(|object| object["rules"].as_array());
        assert!(rules.flatten().any(|rule| *rule == makes_charts));
        for object in roles
            .iter()
            .filter(|object| object["kind"] == "ClusterRole")
        {
            for rule in object["rules"].as_array().unwrap() {
                let reads = rule["verbs"] == json!(["get", "list", "watch"]);
                assert!(reads || !rule.to_string().contains("\"*\""), "{rule}");
            }
        }
    }

    #[test]
    fn flags_of_the_operator_come_last_and_a_policy_may_be_left_out() {
        let serve = [
            "--log-encoding=text".to_owned(),
            "--concurrent=4".to_owned(),
        ];
        let objects = all(&Wishes {
            serve: &serve,
            network_policy: false,
            ..Wishes::example(Role::ClusterAdmin)
        });
        let deployment = objects
            .iter()
            .find(|object| object["kind"] == "Deployment")
            .unwrap();
        let arguments = deployment
            .pointer("/spec/template/spec/containers/0/args")
            .unwrap()
            .as_array()
            .unwrap();
        assert_eq!(arguments[arguments.len() - 2..], serve);
        assert_eq!(
            (
                &arguments[0],
                arguments.contains(&json!("--log-encoding=json"))
            ),
            (&json!("serve"), false)
        );
        assert!(
            objects
                .iter()
                .all(|object| object["kind"] != "NetworkPolicy")
        );
        assert_eq!(
            find("NetworkPolicy")["spec"]["podSelector"]["matchLabels"]["app"],
            NAME
        );
    }
}
