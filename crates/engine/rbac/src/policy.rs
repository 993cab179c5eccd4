//! [`Policy`]: roles and bindings, indexed by their subjects.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lode_admit::{Details, Status};
use lode_object::LabelSelector;
use serde_json::Value;

use crate::{
    request::{Attributes, User, forbidden},
    rule::Rule,
};

/// The roles and bindings of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// By namespace and name; those of the whole cluster have an empty namespace.
    roles: Named<Role>,
    bindings: Named<Binding>,
    /// The bindings of each user; a service account is a user.
    users: HashMap<Box<str>, Bound>,
    groups: HashMap<Box<str>, Bound>,
}

/// Whether a request is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is.
    pub allowed: bool,
    /// The binding that allows it; otherwise what was wrong with the existing bindings. Often
    /// empty.
    pub reason: String,
}

/// Things by namespace and name.
type Named<T> = HashMap<Box<str>, BTreeMap<Box<str>, T>>;
/// Names of bindings by namespace.
type Bound = HashMap<Box<str>, BTreeSet<Box<str>>>;

#[derive(Debug, Clone, Default)]
struct Role {
    rules: Vec<Rule>,
    labels: BTreeMap<Box<str>, Box<str>>,
    /// The selectors of roles whose rules it takes over; `None` for a role with its own rules.
    aggregates: Option<Vec<LabelSelector>>,
}

#[derive(Debug, Clone)]
struct Binding {
    role: RoleRef,
    subjects: Box<[Subject]>,
}

/// The role of a binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleRef {
    pub(crate) kind: Box<str>,
    pub(crate) name: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    User(Box<str>),
    Group(Box<str>),
    /// Namespace, name, and the corresponding user name.
    ServiceAccount(Box<str>, Box<str>, Box<str>),
}

impl<'v> FromIterator<&'v Value> for Policy {
    fn from_iter<I: IntoIterator<Item = &'v Value>>(objects: I) -> Self {
        let mut policy = Self::default();
        for object in objects {
            policy.put(object);
        }
        policy
    }
}

impl Policy {
    /// Adds an object, replacing the one with its kind and name. Other kinds are ignored.
    pub fn put(&mut self, object: &Value) {
        let Some((kind, namespace, name)) = identity(object) else {
            return;
        };
        self.remove(object);
        if is_role(kind) {
            self.roles
                .entry(namespace.into())
                .or_default()
                .insert(name.into(), Role::read(object));
        } else {
            self.bind(namespace, name, Binding::read(object, namespace));
        }
    }

    /// Removes the object with this kind, namespace and name.
    pub fn remove(&mut self, object: &Value) {
        let Some((kind, namespace, name)) = identity(object) else {
            return;
        };
        if is_role(kind) {
            take(&mut self.roles, namespace, name);
        } else {
            self.unbind(namespace, name);
        }
    }

    /// Returns whether a user may do something, and why.
    #[must_use]
    pub fn allowed(&self, user: &User, attributes: &Attributes<'_>) -> Decision {
        if user.is_privileged() {
            return Decision {
                allowed: true,
                reason: String::new(),
            };
        }

        let mut missing = Vec::new();
        for (namespace, name, binding) in self.bindings_of(user, attributes.namespace()) {
            match self.rules_of(&binding.role, namespace) {
                Ok(rules) if rules.iter().any(|rule| rule.allows(attributes)) => {
                    return Decision {
                        allowed: true,
                        reason: binding.credit(user, namespace, name),
                    };
                }
                Ok(_) => {}
                Err(error) => missing.push(error.message),
            }
        }

        Decision {
            allowed: false,
            reason: complaint(missing),
        }
    }

    /// Returns the refusal if a user may not do something.
    ///
    /// # Errors
    /// The user may not.
    pub fn authorize(&self, user: &User, attributes: &Attributes<'_>) -> Result<(), Status> {
        let Decision { allowed, reason } = self.allowed(user, attributes);
        if allowed {
            Ok(())
        } else {
            Err(forbidden(user, attributes, &reason))
        }
    }

    /// Returns every rule for a user in a namespace, and the errors of bindings that provide none.
    #[must_use]
    pub fn rules(&self, user: &User, namespace: &str) -> (Vec<&Rule>, Vec<String>) {
        let (mut rules, mut missing) = (Vec::new(), Vec::new());
        for (namespace, _, binding) in self.bindings_of(user, namespace) {
            match self.rules_of(&binding.role, namespace) {
                Ok(found) => rules.extend(found),
                Err(error) => missing.push(error.message),
            }
        }
        (rules, missing)
    }

