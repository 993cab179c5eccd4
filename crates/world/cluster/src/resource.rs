//! [`Resource`]: where a kind lives on the API server, and the paths that follow.

use std::fmt::Write as _;

use lode_object::GroupVersionKind;

/// A kind as one API server serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Group, version, kind.
    pub gvk: GroupVersionKind,
    /// The word in URLs, for instance `deployments`.
    pub plural: Box<str>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

impl Resource {
    /// Names a resource that is known without asking the server.
    #[must_use]
    pub fn known(api_version: &str, kind: &str, plural: &str, namespaced: bool) -> Self {
        Self { gvk: GroupVersionKind::new(api_version, kind), plural: plural.into(), namespaced }
    }

    /// Returns the path of one object, or of the collection when `name` is empty.
    ///
    /// Names go into the path as they are but for characters that would end or change it, so that a hostile name
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

/// Appends text percent-encoded, for a path segment or a query value.
pub(crate) fn escape(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_group_scope_and_name() {
        let pod = Resource::known("v1", "Pod", "pods", true);
        assert_eq!(pod.path("a", "b"), "/api/v1/namespaces/a/pods/b");
        assert_eq!(pod.path("", ""), "/api/v1/pods");
        let role = Resource::known("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false);
        assert_eq!(role.path("ignored", "a:b"), "/apis/rbac.authorization.k8s.io/v1/clusterroles/a:b");
    }

    #[test]
    fn a_hostile_name_stays_a_name() {
        let pod = Resource::known("v1", "Pod", "pods", true);
        assert_eq!(pod.path("a/../b", "x?y#z"), "/api/v1/namespaces/a%2F..%2Fb/pods/x%3Fy%23z");
    }
}
