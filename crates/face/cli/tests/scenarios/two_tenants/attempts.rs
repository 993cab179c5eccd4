//! What one tenant tries against another, and how it is refused.
//!
//! An attempt is an object of one of the kinds in the tenant's own namespace; the things it names
//! exist only in the other's namespace. Every refusal is checked by some of its words.

use lode_object::Value;
use serde_json::json;

use crate::flow::over;
use crate::manifests::{config_map, noted};

/// The attacker and the victim.
#[derive(Default)]
pub(super) struct Sides {
    /// Namespace of the attacker.
    pub(super) own: String,
    /// Namespace of the victim.
    pub(super) other: String,
    /// Name of the victim's source, Kustomization, Secret, `ConfigMap` and account.
    pub(super) prize: String,
    /// A repository whose credentials only the victim has.
    pub(super) private_url: String,
    /// The artifact of that repository in the status of the victim's source.
    pub(super) artifact: Value,
}

/// One attempt.
pub(super) struct Attempt {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) spec: Value,
    /// Files of its folder in Git.
    pub(super) files: Vec<(&'static str, String)>,
    /// Status that is forged before it is first reconciled.
    pub(super) status: Value,
    /// Words of the refusal.
    pub(super) answer: Vec<String>,
}

/// Returns all attempts.
pub(super) fn all(sides: &Sides) -> Vec<Attempt> {
    let mut all = by_accounts_and_references(sides);
    all.extend(by_health(sides));
    all.extend(by_building(sides));
    all.extend(by_objects_in_git(sides));
    all.extend(by_sources(sides));
    all.extend(by_registries(sides));
    all.extend(by_charts(sides));
    all.extend(by_statuses(sides));
    all
}

impl Sides {
    /// Returns words of the API server's refusal when this tenant's account accesses the other's
    /// namespace.
    pub(super) fn forbidden(&self) -> Vec<String> {
        vec![
            self.account("tenant"),
            format!("in the namespace \"{}\"", self.other),
        ]
    }

    /// Returns words of the refusal at the cluster scope.
    pub(super) fn forbidden_to_all(&self) -> Vec<String> {
        vec![self.account("tenant"), "at the cluster scope".to_owned()]
    }

    /// Returns words of the refusal of what an account does.
    pub(super) fn account(&self, name: &str) -> String {
        format!("User \"system:serviceaccount:{}:{name}\" cannot", self.own)
    }

    /// Returns a name that would lead to the other's object if names were put into URLs unescaped.
    pub(super) fn path(&self, plural: &str) -> String {
        format!("../../{}/{plural}/{}", self.other, self.prize)
    }

    /// Returns the other's `ConfigMap`, changed.
    pub(super) fn changed(&self) -> Value {
        config_map(&self.other, &self.prize, json!({"color": "red"}))
    }
}

fn kustomization(sides: &Sides, name: &'static str, spec: Value, answer: Vec<String>) -> Attempt {
    in_git(
        name,
        &[config_map(&sides.own, name, json!({}))],
        spec,
        answer,
    )
}

fn in_git(name: &'static str, objects: &[Value], spec: Value, answer: Vec<String>) -> Attempt {
    let text = objects
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n---\n");
    let files = vec![("objects.yaml", text + "\n")];
    Attempt {
        name,
        kind: "Kustomization",
        spec,
        files,
        status: Value::Null,
        answer,
    }
}

fn source(name: &'static str, spec: Value, answer: &[&str]) -> Attempt {
    let answer = answer.iter().map(ToString::to_string).collect();
    Attempt {
        name,
        kind: "GitRepository",
        spec,
        files: Vec::new(),
        status: Value::Null,
        answer,
    }
}

fn words(parts: &[&str]) -> Vec<String> {
    parts.iter().map(ToString::to_string).collect()
}

