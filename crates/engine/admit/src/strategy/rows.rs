//! The rows: one for each stored resource of Kubernetes 1.36 (facts from `pkg/registry` of
//! `k8s.io/kubernetes` v1.36.4; the reset fields were also read from the reference implementation).

use super::{Generation, NameRule, Scale, Selectable, Strategy};

/// Returns the row of a kind; a kind without one gets the usual treatment.
pub(super) fn of(group: &str, kind: &str) -> &'static Strategy {
    ROWS.iter()
        .find(|(of, kinds, _)| *of == group && kinds.contains(&kind))
        .map_or(&PLAIN, |(_, _, strategy)| strategy)
}

/// Custom resources without a status endpoint.
pub(super) const CUSTOM: Strategy = Strategy {
    generation: Generation::Content(&[]),
    unconditional_update: false,
    ..PLAIN
};

/// Custom resources with a status endpoint.
pub(super) const CUSTOM_WITH_STATUS: Strategy = Strategy {
    generation: Generation::Desired,
    resets: &[("", STATUS), ("status", &["metadata", "spec"])],
    cleared: STATUS,
    ..CUSTOM
};

/// By group: kinds that share a strategy, and the strategy.
const ROWS: &[(&str, &[&str], Strategy)] = &[
    (
        "",
        &["Endpoints", "LimitRange"],
        Strategy {
            create_on_update: true,
            ..PLAIN
        },
    ),
    (
        "",
        &["Event"],
        Strategy {
            create_on_update: true,
            selectable: EVENT,
            ..PLAIN
        },
    ),
    (
        "events.k8s.io",
        &["Event"],
        Strategy {
            create_on_update: true,
            selectable: EVENT_REGARDING,
            ..PLAIN
        },
    ),
    (
        "",
        &["Secret"],
        Strategy {
            selectable: &[field("type", &["type"])],
            ..PLAIN
        },
    ),
    (
        "",
        &["ServiceAccount"],
        Strategy {
            returns_deleted: true,
            ..PLAIN
        },
    ),
    (
        "",
        &["PodTemplate"],
        Strategy {
            generation: Generation::Of(&["template"]),
            returns_deleted: true,
            ..PLAIN
        },
    ),
    (
        "",
        &["Namespace"],
        Strategy {
            returns_deleted: true,
            name: NameRule::Label,
            selectable: &[field("status.phase", &["status.phase"])],
            resets: &[("", STATUS), ("status", SPEC), ("finalize", STATUS)],
            ..STATED
        },
    ),
    (
        "",
        &["Node"],
        Strategy {
            cleared: &[],
            selectable: &[Selectable {
                name: "spec.unschedulable",
                paths: &["spec.unschedulable"],
                otherwise: "false",
            }],
            ..STATED
        },
    ),
    (
        "",
        &["Pod"],
        Strategy {
            graceful_deletion: true,
            returns_deleted: true,
            selectable: POD,
            resets: &[
                ("", STATUS),
                (
                    "status",
                    &[
                        "spec",
                        "metadata.deletionTimestamp",
                        "metadata.ownerReferences",
                    ],
                ),
            ],
            ..TRACKED
        },
    ),
    (
        "",
        &["PersistentVolume", "PersistentVolumeClaim", "ResourceQuota"],
        Strategy {
            returns_deleted: true,
            ..STATED
        },
    ),
    (
        "",
        &["ReplicationController"],
        Strategy {
            selectable: REPLICAS,
            scale: Some(SCALE),
            ..TRACKED
        },
    ),
    (
        "",
        &["Service"],
        Strategy {
            create_on_update: true,
            returns_deleted: true,
            name: NameRule::Label,
            selectable: &[
                field("spec.clusterIP", &["spec.clusterIP"]),
                field("spec.type", &["spec.type"]),
            ],
            ..STATED
        },
    ),
    (
        "admissionregistration.k8s.io",
        &[
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
        ],
        Strategy {
            generation: Generation::Of(&["webhooks"]),
            unconditional_update: false,
            ..PLAIN
        },
    ),
    (
        "admissionregistration.k8s.io",
        &["ValidatingAdmissionPolicy"],
        Strategy {
            unconditional_update: false,
            resets: STATUS_AND_METADATA,
            ..TRACKED
        },
    ),
    (
        "admissionregistration.k8s.io",
        &[
            "ValidatingAdmissionPolicyBinding",
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
        ],
        Strategy {
            generation: Generation::Of(SPEC),
            unconditional_update: false,
            ..PLAIN
        },
    ),
    (
        "apiextensions.k8s.io",
        &["CustomResourceDefinition"],
        Strategy {
            unconditional_update: false,
            resets: STATUS_AND_METADATA,
            ..TRACKED
        },
    ),
    (
        "apiregistration.k8s.io",
        &["APIService"],
        Strategy {
            unconditional_update: false,
            resets: STATUS_AND_METADATA,
            ..STATED
        },
    ),
    (
        "internal.apiserver.k8s.io",
        &["StorageVersion"],
        Strategy {
            unconditional_update: false,
            resets: STATUS_AND_METADATA,
            ..STATED
        },
    ),
    (
        "apps",
        &["Deployment"],
        Strategy {
            generation: Generation::Of(&["spec", "metadata.annotations"]),
            resets: &[("", STATUS), ("status", &["spec", "metadata.labels"])],
            scale: Some(SCALE),
            ..TRACKED
        },
    ),
    (
        "apps",
        &["StatefulSet"],
        Strategy {
            scale: Some(SCALE),
            ..TRACKED
        },
    ),
    (
        "apps",
        &["ReplicaSet"],
        Strategy {
            selectable: REPLICAS,
            scale: Some(SCALE),
            ..TRACKED
        },
    ),
    ("apps", &["DaemonSet"], TRACKED),
    ("autoscaling", &["HorizontalPodAutoscaler"], STATED),
    ("batch", &["CronJob"], TRACKED),
    (
        "batch",
        &["Job"],
        Strategy {
            selectable: &[Selectable {
                name: "status.successful",
                paths: &["status.succeeded"],
                otherwise: "0",
            }],
            ..TRACKED
        },
    ),
    (
        "certificates.k8s.io",
        &["CertificateSigningRequest"],
        Strategy {
            name: NameRule::PathSegment,
            selectable: SIGNER,
            resets: &[
                ("", &["spec", "status"]),
                ("status", &["spec", "status.conditions"]),
                ("approval", &["spec", "status.certificate"]),
            ],
            ..STATED
        },
    ),
    (
        "certificates.k8s.io",
        &["ClusterTrustBundle"],
        Strategy {
            unconditional_update: false,
            selectable: SIGNER,
            ..PLAIN
        },
    ),
    (
        "certificates.k8s.io",
        &["PodCertificateRequest"],
        Strategy {
            unconditional_update: false,
            selectable: &[
                SIGNER[0],
                field("spec.podName", &["spec.podName"]),
                field("spec.nodeName", &["spec.nodeName"]),
            ],
            resets: &[("", &[]), ("status", SPEC)],
            ..STATED
        },
    ),
    (
        "coordination.k8s.io",
        &["Lease", "LeaseCandidate"],
        Strategy {
            create_on_update: true,
            unconditional_update: false,
            ..PLAIN
        },
    ),
    (
        "discovery.k8s.io",
        &["EndpointSlice"],
        Strategy {
            generation: Generation::Content(&["metadata.labels"]),
            ..PLAIN
        },
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        &["FlowSchema", "PriorityLevelConfiguration"],
        Strategy {
            resets: STATUS_AND_METADATA,
            ..TRACKED
        },
    ),
    ("networking.k8s.io", &["Ingress"], TRACKED),
    (
        "networking.k8s.io",
        &["NetworkPolicy", "IngressClass"],
        Strategy {
            generation: Generation::Of(SPEC),
            ..PLAIN
        },
    ),
    (
        "networking.k8s.io",
        &["IPAddress"],
        Strategy {
            name: NameRule::Address,
            ..PLAIN
        },
    ),
    (
        "networking.k8s.io",
        &["ServiceCIDR"],
        Strategy {
            resets: &[("", &[]), ("status", METADATA_AND_SPEC)],
            ..STATED
        },
    ),
    (
        "node.k8s.io",
        &["RuntimeClass"],
        Strategy {
            create_on_update: true,
            unconditional_update: false,
            ..PLAIN
        },
    ),
    (
        "policy",
        &["PodDisruptionBudget"],
        Strategy {
            unconditional_update: false,
            name: NameRule::PathSegment,
            ..TRACKED
        },
    ),
    (
        "rbac.authorization.k8s.io",
        &["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"],
        Strategy {
            create_on_update: true,
            name: NameRule::PathSegment,
            ..PLAIN
        },
    ),
    (
        "resource.k8s.io",
        &["DeviceClass"],
        Strategy {
            generation: Generation::Of(SPEC),
            returns_deleted: true,
            ..PLAIN
        },
    ),
    (
        "resource.k8s.io",
        &["DeviceTaintRule"],
        Strategy {
            returns_deleted: true,
            resets: STATUS_AND_METADATA,
            ..TRACKED
        },
    ),
    (
        "resource.k8s.io",
        &["ResourceClaim"],
        Strategy {
            returns_deleted: true,
            resets: STATUS_AND_METADATA,
            ..STATED
        },
    ),
    (
        "resource.k8s.io",
        &["ResourcePoolStatusRequest"],
        Strategy {
            unconditional_update: false,
            returns_deleted: true,
            resets: STATUS_AND_METADATA,
            ..STATED
        },
    ),
    (
        "resource.k8s.io",
        &["ResourceClaimTemplate"],
        Strategy {
            returns_deleted: true,
            ..PLAIN
        },
    ),
    (
        "resource.k8s.io",
        &["ResourceSlice"],
        Strategy {
            generation: Generation::Of(SPEC),
            returns_deleted: true,
            selectable: &[
                field("spec.driver", &["spec.driver"]),
                field("spec.nodeName", &["spec.nodeName"]),
            ],
            ..PLAIN
        },
    ),
    (
        "scheduling.k8s.io",
        &["PriorityClass"],
        Strategy {
            generation: Generation::Fixed,
            ..PLAIN
        },
    ),
    (
        "scheduling.k8s.io",
        &["PodGroup"],
        Strategy {
            resets: STATUS_AND_METADATA,
            ..STATED
        },
    ),
    (
        "storage.k8s.io",
        &["CSIDriver"],
        Strategy {
            generation: Generation::Late(SPEC),
            unconditional_update: false,
            returns_deleted: true,
            ..PLAIN
        },
    ),
    (
        "storage.k8s.io",
        &["CSINode"],
        Strategy {
            unconditional_update: false,
            returns_deleted: true,
            ..PLAIN
        },
    ),
    (
        "storage.k8s.io",
        &["CSIStorageCapacity"],
        Strategy {
            unconditional_update: false,
            ..PLAIN
        },
    ),
    (
        "storage.k8s.io",
        &["StorageClass", "VolumeAttributesClass"],
        Strategy {
            returns_deleted: true,
            ..PLAIN
        },
    ),
    (
        "storage.k8s.io",
        &["VolumeAttachment"],
        Strategy {
            unconditional_update: false,
            returns_deleted: true,
            resets: STATUS_AND_METADATA,
            ..STATED
        },
    ),
    (
        "storagemigration.k8s.io",
        &["StorageVersionMigration"],
        Strategy {
            unconditional_update: false,
            resets: STATUS_AND_METADATA,
            ..STATED
        },
    ),
];

