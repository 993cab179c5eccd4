//! Current and former identities of objects, as replacements select them.
//!
//! Kept for a whole list of replacements, so that one with an exact name checks few objects and
//! patterns are compiled and matched only as often as needed.

use std::collections::HashMap;

use lode_object::Selector;
use lode_stdx::budget::{Budget, Exceeded, Meter};
use lode_yaml::Node;

use super::config::{ReplacementSource, ReplacementTarget};
use crate::config::selector::{Anchored, Invalid, TargetMatcher, anchored};
use crate::object::resource::Resource;

/// The identities of all objects.
pub(super) struct Names {
    all: Vec<Called>,
    by_name: HashMap<Box<str>, Vec<usize>>,
}

/// The current and former identities of one object. Former identities use the current group and
/// version, since kustomize keeps no others.
struct Called {
    group: Box<str>,
    version: Box<str>,
    /// The current one first.
    forms: Vec<IdentityForm>,
}

struct IdentityForm {
    kind: Box<str>,
    name: Box<str>,
    /// The current one as written; former ones as effective namespaces.
    namespace: Box<str>,
}

/// A target prepared for matching.
pub(super) struct Matcher {
    select: NamePattern,
    reject: Vec<NamePattern>,
    /// The required name, if it is not a pattern.
    exact_name: Option<Box<str>>,
}

struct NamePattern {
    group: Option<Anchored>,
    version: Option<Anchored>,
    kind: Option<Anchored>,
    name: Option<Anchored>,
    namespace: Option<Anchored>,
    labels: Option<TargetMatcher>,
}

/// The namespace of objects without one, when whole namespaces are compared.
const DEFAULT_NAMESPACE: &str = "default";

impl Names {
    pub(super) fn new(resources: &[Resource], meter: &Meter<'_>) -> Result<Self, Exceeded> {
        let mut names = Self {
            all: Vec::with_capacity(resources.len()),
            by_name: HashMap::new(),
        };
        for (at, resource) in resources.iter().enumerate() {
            names.all.push(Called::new(resource, meter)?);
            names.file(at);
        }
        Ok(names)
    }

    /// Updates the recorded identities of an object.
    pub(super) fn update(
        &mut self,
        at: usize,
        resource: &Resource,
        meter: &Meter<'_>,
    ) -> Result<(), Exceeded> {
        self.all[at] = Called::new(resource, meter)?;
        self.file(at);
        Ok(())
    }

    /// Finds the objects that a source selects, up to two.
    pub(super) fn sources(
        &self,
        source: &ReplacementSource,
        meter: &Meter<'_>,
    ) -> Result<Vec<usize>, Exceeded> {
        let places = self.places(&source.name);
        meter.steps(NAME_STEPS * places.map_or(self.all.len(), <[_]>::len) as u64)?;
        let fits = |at: &usize| self.all[*at].is_source(source);
        Ok(match places {
            Some(places) => places.iter().copied().filter(fits).take(2).collect(),
            None => (0..self.all.len()).filter(fits).take(2).collect(),
        })
    }

    /// Returns the objects that may match a target, in order.
    pub(super) fn candidates(&self, matcher: &Matcher) -> Vec<usize> {
        match matcher
            .exact_name
            .as_ref()
            .and_then(|name| self.places(name))
        {
            Some(places) => places.to_vec(),
            None => (0..self.all.len()).collect(),
        }
    }

