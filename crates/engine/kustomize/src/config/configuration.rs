//! [`Configuration`]: the fields that a kustomization's settings apply to, and the fields that
//! refer to other objects.
//!
//! The defaults are data files next to this file; `configurations` files and `crds` add to them,
//! and what a base adds applies above it too. They are shared by [`Arc`], because nearly every
//! build uses only the defaults.

use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};

use lode_stdx::budget::Budget;
use lode_yaml::{Node, Place};

use crate::config::fieldspec::{self, Conflict, FieldSpec, Fields};
use crate::config::gvk::Gvk;
use crate::config::tables;
use crate::error::Fault;
use crate::input::decode::{Mapping, Mode};

/// The fields that settings apply to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Configuration {
    pub(crate) name_prefix: Fields,
    pub(crate) name_suffix: Fields,
    pub(crate) namespace: Fields,
    pub(crate) common_labels: Fields,
    pub(crate) labels: Fields,
    pub(crate) template_labels: Fields,
    pub(crate) common_annotations: Fields,
    pub(crate) var_reference: Fields,
    pub(crate) images: Fields,
    pub(crate) replicas: Fields,
    pub(crate) references: Arc<Vec<Referred>>,
}

/// A kind and the fields that refer to its objects.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Referred {
    pub(crate) gvk: Gvk,
    pub(crate) fields: Fields,
}

/// Returns the defaults of kustomize itself.
pub(crate) fn defaults() -> Arc<Configuration> {
    static DEFAULTS: LazyLock<Arc<Configuration>> = LazyLock::new(|| {
        let mut all = Configuration::default();
        for (setting, field) in tables::settings() {
            if let Some(fields) = all.fields(setting) {
                Arc::make_mut(fields).push(field);
            }
        }
        let shared = all.template_labels.clone();
        Arc::make_mut(&mut all.common_labels).extend(shared.iter().cloned());
        let references = Arc::make_mut(&mut all.references);
        for (gvk, field) in tables::references() {
            match references.iter_mut().find(|known| known.gvk == gvk) {
                Some(known) => Arc::make_mut(&mut known.fields).push(field),
                None => references.push(Referred {
                    gvk,
                    fields: Arc::new(vec![field]),
                }),
            }
        }
        all.sort();
        Arc::new(all)
    });

    DEFAULTS.clone()
}

/// Adds one configuration to another.
pub(crate) fn merge(
    into: &Arc<Configuration>,
    more: &Arc<Configuration>,
    (by, budget): (Place, &Budget),
) -> Result<Arc<Configuration>, Fault> {
    if Arc::ptr_eq(into, more) || more.is_empty() {
        return Ok(into.clone());
    }
    // The usual case: only the defaults, above bases with only the defaults.
    let (defaults, alone) = (defaults(), defaults_alone());
    let adds_defaults = Arc::ptr_eq(more, &defaults) || Arc::ptr_eq(more, &alone);
    if adds_defaults && (into.is_empty() || Arc::ptr_eq(into, &alone)) {
        return Ok(alone);
    }
    let mut merged = Configuration::clone(into);
    let is_other = merged
        .add(more, budget)
        .map_err(|conflict| conflict.at(by))?;
    Ok(if is_other {
        Arc::new(merged)
    } else {
        into.clone()
    })
}

/// Returns the defaults after adding them to an empty configuration: fields covered by others are
/// gone.
fn defaults_alone() -> Arc<Configuration> {
    static ALONE: LazyLock<Arc<Configuration>> = LazyLock::new(|| {
        let mut alone = Configuration::default();
        // The defaults do not conflict with themselves.
        let _ = alone.add(&defaults(), &Budget::unlimited());
        Arc::new(alone)
    });
    ALONE.clone()
}

impl Configuration {
    /// Reads a file of `configurations`.
    pub(crate) fn read(node: &Node) -> Result<Self, Fault> {
        let mut file = Mapping::new(node, "", Mode::Settings)?;
        let mut all = Self::default();
        for setting in SETTINGS {
            let read = file.entries(setting, FieldSpec::read)?;
            if let Some(fields) = all.fields(setting) {
                *fields = Arc::new(read.into_iter().map(|field| field.value).collect());
            }
        }

        let references = file.entries("nameReference", |entry| {
            let gvk = Gvk::read(entry)?;
            let fields = entry.entries("fieldSpecs", FieldSpec::read)?;
            Ok(Referred {
                gvk,
                fields: Arc::new(fields.into_iter().map(|field| field.value).collect()),
            })
        })?;
        all.references = Arc::new(
            references
                .into_iter()
                .map(|referred| referred.value)
                .collect(),
        );
        file.finish()?;
        all.sort();
        Ok(all)
    }

    /// Adds the fields of another configuration; the error names a path that both have and disagree
    /// about. Returns whether it had more.
    fn add(&mut self, more: &Self, budget: &Budget) -> Result<bool, Conflict> {
        // Shared parts are adopted as they are, without copying fields.
        let mut more = more.clone();
        let mut is_other = false;
        for setting in SETTINGS {
            if let (Some(fields), Some(added)) = (self.fields(setting), more.fields(setting)) {
                is_other |= fieldspec::merge_shared(fields, added, budget)?;
            }
        }
        for referred in more.references.iter() {
            is_other |= self.add_reference(referred, budget)?;
        }
        if is_other {
            self.sort();
        }
        Ok(is_other)
    }

