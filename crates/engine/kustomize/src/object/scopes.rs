//! [`Scopes`]: which kinds have no namespace.
//!
//! kustomize decides by group, version and kind: it knows a kind only in the versions of its table,
//! and every other version counts as namespaced, even one that current servers have. An `OpenAPI`
//! document of the build applies to kinds missing from the table as soon as the document is met,
//! also for objects read before it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use crate::object::schema::Schema;

/// Which kinds have no namespace, as known at this point of a build; clones share what they learn.
#[derive(Clone, Default)]
pub(crate) struct Scopes(Arc<OnceLock<Arc<Schema>>>);

/// Returns whether kustomize treats a kind's objects as having no namespace, for a build without a
/// document of its own.
#[must_use]
pub fn is_cluster_scoped(api_version: &str, kind: &str) -> bool {
    builtin(api_version, kind) == Some(Scope::Cluster)
}

impl Scopes {
    /// Takes over a document's scopes; only the first document counts.
    pub(crate) fn learn(&self, schema: &Arc<Schema>) {
        let _ = self.0.set(Arc::clone(schema));
    }

    /// Returns whether a document was taken over.
    pub(crate) fn have_learned(&self) -> bool {
        self.0.get().is_some()
    }

    /// Returns whether a kind's objects have no namespace.
    pub(crate) fn is_cluster(&self, api_version: &str, kind: &str) -> bool {
        if let Some(scope) = builtin(api_version, kind) {
            return scope == Scope::Cluster;
        }
        let gvk = || lode_object::GroupVersionKind::new(api_version, kind);
        self.0.get().and_then(|schema| schema.is_namespaced(&gvk())) == Some(false)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Cluster,
    Namespaced,
}

fn builtin(api_version: &str, kind: &str) -> Option<Scope> {
    // An empty group is the core group, however it is written.
    let api_version = api_version.strip_prefix('/').unwrap_or(api_version);
    BUILTIN.get(&(api_version, kind)).copied()
}

static BUILTIN: LazyLock<HashMap<(&str, &str), Scope>> = LazyLock::new(|| {
    let row = |line: &'static str| {
        let mut words = line.split(' ');
        let scope = match words.next()? {
            "cluster" => Scope::Cluster,
            "namespaced" => Scope::Namespaced,
            _ => return None,
        };
        Some(((words.next()?, words.next()?), scope))
    };
    include_str!("../config/tables/scopes.txt")
        .lines()
        .filter_map(row)
        .collect()
});

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::schema::Beside;

    #[test]
    fn a_kind_is_known_in_the_versions_of_the_table_alone() {
        assert!(is_cluster_scoped("v1", "Namespace") && is_cluster_scoped("/v1", "Namespace"));
        assert!(is_cluster_scoped("storage.k8s.io/v1beta1", "CSINode"));
        assert!(is_cluster_scoped(
            "flowcontrol.apiserver.k8s.io/v1beta1",
            "FlowSchema"
        ));
        for version in ["v1", "v1beta2", "v1beta3"] {
            assert!(
                !is_cluster_scoped(
                    &format!("flowcontrol.apiserver.k8s.io/{version}"),
                    "FlowSchema"
                ),
                "{version}"
            );
        }
        assert!(!is_cluster_scoped(
            "rbac.authorization.k8s.io/v1alpha1",
            "ClusterRole"
        ));
        assert!(
            !is_cluster_scoped("v1", "ConfigMap")
                && !is_cluster_scoped("example.com/v1", "Namespace")
        );
        let count = |of: Scope| BUILTIN.values().filter(|scope| **scope == of).count();
        assert_eq!((count(Scope::Cluster), count(Scope::Namespaced)), (36, 46));
    }

    #[test]
    fn a_document_counts_for_kinds_that_the_table_lacks() {
        let path = |path: &str, group: &str, version: &str, kind: &str| {
            (
                path.to_owned(),
                json!({"get": {"x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind}}}),
            )
        };
        let paths: serde_json::Map<String, serde_json::Value> = [
            path("/apis/apps/v1/deployments", "apps", "v1", "Deployment"),
            path(
                "/apis/example.com/v1/planets",
                "example.com",
                "v1",
                "Planet",
            ),
            path(
                "/apis/example.com/v1/namespaces/{namespace}/moons",
                "example.com",
                "v1",
                "Moon",
            ),
        ]
        .into_iter()
        .collect();
        let document = lode_yaml::Node::from_value(&json!({ "paths": paths }));
        let schema = Arc::new(Schema::with_openapi(&document, Beside::Nothing).unwrap());
        let (scopes, before) = (Scopes::default(), Scopes::default());
        let shared = scopes.clone();
        scopes.learn(&schema);
        assert!(shared.have_learned() && shared.is_cluster("example.com/v1", "Planet"));
        assert!(
            !shared.is_cluster("example.com/v1", "Moon")
                && !shared.is_cluster("apps/v1", "Deployment")
        );
        assert!(!before.is_cluster("example.com/v1", "Planet"));
    }
}
