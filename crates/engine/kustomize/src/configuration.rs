//! [`Configuration`]: which fields a kustomization's settings go to, and which fields name other objects.
//!
//! The defaults are tables beside this file; `configurations` files and `crds` add to them, and what a base adds holds
//! above it too. Sharing is by [`Arc`]: nearly every build has the defaults alone.

use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};

use lode_yaml::{Node, Place};

use crate::decode::{Mapping, Mode};
use crate::error::{Fault, FileCause};
use crate::fieldspec::{self, FieldSpec, Fields};
use crate::tables::{self, Gvk};

/// Which fields settings go to.
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
    pub(crate) references: Vec<Referred>,
}

/// A kind and the fields that name its objects.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Referred {
    pub(crate) gvk: Gvk,
    pub(crate) fields: Vec<FieldSpec>,
}

/// Returns the tables of kustomize itself.
pub(crate) fn defaults() -> Arc<Configuration> {
    static DEFAULTS: LazyLock<Arc<Configuration>> = LazyLock::new(|| {
        let mut all = Configuration::default();
        for (setting, field) in tables::settings() {
            if let Some(fields) = all.fields(setting) {
                fields.push(field);
            }
        }
        let shared = all.template_labels.clone();
        Arc::make_mut(&mut all.common_labels).extend(shared.iter().cloned());
        for (gvk, field) in tables::references() {
            match all.references.iter_mut().find(|known| known.gvk == gvk) {
                Some(known) => known.fields.push(field),
                None => all.references.push(Referred { gvk, fields: vec![field] }),
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
    by: Place,
) -> Result<Arc<Configuration>, Fault> {
    if Arc::ptr_eq(into, more) || more.is_empty() {
        return Ok(into.clone());
    }
    // Nearly every kustomization: nothing but the defaults, above bases with nothing but the defaults.
    let (defaults, alone) = (defaults(), defaults_alone());
    let adds_defaults = Arc::ptr_eq(more, &defaults) || Arc::ptr_eq(more, &alone);
    if adds_defaults && (into.is_empty() || Arc::ptr_eq(into, &alone)) {
        return Ok(alone);
    }
    let mut merged = Configuration::clone(into);
    merged.add(more).map_err(|path| Fault::At(by, FileCause::ConflictingFields(path)))?;
    Ok(Arc::new(merged))
}

/// Returns the defaults as they are after they were added to nothing: fields that others cover are gone.
fn defaults_alone() -> Arc<Configuration> {
    static ALONE: LazyLock<Arc<Configuration>> = LazyLock::new(|| {
        let mut alone = Configuration::default();
        // The defaults do not disagree with themselves.
        let _ = alone.add(&defaults());
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
                fields.extend(read.into_iter().map(|field| field.value));
            }
        }
        let references = file.entries("nameReference", |entry| {
            let gvk = Gvk::read(entry)?;
            let fields = entry.entries("fieldSpecs", FieldSpec::read)?;
            Ok(Referred { gvk, fields: fields.into_iter().map(|field| field.value).collect() })
        })?;
        all.references = references.into_iter().map(|referred| referred.value).collect();
        file.finish()?;
        all.sort();
        Ok(all)
    }

    /// Adds the fields of another one; names the path that both have and disagree about.
    pub(crate) fn add(&mut self, more: &Self) -> Result<(), String> {
        let mut more = more.clone();
        for setting in SETTINGS {
            if let (Some(fields), Some(added)) = (self.fields(setting), more.fields(setting)) {
                fieldspec::merge(fields, added)?;
            }
        }
        for referred in more.references {
            self.add_reference(referred)?;
        }
        self.sort();
        Ok(())
    }

    /// Adds fields that name objects of a kind.
    pub(crate) fn add_reference(&mut self, referred: Referred) -> Result<(), String> {
        if let Some(known) = self.references.iter_mut().find(|known| known.gvk == referred.gvk) {
            return fieldspec::merge(&mut known.fields, &referred.fields);
        }
        self.references.push(referred);
        Ok(())
    }

    fn is_empty(&self) -> bool {
        let Self { name_prefix, name_suffix, namespace, common_labels, labels, template_labels, .. } = self;
        let Self { common_annotations, var_reference, images, replicas, references, .. } = self;
        let fields = [name_prefix, name_suffix, namespace, common_labels, labels, template_labels, common_annotations];
        references.is_empty() && fields.iter().chain(&[var_reference, images, replicas]).all(|fields| fields.is_empty())
    }

    fn fields(&mut self, setting: &str) -> Option<&mut Vec<FieldSpec>> {
        Some(Arc::make_mut(match setting {
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
        }))
    }

    /// References are followed in the order of the kinds they name; a base's objects come before what needs them.
    fn sort(&mut self) {
        for setting in SETTINGS {
            if let Some(fields) = self.fields(setting) {
                fields.sort_by(|a, b| kind_order(&a.gvk, &b.gvk));
            }
        }
        self.references.sort_by(|a, b| kind_order(&a.gvk, &b.gvk));
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
    let rank = |gvk: &Gvk| crate::order::rank(gvk.kind.as_deref().unwrap_or_default());
    let text = |gvk: &Gvk| {
        let or = |part: &Option<Box<str>>, absent: &str| part.as_deref().unwrap_or(absent).to_owned();
        format!("{}_{}_{}", or(&gvk.group, "~G"), or(&gvk.version, "~V"), or(&gvk.kind, "~K"))
    };
    rank(a).cmp(&rank(b)).then_with(|| text(a).cmp(&text(b)))
}

#[cfg(test)]
mod tests {
    use lode_yaml::{Dialect, Nodes, Origins};

    use super::*;

    fn read(text: &str) -> Result<Configuration, Fault> {
        Configuration::read(&Nodes::new(text.as_bytes(), Dialect::V2, Origins::default()).next().unwrap().unwrap())
    }

    #[test]
    fn defaults_know_every_field() {
        let all = defaults();
        assert_eq!((all.common_labels.len(), all.template_labels.len(), all.common_annotations.len()), (32, 10, 9));
        assert_eq!((all.images.len(), all.replicas.len(), all.references.len()), (6, 4, 16));
    }

    #[test]
    fn files_add_and_must_agree() {
        let more = read(
            "namePrefix:\n- {path: spec/x, kind: Foo}\nnameReference:\n- {kind: Foo, fieldSpecs: [{path: a, kind: B}]}\n",
        );
        let merged = merge(&defaults(), &Arc::new(more.unwrap()), Place::default()).unwrap();
        assert_eq!((merged.name_prefix.len(), merged.references.len()), (2, 17));
        let conflict = Arc::new(read("commonAnnotations: [{path: metadata/annotations}]\n").unwrap());
        assert!(merge(&defaults(), &conflict, Place::default()).is_err());
        assert!(read("unknown: []\n").is_err());
    }
}
