//! `dependsOn`: whether all dependencies are ready.
//!
//! Pure. Input: the dependent and what is known of the others; output: the first dependency that is
//! missing.

use std::sync::Arc;

use lode_api::conditions::{READY, State};
use lode_api::{Kind, Resource, Status as _, reasons};
use lode_cel::Expr;
use lode_object::NamespacedName;

use crate::failure::Failure;

/// One entry of `dependsOn`.
pub struct Dependency {
    /// The dependency, of the dependent's own kind.
    pub name: NamespacedName,
    /// An expression that replaces its `Ready` condition.
    pub ready: Option<Expr>,
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
    for dependency in dependencies {
        let name = &dependency.name;

        let missing = match find(name) {
            None => {
                let names = S::NAMES;
                let kind = format!("{}.{}", names.plural, names.group);
                format!(
                    "dependency '{name}' not found: {kind} \"{}\" not found",
                    name.name
                )
            }
            Some(found) if !is_ready(object, dependency, &found) => {
                format!("dependency '{name}' is not ready")
            }
            Some(found) if dependency.ready.is_none() && !is_current(&found) => {
                format!("dependency '{name}' revision is not up to date")
            }
            Some(_) => continue,
        };
        return Err(Failure::waiting(reasons::DEPENDENCY_NOT_READY, missing));
    }
    Ok(())
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
