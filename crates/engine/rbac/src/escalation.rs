//! A user who writes roles and bindings may grant only permissions he holds, or may grant otherwise
//! (`escalate`, `bind`).

use lode_admit::Status;
use serde_json::Value;

use crate::{
    cover::objection,
    policy::{GROUP, Policy, RoleRef},
    request::{Attributes, ResourceAttributes, User, refused},
    rule::{ALL, Rule},
};

/// A role or binding to be written.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    /// `roles`, `clusterroles`, `rolebindings` or `clusterrolebindings`.
    pub resource: &'a str,
    /// The namespace in the path.
    pub namespace: &'a str,
    /// The name in the path; empty when it is created.
    pub name: &'a str,
    /// The new object.
    pub object: &'a Value,
    /// The old object, if it exists.
    pub old: Option<&'a Value>,
}

impl Policy {
    /// Checks whether a user may write an object that grants permissions. Resources other than the
    /// four grant nothing.
    ///
    /// # Errors
    /// He grants permissions he does not hold, or a role that does not exist.
    pub fn may_grant(&self, user: &User, write: &Write<'_>) -> Result<(), Status> {
        if user.is_privileged()
            || write
                .old
                .is_some_and(|old| only_for_collection(write.object, old))
        {
            return Ok(());
        }
        match write.resource {
            "roles" | "clusterroles" => self.may_define(user, write),
            "rolebindings" | "clusterrolebindings" => self.may_bind(user, write),
            _ => Ok(()),
        }
    }

    fn may_define(&self, user: &User, write: &Write<'_>) -> Result<(), Status> {
        let &Write {
            resource,
            namespace,
            name,
            object,
            old,
        } = write;
        if self.has_verb(
            user,
            "escalate",
            ResourceAttributes {
                group: GROUP,
                resource,
                namespace,
                name,
                ..ResourceAttributes::default()
            },
        ) {
            return Ok(());
        }
        self.holds(user, write, &Rule::read_all(&object["rules"]))?;
        let aggregates = |role: &Value| {
            let selectors = role["aggregationRule"]["clusterRoleSelectors"].as_array();
            selectors.is_some_and(|selectors| !selectors.is_empty())
        };
        if resource == "clusterroles" && (aggregates(object) || old.is_some_and(aggregates)) {
            // It can collect any rules, and removing one can leave any rules behind.
            let why = "must have cluster-admin privileges to use the aggregationRule";
            return self
                .holds(user, write, &everything())
                .map_err(|_| write.refused(why));
        }
        Ok(())
    }

    fn may_bind(&self, user: &User, write: &Write<'_>) -> Result<(), Status> {
        let role = RoleRef::read(write.object);
        let namespace = if write.resource == "rolebindings" {
            write.namespace
        } else {
            ""
        };
        let resource = if &*role.kind == "Role" {
            "roles"
        } else {
            "clusterroles"
        };
        let bound = ResourceAttributes {
            group: GROUP,
            resource,
            namespace,
            name: &role.name,
            ..ResourceAttributes::default()
        };
        if self.has_verb(user, "bind", bound) {
            return Ok(());
        }
        self.holds(user, write, self.rules_of(&role, namespace)?)
    }

    fn has_verb(&self, user: &User, verb: &str, resource: ResourceAttributes<'_>) -> bool {
        self.allowed(user, &Attributes::resource(verb, resource))
            .allowed
    }

    fn holds(&self, user: &User, write: &Write<'_>, granted: &[Rule]) -> Result<(), Status> {
        let (held, missing) = self.rules(user, write.namespace);
        match objection(user, &held, granted, &missing) {
            None => Ok(()),
            Some(why) => Err(write.refused(&why)),
        }
    }
}

impl Write<'_> {
    fn refused(&self, why: &str) -> Status {
        let name = self.object["metadata"]["name"].as_str().unwrap_or_default();
        refused(
            &ResourceAttributes {
                group: GROUP,
                resource: self.resource,
                name,
                ..ResourceAttributes::default()
            },
            why,
        )
    }
}

/// Returns whether a change only serves garbage collection: it grants nothing.
fn only_for_collection(object: &Value, old: &Value) -> bool {
    let bare = |object: &Value| {
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            for key in ["ownerReferences", "finalizers", "managedFields"] {
                metadata.remove(key);
            }
        }
        object
    };
    bare(object) == bare(old)
}

/// The rules of a user who may do everything.
fn everything() -> [Rule; 2] {
    let all = || -> Box<[Box<str>]> { [ALL.into()].into() };
    let resources = Rule {
        verbs: all(),
        groups: all(),
        resources: all(),
        ..Rule::default()
    };
    [
        resources,
        Rule {
            verbs: all(),
            paths: all(),
            ..Rule::default()
        },
    ]
}
