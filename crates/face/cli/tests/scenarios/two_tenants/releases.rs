//! What a tenant tries by a release: charts and values of others, hooks, `lookup`, records, statuses.
//!
//! The chart of an attempt is in its folder in Git; what its templates render is in the answer's way.

use lode_object::Value;
use serde_json::json;

use super::attempts::{Attempt, Sides};
use crate::flow::over;
use crate::manifests::{config_map, noted};

/// Returns all attempts by releases.
pub(super) fn all(sides: &Sides) -> Vec<Attempt> {
    let mut all = by_references(sides);
    all.extend(by_places(sides));
    all.extend(by_templates(sides));
    all.extend(by_lookups(sides));
    all.extend(by_hooks(sides));
    all.extend(by_statuses(sides));
    all
}

/// Returns a specification without the fields that an attempt takes out by `null`, which a server refuses.
fn given(mut spec: Value) -> Value {
    if let Some(fields) = spec.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    spec
}

/// Returns a release of the chart in its folder, with templates by path.
fn release(
    sides: &Sides,
    name: &'static str,
    files: Vec<(&'static str, String)>,
    spec: &Value,
    answer: Vec<String>,
) -> Attempt {
    let chart = json!({"spec": chart(&format!("./{}/{name}", sides.own))});
    let packed = "apiVersion: v2\nname: app\nversion: 1.0.0\n".to_owned();
    let mut all = vec![("Chart.yaml", packed)];
    all.extend(files);
    Attempt {
        name,
        kind: "HelmRelease",
        spec: given(over(json!({"chart": chart, "timeout": "30s"}), spec)),
        files: all,
        status: Value::Null,
        answer,
    }
}

/// Returns where a chart in the tenant's repository is.
fn chart(path: &str) -> Value {
    json!({"chart": path, "sourceRef": {"kind": "GitRepository", "name": "app"}})
}

/// Returns a release whose chart has one template.
fn template(
    sides: &Sides,
    name: &'static str,
    text: String,
    spec: &Value,
    answer: Vec<String>,
) -> Attempt {
    release(sides, name, vec![("templates/a.yaml", text)], spec, answer)
}

/// Returns a release whose chart contains an object.
fn of(
    sides: &Sides,
    name: &'static str,
    object: &Value,
    spec: &Value,
    answer: Vec<String>,
) -> Attempt {
    template(sides, name, object.to_string(), spec, answer)
}

fn words(parts: &[&str]) -> Vec<String> {
    parts.iter().map(ToString::to_string).collect()
}

/// Returns words of the refusal of a reference to another namespace.
fn blocked(what: &str) -> Vec<String> {
    words(&[&format!("can't access '{what}'"), "cross-namespace"])
}

/// Charts, values, dependencies and accounts of others.
fn by_references(sides: &Sides) -> Vec<Attempt> {
    let Sides {
        own, other, prize, ..
    } = sides;
    let map = config_map(own, "harmless", json!({"a": "b"}));
    let plain = |name, spec: Value, answer| of(sides, name, &map, &spec, answer);
    let missing = |kind: &str| words(&[kind, prize, "not found"]);
    let from = |kind: &str, name: &str| json!({"valuesFrom": [{"kind": kind, "name": name}]});
    let reference = |fields: Value| {
        let plain = json!({"kind": "HelmChart", "name": prize});
        json!({"chart": null, "chartRef": over(plain, &fields)})
    };
    let depends = |fields: Value| {
        let plain = json!({"name": prize, "namespace": other});
        json!({"dependsOn": [over(plain, &fields)]})
    };
    let depends_blocked = || blocked(&format!("HelmRelease/{other}/{prize}"));
    let chart = |name: &str, fields: Value| json!({"chart": {"spec": over(chart(&format!("./{own}/{name}")), &fields)}});
    let kube = |field: &str| json!({"kubeConfig": {field: {"name": prize}}});
    let required =
        "a: {{ required \"nothing of theirs\" .Values.canary }}{{ .Values.x }}".to_owned();
    let optional = json!({"valuesFrom": [{"kind": "Secret", "name": prize, "valuesKey": "canary",
        "targetPath": "canary", "literal": true, "optional": true}]});
    let whole = json!({"kind": "GitRepository", "name": prize, "namespace": other});
    vec![
        plain(
            "release-account",
            json!({"serviceAccountName": prize}),
            vec![sides.account(prize)],
        ),
        plain(
            "release-account-in-full",
            json!({"serviceAccountName": format!("{other}:{prize}")}),
            words(&["not a valid name of a service account"]),
        ),
        plain(
            "release-chart-elsewhere",
            chart("release-chart-elsewhere", json!({"sourceRef": whole})),
            blocked(&format!("HelmChart/{other}/{own}-release-chart-elsewhere")),
        ),
        plain(
            "release-chart-outside",
            json!({"chart": {"spec": self::chart(&format!("../../gitrepository/{other}/{prize}"))}}),
            words(&["HelmChart", "is not ready"]),
        ),
        plain(
            "release-chart-values",
            chart(
                "release-chart-values",
                json!({"valuesFiles": [format!("../../gitrepository/{other}/{prize}/a.yaml")]}),
            ),
            words(&["HelmChart", "is not ready"]),
        ),
        plain(
            "release-chart-verify",
            chart(
                "release-chart-verify",
                json!({"verify": {"provider": "cosign", "secretRef": {"name": prize}}}),
            ),
            words(&["spec.chart.spec.verify", "not supported"]),
        ),
        plain(
            "release-ref-elsewhere",
            reference(json!({"namespace": other})),
            blocked(&format!("HelmChart/{other}/{prize}")),
        ),
        plain(
            "release-ref-of-a-version",
            reference(json!({"namespace": other, "apiVersion": "source.toolkit.fluxcd.io/v1"})),
            blocked(&format!("HelmChart/{other}/{prize}")),
        ),
        plain(
            "release-ref-of-a-kind",
            reference(json!({"kind": "ExternalArtifact", "namespace": other})),
            words(&["kind ExternalArtifact", "not supported"]),
        ),
        plain(
            "release-ref-by-path",
            reference(json!({"name": format!("{other}/{prize}")})),
            words(&["not found"]),
        ),
        plain("release-depends", depends(json!({})), depends_blocked()),
        plain(
            "release-depends-to-learn",
            depends(json!({"readyExpr": "dep.spec.values.plan != ''"})),
            depends_blocked(),
        ),
        plain(
            "release-depends-by-path",
            depends(json!({"name": format!("{other}/{prize}"), "namespace": own})),
            words(&["not found"]),
        ),
        plain(
            "release-values",
            from("Secret", prize),
            missing("Secret chart values"),
        ),
        plain(
            "release-values-of-a-map",
            from("ConfigMap", prize),
            missing("ConfigMap chart values"),
        ),
        plain(
            "release-values-by-path",
            from("Secret", &sides.path("secrets")),
            words(&["is not a valid name of a Secret"]),
        ),
        template(
            sides,
            "release-values-if-any",
            required,
            &optional,
            words(&["nothing of theirs"]),
        ),
        plain(
            "release-cluster",
            kube("secretRef"),
            words(&["spec.kubeConfig", "not supported"]),
        ),
        plain(
            "release-cluster-by-map",
            kube("configMapRef"),
            words(&["spec.kubeConfig", "not supported"]),
        ),
    ]
}

/// Names and namespaces of the release, its objects and its records.
fn by_places(sides: &Sides) -> Vec<Attempt> {
    let Sides {
        own, other, prize, ..
    } = sides;
    let mut bare = config_map(own, "intruder", json!({"a": "b"}));
    bare["metadata"]
        .as_object_mut()
        .expect("metadata is a mapping")
        .remove("namespace");
    let try_with = |name, spec: Value, answer| of(sides, name, &bare, &spec, answer);
    let patch =
        json!([{"op": "replace", "path": "/metadata/namespace", "value": other}]).to_string();
    let kustomize = json!({"patches": [{"patch": patch, "target": {"kind": "ConfigMap"}}]});
    let target = json!({"group": "", "version": "v1", "kind": "ConfigMap", "namespace": other, "name": prize,
        "labelSelector": "", "annotationSelector": ""});
    let recolor = json!([{"op": "replace", "path": "/data/color", "value": "green"}]).to_string();
    let recolored = json!({"patches": [{"patch": recolor, "target": target}]});
    let marks =
        json!({"helm.toolkit.fluxcd.io/name": prize, "helm.toolkit.fluxcd.io/namespace": other});
    let theirs =
        json!({"meta.helm.sh/release-name": prize, "meta.helm.sh/release-namespace": other});
    let common = json!({"commonMetadata": {"labels": marks, "annotations": theirs}});
    let ignore = json!({"driftDetection": {"mode": "enabled", "ignore": [{"paths": ["/data"], "target": target}]}});
    let changed = |name, spec: Value| of(sides, name, &sides.changed(), &spec, sides.forbidden());
    vec![
        try_with(
            "release-storage",
            json!({"storageNamespace": other}),
            sides.forbidden(),
        ),
        try_with(
            "release-takes-over",
            json!({"storageNamespace": other, "targetNamespace": other, "releaseName": prize}),
            sides.forbidden(),
        ),
        try_with(
            "release-storage-by-path",
            json!({"storageNamespace": format!("../{other}")}),
            words(&["not determine release state"]),
        ),
        try_with(
            "release-target",
            json!({"targetNamespace": other}),
            sides.forbidden(),
        ),
        try_with(
            "release-creates-target",
            json!({"targetNamespace": other, "install": {"createNamespace": true}}),
            words(&[&sides.account("tenant"), "namespaces"]),
        ),
        try_with(
            "release-name-of-a-query",
            json!({"releaseName": "a&watch=true&x"}),
            words(&["\"a&watch=true&x\"", "invalid release name"]),
        ),
        try_with(
            "release-patched",
            json!({"postRenderers": [{"kustomize": kustomize}]}),
            sides.forbidden(),
        ),
        changed(
            "release-patch-target",
            json!({"postRenderers": [{"kustomize": recolored}]}),
        ),
        changed("release-labelled", common),
        changed("release-ignoring", ignore),
        changed(
            "release-guesses-health",
            json!({"healthCheckExprs": [{"apiVersion": "v1", "kind": "ConfigMap", "current": "data.color == 'blue'",
                "failed": "data.color != 'blue'", "inProgress": "false"}]}),
        ),
    ]
}

/// Objects that charts render into the other's namespace.
fn by_templates(sides: &Sides) -> Vec<Attempt> {
    let Sides {
        own, other, prize, ..
    } = sides;
    let rbac = |kind: &str, namespace: Value, fields: Value| {
        let metadata = json!({"name": format!("intruder-{own}"), "namespace": namespace});
        let object = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata});
        over(object, &fields)
    };
    let admin = json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "tenant", "namespace": own}]});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "intruder", "namespace": other},
        "stringData": {"password": "mine"}});
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [sides.changed()]});
    let nested = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"name": "intruder", "namespace": other},
        "spec": {"interval": "1h", "chartRef": {"kind": "HelmChart", "name": prize}}});
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "intruders.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "intruders", "kind": "Intruder", "singular": "intruder", "listKind": "IntruderList"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}}]}});
    let try_with = |name, object: &Value| of(sides, name, object, &json!({}), sides.forbidden());
    let for_all =
        |name, object: &Value| of(sides, name, object, &json!({}), sides.forbidden_to_all());
    vec![
        try_with(
            "release-new",
            &config_map(other, "intruder", json!({"a": "b"})),
        ),
        try_with("release-change", &sides.changed()),
        try_with("release-list", &list),
        try_with("release-of-a-release", &nested),
        try_with(
            "release-binding",
            &rbac("RoleBinding", json!(other), admin.clone()),
        ),
        for_all(
            "release-cluster-binding",
            &rbac("ClusterRoleBinding", Value::Null, admin),
        ),
        // What a server says of a Secret is not quoted.
        of(
            sides,
            "release-secret",
            &secret,
            &json!({}),
            words(&["failed for object", &format!("{other}/intruder")]),
        ),
        of(
            sides,
            "release-if-not-theirs",
            &sides.changed(),
            &json!({"install": {"disableTakeOwnership": true}}),
            sides.forbidden(),
        ),
        release(
            sides,
            "release-definition",
            vec![("crds/a.yaml", definition.to_string())],
            &json!({"install": {"crds": "CreateReplace"}}),
            sides.forbidden_to_all(),
        ),
    ]
}