    /// Returns the cluster roles whose rules differ from those of the roles they aggregate, with
    /// the correct rules. Writing these can make others outdated; nothing is left after as many
    /// rounds as roles build on each other.
    #[must_use]
    pub fn stale_aggregates(&self) -> Vec<(&str, Vec<Rule>)> {
        let Some(roles) = self.roles.get("") else {
            return Vec::new();
        };
        let stale = |name: &str, role: &Role| {
            let wanted = aggregate(roles, name, role.aggregates.as_deref()?);
            (wanted != role.rules).then_some(wanted)
        };
        roles
            .iter()
            .filter_map(|(name, role)| Some((&**name, stale(name, role)?)))
            .collect()
    }

    /// Returns the rules of a binding's role.
    ///
    /// # Errors
    /// There is no such role.
    pub(crate) fn rules_of(&self, role: &RoleRef, namespace: &str) -> Result<&[Rule], Status> {
        let (namespace, resource) = match &*role.kind {
            "Role" => (namespace, "role"),
            "ClusterRole" => ("", "clusterrole"),
            other => {
                return Err(Status::internal(format!(
                    "unsupported role reference kind: {other:?}"
                )));
            }
        };
        let found = self
            .roles
            .get(namespace)
            .and_then(|roles| roles.get(&role.name));
        found
            .map(|role| &*role.rules)
            .ok_or_else(|| no_role(resource, &role.name))
    }

    /// Returns the bindings of a user, those for the whole cluster first.
    fn bindings_of<'p>(
        &'p self,
        user: &User,
        namespace: &str,
    ) -> Vec<(&'p str, &'p str, &'p Binding)> {
        let of_user = self.users.get(&*user.name).into_iter();
        let of_groups = user
            .groups
            .iter()
            .filter_map(|group| self.groups.get(&**group));
        let subjects: Vec<&Bound> = of_user.chain(of_groups).collect();
        let spaces = ["", namespace];
        let spaces = if namespace.is_empty() {
            &spaces[..1]
        } else {
            &spaces[..]
        };
        let mut out = Vec::new();

        for space in spaces {
            let Some((space, bindings)) = self.bindings.get_key_value(*space) else {
                continue;
            };
            let names = subjects
                .iter()
                .filter_map(|bound| bound.get(space))
                .flatten();
            let names: BTreeSet<&str> = names.map(|name| &**name).collect();
            let found = names
                .into_iter()
                .filter_map(|name| bindings.get_key_value(name));
            out.extend(found.map(|(name, binding)| (&**space, &**name, binding)));
        }
        out
    }

    fn bind(&mut self, namespace: &str, name: &str, binding: Binding) {
        for subject in &binding.subjects {
            let (index, subject) = self.index(subject);
            index
                .entry(subject)
                .or_default()
                .entry(namespace.into())
                .or_default()
                .insert(name.into());
        }
        self.bindings
            .entry(namespace.into())
            .or_default()
            .insert(name.into(), binding);
    }

    fn unbind(&mut self, namespace: &str, name: &str) {
        let Some(binding) = take(&mut self.bindings, namespace, name) else {
            return;
        };
        for subject in &binding.subjects {
            let (index, subject) = self.index(subject);
            let Some(bound) = index.get_mut(&subject) else {
                continue;
            };
            bound.entry(namespace.into()).or_default().remove(name);
            bound.retain(|_, names| !names.is_empty());
            if bound.is_empty() {
                index.remove(&subject);
            }
        }
    }

    fn index(&mut self, subject: &Subject) -> (&mut HashMap<Box<str>, Bound>, Box<str>) {
        match subject {
            Subject::User(name) | Subject::ServiceAccount(_, _, name) => {
                (&mut self.users, name.clone())
            }
            Subject::Group(name) => (&mut self.groups, name.clone()),
        }
    }
}

impl Role {
    fn read(role: &Value) -> Self {
        let selectors = role["aggregationRule"]["clusterRoleSelectors"].as_array();
        let labels = role["metadata"]["labels"].as_object().into_iter().flatten();
        Self {
            rules: Rule::read_all(&role["rules"]),
            labels: labels
                .filter_map(|(key, value)| Some((key.as_str().into(), value.as_str()?.into())))
                .collect(),
            // An unreadable selector selects nothing.
            aggregates: selectors.map(|all| {
                all.iter()
                    .filter_map(|own| LabelSelector::from_value(own).ok())
                    .collect()
            }),
        }
    }
}

impl Binding {
    fn read(binding: &Value, namespace: &str) -> Self {
        let subjects = binding["subjects"].as_array().into_iter().flatten();
        Self {
            role: RoleRef::read(binding),
            subjects: subjects
                .filter_map(|subject| Subject::read(subject, namespace))
                .collect(),
        }
    }