fn by_accounts_and_references(sides: &Sides) -> Vec<Attempt> {
    let Sides {
        own, other, prize, ..
    } = sides;
    let try_with = |name, spec, answer: Vec<String>| kustomization(sides, name, spec, answer);
    let blocked = |what: &str| {
        vec![
            format!("can't access '{what}'"),
            "cross-namespace references".to_owned(),
        ]
    };
    let source = |fields: Value| json!({"sourceRef": over(json!({"kind": "GitRepository", "name": prize}), &fields)});
    let depends = |fields: Value| json!({"dependsOn": [over(json!({"name": prize, "namespace": other}), &fields)]});
    let depends_blocked = || blocked(&format!("Kustomization/{other}/{prize}"));
    let substitute = |kind: &str, name: &str, optional: bool| json!({"postBuild": {"substitute": {"a": "b"}, "substituteFrom": [{"kind": kind, "name": name, "optional": optional}]}});
    let from_path = |kind: &str, plural: &str| substitute(kind, &sides.path(plural), false);
    let kube = |name: &str| json!({"kubeConfig": {"secretRef": {"name": name, "key": "value"}}});
    let no_account = words(&["not a valid name of a service account"]);
    vec![
        try_with(
            "account",
            json!({"serviceAccountName": prize}),
            vec![sides.account(prize)],
        ),
        try_with(
            "account-in-full",
            json!({"serviceAccountName": format!("{other}:{prize}")}),
            no_account.clone(),
        ),
        try_with(
            "account-by-path",
            json!({"serviceAccountName": sides.path("serviceaccounts")}),
            no_account,
        ),
        try_with(
            "source-elsewhere",
            source(json!({"namespace": other})),
            blocked(&format!("GitRepository/{other}/{prize}")),
        ),
        try_with(
            "source-of-a-version",
            source(json!({"namespace": other, "apiVersion": "source.toolkit.fluxcd.io/v1"})),
            blocked(&format!("GitRepository/{other}/{prize}")),
        ),
        try_with(
            "source-by-path",
            source(json!({"name": format!("{other}/{prize}")})),
            words(&["not found"]),
        ),
        try_with(
            "source-of-a-kind",
            source(json!({"kind": "Bucket", "namespace": other})),
            words(&["kind Bucket", "not supported"]),
        ),
        try_with("depends", depends(json!({})), depends_blocked()),
        try_with(
            "depends-to-learn",
            depends(json!({"readyExpr": "dep.spec.path != ''"})),
            depends_blocked(),
        ),
        try_with(
            "depends-by-path",
            depends(json!({"name": format!("{other}/{prize}"), "namespace": own})),
            words(&["not found"]),
        ),
        try_with(
            "variables",
            substitute("Secret", prize, false),
            words(&[&format!("Secret/{prize}"), "not found"]),
        ),
        try_with(
            "variables-of-a-map",
            substitute("ConfigMap", prize, false),
            words(&["ConfigMap/", "not found"]),
        ),
        try_with(
            "variables-by-path",
            from_path("Secret", "secrets"),
            words(&["is not a valid name of a Secret"]),
        ),
        try_with(
            "variables-of-a-map-by-path",
            from_path("ConfigMap", "configmaps"),
            words(&["is not a valid name of a ConfigMap"]),
        ),
        Attempt {
            files: vec![(
                "objects.yaml",
                format!(
                    "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: {own}}}\ndata: {{a: '${{canary}}'}}\n"
                ),
            )],
            ..try_with(
                "variables-if-any",
                substitute("Secret", prize, true),
                words(&["canary", "objects.yaml"]),
            )
        },
        try_with(
            "cluster",
            kube(prize),
            vec![format!("unable to read KubeConfig secret '{own}/{prize}'")],
        ),
        try_with(
            "cluster-by-path",
            kube(&sides.path("secrets")),
            words(&["unable to read KubeConfig secret"]),
        ),
        try_with(
            "cluster-by-map",
            json!({"kubeConfig": {"configMapRef": {"name": prize}}}),
            words(&["spec.kubeConfig.configMapRef", "not supported"]),
        ),
        try_with(
            "keys",
            json!({"decryption": {"provider": "sops", "secretRef": {"name": prize}, "serviceAccountName": prize}}),
            words(&["spec.decryption", "not supported"]),
        ),
    ]
}