/// Templates that ask the cluster for what is the other's, and show it.
fn by_lookups(sides: &Sides) -> Vec<Attempt> {
    let Sides {
        own, other, prize, ..
    } = sides;
    let shown = |name, call: String, answer| {
        let text = format!("{{{{ fail (printf \"found: %s\" ({call} | toJson)) }}}}");
        template(sides, name, text, &json!({}), answer)
    };
    vec![
        shown(
            "lookup-secret",
            format!("lookup \"v1\" \"Secret\" \"{other}\" \"{prize}\""),
            sides.forbidden(),
        ),
        shown(
            "lookup-map",
            format!("lookup \"v1\" \"ConfigMap\" \"{other}\" \"{prize}\""),
            sides.forbidden(),
        ),
        shown(
            "lookup-of-all",
            "lookup \"v1\" \"Secret\" \"\" \"\"".to_owned(),
            sides.forbidden_to_all(),
        ),
        shown(
            "lookup-release",
            format!("lookup \"helm.toolkit.fluxcd.io/v2\" \"HelmRelease\" \"{other}\" \"{prize}\""),
            sides.forbidden(),
        ),
        shown(
            "lookup-namespace",
            format!("lookup \"v1\" \"Namespace\" \"\" \"{other}\""),
            words(&[&sides.account("tenant"), "namespaces"]),
        ),
        shown(
            "lookup-by-path",
            format!(
                "lookup \"v1\" \"Secret\" \"{own}\" \"{}\"",
                sides.path("secrets")
            ),
            words(&["is not a valid name of a Secret"]),
        ),
    ]
}