    /// Returns whether a target matches an object.
    pub(super) fn fits(
        &self,
        matcher: &Matcher,
        (at, resource): (usize, &Resource),
        meter: &Meter<'_>,
    ) -> Result<bool, Exceeded> {
        let called = &self.all[at];
        if !(matcher.select.has_labels(resource, meter)? && matcher.select.names(called, meter)?) {
            return Ok(false);
        }
        for reject in &matcher.reject {
            if (reject.labels.is_some() && reject.has_labels(resource, meter)?)
                || (reject.says_a_name() && reject.names(called, meter)?)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn places(&self, name: &str) -> Option<&[usize]> {
        if name.is_empty() {
            return None;
        }
        Some(self.by_name.get(name).map_or(&[], Vec::as_slice))
    }

    fn file(&mut self, at: usize) {
        for form in &self.all[at].forms {
            let places = self.by_name.entry(form.name.clone()).or_default();
            if let Err(free) = places.binary_search(&at) {
                places.insert(free, at);
            }
        }
    }
}

/// Steps for determining an object's identity, or for checking one of its names.
const NAME_STEPS: u64 = 4;

impl Called {
    fn new(resource: &Resource, meter: &Meter<'_>) -> Result<Self, Exceeded> {
        let past = resource
            .past
            .iter()
            .map(|past| past.name.len() + past.namespace.len() + past.gvk.kind.len());
        let past = past
            .map(|len| (len + size_of::<IdentityForm>()) as u64)
            .sum::<u64>();
        meter.steps(NAME_STEPS * (1 + resource.past.len() as u64))?;
        meter.bytes(2 * (resource.name_bytes() + past))?;
        let gvk = resource.gvk();
        let text = |field| {
            resource
                .node
                .at(&["metadata", field])
                .and_then(Node::text)
                .unwrap_or_default()
        };
        let now = IdentityForm {
            kind: gvk.kind,
            name: text("name").into(),
            namespace: text("namespace").into(),
        };
        let past = resource.past.iter().map(|past| IdentityForm {
            kind: past.gvk.kind.clone(),
            name: past.name.clone(),
            namespace: past.namespace.clone(),
        });
        Ok(Self {
            group: gvk.group,
            version: gvk.version,
            forms: std::iter::once(now).chain(past).collect(),
        })
    }

    fn is_source(&self, source: &ReplacementSource) -> bool {
        let fits = |want: &str, is: &str| want.is_empty() || want == is;
        let or_default = |namespace: &str| {
            if namespace.is_empty() {
                DEFAULT_NAMESPACE
            } else {
                namespace
            }
            .to_owned()
        };
        fits(&source.group, &self.group)
            && fits(&source.version, &self.version)
            && self.forms.iter().any(|form| {
                fits(&source.kind, &form.kind)
                    && fits(&source.name, &form.name)
                    && (source.namespace.is_empty()
                        || source.namespace == or_default(&form.namespace))
            })
    }
}

impl Matcher {
    pub(super) fn new(target: &ReplacementTarget, budget: &Budget) -> Result<Self, Invalid> {
        let name = &target.select.name;
        let is_exact = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        Ok(Self {
            select: NamePattern::new(&target.select, budget)?,
            reject: target
                .reject
                .iter()
                .map(|reject| NamePattern::new(reject, budget))
                .collect::<Result<_, _>>()?,
            exact_name: is_exact.then(|| name.as_str().into()),
        })
    }
}

impl NamePattern {
    fn new(criteria: &Selector, budget: &Budget) -> Result<Self, Invalid> {
        let anchored = |field, pattern| anchored(field, pattern, budget);
        let Selector {
            label_selector,
            annotation_selector,
            ..
        } = criteria.clone();
        let has_labels = !(label_selector.is_empty() && annotation_selector.is_empty());
        let labels = Selector {
            label_selector,
            annotation_selector,
            ..Selector::default()
        };
        Ok(Self {
            group: anchored("group", &criteria.group)?,
            version: anchored("version", &criteria.version)?,
            kind: anchored("kind", &criteria.kind)?,
            name: anchored("name", &criteria.name)?,
            namespace: anchored("namespace", &criteria.namespace)?,
            labels: has_labels
                .then(|| TargetMatcher::new(&labels, budget))
                .transpose()?,
        })
    }

    fn has_labels(&self, resource: &Resource, meter: &Meter<'_>) -> Result<bool, Exceeded> {
        self.labels
            .as_ref()
            .map_or(Ok(true), |labels| labels.fits(resource, meter))
    }

    fn says_a_name(&self) -> bool {
        [
            &self.group,
            &self.version,
            &self.kind,
            &self.name,
            &self.namespace,
        ]
        .iter()
        .any(|part| part.is_some())
    }

    /// Returns whether a single identity, current or former, matches in every part.
    fn names(&self, called: &Called, meter: &Meter<'_>) -> Result<bool, Exceeded> {
        let fits = |pattern: &Option<Anchored>, text: &str| {
            pattern
                .as_ref()
                .map_or(Ok(true), |pattern| pattern.is_match(text, meter))
        };
        if !(fits(&self.group, &called.group)? && fits(&self.version, &called.version)?) {
            return Ok(false);
        }
        for form in &called.forms {
            meter.steps(1)?;
            if fits(&self.kind, &form.kind)?
                && fits(&self.name, &form.name)?
                && fits(&self.namespace, &form.namespace)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