    /// Returns the subject through which a user has the binding's permissions.
    fn credit(&self, user: &User, namespace: &str, name: &str) -> String {
        let RoleRef {
            kind: role_kind,
            name: role,
        } = &self.role;
        let subject = self.subjects.iter().find(|subject| subject.is(user));
        let subject = subject.map(Subject::describe).unwrap_or_default();
        let (kind, place) = match namespace {
            "" => ("ClusterRoleBinding", name.to_owned()),
            namespace => ("RoleBinding", format!("{name}/{namespace}")),
        };
        format!("RBAC: allowed by {kind} {place:?} of {role_kind} {role:?} to {subject}")
    }
}

impl RoleRef {
    pub(crate) fn read(binding: &Value) -> Self {
        let text = |key: &str| Box::from(binding["roleRef"][key].as_str().unwrap_or_default());
        Self {
            kind: text("kind"),
            name: text("name"),
        }
    }
}

impl Subject {
    /// Returns `None` for an invalid subject: an unknown kind, or a service account without a
    /// namespace.
    fn read(subject: &Value, namespace: &str) -> Option<Self> {
        let text = |key: &str| subject[key].as_str().filter(|text| !text.is_empty());
        let name = text("name").unwrap_or_default();
        match text("kind")? {
            "User" => Some(Self::User(name.into())),
            "Group" => Some(Self::Group(name.into())),
            "ServiceAccount" => {
                let namespace = text("namespace")
                    .or(Some(namespace).filter(|namespace| !namespace.is_empty()))?;
                let user = format!("{SERVICE_ACCOUNT}{namespace}:{name}");
                Some(Self::ServiceAccount(
                    namespace.into(),
                    name.into(),
                    user.into(),
                ))
            }
            _ => None,
        }
    }

    fn is(&self, user: &User) -> bool {
        match self {
            Self::User(name) | Self::ServiceAccount(_, _, name) => **name == *user.name,
            Self::Group(name) => user.groups.iter().any(|group| **group == **name),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::User(name) => format!("User {name:?}"),
            Self::Group(name) => format!("Group {name:?}"),
            Self::ServiceAccount(namespace, name, _) => {
                format!("ServiceAccount {:?}", format!("{name}/{namespace}"))
            }
        }
    }
}

/// Returns the rules of the selected roles without duplicates, in the order of selectors and names.
fn aggregate(
    roles: &BTreeMap<Box<str>, Role>,
    own: &str,
    selectors: &[LabelSelector],
) -> Vec<Rule> {
    let mut out = Vec::new();
    for selector in selectors {
        let meant =
            |role: &Role| selector.matches(|label| role.labels.get(label).map(|value| &**value));
        let selected = roles
            .iter()
            .filter(|(name, role)| ***name != *own && meant(role));
        for rule in selected.flat_map(|(_, role)| &role.rules) {
            if !out.contains(rule) {
                out.push(rule.clone());
            }
        }
    }
    out
}

/// Returns the errors of bindings without duplicates.
fn complaint(mut missing: Vec<String>) -> String {
    let mut seen = BTreeSet::new();
    missing.retain(|message| seen.insert(message.clone()));
    match &*missing {
        [] => String::new(),
        [only] => format!("RBAC: {only}"),
        several => format!("RBAC: [{}]", several.join(", ")),
    }
}

fn no_role(resource: &str, name: &str) -> Status {
    let details = Details {
        name: name.to_owned(),
        group: GROUP.to_owned(),
        kind: resource.to_owned(),
        ..Details::default()
    };
    Status::about(
        404,
        "NotFound",
        format!("{resource}.{GROUP} {name:?} not found"),
        details,
    )
}

/// Returns kind, namespace and name. A namespaced role or binding without a namespace is ignored:
/// it must not apply to the whole cluster.
fn identity(object: &Value) -> Option<(&str, &str, &str)> {
    let text = |value: &'static str| object["metadata"][value].as_str().unwrap_or_default();
    let kind = object["kind"].as_str()?;
    match kind {
        "Role" | "RoleBinding" => {
            Some((kind, text("namespace"), text("name"))).filter(|found| !found.1.is_empty())
        }
        "ClusterRole" | "ClusterRoleBinding" => Some((kind, "", text("name"))),
        _ => None,
    }
}

fn is_role(kind: &str) -> bool {
    matches!(kind, "Role" | "ClusterRole")
}

fn take<T>(things: &mut Named<T>, namespace: &str, name: &str) -> Option<T> {
    let here = things.get_mut(namespace)?;
    let taken = here.remove(name);
    if here.is_empty() {
        things.remove(namespace);
    }
    taken
}

/// The API group of the four kinds.
pub(crate) const GROUP: &str = "rbac.authorization.k8s.io";
/// The prefix of user names that are service accounts.
pub(crate) const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