    /// Adds fields that refer to objects of a kind. Returns whether some were missing.
    pub(crate) fn add_reference(
        &mut self,
        referred: &Referred,
        budget: &Budget,
    ) -> Result<bool, Conflict> {
        budget.steps(1 + self.references.len() as u64)?;
        budget.bytes((size_of::<Referred>() * (1 + self.references.len())) as u64)?;
        let Some(at) = self
            .references
            .iter()
            .position(|known| known.gvk == referred.gvk)
        else {
            Arc::make_mut(&mut self.references).push(referred.clone());
            return Ok(true);
        };
        let mut fields = self.references[at].fields.clone();
        let is_other = fieldspec::merge_shared(&mut fields, &referred.fields, budget)?;
        if is_other {
            Arc::make_mut(&mut self.references)[at].fields = fields;
        }
        Ok(is_other)
    }

    fn is_empty(&self) -> bool {
        let Self {
            name_prefix,
            name_suffix,
            namespace,
            common_labels,
            labels,
            template_labels,
            ..
        } = self;
        let Self {
            common_annotations,
            var_reference,
            images,
            replicas,
            references,
            ..
        } = self;
        let fields = [
            name_prefix,
            name_suffix,
            namespace,
            common_labels,
            labels,
            template_labels,
            common_annotations,
        ];

        references.is_empty()
            && fields
                .iter()
                .chain(&[var_reference, images, replicas])
                .all(|fields| fields.is_empty())
    }

    fn fields(&mut self, setting: &str) -> Option<&mut Fields> {
        Some(match setting {
            "namePrefix" => &mut self.name_prefix,
            "nameSuffix" => &mut self.name_suffix,
            "namespace" => &mut self.namespace,
            "commonLabels" => &mut self.common_labels,
            "labels" => &mut self.labels,
            "templateLabels" => &mut self.template_labels,
            "commonAnnotations" => &mut self.common_annotations,
            "varReference" => &mut self.var_reference,
            "images" => &mut self.images,
            "replicas" => &mut self.replicas,
            _ => return None,
        })
    }

    /// References are followed in the order of the kinds they refer to; a base's objects come
    /// before what needs them.
    fn sort(&mut self) {
        for setting in SETTINGS {
            if let Some(fields) = self.fields(setting)
                && !fields.is_sorted_by(|a, b| kind_order(&a.gvk, &b.gvk).is_le())
            {
                Arc::make_mut(fields).sort_by(|a, b| kind_order(&a.gvk, &b.gvk));
            }
        }
        if !self
            .references
            .is_sorted_by(|a, b| kind_order(&a.gvk, &b.gvk).is_le())
        {
            Arc::make_mut(&mut self.references).sort_by(|a, b| kind_order(&a.gvk, &b.gvk));
        }
    }
}

const SETTINGS: [&str; 10] = [
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "templateLabels",
    "commonAnnotations",
    "varReference",
    "images",
    "replicas",
];

fn kind_order(a: &Gvk, b: &Gvk) -> Ordering {
    let rank = |gvk: &Gvk| crate::object::order::rank(gvk.kind.as_deref().unwrap_or_default());
    rank(a).cmp(&rank(b)).then_with(|| shown(a).cmp(shown(b)))
}

/// Returns a pattern's text: its parts, joined by `_`.
fn shown(gvk: &Gvk) -> impl Iterator<Item = u8> {
    let parts = [(&gvk.group, "~G"), (&gvk.version, "~V"), (&gvk.kind, "~K")];
    let parts = parts.map(|(part, absent)| part.as_deref().unwrap_or(absent).bytes());
    let [group, version, kind] = parts;
    group.chain([b'_']).chain(version).chain([b'_']).chain(kind)
}

#[cfg(test)]
mod tests {
    use lode_yaml::{Dialect, Nodes, Origins};

    use super::*;

    fn read(text: &str) -> Result<Configuration, Fault> {
        Configuration::read(
            &Nodes::new(text.as_bytes(), Dialect::V2, Origins::default())
                .next()
                .unwrap()
                .unwrap(),
        )
    }

    #[test]
    fn defaults_know_every_field() {
        let all = defaults();
        assert_eq!(
            (
                all.common_labels.len(),
                all.template_labels.len(),
                all.common_annotations.len()
            ),
            (32, 10, 9)
        );
        assert_eq!(
            (all.images.len(), all.replicas.len(), all.references.len()),
            (6, 4, 16)
        );
    }

    #[test]
    fn what_adds_nothing_copies_nothing() {
        let (place, more) = (
            Place::default(),
            read("images: [{path: spec/x, kind: Foo}]\n").unwrap(),
        );
        let merged = merge(
            &defaults_alone(),
            &Arc::new(more),
            (place, &Budget::unlimited()),
        )
        .unwrap();
        assert_eq!(merged.images.len(), defaults().images.len() + 1);
        assert!(Arc::ptr_eq(
            &merged.references,
            &defaults_alone().references
        ));
        assert!(Arc::ptr_eq(
            &merge(&merged, &defaults(), (place, &Budget::unlimited())).unwrap(),
            &merged
        ));
        let alone = merge(&Arc::default(), &merged, (place, &Budget::unlimited())).unwrap();
        assert_eq!(alone, merged);
        assert!(Arc::ptr_eq(&alone.common_labels, &merged.common_labels));
    }

    #[test]
    fn files_add_and_must_agree() {
        let more = read(
            "namePrefix:\n- {path: spec/x, kind: Foo}\nnameReference:\n- {kind: Foo, fieldSpecs: [{path: a, kind: B}]}\n",
        );
        let merged = merge(
            &defaults(),
            &Arc::new(more.unwrap()),
            (Place::default(), &Budget::unlimited()),
        )
        .unwrap();
        assert_eq!((merged.name_prefix.len(), merged.references.len()), (2, 17));
        let conflict =
            Arc::new(read("commonAnnotations: [{path: metadata/annotations}]\n").unwrap());
        assert!(
            merge(
                &defaults(),
                &conflict,
                (Place::default(), &Budget::unlimited())
            )
            .is_err()
        );
        assert!(read("unknown: []\n").is_err());
    }
}
