//! What a function may use besides its arguments, and what the caller of a template hands in.

use std::cell::Cell;

use jiff::Timestamp;
use lode_object::Value as Json;
use lode_stdx::budget::{Budget, Meter};

use crate::encode::yaml::KnownYaml;
use crate::error::TemplateError;
use crate::value::{GoString, Map, Value};

/// All that a template learns about the world outside. One render uses one environment.
pub struct Environment<'e> {
    /// The time that `now` and new certificates use.
    pub now: Timestamp,
    /// Set once a template has used the time.
    pub used_time: Option<&'e Cell<bool>>,
    /// Where random functions take their bytes from.
    pub random: &'e dyn Random,
    /// What `lookup` asks; nothing answers an empty object.
    pub cluster: Option<&'e dyn Cluster>,
    /// What `getHostByName` asks; nothing answers the empty string.
    pub resolve_host: Option<&'e dyn Fn(&str) -> String>,
    /// Whether the chart is linted: `required` and `fail` return the empty string then.
    pub is_lint: bool,
    /// What the render may spend in bytes, values and steps.
    pub budget: &'e Budget,
}

impl<'e> Environment<'e> {
    /// Returns an environment in which there is no cluster and no name service.
    #[must_use]
    pub fn without_cluster((now, random): (Timestamp, &'e dyn Random), budget: &'e Budget) -> Self {
        Self {
            now,
            used_time: None,
            random,
            cluster: None,
            resolve_host: None,
            is_lint: false,
            budget,
        }
    }
}

/// A source of random bytes.
pub trait Random {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The cluster that `lookup` reads. It records what was asked, so that a caller knows what a render
/// depends on.
pub trait Cluster {
    /// Returns an object, or a list if `name` is empty; nothing if there is none.
    ///
    /// # Errors
    /// The cluster cannot be read; the text ends up in the error of the template.
    fn lookup(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Json>, String>;
}

/// A running template, as its functions see it.
pub struct Context<'r> {
    environment: &'r Environment<'r>,
    meter: Meter<'r>,
    known_yaml: Option<&'r KnownYaml>,
    /// Maps that were changed in place, and so may contain themselves: emptied at the end.
    changed: Vec<Map>,
}

impl<'r> Context<'r> {
    /// Starts a render.
    pub fn new(environment: &'r Environment<'r>) -> Self {
        Self {
            environment,
            meter: Meter::new(environment.budget),
            known_yaml: None,
            changed: Vec::new(),
        }
    }

    /// Returns what the caller handed in.
    pub fn environment(&self) -> &'r Environment<'r> {
        self.environment
    }

    /// Returns the context that knows what the templates of a set have read before.
    pub(crate) fn with_known_yaml(mut self, kept: &'r KnownYaml) -> Self {
        self.known_yaml = Some(kept);
        self
    }

    pub(crate) fn known_yaml(&self) -> Option<&'r KnownYaml> {
        self.known_yaml
    }

    pub(crate) fn meter(&self) -> &Meter<'r> {
        &self.meter
    }

    /// Charges bytes that a function is about to allocate.
    ///
    /// # Errors
    /// The render has spent its budget.
    pub fn bytes(&self, count: usize) -> Result<(), TemplateError> {
        Ok(self.meter.bytes(count as u64)?)
    }

    /// Charges values that a function is about to create: items of a list, entries of a map.
    ///
    /// # Errors
    /// The render has spent its budget.
    pub fn nodes(&self, count: usize) -> Result<(), TemplateError> {
        Ok(self.meter.nodes(count as u64)?)
    }

    /// Charges work: a step is about one value looked at, or a few dozen bytes.
    ///
    /// # Errors
    /// The render has spent its budget.
    pub fn steps(&self, count: usize) -> Result<(), TemplateError> {
        Ok(self.meter.steps(count as u64)?)
    }

    /// Sets a key of a map that the template has, in place.
    ///
    /// # Errors
    /// The map is nil, or the render has spent its budget.
    pub fn set(&mut self, map: &Map, key: GoString, value: Value) -> Result<(), TemplateError> {
        self.nodes(1)?;
        // A new key moves the entries after it.
        self.steps(1 + map.len() / ENTRIES_PER_STEP)?;
        if matches!(value, Value::Map(_) | Value::List(_)) && self.is_new(map) {
            self.changed.push(map.clone());
        }
        map.insert(key, value)
    }

    /// Returns whether the map is not the one noted last: most are filled key by key.
    fn is_new(&self, map: &Map) -> bool {
        !self.changed.last().is_some_and(|last| last.is_same(map))
    }
}

/// Entries of a map that are moved in one step.
const ENTRIES_PER_STEP: usize = 64;

impl Drop for Context<'_> {
    fn drop(&mut self) {
        for map in &self.changed {
            map.clear();
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A context for tests of functions.

    use jiff::Timestamp;
    use lode_stdx::budget::{Budget, Limits};

    use super::{Context, Environment, Random};

    /// Random bytes that are all the same.
    pub(crate) struct Zeros;

    impl Random for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    /// Calls `f` with a context in the year 2024 that may spend a few megabytes.
    pub(crate) fn with_context<R>(f: impl FnOnce(&mut Context<'_>) -> R) -> R {
        let budget = Budget::new(Limits {
            bytes: 4 << 20,
            nodes: 1 << 20,
            steps: 1 << 24,
        });
        let environment = Environment {
            now: Timestamp::from_second(1_700_000_000).unwrap(),
            used_time: None,
            random: &Zeros,
            cluster: None,
            resolve_host: None,
            is_lint: false,
            budget: &budget,
        };
        f(&mut Context::new(&environment))
    }
}
