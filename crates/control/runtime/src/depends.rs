//! `dependsOn`: whether all dependencies are ready.
//!
//! [`first_unmet`] is pure. Input: the dependent and what is known of the others; output: the first dependency that is
//! missing. [`read_elsewhere`] reads what the mirror must not tell.

use std::collections::HashMap;
use std::sync::Arc;

use lode_api::conditions::{READY, State};
use lode_api::{Kind, Resource, Status as _, reasons};
use lode_cel::Expr;
use lode_cluster::Client;
use lode_object::NamespacedName;

use crate::failure::Failure;
use crate::own::Own;

/// One entry of `dependsOn`.
pub struct Dependency {
    /// The dependency, of the dependent's own kind.
    pub name: NamespacedName,
    /// An expression that replaces its `Ready` condition.
    pub ready: Option<Expr>,
}

/// A dependency that keeps its dependent waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unmet<'d> {
    /// The dependency.
    pub name: &'d NamespacedName,
    /// What is missing.
    pub lack: Lack,
}

/// What is missing of a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// It does not exist.
    Absent,
    /// It is not ready.
    NotReady,
    /// The expression that replaces its condition does not hold.
    NotByExpression,
    /// It is ready, and has not done what the dependent needs.
    NotCurrent,
}

/// Checks that all dependencies are ready.
///
/// `is_current` returns whether a ready dependency has done what the dependent needs: one with the
/// same source must have applied the same revision, or old and new parts could be mixed. An
/// expression replaces this check too.
///
/// # Errors
/// The first dependency that is not found or not ready; a change of it wakes the dependent.
pub fn check<S: Kind>(
    object: &Resource<S>,
    dependencies: &[Dependency],
    find: impl Fn(&NamespacedName) -> Option<Arc<Resource<S>>>,
    is_current: impl Fn(&Resource<S>) -> bool,
) -> Result<(), Failure> {
    let Some(Unmet { name, lack }) = first_unmet(object, dependencies, find, is_current) else {
        return Ok(());
    };
    let missing = match lack {
        Lack::Absent => {
            let not_found = not_found::<S>(name);
            format!("dependency '{name}' not found: {not_found}")
        }
        Lack::NotReady | Lack::NotByExpression => format!("dependency '{name}' is not ready"),
        Lack::NotCurrent => format!("dependency '{name}' revision is not up to date"),
    };
    Err(Failure::waiting(reasons::DEPENDENCY_NOT_READY, missing))
}

/// Returns the first dependency that is not found or not ready, by the rules of [`check`].
pub fn first_unmet<'d, S: Kind>(
    object: &Resource<S>,
    dependencies: &'d [Dependency],
    find: impl Fn(&NamespacedName) -> Option<Arc<Resource<S>>>,
    is_current: impl Fn(&Resource<S>) -> bool,
) -> Option<Unmet<'d>> {
    dependencies.iter().find_map(|dependency| {
        let lack = match find(&dependency.name) {
            None => Lack::Absent,
            Some(found) if !is_ready(object, dependency, &found) => match dependency.ready {
                Some(_) => Lack::NotByExpression,
                None => Lack::NotReady,
            },
            Some(found) if dependency.ready.is_none() && !is_current(&found) => Lack::NotCurrent,
            Some(_) => return None,
        };
        let name = &dependency.name;
        Some(Unmet { name, lack })
    })
}

/// What was read of dependencies; `None` is one that does not exist.
pub type ReadDependencies<S> = HashMap<NamespacedName, Option<Arc<Resource<S>>>>;

/// Reads what expressions look into in other namespaces as the account that asks: an expression tells whatever it wants
/// of the whole object. Without an account, and in the dependent's own namespace, nothing is read: the mirror tells.
///
/// # Errors
/// The account may not read one, or the API server could not be asked.
pub async fn read_elsewhere<S>(
    own: &Own<S>,
    client: &Client,
    namespace: &str,
    dependencies: &[Dependency],
) -> Result<ReadDependencies<S>, Failure>
where
    S: Kind<Status: Send + Sync + PartialEq> + Send + Sync + 'static,
{
    let mut read = ReadDependencies::new();
    if client.account().is_none() {
        return Ok(read);
    }

    let elsewhere = |dependency: &&Dependency| {
        dependency.ready.is_some() && &*dependency.name.namespace != namespace
    };
    for Dependency { name, .. } in dependencies.iter().filter(elsewhere) {
        let found = client
            .get(own.resource(), &name.namespace, &name.name)
            .await;
        let found = match found {
            Ok(found) => Resource::parse(&found).ok().map(Arc::new),
            Err(error) if error.is_not_found() => None,
            Err(error) if error.is(403) => {
                let text = format!("can't access '{}/{name}': {error}", S::NAMES.kind);
                return Err(Failure::new(reasons::ACCESS_DENIED, text));
            }
            Err(error) => return Err(error.into()),
        };
        read.insert(name.clone(), found);
    }
    Ok(read)
}

/// Says that an object does not exist, as the API server does.
pub fn not_found<S: Kind>(name: &NamespacedName) -> String {
    let names = S::NAMES;
    format!(
        "{}.{} \"{}\" not found",
        names.plural, names.group, name.name
    )
}

