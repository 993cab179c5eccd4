//! [`create`] and [`update`]: errors in an object before it is stored, in the words of Kubernetes;
//! [`warnings`]: likely mistakes.
//!
//! Metadata is validated for every kind; further rules are a row for each kind that has rules here.
//! In: objects with their defaults, prepared. Out: every error, in the order in which a server
//! finds them. Left out: rules of custom resources, and rules that rarely catch real mistakes.

mod at;
mod backsteps;
mod claim;
mod config;
mod container;
mod meta;
mod names;
mod network;
mod placement;
mod pod;
mod quantity;
mod rbac;
mod scaling;
mod schedule;
mod service;
mod storage;
mod volume;
mod warn;
mod workload;

use serde_json::Value;

use self::at::{At, Errors};
use crate::{
    custom::validate_definition,
    field_error::FieldError,
    kind::{Kind, Types},
    strategy,
};

/// Returns the errors of a new object.
#[must_use]
pub fn create(kind: &Kind, new: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let new = At::root(new);
    meta::created(
        kind,
        strategy::of(kind),
        &new.child("metadata"),
        &mut errors,
    );
    meta::qualified_finalizers(kind, &new.child("metadata"), &mut errors);
    if let Some(rules) = rules(kind) {
        (rules.object)(&new, &mut errors);
        (rules.new)(&new, &mut errors);
    }
    errors
}

/// Returns the errors of a change of an object through one of its endpoints.
#[must_use]
pub fn update(kind: &Kind, subresource: &str, live: &Value, new: &Value) -> Vec<FieldError> {
    let (live, new) = (At::root(live), At::root(new));
    let mut errors = Vec::new();
    let version = new.child("metadata").child("resourceVersion").is_empty();
    if version && !strategy::of(kind).unconditional_update {
        let place = "metadata.resourceVersion";
        return vec![FieldError::invalid(
            place,
            &0.into(),
            "must be specified for an update",
        )];
    }
    meta::updated(&live.child("metadata"), &new.child("metadata"), &mut errors);
    // A server validates it twice: for every kind, and again with the rules of the kind.
    if kind.is_custom() || meta::again(kind) {
        errors.extend_from_within(..);
    }
    meta::qualified_finalizers(kind, &new.child("metadata"), &mut errors);
    if let Some(rules) = rules(kind).filter(|_| subresource == "status") {
        (rules.status)(&new, &mut errors);
    }
    if let Some(rules) = rules(kind).filter(|_| WHOLE.contains(&subresource)) {
        let mut changed = Vec::new();
        (rules.change)(&live, &new, &mut changed);
        if rules.change_first {
            errors.append(&mut changed);
        }
        (rules.object)(&new, &mut errors);
        errors.append(&mut changed);
    }
    errors
}

/// Returns warnings about a new or changed object: what is allowed but likely a mistake.
#[must_use]
pub fn warnings(kind: &Kind, live: Option<&Value>, object: &Value) -> Vec<String> {
    match kind.types {
        Types::Builtin => warn::of(kind, &At::root(object)),
        Types::Custom(_) => meta::unqualified(live, object),
    }
}

/// The rules of a kind besides those for metadata.
struct KindRules {
    /// For every object.
    object: fn(&At<'_, '_>, &mut Errors),
    /// For a new one.
    new: fn(&At<'_, '_>, &mut Errors),
    /// For a change: the old and the new object.
    change: fn(&At<'_, '_>, &At<'_, '_>, &mut Errors),
    /// For a write through the status endpoint.
    status: fn(&At<'_, '_>, &mut Errors),
    /// Whether errors of the change come before those of the object.
    change_first: bool,
}

fn rules(kind: &Kind) -> Option<&'static KindRules> {
    let of = |(group, kinds, _): &&(&str, &[&str], KindRules)| {
        *group == &*kind.gvk.group && kinds.contains(&&*kind.gvk.kind)
    };
    matches!(kind.types, Types::Builtin)
        .then(|| ROWS.iter().find(of))
        .flatten()
        .map(|(_, _, rules)| rules)
}

