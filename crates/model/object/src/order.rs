//! The order in which objects are applied; deletion uses the reverse (`pkg:ssa/sort.go`, spec A7).

use crate::Id;

/// Kinds applied first, in this order.
const FIRST: [&str; 23] = [
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
/// Kinds applied last, in this order.
const LAST: [&str; 2] = [
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];
const OTHERS: u8 = FIRST.len() as u8;

/// Returns a kind's position in the order; objects of one rank may be written in parallel.
#[must_use]
pub fn rank(kind: &str) -> u8 {
    if let Some(place) = FIRST.iter().position(|first| *first == kind) {
        return place as u8;
    }
    LAST.iter()
        .position(|last| *last == kind)
        .map_or(OTHERS, |place| OTHERS + 1 + place as u8)
}

/// Returns the sort key of the apply order: rank, then group, kind, namespace and name.
#[must_use]
pub fn key(id: &Id) -> (u8, &str, &str, &str, &str) {
    (rank(&id.kind), &id.group, &id.kind, &id.namespace, &id.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_come_first_and_webhooks_last() {
        let mut kinds = [
            "ValidatingWebhookConfiguration",
            "Gadget",
            "Deployment",
            "Secret",
            "Namespace",
        ];
        kinds.sort_by_key(|kind| rank(kind));
        assert_eq!(
            kinds,
            [
                "Namespace",
                "Secret",
                "Deployment",
                "Gadget",
                "ValidatingWebhookConfiguration"
            ]
        );
    }
}