fn by_health(sides: &Sides) -> Vec<Attempt> {
    let Sides { other, prize, .. } = sides;
    let check = |kind: &str, exprs: Value| {
        json!({"healthChecks": [{"apiVersion": "v1", "kind": kind, "name": prize, "namespace": other}],
            "healthCheckExprs": exprs})
    };
    let guess = |fields: Value| {
        json!([over(
            json!({"apiVersion": "v1", "kind": "Secret", "current": "true"}),
            &fields
        )])
    };
    let expr = "data.canary.startsWith('Y')";
    let try_with = |name, spec, answer| kustomization(sides, name, spec, answer);
    let namespace =
        json!({"healthChecks": [{"apiVersion": "v1", "kind": "Namespace", "name": other}]});
    vec![
        try_with(
            "health-of-a-secret",
            check("Secret", json!([])),
            sides.forbidden(),
        ),
        try_with(
            "health-of-a-map",
            check("ConfigMap", json!([])),
            sides.forbidden(),
        ),
        try_with(
            "health-by-current",
            check("Secret", guess(json!({"current": expr}))),
            sides.forbidden(),
        ),
        try_with(
            "health-by-failed",
            check("Secret", guess(json!({"failed": expr}))),
            sides.forbidden(),
        ),
        try_with(
            "health-by-progress",
            check("Secret", guess(json!({"inProgress": expr}))),
            sides.forbidden(),
        ),
        try_with(
            "health-of-the-namespace",
            namespace,
            words(&[&sides.account("tenant"), "namespaces"]),
        ),
    ]
}

fn by_building(sides: &Sides) -> Vec<Attempt> {
    let Sides {
        own, other, prize, ..
    } = sides;
    let bare = |name: &str| {
        let mut map = config_map(own, name, json!({"color": "red"}));
        map["metadata"]
            .as_object_mut()
            .expect("metadata is a mapping")
            .remove("namespace");
        map
    };
    let moved = |name, objects: &[Value], spec| in_git(name, objects, spec, sides.forbidden());
    let patch =
        json!([{"op": "replace", "path": "/metadata/namespace", "value": other}]).to_string();
    let target = json!({"group": "", "version": "v1", "kind": "ConfigMap", "namespace": other, "name": prize,
        "labelSelector": "", "annotationSelector": ""});
    let recolor = json!([{"op": "replace", "path": "/data/color", "value": "green"}]).to_string();
    let (half, rest) = prize.split_at(prize.len() / 2);
    let labels = json!({"kustomize.toolkit.fluxcd.io/name": prize, "kustomize.toolkit.fluxcd.io/namespace": other});
    let notes = json!({"kustomize.toolkit.fluxcd.io/prune": "disabled"});
    let ignored = json!([{"paths": ["/data"], "target": target}]);
    let outside = format!("../../{other}/{prize}");
    let kustomized = |name, text: String, answer| Attempt {
        files: vec![
            ("kustomization.yaml", text),
            ("objects.yaml", bare("intruder").to_string()),
        ],
        ..in_git(name, &[], json!({}), answer)
    };
    let escapes = words(&["leaves its root"]);
    vec![
        moved(
            "target-namespace",
            &[bare(prize)],
            json!({"targetNamespace": other}),
        ),
        moved(
            "patched",
            &[config_map(own, "intruder", json!({}))],
            json!({"patches": [{"patch": patch, "target": {"kind": "ConfigMap"}}]}),
        ),
        moved(
            "patch-target",
            &[sides.changed()],
            json!({"patches": [{"patch": recolor, "target": target}]}),
        ),
        moved(
            "prefixed",
            &[config_map(other, rest, json!({}))],
            json!({"namePrefix": half}),
        ),
        moved(
            "suffixed",
            &[config_map(other, half, json!({}))],
            json!({"nameSuffix": rest}),
        ),
        moved(
            "labelled",
            &[sides.changed()],
            json!({"commonMetadata": {"labels": labels}}),
        ),
        moved(
            "annotated",
            &[sides.changed()],
            json!({"commonMetadata": {"annotations": notes}}),
        ),
        moved("ignoring", &[sides.changed()], json!({"ignore": ignored})),
        moved("forced", &[sides.changed()], json!({"force": true})),
        moved(
            "substituted",
            &[config_map("${ns}", "intruder", json!({}))],
            json!({"postBuild": {"substitute": {"ns": other}}}),
        ),
        kustomization(
            sides,
            "path-outside",
            json!({"path": format!("../{outside}")}),
            words(&["is no folder of the source"]),
        ),
        kustomization(
            sides,
            "component-outside",
            json!({"components": [format!("../../{outside}")]}),
            escapes.clone(),
        ),
        kustomized(
            "git-namespace",
            format!("namespace: {other}\nresources: [objects.yaml]\n"),
            sides.forbidden(),
        ),
        kustomized(
            "git-outside",
            format!("resources: [../../../{outside}]\n"),
            escapes,
        ),
        kustomized(
            "git-generator",
            format!("secretGenerator: [{{name: intruder, namespace: {other}, literals: [a=b]}}]\n"),
            sides.forbidden(),
        ),
        kustomized(
            "git-remote",
            format!("resources: ['{}']\n", sides.private_url),
            words(&["is remote"]),
        ),
    ]
}

