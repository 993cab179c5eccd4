//! `healthCheckExprs`: which kinds the user's own expressions speak for.

use std::collections::BTreeMap;

use lode_api::shared::CustomHealthCheck;
use lode_health::{Checks, Exprs, Health};
use lode_object::{GroupVersionKind, Value};

/// Compiled expressions by API group and kind; the empty kind speaks for its whole group.
#[derive(Default)]
pub struct HealthExprs {
    by_kind: BTreeMap<(Box<str>, Box<str>), Checks>,
}

impl HealthExprs {
    /// Compiles the expressions of a specification.
    ///
    /// # Errors
    /// One is no expression, or a kind has two.
    pub fn compile(checks: &[CustomHealthCheck]) -> Result<Self, String> {
        let mut by_kind = BTreeMap::new();
        for (index, check) in checks.iter().enumerate() {
            let exprs = Exprs {
                in_progress: check.in_progress.as_deref(),
                failed: check.failed.as_deref(),
                current: Some(&check.current),
            };
            let at =
                |error: &dyn std::fmt::Display| format!("spec.healthCheckExprs[{index}]: {error}");
            let compiled = Checks::compile(&exprs).map_err(|error| at(&error))?;
            let kind = check.kind.as_deref().unwrap_or_default();
            let GroupVersionKind { group, kind, .. } =
                GroupVersionKind::new(&check.api_version, kind);

            if by_kind.insert((group, kind), compiled).is_some() {
                return Err(at(&"this kind has expressions already"));
            }
        }
        Ok(Self { by_kind })
    }

    /// Returns whether a kind has expressions.
    pub(crate) fn speak_for(&self, gvk: &GroupVersionKind) -> bool {
        self.of(gvk).is_some()
    }

    /// Returns an object's health by the expressions of its kind; in progress when there are none.
    pub(crate) fn evaluate(&self, gvk: &GroupVersionKind, object: &Value) -> Health {
        self.of(gvk)
            .map_or_else(|| Health::absent(false), |checks| checks.evaluate(object))
    }

    fn of(&self, gvk: &GroupVersionKind) -> Option<&Checks> {
        let exact = self.by_kind.get(&(gvk.group.clone(), gvk.kind.clone()));
        exact.or_else(|| self.by_kind.get(&(gvk.group.clone(), "".into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(api_version: &str, kind: Option<&str>) -> CustomHealthCheck {
        CustomHealthCheck {
            api_version: api_version.into(),
            kind: kind.map(Into::into),
            current: "status.ok == true".into(),
            ..CustomHealthCheck::default()
        }
    }

    #[test]
    fn a_group_without_a_kind_speaks_for_all_of_its_kinds() {
        let exprs = HealthExprs::compile(&[check("a.io/v1", None), check("v1", Some("ConfigMap"))])
            .unwrap();
        assert!(exprs.speak_for(&GroupVersionKind::new("a.io/v2", "Any")));
        assert!(exprs.speak_for(&GroupVersionKind::new("v1", "ConfigMap")));
        assert!(!exprs.speak_for(&GroupVersionKind::new("v1", "Secret")));
    }

    #[test]
    fn two_for_one_kind_are_refused() {
        let error =
            HealthExprs::compile(&[check("a.io/v1", Some("A")), check("a.io/v2", Some("A"))])
                .err()
                .unwrap();
        assert!(error.starts_with("spec.healthCheckExprs[1]"), "{error}");
    }
}