/// By group: kinds that share rules, and the rules.
const ROWS: &[(&str, &[&str], KindRules)] = &[
    (
        "",
        &["ConfigMap"],
        KindRules {
            object: config::config_map,
            change: config::config_map_change,
            ..NONE
        },
    ),
    (
        "",
        &["Secret"],
        KindRules {
            object: config::secret,
            change: config::secret_change,
            ..NONE
        },
    ),
    (
        "",
        &["Event"],
        KindRules {
            object: config::event,
            ..NONE
        },
    ),
    (
        "",
        &["PersistentVolume"],
        KindRules {
            object: storage::volume,
            change: storage::volume_change,
            ..NONE
        },
    ),
    (
        "",
        &["PersistentVolumeClaim"],
        KindRules {
            object: claim::claim,
            change: claim::claim_change,
            ..NONE
        },
    ),
    (
        "",
        &["Pod"],
        KindRules {
            object: pod::pod,
            change: pod::change,
            ..NONE
        },
    ),
    (
        "",
        &["PodTemplate"],
        KindRules {
            object: workload::pod_template,
            ..NONE
        },
    ),
    (
        "",
        &["ReplicationController"],
        KindRules {
            object: workload::replication_controller,
            ..NONE
        },
    ),
    (
        "",
        &["Service"],
        KindRules {
            object: service::service,
            change: service::change,
            status: service::status,
            ..NONE
        },
    ),
    (
        "apiextensions.k8s.io",
        &["CustomResourceDefinition"],
        KindRules {
            new: |new, errors| errors.extend(validate_definition(None, new.value)),
            change: |live, new, errors| {
                errors.extend(validate_definition(Some(live.value), new.value));
            },
            ..NONE
        },
    ),
    (
        "apps",
        &["DaemonSet"],
        KindRules {
            object: workload::daemon_set,
            change: workload::selector_stays,
            change_first: true,
            ..NONE
        },
    ),
    (
        "apps",
        &["Deployment"],
        KindRules {
            object: workload::deployment,
            change: workload::selector_stays,
            ..NONE
        },
    ),
    (
        "apps",
        &["ReplicaSet"],
        KindRules {
            object: workload::replica_set,
            change: workload::selector_stays,
            ..NONE
        },
    ),
    (
        "apps",
        &["StatefulSet"],
        KindRules {
            object: workload::stateful_set,
            new: workload::stateful_set_new,
            change: workload::stateful_set_change,
            ..NONE
        },
    ),
    (
        "autoscaling",
        &["HorizontalPodAutoscaler"],
        KindRules {
            object: scaling::autoscaler,
            ..NONE
        },
    ),
    (
        "batch",
        &["CronJob"],
        KindRules {
            object: schedule::cron_job,
            new: schedule::cron_job_new,
            ..NONE
        },
    ),
    (
        "batch",
        &["Job"],
        KindRules {
            object: schedule::job,
            change: schedule::job_change,
            ..NONE
        },
    ),
    (
        "certificates.k8s.io",
        &["CertificateSigningRequest"],
        KindRules {
            new: config::signing_request,
            ..NONE
        },
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        &["FlowSchema"],
        KindRules {
            object: rbac::flow_schema,
            ..NONE
        },
    ),
    (
        "networking.k8s.io",
        &["Ingress"],
        KindRules {
            object: network::ingress,
            ..NONE
        },
    ),
    (
        "networking.k8s.io",
        &["IngressClass"],
        KindRules {
            object: network::ingress_class,
            change: network::ingress_class_change,
            change_first: true,
            ..NONE
        },
    ),
    (
        "networking.k8s.io",
        &["NetworkPolicy"],
        KindRules {
            object: network::policy,
            ..NONE
        },
    ),
    (
        "policy",
        &["PodDisruptionBudget"],
        KindRules {
            object: scaling::disruption_budget,
            ..NONE
        },
    ),
    (
        "rbac.authorization.k8s.io",
        &["Role"],
        KindRules {
            object: rbac::role,
            ..NONE
        },
    ),
    (
        "rbac.authorization.k8s.io",
        &["ClusterRole"],
        KindRules {
            object: rbac::cluster_role,
            ..NONE
        },
    ),
    (
        "rbac.authorization.k8s.io",
        &["RoleBinding"],
        KindRules {
            object: rbac::binding,
            change: rbac::role_stays,
            ..NONE
        },
    ),
    (
        "rbac.authorization.k8s.io",
        &["ClusterRoleBinding"],
        KindRules {
            object: rbac::cluster_binding,
            change: rbac::role_stays,
            ..NONE
        },
    ),
    (
        "scheduling.k8s.io",
        &["PriorityClass"],
        KindRules {
            change: scaling::priority_stays,
            ..NONE
        },
    ),
    (
        "storage.k8s.io",
        &["StorageClass"],
        KindRules {
            object: storage::class,
            change: storage::class_change,
            ..NONE
        },
    ),
];

const NONE: KindRules = KindRules {
    object: |_, _| {},
    new: |_, _| {},
    change: |_, _, _| {},
    status: |_, _| {},
    change_first: false,
};

/// The endpoints that write everything except the status.
const WHOLE: [&str; 2] = ["", "scale"];
