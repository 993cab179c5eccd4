//! Checks a specification before anything is done with it.
//!
//! Pure: spec in, [`CheckedRelease`] or the one [`Failure`] that ends it out. A field of the contract that is not built
//! yet ends it too: an ignored field can do harm.

use std::sync::Arc;
use std::time::Duration;

use lode_api::helm_release::DriftDetectionMode;
use lode_api::helm_release::action::{
    Install, Rollback, ServerSideApply, Test, Uninstall, Upgrade,
};
use lode_api::{FieldError, HelmRelease, Kind as _, kinds, reasons};
use lode_apply::Rule;
use lode_cel::{Expr, Limits};
use lode_deliver::{DriftMode, HealthExprs};
use lode_object::{NamespacedName, Selector};
use lode_runtime::{Dependency, Failure, Use};

use crate::acting::hook_exprs;
use crate::names::chart_object;
use crate::options::HelmReleaseOptions;
use crate::standing::Step;

/// A specification that can be acted on.
pub(crate) struct CheckedRelease {
    pub(crate) interval: Duration,
    /// Where the chart is: the object that is created for it, or the one that is named.
    pub(crate) source: Use,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) drift: DriftMode,
    timeouts: Timeouts,
}

/// How long the steps of each action may take.
struct Timeouts {
    general: Duration,
    install: Option<Duration>,
    upgrade: Option<Duration>,
    test: Option<Duration>,
    rollback: Option<Duration>,
    uninstall: Option<Duration>,
}

impl CheckedRelease {
    /// Returns how long a step may take.
    pub(crate) fn timeout(&self, step: Step) -> Duration {
        let Timeouts {
            general,
            install,
            upgrade,
            test,
            rollback,
            uninstall,
        } = &self.timeouts;
        let own = match step {
            Step::Install => install,
            Step::Upgrade => upgrade,
            Step::Test => test,
            Step::Rollback => rollback,
            Step::Uninstall => uninstall,
            Step::Unlock => &None,
        };
        own.unwrap_or(*general)
    }
}

/// What of a specification is needed to look at objects.
pub(crate) struct CheckedHealth {
    pub(crate) rules: Vec<Rule>,
    pub(crate) exprs: Arc<HealthExprs>,
    pub(crate) hook_exprs: Arc<HealthExprs>,
}

/// A part of the contract is not built yet. It is never ignored.
fn unsupported(what: &str) -> Failure {
    let text = format!(
        "{what} is not supported yet; nothing was released, because ignoring it could do harm"
    );
    Failure::terminal(reasons::UNSUPPORTED, text)
}

/// Checks one release.
pub(crate) fn validate(
    object: &HelmRelease,
    options: &HelmReleaseOptions,
) -> Result<CheckedRelease, Failure> {
    let spec = &object.spec;
    if spec.kube_config.is_some() {
        return Err(unsupported("spec.kubeConfig"));
    }
    let chart = spec.chart.as_deref();
    if chart.is_some_and(|chart| chart.spec.verify.is_some()) {
        return Err(unsupported("spec.chart.spec.verify"));
    }
    refuse_client_side(object)?;
    let detection = spec.drift_detection_mode().map_err(|error| field(&error))?;
    spec.post_render_strategy().map_err(|error| field(&error))?;
    spec.wait_strategy().map_err(|error| field(&error))?;
    let (install, upgrade) = (spec.install.as_deref(), spec.upgrade.as_deref());
    let (test, rollback) = (spec.test.as_deref(), spec.rollback.as_deref());
    let uninstall = spec.uninstall.as_deref();
    if let Some(install) = install {
        install
            .crds()
            .and(install.retry().map(drop_retry))
            .map_err(|error| field(&error))?;
    }
    if let Some(upgrade) = upgrade {
        upgrade
            .crds()
            .and(upgrade.retry().map(drop_retry))
            .map_err(|error| field(&error))?;
        upgrade.chart_name_change().map_err(|error| field(&error))?;
        if let Some(remediation) = upgrade.remediation.as_deref() {
            remediation.strategy().map_err(|error| field(&error))?;
        }
    }
    if let Some(uninstall) = uninstall {
        uninstall
            .deletion_propagation()
            .map_err(|error| field(&error))?;
    }
    Ok(CheckedRelease {
        interval: spec.interval().map_err(|error| field(&error))?,
        source: source(object, options)?,
        dependencies: dependencies(object, options)?,
        drift: match detection {
            DriftDetectionMode::Enabled => DriftMode::Correct,
            DriftDetectionMode::Warn => DriftMode::Warn,
            DriftDetectionMode::Disabled => DriftMode::Ignore,
        },
        timeouts: Timeouts {
            general: spec.timeout().map_err(|error| field(&error))?,
            install: install
                .map_or(Ok(None), Install::timeout)
                .map_err(|error| field(&error))?,
            upgrade: upgrade
                .map_or(Ok(None), Upgrade::timeout)
                .map_err(|error| field(&error))?,
            test: test
                .map_or(Ok(None), Test::timeout)
                .map_err(|error| field(&error))?,
            rollback: rollback
                .map_or(Ok(None), Rollback::timeout)
                .map_err(|error| field(&error))?,
            uninstall: uninstall
                .map_or(Ok(None), Uninstall::timeout)
                .map_err(|error| field(&error))?,
        },
    })
}

