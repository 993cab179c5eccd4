//! Who requests what: [`User`] and [`Attributes`], and the wording of a refusal.

use std::collections::BTreeMap;

use lode_admit::{Details, Status};

/// The user of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// The name: `jane`, `system:serviceaccount:shop:bot`.
    pub name: String,
    /// Distinguishes users with the same name over time.
    pub uid: String,
    /// The groups, including those of the system.
    pub groups: Vec<String>,
    /// Further attributes of the user.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// The action of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// `get`, `list`, `create`, ….
    pub verb: &'a str,
    /// The target.
    pub target: Target<'a>,
}

/// The target of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// Objects.
    Resource(ResourceAttributes<'a>),
    /// A path of the server without objects: `/version`.
    Path(&'a str),
}

/// The objects of a request; empty fields are not checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResourceAttributes<'a> {
    /// The group; empty for the core.
    pub group: &'a str,
    /// The plural name: `pods`.
    pub resource: &'a str,
    /// `status`, `scale`, ….
    pub subresource: &'a str,
    /// The namespace; empty for the whole cluster.
    pub namespace: &'a str,
    /// The object's name.
    pub name: &'a str,
}

/// Returns the response to a request that is not allowed. The reason, if any, comes at its end.
#[must_use]
pub fn forbidden(user: &User, attributes: &Attributes<'_>, reason: &str) -> Status {
    let why = escaped(&sentence(user, attributes));
    let why = if reason.is_empty() {
        why
    } else {
        format!("{why}: {reason}")
    };
    let Target::Resource(asked) = attributes.target else {
        return refused(&ResourceAttributes::default(), &why);
    };
    refused(&asked, &why)
}

impl User {
    /// Returns a user with a name and without groups.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Returns the same user with more groups.
    #[must_use]
    pub fn with_groups<'g>(mut self, groups: impl IntoIterator<Item = &'g str>) -> Self {
        self.groups.extend(groups.into_iter().map(str::to_owned));
        self
    }

    /// Returns whether the user may do everything, regardless of roles.
    #[must_use]
    pub fn is_privileged(&self) -> bool {
        self.groups.iter().any(|group| group == PRIVILEGED)
    }
}

impl<'a> Attributes<'a> {
    /// Returns an action on objects.
    #[must_use]
    pub fn resource(verb: &'a str, resource: ResourceAttributes<'a>) -> Self {
        Self {
            verb,
            target: Target::Resource(resource),
        }
    }

    /// Returns an action on a path without objects.
    #[must_use]
    pub fn path(verb: &'a str, path: &'a str) -> Self {
        Self {
            verb,
            target: Target::Path(path),
        }
    }

    /// Returns the namespace, or nothing.
    pub(crate) fn namespace(&self) -> &'a str {
        match self.target {
            Target::Resource(asked) => asked.namespace,
            Target::Path(_) => "",
        }
    }
}

/// Returns the response that refuses a request for a resource.
pub(crate) fn refused(asked: &ResourceAttributes<'_>, why: &str) -> Status {
    let qualified = match asked.group {
        "" => asked.resource.to_owned(),
        group => format!("{}.{group}", asked.resource),
    };
    let message = match (&*qualified, asked.name) {
        ("", _) => format!("forbidden: {why}"),
        (resource, "") => format!("{resource} is forbidden: {why}"),
        (resource, name) => format!("{resource} {name:?} is forbidden: {why}"),
    };
    let details = Details {
        name: asked.name.to_owned(),
        group: asked.group.to_owned(),
        kind: asked.resource.to_owned(),
        ..Details::default()
    };
    Status::about(403, "Forbidden", message, details)
}

fn sentence(user: &User, Attributes { verb, target }: &Attributes<'_>) -> String {
    let name = &user.name;
    let asked = match target {
        Target::Path(path) => return format!("User {name:?} cannot {verb} path {path:?}"),
        Target::Resource(asked) => asked,
    };
    let resource = match asked.subresource {
        "" => asked.resource.to_owned(),
        subresource => format!("{}/{subresource}", asked.resource),
    };
    let scope = match asked.namespace {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace {namespace:?}"),
    };
    format!(
        "User {name:?} cannot {verb} resource {resource:?} in API group {:?} {scope}",
        asked.group
    )
}

/// Old browsers interpreted responses as HTML pages.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Members may do everything.
const PRIVILEGED: &str = "system:masters";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_group_subresource_and_scope() {
        let jane = User::new("jane");
        let status = ResourceAttributes {
            group: "apps",
            resource: "deployments",
            subresource: "status",
            ..ResourceAttributes::default()
        };
        let refusal = forbidden(
            &jane,
            &Attributes::resource(
                "patch",
                ResourceAttributes {
                    name: "web",
                    ..status
                },
            ),
            "",
        );
        assert_eq!(
            refusal.message,
            "deployments.apps \"web\" is forbidden: User \"jane\" cannot patch resource \"deployments/status\" in API \
             group \"apps\" at the cluster scope"
        );
        let details = refusal.details.unwrap();
        assert_eq!(
            (&*details.name, &*details.group, &*details.kind),
            ("web", "apps", "deployments")
        );
        let refusal = forbidden(
            &jane,
            &Attributes::resource(
                "list",
                ResourceAttributes {
                    namespace: "x",
                    ..status
                },
            ),
            "RBAC: y",
        );
        assert!(
            refusal.message.ends_with("in the namespace \"x\": RBAC: y"),
            "{}",
            refusal.message
        );
    }

    #[test]
    fn what_a_browser_would_read_as_markup_is_escaped() {
        let refusal = forbidden(&User::new("<b>"), &Attributes::path("get", "/a&b"), "");
        assert_eq!(
            refusal.message,
            "forbidden: User \"&lt;b&gt;\" cannot get path \"/a&amp;b\""
        );
        assert_eq!(refusal.to_value()["details"], serde_json::json!({}));
    }
}