fn by_objects_in_git(sides: &Sides) -> Vec<Attempt> {
    let Sides {
        own, other, prize, ..
    } = sides;
    let flux = |group: &str, kind: &str, spec: Value| {
        json!({"apiVersion": format!("{group}.toolkit.fluxcd.io/v1"), "kind": kind,
            "metadata": {"name": "intruder", "namespace": other}, "spec": spec})
    };
    let rbac = |kind: &str, namespace: Value, fields: Value| {
        let metadata = json!({"name": format!("intruder-{own}"), "namespace": namespace});
        let object = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata});
        over(object, &fields)
    };
    let admin = json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "tenant", "namespace": own}]});
    let rules = json!({"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}]});
    let note = |key: &str, value: &str| {
        noted(
            sides.changed(),
            json!({format!("kustomize.toolkit.fluxcd.io/{key}"): value}),
        )
    };
    let mut adopted = sides.changed();
    adopted["metadata"]["labels"] = json!({"kustomize.toolkit.fluxcd.io/name": prize, "kustomize.toolkit.fluxcd.io/namespace": other});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": prize, "namespace": other},
        "stringData": {"password": "mine"}});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": prize, "namespace": other}});
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [sides.changed()]});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other, "labels": {"owner": own}}});
    let apply = json!({"interval": "1h", "prune": true, "path": "./", "sourceRef": {"kind": "GitRepository", "name": prize}});
    let fetch = json!({"interval": "1h", "url": sides.private_url, "secretRef": {"name": prize}});
    let try_with = |name, object: Value| in_git(name, &[object], json!({}), sides.forbidden());
    let for_all =
        |name, object: Value| in_git(name, &[object], json!({}), sides.forbidden_to_all());
    vec![
        try_with("git-new", config_map(other, "intruder", json!({}))),
        try_with("git-change", sides.changed()),
        try_with("git-secret", secret),
        try_with("git-account", account),
        try_with("git-adopt", adopted),
        try_with("git-once", note("ssa", "IfNotPresent")),
        try_with("git-merge", note("ssa", "Merge")),
        try_with("git-force", note("force", "enabled")),
        try_with("git-list", list),
        try_with(
            "git-kustomization",
            flux("kustomize", "Kustomization", apply),
        ),
        try_with("git-source", flux("source", "GitRepository", fetch)),
        try_with(
            "git-binding",
            rbac("RoleBinding", json!(other), admin.clone()),
        ),
        for_all(
            "git-cluster-binding",
            rbac("ClusterRoleBinding", Value::Null, admin),
        ),
        for_all("git-cluster-role", rbac("ClusterRole", Value::Null, rules)),
        in_git(
            "git-the-namespace",
            &[namespace],
            json!({}),
            words(&[&sides.account("tenant"), "namespaces"]),
        ),
    ]
}