fn is_ready<S: Kind>(object: &Resource<S>, dependency: &Dependency, found: &Resource<S>) -> bool {
    if let Some(expr) = &dependency.ready {
        let vars = [("self", &object.to_value()), ("dep", &found.to_value())];
        // An expression that cannot be evaluated yet (because of a status not written) counts as
        // not ready; invalid expressions were refused before.
        return expr.eval_bool(&vars).unwrap_or(false);
    }
    let settled = found.status.observed_generation() == Some(found.metadata.generation);
    settled && found.status.conditions().is(READY, State::True)
}

#[cfg(test)]
mod tests {
    use lode_api::Kustomization;
    use lode_cel::Limits;
    use serde_json::json;

    use super::*;

    fn object(name: &str, observed: i64, ready: &str) -> Kustomization {
        let status = json!({
            "observedGeneration": observed,
            "conditions": [{"type": "Ready", "status": ready, "reason": "X", "message": ""}],
        });
        let metadata = json!({"name": name, "namespace": "ns", "generation": 2});
        Kustomization::parse(&json!({"metadata": metadata, "status": status})).unwrap()
    }

    /// Checks an object that depends on `db`.
    fn checked(found: Option<Kustomization>, ready: Option<&str>, is_current: bool) -> String {
        let ready = ready.map(|text| Expr::compile(text, Limits::default()).unwrap());
        let dependencies = [Dependency {
            name: NamespacedName::new("ns", "db"),
            ready,
        }];
        let found = found.map(Arc::new);
        let end = check(
            &object("app", 2, "True"),
            &dependencies,
            |_| found.clone(),
            |_| is_current,
        );
        end.err().map(|failure| failure.message).unwrap_or_default()
    }

    #[test]
    fn what_is_missing_is_known_by_its_kind() {
        let lack = |found: Option<Kustomization>, ready: Option<&str>| {
            let ready = ready.map(|text| Expr::compile(text, Limits::default()).unwrap());
            let dependencies = [Dependency {
                name: NamespacedName::new("ns", "db"),
                ready,
            }];
            let (object, found) = (object("app", 2, "True"), found.map(Arc::new));
            let unmet = first_unmet(&object, &dependencies, |_| found.clone(), |_| true);
            unmet.map(|unmet| unmet.lack)
        };
        assert_eq!(lack(None, None), Some(Lack::Absent));
        assert_eq!(
            lack(Some(object("db", 2, "False")), None),
            Some(Lack::NotReady)
        );
        let never = Some("false");
        assert_eq!(
            lack(Some(object("db", 2, "True")), never),
            Some(Lack::NotByExpression)
        );
        assert_eq!(lack(Some(object("db", 2, "True")), None), None);
    }

    #[test]
    fn a_dependency_must_be_there_ready_and_current() {
        assert_eq!(checked(Some(object("db", 2, "True")), None, true), "");
        let missing = "dependency 'ns/db' not found: kustomizations.kustomize.toolkit.fluxcd.io \"db\" not found";
        assert_eq!(checked(None, None, true), missing);
        let not_ready = "dependency 'ns/db' is not ready";
        assert_eq!(
            checked(Some(object("db", 2, "False")), None, true),
            not_ready
        );
        assert_eq!(
            checked(Some(object("db", 1, "True")), None, true),
            not_ready,
            "of an older generation"
        );
        let old = "dependency 'ns/db' revision is not up to date";
        assert_eq!(checked(Some(object("db", 2, "True")), None, false), old);
    }

    #[test]
    fn an_expression_speaks_for_itself() {
        let ready = Some("dep.metadata.name == 'db' && self.metadata.name == 'app'");
        assert_eq!(checked(Some(object("db", 1, "False")), ready, false), "");
        let unreadable = Some("dep.status.nothing.here == 1");
        assert_eq!(
            checked(Some(object("db", 2, "True")), unreadable, true),
            "dependency 'ns/db' is not ready"
        );
    }

    #[test]
    fn the_first_dependency_that_is_missing_is_named() {
        let ready = Arc::new(object("db", 2, "True"));
        let names = ["db", "queue", "cache"].map(|name| Dependency {
            name: NamespacedName::new("ns", name),
            ready: None,
        });
        let find = |name: &NamespacedName| (&*name.name == "db").then(|| ready.clone());
        let failure = check(&object("app", 2, "True"), &names, find, |_| true).unwrap_err();
        assert!(
            failure.message.starts_with("dependency 'ns/queue'"),
            "{failure}"
        );
        let none = check(&object("app", 2, "True"), &[], find, |_| false);
        assert_eq!(none, Ok(()), "nothing to wait for");
    }

    #[test]
    fn to_wait_for_a_dependency_is_quiet_and_ends_with_its_change() {
        let dependencies = [Dependency {
            name: NamespacedName::new("ns", "db"),
            ready: None,
        }];
        let failure = check(&object("app", 2, "True"), &dependencies, |_| None, |_| true);
        let failure = failure.unwrap_err();
        assert!(failure.quiet);
        assert_eq!(failure.reason, reasons::DEPENDENCY_NOT_READY);
        assert_eq!(failure.retry, crate::Retry::Wait);
    }

    #[test]
    fn an_expression_sees_the_status_of_the_dependency() {
        let ready =
            Some("dep.status.conditions.exists(c, c.type == 'Ready' && c.status == 'False')");
        let broken = object("db", 1, "False");
        assert_eq!(checked(Some(broken), ready, false), "");
        let fine = object("db", 2, "True");
        assert_eq!(
            checked(Some(fine), ready, false),
            "dependency 'ns/db' is not ready"
        );
    }
}
