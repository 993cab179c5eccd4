//! Rules of kinds, one by one: a valid object, a change of it, and the resulting errors.

use lode_admit::{create, default, update, validate};
use lode_merge::json;
use serde_json::{Value, json};

use crate::strategies::kind;

/// Returns the errors of a valid object with a merge patch applied.
fn created(right: &Value, patch: &Value) -> Vec<String> {
    let mut new = right.clone();
    json::apply_merge_patch(&mut new, patch);
    let kind = kind(
        new["apiVersion"].as_str().unwrap(),
        new["kind"].as_str().unwrap(),
    )
    .unwrap();
    default(&kind, &mut new);
    create::prepare(&kind, &mut new);
    validate::create(&kind, &new)
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Returns the errors of a merge patch to a valid stored object.
fn updated(right: &Value, patch: &Value) -> Vec<String> {
    let kind = kind(
        right["apiVersion"].as_str().unwrap(),
        right["kind"].as_str().unwrap(),
    )
    .unwrap();
    let mut live = right.clone();
    default(&kind, &mut live);
    create::prepare(&kind, &mut live);
    live["metadata"]["resourceVersion"] = "1".into();
    let mut new = live.clone();
    json::apply_merge_patch(&mut new, patch);
    default(&kind, &mut new);
    update::prepare(&kind, "", &live, &mut new);
    validate::update(&kind, "", &live, &new)
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Checks the errors of every case, and that the valid object has none.
fn check(right: &Value, find: fn(&Value, &Value) -> Vec<String>, cases: &[(Value, &[&str])]) {
    assert_eq!(find(right, &json!({})), Vec::<String>::new(), "{right}");
    for (patch, errors) in cases {
        assert_eq!(&find(right, patch), errors, "{patch}");
    }
}

fn pod(container: &Value) -> Value {
    let mut whole = json!({"name": "c", "image": "i"});
    json::apply_merge_patch(&mut whole, container);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "b", "uid": "u"},
        "spec": {"containers": [whole], "volumes": [{"name": "v", "emptyDir": {}}]}})
}

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "b", "uid": "u"},
        "spec": {"selector": {"matchLabels": {"x": "y"}}, "template": {"metadata": {"labels": {"x": "y"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
}

#[test]
fn metadata_is_looked_at_in_every_kind() {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b", "uid": "u"}});
    let long = "x".repeat(300 << 10);
    check(
        &map,
        created,
        &[
            (
                json!({"metadata": {"name": ""}}),
                &["metadata.name: Required value: name or generateName is required"],
            ),
            (
                json!({"metadata": {"namespace": null}}),
                &["metadata.namespace: Required value"],
            ),
            (
                json!({"metadata": {"labels": {"a/b/c": "d"}}}),
                &[
                    "metadata.labels: Invalid value: \"a/b/c\": a valid label key must consist of alphanumeric characters, \
                   '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  \
                   or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an \
                   optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                ],
            ),
            (
                json!({"metadata": {"annotations": {"a": long}}}),
                &["metadata.annotations: Too long: may not be more than 262144 bytes"],
            ),
            (
                json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p"}]}}),
                &["metadata.ownerReferences.uid: Invalid value: \"\": must not be empty"],
            ),
            (
                json!({"metadata": {"finalizers": ["orphan", "foregroundDeletion"]}}),
                &[
                    "metadata.finalizers: Invalid value: [\"orphan\",\"foregroundDeletion\"]: \
                   finalizer orphan and foregroundDeletion cannot be both set",
                ],
            ),
        ],
    );
}

#[test]
fn containers_have_a_name_an_image_and_ports_that_can_be() {
    for (container, errors) in [
        (json!({}), &[][..]),
        (
            json!({"image": ""}),
            &["spec.containers[0].image: Required value"],
        ),
        (
            json!({"ports": [{"containerPort": 0}]}),
            &["spec.containers[0].ports[0].containerPort: Required value"],
        ),
        (
            json!({"ports": [{"containerPort": 70000, "protocol": "X"}]}),
            &[
                "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
                "spec.containers[0].ports[0].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
            ],
        ),
        (
            json!({"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]}),
            &["spec.containers[0].ports[1].name: Duplicate value: \"a\""],
        ),
        (
            json!({"env": [{"value": "x"}]}),
            &["spec.containers[0].env[0].name: Required value"],
        ),
        (
            json!({"env": [{"name": "x", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}),
            &[
                "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty",
            ],
        ),
        (
            json!({"volumeMounts": [{"name": "w", "mountPath": "/x"}]}),
            &["spec.containers[0].volumeMounts[0].name: Not found: \"w\""],
        ),
        (
            json!({"volumeMounts": [{"name": "v", "mountPath": "/x"}, {"name": "v", "mountPath": "/x"}]}),
            &[
                "spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/x\": must be unique",
            ],
        ),
        (
            json!({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}}}),
            &[
                "spec.containers[0].resources.requests: Invalid value: \"2\": \
               must be less than or equal to cpu limit of 1500m",
            ],
        ),
        (
            json!({"livenessProbe": {"periodSeconds": -1}}),
            &[
                "spec.containers[0].livenessProbe: Required value: must specify a handler type",
                "spec.containers[0].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
            ],
        ),
        (
            json!({"readinessProbe": {"httpGet": {"port": "a--b"}}}),
            &[
                "spec.containers[0].readinessProbe.httpGet.port: Invalid value: \"a--b\": \
               must not contain consecutive hyphens",
            ],
        ),
        (
            json!({"imagePullPolicy": "Sometimes"}),
            &[
                "spec.containers[0].imagePullPolicy: Unsupported value: \"Sometimes\": \
               supported values: \"Always\", \"IfNotPresent\", \"Never\"",
            ],
        ),
    ] {
        assert_eq!(created(&pod(&container), &json!({})), errors, "{container}");
    }
}

#[test]
fn pods_have_volumes_of_one_sort_and_places_to_be() {
    check(
        &pod(&json!({})),
        created,
        &[
            (
                json!({"spec": {"containers": []}}),
                &["spec.containers: Required value"],
            ),
            (
                json!({"spec": {"initContainers": [{"name": "c", "image": "i"}]}}),
                &["spec.initContainers[0].name: Duplicate value: \"c\""],
            ),
            (
                json!({"spec": {"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]}}),
                &["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
            ),
            (
                json!({"spec": {"volumes": [{"name": "v", "secret": {"items": [{"key": "k"}]}}]}}),
                &[
                    "spec.volumes[0].secret.secretName: Required value",
                    "spec.volumes[0].secret.items[0].path: Required value",
                ],
            ),
            (
                json!({"spec": {"restartPolicy": "Often"}}),
                &[
                    "spec.restartPolicy: Unsupported value: \"Often\": supported values: \"Always\", \"OnFailure\", \"Never\"",
                ],
            ),
            (
                json!({"spec": {"tolerations": [{"effect": "NoExecute"}]}}),
                &[
                    "spec.tolerations[0].operator: Invalid value: \"\": operator must be Exists when `key` is empty, \
                   which means \"match all values and all keys\"",
                ],
            ),
            (
                json!({"spec": {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "k", "whenUnsatisfiable": "No"}]}}),
                &[
                    "spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: \"No\": \
                   supported values: \"DoNotSchedule\", \"ScheduleAnyway\"",
                ],
            ),
        ],
    );
}

#[test]
fn little_of_a_pod_can_be_changed() {
    let forbidden = "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,\
        `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
        tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
    let container = |more: Value| {
        let mut whole = pod(&more)["spec"]["containers"].clone();
        whole[0]["terminationMessagePath"] = "/dev/termination-log".into();
        json!({"spec": {"containers": whole}})
    };
    check(
        &pod(&json!({})),
        updated,
        &[
            (container(json!({"image": "other:latest"})), &[]),
            (container(json!({"command": ["x"]})), &[forbidden]),
            (json!({"spec": {"nodeName": "n"}}), &[forbidden]),
            (
                json!({"spec": {"containers": []}}),
                &[
                    "spec.containers: Required value",
                    "spec.containers: Forbidden: pod updates may not add or remove containers",
                ],
            ),
            (json!({"spec": {"activeDeadlineSeconds": 5}}), &[]),
            (json!({"metadata": {"labels": {"a": "b"}}}), &[]),
        ],
    );
}

#[test]
fn workloads_know_their_pods() {
    check(
        &deployment(),
        created,
        &[
            (
                json!({"spec": {"selector": null}}),
                &[
                    "spec.selector: Required value",
                    "spec.template.metadata.labels: Invalid value: {\"x\":\"y\"}: `selector` does not match template `labels`",
                ],
            ),
            (
                json!({"spec": {"selector": {"matchLabels": null}}}),
                &["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
            ),
            (
                json!({"spec": {"replicas": -1}}),
                &["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
            ),
            (
                json!({"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}),
                &[
                    "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
                ],
            ),
            (
                json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}}}),
                &[
                    "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may not be 0 when `maxSurge` is 0",
                ],
            ),
            (
                json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": {}}}}),
                &[
                    "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
                ],
            ),
            (
                json!({"spec": {"minReadySeconds": 600}}),
                &[
                    "spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds",
                ],
            ),
        ],
    );
    check(
        &deployment(),
        updated,
        &[
            (
                json!({"spec": {"replicas": 3, "template": {"metadata": {"labels": {"z": "z"}}}}}),
                &[],
            ),
            (
                json!({"spec": {"selector": {"matchLabels": {"z": "z"}}, "template": {"metadata": {"labels": {"z": "z"}}}}}),
                &[
                    "spec.selector: Invalid value: {\"matchLabels\":{\"x\":\"y\",\"z\":\"z\"}}: field is immutable",
                ],
            ),
        ],
    );
}

#[test]
fn stateful_sets_keep_what_names_their_pods() {
    let mut set = deployment();
    json::apply_merge_patch(
        &mut set,
        &json!({"kind": "StatefulSet", "spec": {"serviceName": "s"}}),
    );
    let forbidden = "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
        'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
    check(
        &set,
        updated,
        &[
            (json!({"spec": {"replicas": 2}}), &[]),
            (json!({"spec": {"serviceName": "other"}}), &[forbidden]),
            (
                json!({"spec": {"podManagementPolicy": "Parallel"}}),
                &[forbidden],
            ),
        ],
    );
}

#[test]
fn jobs_end_and_stay_what_they_are() {
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a", "namespace": "b", "uid": "u"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}});
    check(
        &job,
        created,
        &[
            (
                json!({"spec": {"template": {"spec": {"restartPolicy": null}}}}),
                &[
                    "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
                ],
            ),
            (
                json!({"spec": {"completionMode": "Indexed", "parallelism": 1}}),
                &["spec.completions: Required value: when completion mode is Indexed"],
            ),
            (
                json!({"spec": {"manualSelector": true}}),
                &[
                    "spec.selector: Required value",
                    "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
                ],
            ),
        ],
    );
    check(
        &job,
        updated,
        &[
            (json!({"spec": {"parallelism": 2}}), &[]),
            (
                json!({"spec": {"completions": 2}}),
                &["spec.completions: Invalid value: 2: field is immutable"],
            ),
        ],
    );
    let wrong = updated(
        &job,
        &json!({"spec": {"template": {"spec": {"hostNetwork": true}}}}),
    );
    assert!(
        wrong[0].starts_with("spec.template: Invalid value: ")
            && wrong[0].ends_with(": field is immutable")
    );
}

#[test]
fn services_keep_their_address_and_say_their_ports() {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "b", "uid": "u"},
        "spec": {"ports": [{"port": 80}], "clusterIP": "10.0.0.1"}});
    check(
        &service,
        created,
        &[
            (
                json!({"spec": {"ports": null}}),
                &["spec.ports: Required value"],
            ),
            (json!({"spec": {"ports": null, "clusterIP": "None"}}), &[]),
            (
                json!({"spec": {"ports": [{"port": 80, "nodePort": 30000}]}}),
                &["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
            ),
            (
                json!({"spec": {"type": "Other"}}),
                &[
                    "spec.type: Unsupported value: \"Other\": supported values: \
                 \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"",
                ],
            ),
            (
                json!({"spec": {"type": "ExternalName", "clusterIP": null}}),
                &["spec.externalName: Required value"],
            ),
            (
                json!({"spec": {"externalTrafficPolicy": "Local"}}),
                &[
                    "spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for externally-accessible services",
                ],
            ),
        ],
    );
    check(
        &service,
        updated,
        &[
            (json!({"spec": {"clusterIP": null}}), &[]),
            (json!({"spec": {"type": "NodePort"}}), &[]),
            (
                json!({"spec": {"clusterIP": "10.0.0.2"}}),
                &["spec.clusterIPs[0]: Invalid value: [\"10.0.0.2\"]: may not change once set"],
            ),
        ],
    );
}

#[test]
fn claims_and_classes_stay_what_they_are() {
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "a", "namespace": "b", "uid": "u"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}});
    let immutable = "spec: Forbidden: spec is immutable after creation except resources.requests and \
        volumeAttributesClassName for bound claims";
    check(
        &claim,
        created,
        &[
            (
                json!({"spec": {"accessModes": null}}),
                &["spec.accessModes: Required value: at least 1 access mode is required"],
            ),
            (
                json!({"spec": {"resources": null}}),
                &["spec.resources[storage]: Required value"],
            ),
        ],
    );
    check(
        &claim,
        updated,
        &[
            (json!({"spec": {"volumeName": "v"}}), &[]),
            (json!({"spec": {"storageClassName": "fast"}}), &[]),
            (
                json!({"spec": {"accessModes": ["ReadWriteMany"]}}),
                &[immutable],
            ),
            (
                json!({"spec": {"resources": {"requests": {"storage": "3Gi"}}}}),
                &[immutable],
            ),
        ],
    );
    let mut classed = claim;
    classed["spec"]["storageClassName"] = json!("slow");
    check(
        &classed,
        updated,
        &[(json!({"spec": {"storageClassName": "fast"}}), &[immutable])],
    );
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "a", "uid": "u"},
        "provisioner": "x.io/y"});
    check(
        &class,
        updated,
        &[
            (json!({"allowVolumeExpansion": true}), &[]),
            (
                json!({"reclaimPolicy": "Retain"}),
                &["reclaimPolicy: Invalid value: \"Retain\": field is immutable"],
            ),
        ],
    );
}