fn field(error: &FieldError) -> Failure {
    Failure::terminal(reasons::FAILED, error.to_string())
}

fn drop_retry(_: Option<Duration>) {}

/// Refuses what can only be done without server-side apply.
fn refuse_client_side(object: &HelmRelease) -> Result<(), Failure> {
    let spec = &object.spec;
    let install = spec.install.as_deref();
    if install.is_some_and(|install| install.server_side_apply == Some(false)) {
        return Err(unsupported("spec.install.serverSideApply: false"));
    }
    let upgrade = spec.upgrade.as_deref();
    let upgrade = upgrade.map_or(Ok(ServerSideApply::Auto), Upgrade::server_side_apply);
    let rollback = spec.rollback.as_deref();
    let rollback = rollback.map_or(Ok(ServerSideApply::Auto), Rollback::server_side_apply);
    for (action, mode) in [("upgrade", upgrade), ("rollback", rollback)] {
        if mode.map_err(|error| field(&error))? == ServerSideApply::Disabled {
            return Err(unsupported(&format!(
                "spec.{action}.serverSideApply: disabled"
            )));
        }
    }
    Ok(())
}

/// Checks what is needed to look at objects.
pub(crate) fn health(object: &HelmRelease) -> Result<CheckedHealth, Failure> {
    let own = &object.spec.health_check_exprs;
    let compiled = HealthExprs::compile(own).map_err(|error| cel(&error))?;
    Ok(CheckedHealth {
        rules: rules(object)?,
        exprs: Arc::new(compiled),
        hook_exprs: Arc::new(hook_exprs(own).map_err(|error| cel(&error))?),
    })
}

/// Returns where the chart of a release is.
pub(crate) fn source(object: &HelmRelease, options: &HelmReleaseOptions) -> Result<Use, Failure> {
    let own = &*object.metadata.namespace;
    let used = match (chart_object(object), object.spec.chart_ref.as_deref()) {
        (Some(name), None) => Use::new(CHART, name),
        (None, Some(reference)) => {
            let namespace = reference
                .namespace
                .as_deref()
                .filter(|name| !name.is_empty());
            let name = NamespacedName::new(namespace.unwrap_or(own), &reference.name);
            Use::new(&reference.kind, name)
        }
        _ => {
            let text = "either chart or chartRef must be set";
            return Err(Failure::terminal(reasons::FAILED, text));
        }
    };
    if kinds::source(&used.kind).is_none() {
        return Err(unsupported(&format!(
            "a chart from a source of kind {}",
            used.kind
        )));
    }
    if options.no_cross_namespace_refs && *used.name.namespace != *own {
        return Err(denied(&used.kind, &used.name));
    }
    Ok(used)
}

/// The kind that is created for a chart template.
pub(crate) const CHART: &str = lode_api::helm_chart::Spec::NAMES.kind;

fn denied(kind: &str, name: &NamespacedName) -> Failure {
    let text =
        format!("can't access '{kind}/{name}', cross-namespace references have been blocked");
    Failure::terminal(reasons::ACCESS_DENIED, text)
}

