//! [`Route`]: the meaning of a path.

/// The meaning of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// Objects.
    Resource(RequestTarget),
    /// The resources of a version; the core group's name is empty.
    Version { group: String, version: String },
    /// The versions of a group.
    Group(String),
    /// The versions of the core group.
    Core,
    /// All groups.
    Groups,
    /// Anything else.
    Other,
}

/// The objects and the part of them that a path names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RequestTarget {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) resource: String,
    /// Empty for cluster scope, and for all namespaces.
    pub(crate) namespace: String,
    /// Empty for a collection.
    pub(crate) name: String,
    pub(crate) subresource: String,
    /// The path begins with `watch`, a deprecated form.
    pub(crate) watch: bool,
}

impl Route {
    /// Parses the path of a URL; `None` if it is not UTF-8 after decoding.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let parts: Vec<String> = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decoded)
            .collect::<Option<_>>()?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();

        Some(match *parts.as_slice() {
            ["api"] => Self::Core,
            ["apis"] => Self::Groups,
            ["apis", group] => Self::Group(group.to_owned()),
            ["api", version] => Self::Version {
                group: String::new(),
                version: version.to_owned(),
            },
            ["apis", group, version] => Self::Version {
                group: group.to_owned(),
                version: version.to_owned(),
            },
            ["api", version, ref rest @ ..] => Self::resource("", version, rest),
            ["apis", group, version, ref rest @ ..] => Self::resource(group, version, rest),
            _ => Self::Other,
        })
    }

    fn resource(group: &str, version: &str, rest: &[&str]) -> Self {
        let (watch, rest) = match rest {
            ["watch", rest @ ..] if !rest.is_empty() => (true, rest),
            rest => (false, rest),
        };
        let (namespace, resource, rest) = match rest {
            // A namespace is itself an object, and these are its subresources.
            ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => {
                ("", rest[0], &rest[1..])
            }
            ["namespaces", namespace, resource, rest @ ..] => (*namespace, *resource, rest),
            [resource, rest @ ..] => ("", *resource, rest),
            [] => ("", "", rest),
        };
        let (name, subresource) = match rest {
            [] => ("", String::new()),
            [name, rest @ ..] => (*name, rest.join("/")),
        };
        Self::Resource(RequestTarget {
            group: group.to_owned(),
            version: version.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource,
            watch,
        })
    }
}

/// Decodes `%XX`.
pub(crate) fn decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = (*first == b'%').then(|| tail.get(..2)).flatten();
        if let Some(byte) =
            hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok())
        {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str) -> RequestTarget {
        match Route::parse(path).unwrap() {
            Route::Resource(target) => target,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn paths_name_objects() {
        let deployments = RequestTarget {
            group: "apps".into(),
            version: "v1".into(),
            resource: "deployments".into(),
            namespace: "shop".into(),
            ..RequestTarget::default()
        };
        assert_eq!(
            target("/apis/apps/v1/namespaces/shop/deployments"),
            deployments
        );
        let status = RequestTarget {
            name: "web".into(),
            subresource: "status".into(),
            ..deployments.clone()
        };
        assert_eq!(
            target("/apis/apps/v1/namespaces/shop/deployments/web/status"),
            status
        );
        assert_eq!(
            target("/apis/apps/v1/watch/namespaces/shop/deployments"),
            RequestTarget {
                watch: true,
                ..deployments
            }
        );
        let role = target("/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Adiscovery");
        assert_eq!(
            (&*role.resource, &*role.name, &*role.namespace),
            ("clusterroles", "system:discovery", "")
        );
    }

    #[test]
    fn a_namespace_is_an_object_and_a_place() {
        let parts = |path: &str| {
            let RequestTarget {
                resource,
                namespace,
                name,
                subresource,
                ..
            } = target(path);
            [resource, namespace, name, subresource].join("|")
        };
        assert_eq!(parts("/api/v1/namespaces"), "namespaces|||");
        assert_eq!(parts("/api/v1/namespaces/shop"), "namespaces||shop|");
        assert_eq!(
            parts("/api/v1/namespaces/shop/finalize"),
            "namespaces||shop|finalize"
        );
        assert_eq!(parts("/api/v1/namespaces/shop/pods"), "pods|shop||");
        assert_eq!(parts("/api/v1/nodes/a/proxy/b/c"), "nodes||a|proxy/b/c");
    }

    #[test]
    fn other_paths_are_about_discovery_or_nothing() {
        assert_eq!(Route::parse("/api"), Some(Route::Core));
        assert_eq!(
            Route::parse("/apis/apps"),
            Some(Route::Group("apps".into()))
        );
        let version = Route::Version {
            group: String::new(),
            version: "v1".into(),
        };
        assert_eq!(Route::parse("/api/v1/"), Some(version));
        assert_eq!(Route::parse("/healthz"), Some(Route::Other));
        assert_eq!(Route::parse("/api/v1/pods/%ff"), None);
        assert_eq!(decoded("100%").as_deref(), Some("100%"));
    }
}
