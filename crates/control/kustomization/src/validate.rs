//! Checks a specification before anything is done with it.
//!
//! Pure: spec in, [`Checked`] or the one [`Failure`] that ends it out. A field of the contract that is not built yet
//! ends it too: an ignored field can do harm.

use std::time::Duration;

use lode_api::{Kustomization, kinds, reasons};
use lode_apply::Rule;
use lode_cel::{Expr, Limits};
use lode_deliver::HealthExprs;
use lode_object::{NamespacedName, Selector};
use lode_runtime::{Dependency, Failure, Use};

use crate::options::Options;

/// A specification that can be acted on.
pub(crate) struct Checked {
    pub(crate) interval: Duration,
    pub(crate) retry_interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) source: Use,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) exprs: HealthExprs,
}

/// A part of the contract is not built yet. It is never ignored.
pub(crate) fn unsupported(what: &str) -> Failure {
    let text = format!(
        "{what} is not supported yet; nothing was applied, because ignoring it could do harm"
    );
    Failure::terminal(reasons::UNSUPPORTED, text)
}

/// Checks a specification without a cluster: what the operator refuses whatever it finds there.
///
/// # Errors
/// A field means nothing, or is not built yet.
pub fn check(object: &Kustomization, options: &Options) -> Result<(), Failure> {
    validate(object, options)?;
    // In a cluster the reference is looked up first; in the end it is refused all the same.
    if object.spec.kube_config.is_some() {
        return Err(unsupported("spec.kubeConfig"));
    }
    Ok(())
}

/// Checks one Kustomization.
pub(crate) fn validate(object: &Kustomization, options: &Options) -> Result<Checked, Failure> {
    let spec = &object.spec;
    let field = |error: lode_api::FieldError| Failure::terminal(reasons::FAILED, error.to_string());
    if let Some(empty) = spec.nameless() {
        let text = format!("{empty} is empty: a reference needs it");
        return Err(Failure::terminal(reasons::FAILED, text));
    }
    let exprs = HealthExprs::compile(&spec.health_check_exprs).map_err(|error| cel(&error))?;
    if spec.decryption.is_some() {
        return Err(unsupported("spec.decryption"));
    }
    if spec
        .kube_config
        .as_ref()
        .is_some_and(|config| config.config_map_ref.is_some())
    {
        return Err(unsupported("spec.kubeConfig.configMapRef"));
    }
    spec.deletion_policy().map_err(field)?;
    Ok(Checked {
        interval: spec.interval().map_err(field)?,
        retry_interval: spec.retry_interval().map_err(field)?,
        timeout: spec.timeout().map_err(field)?,
        source: source(object, options)?,
        dependencies: dependencies(object, options)?,
        rules: rules(object)?,
        exprs,
    })
}

fn source(object: &Kustomization, options: &Options) -> Result<Use, Failure> {
    let (spec, namespace) = (&object.spec, &object.metadata.namespace);
    let reference = &spec.source_ref;
    if kinds::source(&reference.kind).is_none() {
        return Err(unsupported(&format!("a source of kind {}", reference.kind)));
    }
    let from = reference.namespace.as_deref().unwrap_or(namespace);
    if options.no_cross_namespace_refs && from != &**namespace {
        return Err(Failure::terminal(
            reasons::ACCESS_DENIED,
            format!(
                "can't access '{}/{from}/{}', cross-namespace references have been blocked",
                reference.kind, reference.name
            ),
        ));
    }
    Ok(Use::new(
        &reference.kind,
        NamespacedName::new(from, &reference.name),
    ))
}

fn dependencies(object: &Kustomization, options: &Options) -> Result<Vec<Dependency>, Failure> {
    let own = &object.metadata.namespace;
    let one = |dependency: &lode_api::shared::DependencyReference| {
        let namespace = dependency.namespace.as_deref().unwrap_or(own);
        let name = NamespacedName::new(namespace, &dependency.name);
        if options.no_cross_namespace_refs && namespace != &**own {
            let text = format!(
                "can't access 'Kustomization/{name}', cross-namespace references have been blocked"
            );
            return Err(Failure::terminal(reasons::ACCESS_DENIED, text));
        }
        let ready = dependency
            .ready_expr
            .as_deref()
            .map(|text| Expr::compile(text, Limits::default()))
            .transpose()
            .map_err(|error| {
                cel(&format!(
                    "failed to parse expression for dependency '{name}': {error}"
                ))
            })?;
        Ok(Dependency { name, ready })
    };
    object.spec.depends_on.iter().map(one).collect()
}

fn rules(object: &Kustomization) -> Result<Vec<Rule>, Failure> {
    let one = |(index, rule): (usize, &lode_api::shared::IgnoreRule)| {
        let selector = rule.target.as_deref().map(Selector::from);
        let selector = selector.unwrap_or_default();
        let paths: Vec<String> = rule.paths.iter().map(ToString::to_string).collect();
        Rule::new(index, &selector, &paths)
            .map_err(|error| Failure::terminal(reasons::FAILED, error.to_string()))
    };
    object.spec.ignore.iter().enumerate().map(one).collect()
}

fn cel(error: &str) -> Failure {
    Failure::terminal(
        reasons::INVALID_CEL_EXPRESSION,
        format!("Reconciliation failed terminally due to configuration error: {error}"),
    )
}
