//! `dependsOn`: is everything that must come first ready? (spec A4, step 4)
//!
//! Pure: the dependent and what the mirror knows of the others in, the first thing that is missing out.

use lode_api::conditions::{READY, State};
use lode_api::{Kustomization, Status as _, reasons};
use lode_object::NamespacedName;

use crate::failure::Failure;
use crate::validate::{Checked, Dependency};

/// Says what is not ready, if anything is.
pub(crate) fn check(
    object: &Kustomization,
    checked: &Checked,
    revision: &str,
    find: impl Fn(&NamespacedName) -> Option<std::sync::Arc<Kustomization>>,
) -> Result<(), Failure> {
    for dependency in &checked.dependencies {
        let Some(found) = find(&dependency.name) else {
            let name = &dependency.name.name;
            let text = format!(
                "dependency '{}' not found: kustomizations.kustomize.toolkit.fluxcd.io \"{name}\" not found",
                dependency.name
            );
            return Err(Failure::waiting(reasons::DEPENDENCY_NOT_READY, text));
        };
        if !is_ready(object, dependency, &found) {
            let text = format!("dependency '{}' is not ready", dependency.name);
            return Err(Failure::waiting(reasons::DEPENDENCY_NOT_READY, text));
        }
        // A dependency on the same source must have applied the same revision, or old parts could meet new ones.
        if dependency.ready.is_none()
            && source(object) == source(&found)
            && found.status.last_applied_revision.as_deref() != Some(revision)
        {
            let text = format!(
                "dependency '{}' revision is not up to date",
                dependency.name
            );
            return Err(Failure::waiting(reasons::DEPENDENCY_NOT_READY, text));
        }
    }
    Ok(())
}

fn is_ready(object: &Kustomization, dependency: &Dependency, found: &Kustomization) -> bool {
    if let Some(expr) = &dependency.ready {
        let vars = [("self", &object.to_value()), ("dep", &found.to_value())];
        // An expression that cannot be evaluated yet (a status not written) is not ready; what is no expression was
        // refused before.
        return expr.eval_bool(&vars).unwrap_or(false);
    }
    let settled = found.status.observed_generation() == Some(found.metadata.generation);
    settled && found.status.conditions().is(READY, State::True)
}

fn source(object: &Kustomization) -> (&str, &str, &str) {
    let reference = &object.spec.source_ref;
    let own = &*object.metadata.namespace;
    let namespace = reference.namespace.as_deref().unwrap_or(own);
    (&reference.kind, namespace, &reference.name)
}