fn by_sources(sides: &Sides) -> Vec<Attempt> {
    let Sides {
        other,
        prize,
        private_url,
        ..
    } = sides;
    let private = |fields: Value| over(json!({"url": private_url}), &fields);
    let include = |fields: Value| {
        private(
            json!({"url": "", "include": [over(json!({"repository": {"name": prize}}), &fields)]}),
        )
    };
    let by_name = |field: &str, name: &str| private(json!({field: {"name": name}}));
    let artifact = sides.artifact["url"].as_str().unwrap_or_default();
    vec![
        source(
            "include",
            include(json!({})),
            &["include", prize, "not found"],
        ),
        source(
            "include-by-path",
            include(json!({"repository": {"name": format!("{other}/{prize}")}})),
            &["not found"],
        ),
        source(
            "include-from-outside",
            include(json!({"fromPath": format!("../../{other}/{prize}")})),
            &["path of include"],
        ),
        source(
            "include-to-outside",
            include(json!({"toPath": format!("../../{other}/{prize}")})),
            &["path of include"],
        ),
        source("secret", by_name("secretRef", prize), &[prize, "not found"]),
        source(
            "secret-by-path",
            by_name("secretRef", &sides.path("secrets")),
            &["is not a valid name of a Secret"],
        ),
        source(
            "proxy",
            by_name("proxySecretRef", prize),
            &[prize, "not found"],
        ),
        source(
            "proxy-by-path",
            by_name("proxySecretRef", &sides.path("secrets")),
            &["is not a valid name of a Secret"],
        ),
        source(
            "verify",
            private(json!({"url": "", "verify": {"mode": "HEAD", "secretRef": {"name": prize}}})),
            &["signature"],
        ),
        source(
            "source-account",
            private(json!({"provider": "aws", "serviceAccountName": prize})),
            &["spec.provider aws", "not supported"],
        ),
        source(
            "submodules",
            private(json!({"recurseSubmodules": true})),
            &["spec.recurseSubmodules", "not supported"],
        ),
        source("url", private(json!({})), &["authentication"]),
        source(
            "url-of-an-artifact",
            json!({"url": artifact}),
            &["failed to checkout"],
        ),
    ]
}

fn of_kind(kind: &'static str, name: &'static str, spec: Value, answer: &[&str]) -> Attempt {
    Attempt {
        kind,
        ..source(name, spec, answer)
    }
}

fn by_registries(sides: &Sides) -> Vec<Attempt> {
    let prize = &sides.prize;
    let plain = json!({"url": "oci://127.0.0.1:1/app", "insecure": true});
    let attempt = |name, fields: Value, answer: &[&str]| {
        of_kind("OCIRepository", name, over(plain.clone(), &fields), answer)
    };
    let by_name = |field: &str, name: &str| json!({field: {"name": name}});
    let missing = [&**prize, "not found"];
    let no_secret = ["is not a valid name of a Secret"];
    let keys = json!({"provider": "cosign", "secretRef": {"name": prize}, "trustedRootSecretRef": {"name": prize}});
    vec![
        attempt("oci-secret", by_name("secretRef", prize), &missing),
        attempt(
            "oci-secret-by-path",
            by_name("secretRef", &sides.path("secrets")),
            &no_secret,
        ),
        attempt(
            "oci-certificates",
            by_name("certSecretRef", prize),
            &missing,
        ),
        attempt("oci-proxy", by_name("proxySecretRef", prize), &missing),
        attempt(
            "oci-account",
            json!({"serviceAccountName": prize}),
            &missing,
        ),
        attempt(
            "oci-account-by-path",
            json!({"serviceAccountName": sides.path("serviceaccounts")}),
            &["is not a valid name of a ServiceAccount"],
        ),
        attempt(
            "oci-url",
            json!({"url": "oci://169.254.169.254/app"}),
            &["egress to 169.254.169.254"],
        ),
        attempt(
            "oci-verify",
            json!({"verify": keys}),
            &["spec.verify", "not supported"],
        ),
        Attempt {
            status: json!({"artifact": sides.artifact}),
            ..attempt(
                "oci-forged-artifact",
                json!({}),
                &["failed to determine artifact digest"],
            )
        },
    ]
}