fn dependencies(
    object: &HelmRelease,
    options: &HelmReleaseOptions,
) -> Result<Vec<Dependency>, Failure> {
    let own = &object.metadata.namespace;
    let one = |dependency: &lode_api::shared::DependencyReference| {
        let namespace = dependency.namespace.as_deref().unwrap_or(own);
        let name = NamespacedName::new(namespace, &dependency.name);
        if options.no_cross_namespace_refs && namespace != &**own {
            return Err(denied(lode_api::helm_release::Spec::NAMES.kind, &name));
        }
        let compile = |text: &str| Expr::compile(text, Limits::default());
        let ready = dependency.ready_expr.as_deref().map(compile).transpose();
        let ready = ready.map_err(|error| {
            cel(&format!(
                "failed to evaluate dependency {}: {error}",
                name.name
            ))
        })?;
        Ok(Dependency { name, ready })
    };
    object.spec.depends_on.iter().map(one).collect()
}

fn rules(object: &HelmRelease) -> Result<Vec<Rule>, Failure> {
    let one = |(index, rule): (usize, &lode_api::shared::IgnoreRule)| {
        let selector = rule.target.as_deref().map(Selector::from);
        let paths: Vec<String> = rule.paths.iter().map(ToString::to_string).collect();
        let rule = Rule::new(index, &selector.unwrap_or_default(), &paths);
        rule.map_err(|error| Failure::terminal(reasons::FAILED, error.to_string()))
    };
    let ignore = object.spec.drift_detection.iter().flat_map(|it| &it.ignore);
    ignore.enumerate().map(one).collect()
}

fn cel(error: &str) -> Failure {
    Failure::terminal(
        reasons::INVALID_CEL_EXPRESSION,
        format!("Reconciliation failed terminally due to configuration error: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn checked(more: &Value) -> Result<CheckedRelease, Failure> {
        let source = json!({"kind": "HelmRepository", "name": "r", "namespace": "flux-system"});
        let mut spec =
            json!({"interval": "1m", "chart": {"spec": {"chart": "a", "sourceRef": source}}});
        for (key, value) in more.as_object().unwrap() {
            spec[key] = value.clone();
        }
        let metadata = json!({"name": "web", "namespace": "team"});
        let object = HelmRelease::parse(&json!({"metadata": metadata, "spec": spec})).unwrap();
        let options = HelmReleaseOptions {
            no_cross_namespace_refs: more.get("locked").is_some(),
            ..HelmReleaseOptions::default()
        };
        validate(&object, &options)
    }

    #[test]
    fn each_step_has_its_own_time_or_that_of_the_release() {
        let more = json!({"timeout": "1m", "upgrade": {"timeout": "2m"}});
        let Ok(checked) = checked(&more) else {
            panic!("it can be acted on")
        };
        assert_eq!(checked.timeout(Step::Install), Duration::from_mins(1));
        assert_eq!(checked.timeout(Step::Upgrade), Duration::from_mins(2));
        let name = NamespacedName::new("flux-system", "team-web");
        assert_eq!(checked.source, Use::new(CHART, name));
    }

    #[test]
    fn what_is_not_built_yet_is_refused_by_name() {
        for (more, word) in [
            (
                json!({"kubeConfig": {"secretRef": {"name": "a"}}}),
                "spec.kubeConfig",
            ),
            (
                json!({"install": {"serverSideApply": false}}),
                "spec.install.serverSideApply",
            ),
            (
                json!({"upgrade": {"serverSideApply": "disabled"}}),
                "spec.upgrade.serverSideApply",
            ),
            (
                json!({"chart": null, "chartRef": {"kind": "ExternalArtifact", "name": "a"}}),
                "ExternalArtifact",
            ),
        ] {
            let failure = checked(&more).err().unwrap();
            assert!(failure.message.contains(word), "{failure}");
            assert_eq!(failure.reason, reasons::UNSUPPORTED);
        }
    }

    #[test]
    fn another_namespace_is_refused_where_that_is_said() {
        let failure = checked(&json!({"locked": true})).err().unwrap();
        assert_eq!(failure.reason, reasons::ACCESS_DENIED);
    }
}