#[test]
fn bindings_name_a_role_and_who_has_it() {
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "a", "namespace": "b", "uid": "u"}, "roleRef": {"kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "name": "x"}]});
    check(
        &binding,
        created,
        &[
            (
                json!({"roleRef": {"kind": "Other"}}),
                &[
                    "roleRef.kind: Unsupported value: \"Other\": supported values: \"Role\", \"ClusterRole\"",
                ],
            ),
            (
                json!({"subjects": [{"kind": "ServiceAccount", "name": "x", "apiGroup": "v1"}]}),
                &["subjects[0].apiGroup: Unsupported value: \"v1\": supported values: \"\""],
            ),
        ],
    );
    check(
        &binding,
        updated,
        &[
            (json!({"subjects": null}), &[]),
            (
                json!({"roleRef": {"name": "s"}}),
                &[
                    "roleRef: Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\",\"Kind\":\"Role\",\"Name\":\"s\"}: \
               cannot change roleRef",
                ],
            ),
        ],
    );
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "a:b", "namespace": "b", "uid": "u"},
        "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]});
    check(
        &role,
        created,
        &[
            (
                json!({"rules": [{"verbs": [], "nonResourceURLs": ["/x"]}]}),
                &[
                    "rules[0].verbs: Required value: verbs must contain at least one value",
                    "rules[0].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs",
                ],
            ),
            (
                json!({"rules": [{"verbs": ["get"]}]}),
                &[
                    "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
                    "rules[0].resources: Required value: resource rules must supply at least one resource",
                ],
            ),
        ],
    );
}