/// Hooks and tests in the other's namespace: they create, replace and delete.
fn by_hooks(sides: &Sides) -> Vec<Attempt> {
    let other = &sides.other;
    let hook = |object: Value, event: &str, policy: &str| {
        let notes = json!({"helm.sh/hook": event, "helm.sh/hook-delete-policy": policy});
        noted(object, notes)
    };
    let map = || config_map(other, "intruder", json!({"a": "b"}));
    let try_with =
        |name, object: Value, spec: Value| of(sides, name, &object, &spec, sides.forbidden());
    vec![
        try_with(
            "hook-before",
            hook(map(), "pre-install", "hook-failed"),
            json!({}),
        ),
        try_with(
            "hook-after",
            hook(map(), "post-install", "hook-failed"),
            json!({}),
        ),
        try_with(
            "hook-deletes",
            hook(
                sides.changed(),
                "pre-install",
                "before-hook-creation,hook-failed",
            ),
            json!({}),
        ),
        try_with(
            "hook-tests",
            hook(sides.changed(), "test", "before-hook-creation"),
            json!({"test": {"enable": true, "filters": [{"name": sides.prize}]}}),
        ),
    ]
}

/// Statuses that say the other's release or chart is one's own.
fn by_statuses(sides: &Sides) -> Vec<Attempt> {
    let Sides {
        own, other, prize, ..
    } = sides;
    let map = config_map(own, "harmless", json!({"a": "b"}));
    let snapshot = json!({"name": prize, "namespace": other, "version": 1, "status": "deployed", "chartName": "app",
        "chartVersion": "1.0.0", "configDigest": "sha256:0", "digest": "sha256:0", "apiVersion": "v2",
        "firstDeployed": "2026-01-01T00:00:00Z", "lastDeployed": "2026-01-01T00:00:00Z",
        "action": "install", "testHooks": {}});
    let id = format!("{other}_{prize}__ConfigMap");
    let claim = json!({"history": [snapshot], "storageNamespace": other,
        "inventory": {"entries": [{"id": id, "v": "v1"}]}, "observedGeneration": 1,
        "lastAttemptedReleaseAction": "install"});
    let forge = |name, spec: Value, status: &Value, answer| Attempt {
        status: status.clone(),
        ..of(sides, name, &map, &spec, answer)
    };
    let missing = json!({"chart": null, "chartRef": {"kind": "HelmChart", "name": "none"}});
    let elsewhere =
        json!({"storageNamespace": other, "targetNamespace": other, "releaseName": prize});
    let chart = |name: &str| json!({"helmChart": name});
    let not_found = words(&["HelmChart", "not found"]);
    vec![
        forge("forged-release", json!({}), &claim, sides.forbidden()),
        forge("forged-rollback", elsewhere, &claim, sides.forbidden()),
        forge(
            "forged-chart",
            missing.clone(),
            &chart(&format!("{other}/{other}-{prize}")),
            not_found,
        ),
        forge(
            "forged-chart-by-path",
            missing,
            &chart(&format!("{own}/../../{other}/helmcharts/{other}-{prize}")),
            words(&["is not a valid name of a HelmChart"]),
        ),
    ]
}
