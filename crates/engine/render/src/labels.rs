//! Labels and annotations a kustomization puts on its resources, and on the templates and selectors inside them.

use std::collections::BTreeMap;
use std::convert::Infallible;

use lode_object::{Map, Value};

use crate::error::FileCause;
use crate::field::{Absent, Path};
use crate::resource::Resource;
use crate::tables::{self, Gvk, LabelField, LabelTable};

/// One entry of `labels`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rule {
    pub(crate) pairs: BTreeMap<String, String>,
    pub(crate) include_selectors: bool,
    pub(crate) include_templates: bool,
    pub(crate) fields: Vec<LabelField>,
}

/// Puts labels where a rule says.
pub(crate) fn apply_rule(resources: &mut [Resource], rule: &Rule) -> Result<(), FileCause> {
    if rule.pairs.is_empty() {
        return Ok(());
    }
    let mut fields = rule.fields.clone();
    if rule.include_selectors {
        add(&mut fields, tables::label_fields(LabelTable::Selectors))?;
    }
    if rule.include_selectors || rule.include_templates {
        add(&mut fields, tables::label_fields(LabelTable::Labels))?;
    }
    let own = LabelField { gvk: Gvk::default(), path: "metadata/labels".to_owned(), create: true };
    add(&mut fields, std::iter::once(&own))?;
    put(resources, &fields, &rule.pairs);
    Ok(())
}

/// Puts labels on resources, templates and selectors.
pub(crate) fn apply_common_labels(resources: &mut [Resource], pairs: &BTreeMap<String, String>) {
    let fields = tables::label_fields(LabelTable::Selectors).chain(tables::label_fields(LabelTable::Labels));
    put(resources, &fields.cloned().collect::<Vec<_>>(), pairs);
}

/// Puts annotations on resources and templates.
pub(crate) fn apply_common_annotations(resources: &mut [Resource], pairs: &BTreeMap<String, String>) {
    put(resources, &tables::label_fields(LabelTable::Annotations).cloned().collect::<Vec<_>>(), pairs);
}

fn add<'f>(fields: &mut Vec<LabelField>, more: impl Iterator<Item = &'f LabelField>) -> Result<(), FileCause> {
    for field in more {
        match fields.iter().find(|known| known.gvk == field.gvk && known.path == field.path) {
            Some(known) if known.create != field.create => {
                return Err(FileCause::ConflictingFields(field.path.clone()));
            }
            Some(_) => {}
            None => fields.push(field.clone()),
        }
    }
    Ok(())
}

fn put(resources: &mut [Resource], fields: &[LabelField], pairs: &BTreeMap<String, String>) {
    if pairs.is_empty() {
        return;
    }
    let fields: Vec<(&Gvk, Path, bool)> =
        fields.iter().map(|field| (&field.gvk, Path::parse(&field.path), field.create)).collect();
    for resource in resources {
        let gvk = resource.gvk();
        for (_, path, create) in fields.iter().filter(|(pattern, ..)| pattern.fits(&gvk)) {
            let absent = if *create { Absent::Mapping } else { Absent::Leave };
            let Ok(()) = path.visit(&mut resource.value, absent, &mut |found| {
                merge(found, pairs, *create);
                Ok::<_, Infallible>(())
            });
        }
    }
}

fn merge(found: &mut Value, pairs: &BTreeMap<String, String>, create: bool) {
    if found.is_null() && create {
        *found = Value::Object(Map::new());
    }
    if let Value::Object(map) = found {
        map.extend(pairs.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))));
    }
}