#[test]
fn ways_in_lead_somewhere() {
    let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "a", "namespace": "b", "uid": "u"},
        "spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}});
    let path = |path: Value| json!({"spec": {"rules": [{"http": {"paths": [path]}}]}});
    check(
        &ingress,
        created,
        &[
            (
                json!({"spec": null}),
                &[
                    "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified",
                ],
            ),
            (
                path(json!({"path": "/", "backend": {}})),
                &[
                    "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified",
                ],
            ),
            (
                path(
                    json!({"path": "x", "pathType": "Prefix", "backend": {"service": {"name": "s"}}}),
                ),
                &[
                    "spec.rules[0].http.paths[0].path: Invalid value: \"x\": must be an absolute path",
                    "spec.rules[0].http.paths[0].backend: Required value: port name or number is required",
                ],
            ),
            (
                json!({"spec": {"rules": [{"host": "10.0.0.1"}]}}),
                &[
                    "spec.rules[0].host: Invalid value: \"10.0.0.1\": must be a DNS name, not an IP address",
                ],
            ),
        ],
    );
}

#[test]
fn numbers_of_pods_have_bounds_that_can_be() {
    let scaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "a", "namespace": "b", "uid": "u"},
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}}});
    check(
        &scaler,
        created,
        &[(
            json!({"spec": {"minReplicas": 5}}),
            &["spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"],
        )],
    );
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "a", "namespace": "b", "uid": "u"}, "spec": {"minAvailable": "50%"}});
    check(
        &budget,
        created,
        &[
            (
                json!({"spec": {"minAvailable": "150%"}}),
                &["spec.minAvailable: Invalid value: \"150%\": must not be greater than 100%"],
            ),
            (
                json!({"spec": {"maxUnavailable": 1}}),
                &[
                    "spec: Invalid value: {\"MinAvailable\":\"50%\",\"Selector\":null,\"MaxUnavailable\":1,\"UnhealthyPodEvictionPolicy\":null}: \
               minAvailable and maxUnavailable cannot be both set",
                ],
            ),
        ],
    );
}

#[test]
fn secrets_hold_what_their_type_says() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "b", "uid": "u"},
        "stringData": {"k": "v"}});
    check(
        &secret,
        created,
        &[
            (
                json!({"type": "kubernetes.io/tls"}),
                &[
                    "data[tls.crt]: Required value",
                    "data[tls.key]: Required value",
                ],
            ),
            (
                json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "hunter2"}}),
                &[
                    "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": must be a JSON object",
                ],
            ),
        ],
    );
}
