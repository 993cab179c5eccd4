//! [`Resource`]: the API resource of a kind, and its paths.

use std::fmt::Write as _;

use lode_object::GroupVersionKind;

use crate::error::Error;

/// A kind as one API server serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Group, version, kind.
    pub gvk: GroupVersionKind,
    /// The plural in URLs, for instance `deployments`.
    pub plural: Box<str>,
    /// Whether its objects are namespaced.
    pub namespaced: bool,
}

impl Resource {
    /// Returns a resource that is known without asking the server.
    #[must_use]
    pub fn known(api_version: &str, kind: &str, plural: &str, namespaced: bool) -> Self {
        Self {
            gvk: GroupVersionKind::new(api_version, kind),
            plural: plural.into(),
            namespaced,
        }
    }

    /// Returns where Secrets live.
    #[must_use]
    pub fn secrets() -> Self {
        Self::known("v1", "Secret", "secrets", true)
    }

    /// Returns where `ConfigMap`s live.
    #[must_use]
    pub fn config_maps() -> Self {
        Self::known("v1", "ConfigMap", "configmaps", true)
    }

    /// Returns where Namespaces live.
    #[must_use]
    pub fn namespaces() -> Self {
        Self::known("v1", "Namespace", "namespaces", false)
    }

    /// Returns where `ServiceAccount`s live.
    #[must_use]
    pub fn service_accounts() -> Self {
        Self::known("v1", "ServiceAccount", "serviceaccounts", true)
    }

    /// Returns where Pods live.
    #[must_use]
    pub fn pods() -> Self {
        Self::known("v1", "Pod", "pods", true)
    }

    /// Returns the path of one object, or of the collection if `name` is empty.
    ///
    /// Characters in names that would end or change the path are escaped, so that a hostile name
    /// stays a name.
    #[must_use]
    pub fn path(&self, namespace: &str, name: &str) -> String {
        let mut path = if self.gvk.group.is_empty() {
            format!("/api/{}", self.gvk.version)
        } else {
            format!("/apis/{}/{}", self.gvk.group, self.gvk.version)
        };
        if self.namespaced && !namespace.is_empty() {
            path.push_str("/namespaces/");
            escape(&mut path, namespace);
        }
        path.push('/');
        path.push_str(&self.plural);
        if !name.is_empty() {
            path.push('/');
            escape(&mut path, name);
        }
        path
    }
}

impl Resource {
    /// Returns the path of one object. An empty name would give the path of the collection, and a
    /// call for one object would read, change or delete all of them.
    ///
    /// # Errors
    /// The name or the namespace is not valid in a path.
    pub(crate) fn path_of_one(&self, namespace: &str, name: &str) -> Result<String, Error> {
        let refused = |what: &str, text: &str| {
            let kind = &self.gvk.kind;
            Err(Error::Request(format!(
                "\"{}\" is not a valid {what} of a {kind}",
                text.escape_debug()
            )))
        };
        if name.is_empty() || !is_segment(name) {
            return refused("name", name);
        }
        if !is_segment(namespace) {
            return refused("namespace", namespace);
        }
        Ok(self.path(namespace, name))
    }
}

/// Returns whether a text is valid as a path segment, by the rule of Kubernetes.
fn is_segment(text: &str) -> bool {
    text != "." && text != ".." && !text.contains(['/', '%'])
}

/// Appends text percent-encoded, for a path segment or a query value.
pub(crate) fn escape(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_group_scope_and_name() {
        let pod = Resource::pods();
        assert_eq!(pod.path("a", "b"), "/api/v1/namespaces/a/pods/b");
        assert_eq!(pod.path("", ""), "/api/v1/pods");
        let role = Resource::known(
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            "clusterroles",
            false,
        );
        assert_eq!(
            role.path("ignored", "a:b"),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/a:b"
        );
    }

    #[test]
    fn one_object_is_never_taken_for_all_or_for_another() {
        let pod = Resource::pods();
        assert_eq!(
            pod.path_of_one("a", "b").unwrap(),
            "/api/v1/namespaces/a/pods/b"
        );
        for (namespace, name) in [
            ("a", ""),
            ("a", "."),
            ("a", ".."),
            ("..", "b"),
            ("a", "b/c"),
            ("a", "b%2Fc"),
            ("a/b", "c"),
        ] {
            assert!(
                pod.path_of_one(namespace, name).is_err(),
                "{namespace} {name}"
            );
        }
    }

    #[test]
    fn a_hostile_name_stays_a_name() {
        let pod = Resource::pods();
        assert_eq!(
            pod.path("a/../b", "x?y#z"),
            "/api/v1/namespaces/a%2F..%2Fb/pods/x%3Fy%23z"
        );
    }
}