/// Kinds with neither status nor generation.
const PLAIN: Strategy = Strategy {
    generation: Generation::None,
    create_on_update: false,
    unconditional_update: true,
    graceful_deletion: false,
    returns_deleted: false,
    name: NameRule::Subdomain,
    selectable: &[],
    resets: &[],
    cleared: &[],
    scale: None,
};

/// Kinds with a status endpoint.
const STATED: Strategy = Strategy {
    resets: &[("", STATUS), ("status", SPEC)],
    cleared: STATUS,
    ..PLAIN
};

/// Kinds with a generation too, incremented by changes of the spec.
const TRACKED: Strategy = Strategy {
    generation: Generation::Of(SPEC),
    ..STATED
};

const STATUS: &[&str] = &["status"];
const SPEC: &[&str] = &["spec"];
const METADATA_AND_SPEC: &[&str] = &["metadata", "spec"];
const STATUS_AND_METADATA: &[(&str, &[&str])] = &[("", STATUS), ("status", METADATA_AND_SPEC)];
const SCALE: Scale = Scale {
    spec_replicas: "spec.replicas",
    status_replicas: "status.replicas",
    selector: "spec.selector",
};
const REPLICAS: &[Selectable] = &[Selectable {
    name: "status.replicas",
    paths: &["status.replicas"],
    otherwise: "0",
}];
const SIGNER: &[Selectable] = &[field("spec.signerName", &["spec.signerName"])];
const POD: &[Selectable] = &[
    field("spec.nodeName", &["spec.nodeName"]),
    field("spec.host", &["spec.nodeName"]),
    field("spec.restartPolicy", &["spec.restartPolicy"]),
    field("spec.schedulerName", &["spec.schedulerName"]),
    field("spec.serviceAccountName", &["spec.serviceAccountName"]),
    Selectable {
        name: "spec.hostNetwork",
        paths: &["spec.hostNetwork"],
        otherwise: "false",
    },
    field("status.phase", &["status.phase"]),
    field("status.podIP", &["status.podIP"]),
    field("status.nominatedNodeName", &["status.nominatedNodeName"]),
];
const EVENT: &[Selectable] = &[
    field("involvedObject.kind", &["involvedObject.kind"]),
    field("involvedObject.namespace", &["involvedObject.namespace"]),
    field("involvedObject.name", &["involvedObject.name"]),
    field("involvedObject.uid", &["involvedObject.uid"]),
    field("involvedObject.apiVersion", &["involvedObject.apiVersion"]),
    field(
        "involvedObject.resourceVersion",
        &["involvedObject.resourceVersion"],
    ),
    field("involvedObject.fieldPath", &["involvedObject.fieldPath"]),
    field("reason", &["reason"]),
    field("reportingComponent", &["reportingComponent"]),
    field("source", &["source.component", "reportingComponent"]),
    field("type", &["type"]),
];
const EVENT_REGARDING: &[Selectable] = &[
    field("regarding.kind", &["regarding.kind"]),
    field("regarding.namespace", &["regarding.namespace"]),
    field("regarding.name", &["regarding.name"]),
    field("regarding.uid", &["regarding.uid"]),
    field("regarding.apiVersion", &["regarding.apiVersion"]),
    field("regarding.resourceVersion", &["regarding.resourceVersion"]),
    field("regarding.fieldPath", &["regarding.fieldPath"]),
    field("reason", &["reason"]),
    field("reportingController", &["reportingController"]),
    field("type", &["type"]),
];

const fn field(name: &'static str, paths: &'static [&'static str]) -> Selectable {
    Selectable {
        name,
        paths,
        otherwise: "",
    }
}