fn by_charts(sides: &Sides) -> Vec<Attempt> {
    let Sides {
        own, other, prize, ..
    } = sides;
    let missing = [&**prize, "not found"];
    let repository = |name, fields: Value, answer: &[&str]| {
        let plain = json!({"url": "http://127.0.0.1:1"});
        of_kind("HelmRepository", name, over(plain, &fields), answer)
    };
    let by_name = |field: &str, name: &str| json!({field: {"name": name}});
    let chart = |name, fields: Value, answer: &[&str]| {
        let plain = json!({"chart": "app", "sourceRef": {"kind": "HelmRepository", "name": prize}});
        of_kind("HelmChart", name, over(plain, &fields), answer)
    };
    let of_git = |fields: Value| {
        over(
            json!({"sourceRef": {"kind": "GitRepository", "name": "app"}}),
            &fields,
        )
    };
    let from = |fields: Value| json!({"sourceRef": over(json!({"kind": "HelmRepository", "name": prize}), &fields)});
    let packed = "apiVersion: v2\nname: app\nversion: 1.0.0\n".to_owned();
    vec![
        repository("helm-secret", by_name("secretRef", prize), &missing),
        repository(
            "helm-secret-by-path",
            by_name("secretRef", &sides.path("secrets")),
            &["is not a valid name of a Secret"],
        ),
        repository(
            "helm-certificates",
            by_name("certSecretRef", prize),
            &missing,
        ),
        repository(
            "helm-url",
            json!({"url": "http://169.254.169.254"}),
            &["egress to 169.254.169.254"],
        ),
        Attempt {
            status: json!({"artifact": sides.artifact}),
            ..repository(
                "helm-forged-index",
                json!({}),
                &["failed to fetch Helm repository index"],
            )
        },
        chart("chart-elsewhere", json!({}), &missing),
        chart(
            "chart-by-path",
            from(json!({"name": format!("{other}/{prize}")})),
            &["not found"],
        ),
        chart(
            "chart-of-a-version",
            from(json!({"apiVersion": "source.toolkit.fluxcd.io/v1"})),
            &missing,
        ),
        chart(
            "chart-of-a-kind",
            from(json!({"kind": "GitRepository"})),
            &missing,
        ),
        chart(
            "chart-outside",
            of_git(json!({"chart": format!("../../gitrepository/{other}/{prize}")})),
            &["invalid chart reference", "no such file"],
        ),
        Attempt {
            files: vec![("Chart.yaml", packed)],
            ..chart(
                "chart-values",
                of_git(json!({"chart": format!("{own}/chart-values"),
                    "valuesFiles": [format!("../../gitrepository/{other}/{prize}/a.yaml")]})),
                &["no values file found"],
            )
        },
        chart(
            "chart-verify",
            json!({"verify": {"provider": "cosign", "secretRef": {"name": prize}}}),
            &["spec.verify", "not supported"],
        ),
        Attempt {
            status: json!({"artifact": sides.artifact}),
            ..chart("chart-forged", json!({}), &missing)
        },
    ]
}

fn by_statuses(sides: &Sides) -> Vec<Attempt> {
    let Sides {
        own, other, prize, ..
    } = sides;
    let entries = |ids: &[String]| {
        let entries: Vec<Value> = ids.iter().map(|id| json!({"id": id, "v": "v1"})).collect();
        json!({"inventory": {"entries": entries}})
    };
    let theirs =
        ["ConfigMap", "Secret", "ServiceAccount"].map(|kind| format!("{other}_{prize}__{kind}"));
    let forge = |name, spec, status, answer| Attempt {
        status,
        ..kustomization(sides, name, spec, answer)
    };
    let marked = |name: &str| entries(&[format!("{other}_{name}-of-{own}__ConfigMap")]);
    let included = json!({"includedArtifacts": [sides.artifact],
        "observedInclude": [{"repository": {"name": prize}, "fromPath": "./", "toPath": prize}]});
    vec![
        forge(
            "forged-inventory",
            json!({}),
            entries(&theirs),
            sides.forbidden(),
        ),
        forge(
            "forged-owner",
            json!({}),
            marked("forged-owner"),
            sides.forbidden(),
        ),
        forge(
            "forged-delete",
            json!({"deletionPolicy": "Delete"}),
            marked("forged-delete"),
            sides.forbidden(),
        ),
        forge(
            "forged-namespace",
            json!({"deletionPolicy": "WaitForTermination"}),
            entries(&[format!("_{other}__Namespace")]),
            words(&[&sides.account("tenant"), "namespaces"]),
        ),
        // The source `forged` is suspended, so that nothing corrects its status.
        Attempt {
            status: Value::Null,
            ..kustomization(
                sides,
                "forged-artifact",
                json!({"path": "./", "targetNamespace": own, "sourceRef": {"kind": "GitRepository", "name": "forged"}}),
                words(&["artifact of revision", "cannot be read"]),
            )
        },
        Attempt {
            status: included,
            ..source(
                "forged-included",
                json!({"url": "", "include": [{"repository": {"name": prize}}]}),
                &["include", prize, "not found"],
            )
        },
    ]
}
