//! `crds`: files that describe custom kinds, and which of their fields refer to other objects or
//! take labels.
//!
//! Input: `OpenAPI` definitions by type name, with the extensions that kustomize reads. Output: a
//! configuration.

use std::sync::Arc;

use lode_stdx::budget::{Budget, Meter};
use lode_yaml::{Dialect, Node, Tag};

use crate::config::configuration::{Configuration, Referred};
use crate::config::fieldspec::{Conflict, FieldSpec, width};
use crate::config::gvk::Gvk;
use crate::error::Fault;

/// Deepest nesting of types that refer to each other.
const TYPES_DEPTH_MAX: usize = 40;

/// Bytes of a path that are assembled in one step.
const PATH_BYTES_PER_STEP: u64 = 16;

/// Reads the definitions of a file.
pub(crate) fn read(file: &Node, budget: &Budget) -> Result<Configuration, Fault> {
    let meter = Meter::new(budget);
    let mut all = Configuration::default();

    for entry in file.entries().unwrap_or_default() {
        let Some(name) = entry.key.text() else {
            continue;
        };
        let Some(properties) = properties(&entry.value) else {
            continue;
        };
        if !["kind", "apiVersion", "metadata"]
            .iter()
            .all(|field| properties.get(field).is_some())
        {
            continue;
        }
        let kind = name.rsplit('.').next().unwrap_or(name);
        let gvk = Gvk {
            kind: Some(kind.into()),
            ..Gvk::default()
        };
        let mut reader = Types {
            file,
            gvk,
            all: &mut all,
            meter: &meter,
        };
        reader
            .read(name, &mut Vec::new())
            .map_err(|conflict| conflict.at(entry.value.place))?;
    }
    Ok(all)
}

struct Types<'t> {
    file: &'t Node,
    gvk: Gvk,
    all: &'t mut Configuration,
    /// Types that share types can have exponentially many paths.
    meter: &'t Meter<'t>,
}

impl Types<'_> {
    fn read(&mut self, name: &str, path: &mut Vec<String>) -> Result<(), Conflict> {
        self.meter.steps(1 + width(self.file))?;
        let Some(properties) = self.file.get(name).and_then(properties) else {
            return Ok(());
        };
        if path.len() > TYPES_DEPTH_MAX {
            return Err(Conflict::Create(path.join("/")));
        }

        for entry in properties.entries().unwrap_or_default() {
            let Some(field) = entry.key.text() else {
                continue;
            };
            self.meter.steps(1 + path.len() as u64)?;
            path.push(field.to_owned());
            self.marks(&entry.value, path)?;
            if let Some(inner) = entry.value.get("$ref").and_then(Node::text) {
                self.read(inner, path)?;
            }
            path.pop();
        }
        Ok(())
    }

    fn marks(&mut self, property: &Node, path: &[String]) -> Result<(), Conflict> {
        let len: usize = path.iter().map(String::len).sum();
        self.meter.steps(len as u64 / PATH_BYTES_PER_STEP)?;
        let text = |mark: &str| {
            property
                .get(mark)
                .filter(|mark| is_text(mark))
                .and_then(Node::text)
        };
        let spec = |path: &[String]| FieldSpec::new(self.gvk.clone(), &path.join("/"), false);
        let own = [spec(path)];
        for (mark, fields) in [
            ("x-kubernetes-annotation", &mut self.all.common_annotations),
            ("x-kubernetes-label-selector", &mut self.all.common_labels),
            ("x-kubernetes-identity", &mut self.all.name_prefix),
        ] {
            if text(mark).is_some() {
                crate::config::fieldspec::merge(Arc::make_mut(fields), &own, self.meter.budget())?;
            }
        }

        let (version, kind) = (
            text("x-kubernetes-object-ref-api-version"),
            text("x-kubernetes-object-ref-kind"),
        );
        let (Some(version), Some(kind)) = (version, kind) else {
            return Ok(());
        };

        let key = text("x-kubernetes-object-ref-name-key").unwrap_or("name");
        let field = FieldSpec::new(
            self.gvk.clone(),
            &format!("{}/{key}", path.join("/")),
            false,
        );
        let gvk = Gvk {
            group: None,
            version: Some(version.into()),
            kind: Some(kind.into()),
        };
        let referred = Referred {
            gvk,
            fields: Arc::new(vec![field]),
        };
        self.all
            .add_reference(&referred, self.meter.budget())
            .map(|_| ())
    }
}

fn properties(definition: &Node) -> Option<&Node> {
    // Go's JSON ignores the case of names, and both spellings are in use.
    let schema = definition
        .get("Schema")
        .or_else(|| definition.get("schema"))?;
    schema.get("properties")
}

fn is_text(node: &Node) -> bool {
    node.text().is_some() && node.resolved_tag(Dialect::V2) == Tag::Str
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bee(marks: &serde_json::Value) -> Node {
        let kind =
            json!({"kind": {}, "apiVersion": {}, "metadata": {}, "spec": {"$ref": "g/v.BeeSpec"}});
        let spec = json!({"field": marks, "again": {"$ref": "g/v.BeeSpec"}});
        Node::from_value(&json!({
            "g/v.Bee": {"Schema": {"properties": kind}},
            "g/v.BeeSpec": {"schema": {"properties": spec}},
        }))
    }

    #[test]
    fn marks_become_fields_of_the_kind() {
        let marks = json!({
            "x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "Secret",
            "x-kubernetes-object-ref-name-key": "called", "x-kubernetes-label-selector": "", "x-kubernetes-identity": 1,
        });
        let mut file = bee(&marks);
        let again = ["g/v.BeeSpec", "schema", "properties"];
        let properties = again
            .iter()
            .try_fold(&mut file, |node, key| node.get_mut(key))
            .unwrap();
        properties.remove("again");
        let read = read(&file, &Budget::unlimited()).unwrap();
        let [referred] = read.references.as_slice() else {
            panic!("one kind is named")
        };
        assert_eq!(referred.gvk.kind.as_deref(), Some("Secret"));
        assert_eq!(
            (
                &*referred.fields[0].path,
                referred.fields[0].gvk.kind.as_deref()
            ),
            ("spec/field/called", Some("Bee"))
        );
        assert_eq!(
            (read.common_labels.len(), read.name_prefix.len()),
            (1, 0),
            "an identity that is no text does not count"
        );
    }

    #[test]
    fn types_that_hold_themselves_are_refused() {
        assert!(read(&bee(&json!({})), &Budget::unlimited()).is_err());
    }
}
