//! Setting the namespace of all objects and of fields that refer to it.

use std::collections::HashMap;

use lode_stdx::budget::{Budget, Meter};
use lode_yaml::{Cost, Node, Place};

use crate::config::fieldspec::{self, FieldSpec, Fields, Make, Misfit};
use crate::error::Fault;
use crate::input::decode::At;
use crate::object::resource::{Identity, Resource};

/// A namespace and the fields it is set in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Namespace {
    pub(crate) name: At<String>,
    /// Fields in addition to the metadata's namespace.
    pub(crate) fields: Fields,
    /// Whether a namespace that is already set is kept.
    pub(crate) unset_only: bool,
    pub(crate) subjects: Subjects,
}

/// Which subjects of role bindings get the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Subjects {
    /// Those named `default`: others are references, which are resolved at the end.
    #[default]
    DefaultOnly,
    AllServiceAccounts,
    None,
}

/// Sets the namespace of every object that can have one.
pub(crate) fn apply(
    resources: &mut [Resource],
    namespace: &Namespace,
    budget: &Budget,
) -> Result<(), Fault> {
    if namespace.name.is_empty() {
        return Ok(());
    }
    let meter = Meter::new(budget);
    for resource in resources
        .iter_mut()
        .filter(|resource| !resource.is_from_chart)
    {
        meter.steps(FieldSpec::steps(&namespace.fields))?;
        meter.bytes(resource.name_bytes())?;
        resource.remember();
        set_all(resource, namespace, &meter)
            .map_err(|(field, misfit)| resource.misfit(&field, misfit))?;
    }
    no_twins(resources)
}

fn set_all(
    resource: &mut Resource,
    namespace: &Namespace,
    meter: &Meter<'_>,
) -> Result<(), (String, Misfit)> {
    let gvk = resource.gvk();
    let is_binding = matches!(&*gvk.kind, "RoleBinding" | "ClusterRoleBinding");
    let is_core = resource.api_version() == "v1";
    if !resource.is_cluster_scoped() {
        let metadata = resource.node.get_or_insert_with("metadata", Node::mapping);
        let old = metadata
            .and_then(|metadata| metadata.get_or_insert_with("namespace", || Node::string("")));
        let old = old.ok_or_else(|| ("metadata".to_owned(), "a mapping was expected".into()))?;
        set(old, namespace, meter).map_err(|cause| ("metadata/namespace".to_owned(), cause))?;
    }
    if is_binding {
        set_subjects(&mut resource.node, namespace, meter)
            .map_err(|cause| ("subjects".to_owned(), cause))?;
    }
    for field in namespace.fields.iter().filter(|field| field.fits(&gvk)) {
        // The metadata's namespace is set above if the kind has one; only core Namespaces are
        // renamed.
        let skipped = match &*field.path {
            "metadata/namespace" => true,
            "metadata/name" => !is_core,
            "subjects/namespace" => is_binding && field.gvk.kind.is_some(),
            _ => false,
        };
        if !skipped {
            let outcome = field.visit(&mut resource.node, (Make::Scalar, meter), &mut |found| {
                set(found, namespace, meter)
            });
            outcome.map_err(|cause| (field.path.to_string(), cause))?;
        }
    }
    Ok(())
}

fn set(found: &mut Node, namespace: &Namespace, meter: &Meter<'_>) -> Result<(), Misfit> {
    let is_set = found
        .text()
        .is_some_and(|text| !text.is_empty() && !found.is_null());
    if namespace.unset_only && is_set {
        return Ok(());
    }
    Cost::of_text(&namespace.name).charge_meter(meter)?;
    fieldspec::set(found, text(&namespace.name.value, namespace.name.place))
}

fn text(text: &str, place: Place) -> Node {
    Node::string(text).placed(place)
}

fn set_subjects(object: &mut Node, namespace: &Namespace, meter: &Meter<'_>) -> Result<(), Misfit> {
    let (field, wanted) = match namespace.subjects {
        Subjects::None => return Ok(()),
        Subjects::DefaultOnly => ("name", "default"),
        Subjects::AllServiceAccounts => ("kind", "ServiceAccount"),
    };
    let Some(subjects) = object
        .get_mut("subjects")
        .filter(|subjects| !subjects.is_null())
    else {
        return Ok(());
    };

    let subjects = subjects.items_mut().ok_or("a list was expected")?;
    if subjects
        .iter()
        .any(|subject| subject.entries().is_none() && !subject.is_null())
    {
        return Err("a mapping was expected".into());
    }

    meter.steps(subjects.len() as u64)?;
    for subject in subjects
        .iter_mut()
        .filter(|subject| subject.get(field).and_then(Node::text) == Some(wanted))
    {
        if let Some(old) = subject.get_or_insert_with("namespace", || Node::string("")) {
            set(old, namespace, meter)?;
        }
    }
    Ok(())
}

fn no_twins(resources: &[Resource]) -> Result<(), Fault> {
    let mut seen: HashMap<Identity, &Resource> = HashMap::with_capacity(resources.len());
    for resource in resources {
        if let Some(twin) = seen.insert(resource.current(), resource) {
            return Err(Fault::Twin {
                id: Box::new(resource.id()),
                at: resource.place,
                other: twin.place,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn set_on(object: &Value, subjects: Subjects, unset_only: bool) -> Value {
        let mut resources = vec![Resource::new(Node::from_value(object), Place::default())];
        let fields = crate::config::configuration::defaults().namespace.clone();
        let name = At::new("shop".to_owned(), Place::default());
        apply(
            &mut resources,
            &Namespace {
                name,
                fields,
                unset_only,
                subjects,
            },
            &Budget::unlimited(),
        )
        .unwrap();
        resources[0].node.to_value(lode_yaml::Dialect::V3).unwrap()
    }

    #[test]
    fn subjects_follow_as_asked() {
        let subjects = json!([{"kind": "ServiceAccount", "name": "default"}, {"kind": "ServiceAccount", "name": "a"}]);
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "b"}, "subjects": subjects,
        });
        for (mode, want) in [
            (Subjects::DefaultOnly, [json!("shop"), Value::Null]),
            (Subjects::AllServiceAccounts, [json!("shop"), json!("shop")]),
            (Subjects::None, [Value::Null, Value::Null]),
        ] {
            let object = set_on(&binding, mode, false);
            assert_eq!(
                [
                    object["subjects"][0]["namespace"].clone(),
                    object["subjects"][1]["namespace"].clone()
                ],
                want
            );
            assert_eq!(object["metadata"], json!({"name": "b"}));
        }
    }

    #[test]
    fn a_namespace_that_is_set_may_stay() {
        let object = |namespace: &str| json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "namespace": namespace}});
        for (old, unset_only, want) in [("x", true, "x"), ("x", false, "shop"), ("", true, "shop")]
        {
            assert_eq!(
                set_on(&object(old), Subjects::None, unset_only)["metadata"]["namespace"],
                want
            );
        }
    }

    #[test]
    fn only_the_core_namespace_is_renamed() {
        let object = |version: &str| json!({"apiVersion": version, "kind": "Namespace", "metadata": {"name": "a"}});
        assert_eq!(
            set_on(&object("v1"), Subjects::None, false)["metadata"],
            json!({"name": "shop"})
        );
        assert_eq!(
            set_on(&object("x/v1"), Subjects::None, false)["metadata"],
            json!({"name": "a", "namespace": "shop"})
        );
    }
}
