//! Setting the number of replicas of an object found by name.

use lode_stdx::budget::{Budget, Meter};

use crate::config::fieldspec::{self, FieldSpec, Make};
use crate::error::{Fault, FileCause};
use crate::input::settings::Replicas;
use crate::object::resources::Resources;

/// Sets the number of replicas of objects that have or had this name.
pub(crate) fn apply(
    resources: &mut Resources,
    replicas: &Replicas,
    fields: &[FieldSpec],
    budget: &Budget,
) -> Result<(), Fault> {
    let meter = Meter::new(budget);
    let mut found = false;
    for at in resources.named(&replicas.name, budget)? {
        let Some(resource) = resources.content_mut(at) else {
            continue;
        };
        meter.steps(FieldSpec::steps(fields) * (1 + resource.past.len() as u64))?;
        let mut kinds: Vec<_> = resource
            .past
            .iter()
            .filter(|past| *past.name == *replicas.name)
            .cloned()
            .collect();
        kinds.extend(Some(resource.current()).filter(|current| *current.name == *replicas.name));
        for field in fields
            .iter()
            .filter(|field| kinds.iter().any(|name| field.fits(&name.gvk)))
        {
            found = true;
            if !field.fits(&resource.gvk()) {
                continue;
            }
            let outcome = field.visit(&mut resource.node, (Make::Scalar, &meter), &mut |old| {
                fieldspec::set(old, replicas.node())
            });
            outcome.map_err(|misfit| resource.misfit(&field.path, misfit))?;
        }
    }

    if found {
        Ok(())
    } else {
        Err(Fault::At(
            replicas.place,
            FileCause::NoReplicas(replicas.name.clone()),
        ))
    }
}

#[cfg(test)]
mod tests {
    use lode_yaml::{Dialect, Node, Place};
    use serde_json::json;

    use super::*;
    use crate::object::resource::Resource;

    #[test]
    fn a_former_name_counts_and_no_name_fails() {
        let mut all = Resources::default();
        let object =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}});
        let mut resource = Resource::new(Node::from_value(&object), Place::default());
        resource.remember();
        resource.set_name("b".to_owned());
        all.append(resource).unwrap();
        let fields = crate::config::configuration::defaults().replicas.clone();
        let entry = |name: &str| Replicas {
            name: name.to_owned(),
            count: 3,
            place: Place::default(),
        };
        apply(&mut all, &entry("a"), &fields, &Budget::unlimited()).unwrap();
        assert_eq!(
            all.all()[0].node.to_value(Dialect::V3).unwrap()["spec"]["replicas"],
            3
        );
        assert!(apply(&mut all, &entry("c"), &fields, &Budget::unlimited()).is_err());
    }
}
