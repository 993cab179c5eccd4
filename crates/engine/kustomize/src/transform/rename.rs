//! Prefixes and suffixes of names.

use lode_stdx::budget::{Budget, Meter};
use lode_yaml::{Cost, Node};

use crate::config::fieldspec::{self, FieldSpec, Make};
use crate::error::Fault;
use crate::input::decode::At;
use crate::object::resource::{Identity, Resource};

/// The side of a name on which a text is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Front,
    Back,
}

/// Adds a prefix or suffix to names.
pub(crate) fn apply(
    resources: &mut [Resource],
    side: Side,
    text: &At<String>,
    (fields, budget): (&[FieldSpec], &Budget),
) -> Result<(), Fault> {
    let meter = Meter::new(budget);
    for resource in resources {
        meter.steps(FieldSpec::steps(fields))?;
        let original = resource.original();
        if is_fixed(&original) {
            continue;
        }
        for field in fields.iter().filter(|field| field.fits(&original.gvk)) {
            if &*field.path == "metadata/name" && !text.is_empty() {
                meter.bytes(resource.name_bytes() + Cost::of_text(text).bytes)?;
                let layers = if side == Side::Front {
                    &mut resource.prefixes
                } else {
                    &mut resource.suffixes
                };
                layers.push(text.value.as_str().into());
                resource.remember();
                resource.namers.add(text.place.source);
            }
            if !field.fits(&resource.gvk()) {
                continue;
            }
            let outcome = field.visit(&mut resource.node, (Make::Scalar, &meter), &mut |found| {
                let old = found.text().ok_or("a scalar was expected")?;
                Cost::of_text(old).charge_meter(&meter)?;
                Cost::of_text(text).charge_meter(&meter)?;
                let new = match side {
                    Side::Front => format!("{}{old}", text.value),
                    Side::Back => format!("{old}{}", text.value),
                };
                fieldspec::set(found, Node::plain(new).placed(text.place))
            });
            outcome.map_err(|misfit| resource.misfit(&field.path, misfit))?;
        }
    }
    Ok(())
}

/// Returns whether an object's name also appears elsewhere and so must not change.
fn is_fixed(original: &Identity) -> bool {
    match &*original.gvk.kind {
        "CustomResourceDefinition" | "Namespace" => true,
        "APIService" => &*original.gvk.group == "apiregistration.k8s.io",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use lode_yaml::Place;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_get_a_front_and_a_back() {
        let resource = |kind: &str| {
            let object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}});
            Resource::new(Node::from_value(&object), Place::default())
        };
        let mut all = [resource("ConfigMap"), resource("Namespace")];
        let fields = crate::config::configuration::defaults().name_prefix.clone();
        let place = Place {
            line: 7,
            ..Place::default()
        };
        let budget = Budget::unlimited();
        apply(
            &mut all,
            Side::Front,
            &At::new("x-".to_owned(), place),
            (&fields, &budget),
        )
        .unwrap();
        apply(
            &mut all,
            Side::Back,
            &At::new("-y".to_owned(), place),
            (&fields, &budget),
        )
        .unwrap();
        assert_eq!((all[0].name(), all[1].name()), ("x-a-y", "a"));
        assert_eq!((&*all[0].original().name, all[0].past.len()), ("a", 2));
        assert_eq!(all[0].node.at(&["metadata", "name"]).unwrap().place.line, 7);
    }
}
