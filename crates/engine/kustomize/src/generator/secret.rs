//! Which objects contain copied values of Secrets, and what may be shown of those: the words that
//! they had before.
//!
//! The name and kind of an object are not secret, unless a value was copied there; nor is the
//! content of a patch.

use lode_object::Words;
use lode_stdx::budget::{Budget, Exceeded};
use lode_yaml::{Content, Node};

use crate::error::{Fault, FileCause, ObjectCause};
use crate::object::born::{Born, is_secret_kind};
use crate::object::resource::Resource;
use crate::object::resources::Resources;
use crate::transform::replacement::path::Path;

impl Resource {
    /// Returns whether the value at a path must not be shown.
    pub(crate) fn keeps_secret(&self, path: &Path) -> bool {
        (self.is_secret() || self.words.is_some()) && !(path.names() && self.is_named_openly())
    }

    /// Records that a value of a Secret is about to be inserted.
    pub(crate) fn veil(&mut self, budget: &Budget) -> Result<(), Exceeded> {
        if self.words.is_none() {
            self.words = Some(Box::new(self.said(budget)?));
        }
        Ok(())
    }

    /// Keeps an object that is no longer a Secret from being shown as if it had never been one.
    pub(crate) fn stay_veiled(&mut self, budget: &Budget) -> Result<(), Exceeded> {
        if self.born == Born::Secret && !is_secret_kind(&self.node) {
            self.veil(budget)
        } else {
            Ok(())
        }
    }

    /// Returns the words that may be shown after a value is inserted.
    pub(crate) fn said(&self, budget: &Budget) -> Result<Words, Exceeded> {
        self.node.cost().charge(budget)?;
        let mut words = Words::default();
        words.note_group(self.api_version());
        take_in(&mut words, &self.node, self.is_secret());
        Ok(words)
    }

    /// Adds the words of a patch that is being applied to what may be shown.
    pub(crate) fn hear(&mut self, patch: &Node, budget: &Budget) -> Result<(), Exceeded> {
        let is_secret = self.is_secret();
        if let Some(words) = self.words.as_mut().filter(|_| !is_secret) {
            patch.cost().charge(budget)?;
            take_in(words, patch, false);
        }
        Ok(())
    }

    /// Removes quotes of the object from a fault if they must not be shown.
    pub(crate) fn discreet(&self, fault: Fault) -> Fault {
        match fault {
            Fault::Patch { id, at, by, .. } if self.words.is_some() => Fault::Patch {
                id,
                at,
                by,
                cause: ObjectCause::Secret.to_string(),
            },
            Fault::Object {
                id,
                at,
                cause: ObjectCause::AmbiguousReference { .. },
            } if self.words.is_some() => Fault::Object {
                id,
                at,
                cause: ObjectCause::Secret,
            },
            fault => fault,
        }
    }

    /// Removes quotes of a configuring object from a fault.
    pub(crate) fn discreet_settings(&self, fault: Fault) -> Fault {
        let is_open = self.words.is_none() || fault.is_exceeded();
        if is_open {
            fault
        } else {
            Fault::At(self.place, FileCause::Secret)
        }
    }

    fn is_secret(&self) -> bool {
        self.born == Born::Secret || is_secret_kind(&self.node)
    }

    /// Returns whether its name contains no value of a Secret.
    pub(crate) fn is_named_openly(&self) -> bool {
        self.words
            .as_ref()
            .is_none_or(|words| words.knows(&self.bare_id()))
    }
}

/// Renames objects with words from the source: an identity that could be shown before can be shown
/// after.
pub(crate) fn rename(
    resources: &mut Resources,
    change: impl FnOnce(&mut Resources) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let open = |(at, resource): (usize, &Resource)| {
        (resource.words.is_some() && resource.is_named_openly()).then_some(at)
    };
    let open: Vec<usize> = resources
        .all()
        .iter()
        .enumerate()
        .filter_map(open)
        .collect();
    change(resources)?;
    for at in open {
        if let Some(resource) = resources.contents_mut().get_mut(at) {
            let id = resource.bare_id();
            resource
                .words
                .iter_mut()
                .for_each(|words| words.note_id(&id));
        }
    }
    Ok(())
}

/// Makes a change that itself contains a value of a Secret: none of its words may be shown.
pub(crate) fn hidden(
    resources: &mut Resources,
    budget: &Budget,
    change: impl FnOnce(&mut Resources) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut before = Vec::with_capacity(resources.all().len());
    for resource in resources.contents_mut() {
        resource.veil(budget)?;
        before.push(resource.words.clone());
    }
    change(resources)?;
    for (resource, words) in resources.contents_mut().iter_mut().zip(before) {
        resource.words = words;
    }
    Ok(())
}

/// Adds the keys and texts of an object; for a Secret's data, the keys only.
fn take_in(words: &mut Words, node: &Node, is_secret: bool) {
    match &node.content {
        Content::Scalar(_) if node.is_null() => {}
        Content::Scalar(text) => words.note(text),
        Content::Sequence(items) => items.iter().for_each(|item| take_in(words, item, false)),
        Content::Mapping(entries) => {
            for entry in entries {
                let key = entry.key.text().unwrap_or_default();
                words.note(key);
                match entry.value.entries() {
                    Some(data) if is_secret && matches!(key, "data" | "stringData") => {
                        data.iter()
                            .filter_map(|entry| entry.key.text())
                            .for_each(|key| words.note(key));
                    }
                    _ => take_in(words, &entry.value, false),
                }
            }
        }
    }
}
