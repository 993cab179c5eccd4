//! What objects are and were called, as replacements select them.
//!
//! Kept for a whole list of replacements, so that one with an exact name asks few objects and no pattern is compiled
//! or run more often than needed.

use std::collections::HashMap;

use lode_yaml::Node;

use super::config::{Source, Target};
use crate::Target as Criteria;
use crate::resource::Resource;
use crate::selector::{Anchored, Invalid, Selector, anchored};

/// The names of all objects.
pub(super) struct Names {
    all: Vec<Called>,
    by_name: HashMap<Box<str>, Vec<usize>>,
}

/// What one object is and was called. The group and version of old are those of now: kustomize keeps no others.
struct Called {
    group: Box<str>,
    version: Box<str>,
    /// The one of now first.
    forms: Vec<Form>,
}

struct Form {
    kind: Box<str>,
    name: Box<str>,
    /// As written now; the effective one of old.
    namespace: Box<str>,
}

/// A target ready to be asked.
pub(super) struct Matcher {
    select: Pattern,
    reject: Vec<Pattern>,
    /// The name it wants, where that is no pattern.
    exact_name: Option<Box<str>>,
}

struct Pattern {
    group: Option<Anchored>,
    version: Option<Anchored>,
    kind: Option<Anchored>,
    name: Option<Anchored>,
    namespace: Option<Anchored>,
    labels: Option<Selector>,
}

/// The namespace of an object that says none, where namespaces are compared whole.
const DEFAULT_NAMESPACE: &str = "default";

impl Names {
    pub(super) fn new(resources: &[Resource]) -> Self {
        let mut names = Self { all: Vec::with_capacity(resources.len()), by_name: HashMap::new() };
        for (at, resource) in resources.iter().enumerate() {
            names.all.push(Called::new(resource));
            names.file(at);
        }
        names
    }

    /// Takes notice that an object may be called otherwise now.
    pub(super) fn update(&mut self, at: usize, resource: &Resource) {
        self.all[at] = Called::new(resource);
        self.file(at);
    }

    /// Finds the objects that a source names: all of them, up to two.
    pub(super) fn sources(&self, source: &Source) -> Vec<usize> {
        let fits = |at: &usize| self.all[*at].is_source(source);
        match self.places(&source.name) {
            Some(places) => places.iter().copied().filter(fits).take(2).collect(),
            None => (0..self.all.len()).filter(fits).take(2).collect(),
        }
    }

    /// Returns the objects worth asking for a target, in order.
    pub(super) fn candidates(&self, matcher: &Matcher) -> Vec<usize> {
        match matcher.exact_name.as_ref().and_then(|name| self.places(name)) {
            Some(places) => places.to_vec(),
            None => (0..self.all.len()).collect(),
        }
    }

    /// Tells whether a target means an object.
    pub(super) fn fits(&self, matcher: &Matcher, at: usize, resource: &Resource) -> bool {
        let called = &self.all[at];
        matcher.select.has_labels(resource)
            && matcher.select.names(called)
            && !matcher.reject.iter().any(|reject| {
                (reject.labels.is_some() && reject.has_labels(resource))
                    || (reject.says_a_name() && reject.names(called))
            })
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

impl Called {
    fn new(resource: &Resource) -> Self {
        let gvk = resource.gvk();
        let text = |field| resource.node.at(&["metadata", field]).and_then(Node::text).unwrap_or_default();
        let now = Form { kind: gvk.kind, name: text("name").into(), namespace: text("namespace").into() };
        let past = resource.past.iter().map(|past| Form {
            kind: past.gvk.kind.clone(),
            name: past.name.clone(),
            namespace: past.namespace.clone(),
        });
        Self { group: gvk.group, version: gvk.version, forms: std::iter::once(now).chain(past).collect() }
    }

    fn is_source(&self, source: &Source) -> bool {
        let fits = |want: &str, is: &str| want.is_empty() || want == is;
        let or_default = |namespace: &str| if namespace.is_empty() { DEFAULT_NAMESPACE } else { namespace }.to_owned();
        fits(&source.group, &self.group)
            && fits(&source.version, &self.version)
            && self.forms.iter().any(|form| {
                fits(&source.kind, &form.kind)
                    && fits(&source.name, &form.name)
                    && (source.namespace.is_empty() || source.namespace == or_default(&form.namespace))
            })
    }
}

impl Matcher {
    pub(super) fn new(target: &Target) -> Result<Self, Invalid> {
        let name = &target.select.name;
        let is_exact = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        Ok(Self {
            select: Pattern::new(&target.select)?,
            reject: target.reject.iter().map(Pattern::new).collect::<Result<_, _>>()?,
            exact_name: is_exact.then(|| name.as_str().into()),
        })
    }
}

impl Pattern {
    fn new(criteria: &Criteria) -> Result<Self, Invalid> {
        let Criteria { label_selector, annotation_selector, .. } = criteria.clone();
        let has_labels = !(label_selector.is_empty() && annotation_selector.is_empty());
        let labels = Criteria { label_selector, annotation_selector, ..Criteria::default() };
        Ok(Self {
            group: anchored("group", &criteria.group)?,
            version: anchored("version", &criteria.version)?,
            kind: anchored("kind", &criteria.kind)?,
            name: anchored("name", &criteria.name)?,
            namespace: anchored("namespace", &criteria.namespace)?,
            labels: has_labels.then(|| Selector::new(&labels)).transpose()?,
        })
    }

    fn has_labels(&self, resource: &Resource) -> bool {
        self.labels.as_ref().is_none_or(|labels| labels.fits(resource))
    }

    fn says_a_name(&self) -> bool {
        [&self.group, &self.version, &self.kind, &self.name, &self.namespace].iter().any(|part| part.is_some())
    }

    /// Tells whether one and the same name, of now or of old, fits in every part.
    fn names(&self, called: &Called) -> bool {
        let fits =
            |pattern: &Option<Anchored>, text: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
        fits(&self.group, &called.group)
            && fits(&self.version, &called.version)
            && called.forms.iter().any(|form| {
                fits(&self.kind, &form.kind) && fits(&self.name, &form.name) && fits(&self.namespace, &form.namespace)
            })
    }
}
