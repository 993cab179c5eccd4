//! Labels and annotations a kustomization puts on its objects, and on the templates and selectors inside them.

use crate::configuration::Configuration;
use crate::decode::Pairs;
use crate::error::{Fault, ObjectCause};
use crate::fieldspec::{self, FieldSpec, Make};
use crate::resource::Resource;
use crate::settings::Rule;
use crate::tables::Gvk;

/// Returns where a rule's labels go; names the path that is named twice with different `create`.
pub(crate) fn fields(rule: &Rule, configuration: &Configuration) -> Result<Vec<FieldSpec>, String> {
    let mut fields = rule.fields.clone();
    fieldspec::merge(&mut fields, &configuration.labels)?;
    if rule.include_selectors {
        fieldspec::merge(&mut fields, &configuration.common_labels)?;
        return Ok(fields);
    }
    if rule.include_templates {
        fieldspec::merge(&mut fields, &configuration.template_labels)?;
    }
    fieldspec::merge(&mut fields, &[FieldSpec::new(Gvk::default(), "metadata/labels", true)])?;
    Ok(fields)
}

/// Puts pairs into fields of mappings.
pub(crate) fn apply(resources: &mut [Resource], pairs: &Pairs, fields: &[FieldSpec]) -> Result<(), Fault> {
    if pairs.is_empty() {
        return Ok(());
    }
    for resource in resources {
        let gvk = resource.gvk();
        for field in fields.iter().filter(|field| field.fits(&gvk)) {
            let outcome = field.visit(&mut resource.node, Make::Mapping, &mut |found| {
                pairs.iter().try_for_each(|(key, value)| fieldspec::set_entry(found, key, value.clone()))
            });
            outcome.map_err(|cause| {
                let cause = ObjectCause::Field { field: field.path.to_string(), cause };
                Fault::Object { id: Box::new(resource.id()), at: resource.place, cause }
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lode_yaml::{Dialect, Node, Place};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_reaches_as_far_as_it_says() {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {}});
        let pairs = vec![("k".to_owned(), Node::string("1"))];
        let defaults = crate::configuration::defaults();
        for (include_selectors, include_templates, want) in [
            (false, false, json!({})),
            (false, true, json!({"template": {"metadata": {"labels": {"k": "1"}}}})),
            (
                true,
                false,
                json!({"selector": {"matchLabels": {"k": "1"}}, "template": {"metadata": {"labels": {"k": "1"}}}}),
            ),
        ] {
            let rule = Rule { include_selectors, include_templates, ..Rule::default() };
            let mut all = [Resource::new(Node::from_value(&object), Place::default())];
            apply(&mut all, &pairs, &fields(&rule, &defaults).unwrap()).unwrap();
            let object = all[0].node.to_value(Dialect::V3).unwrap();
            assert_eq!((&object["metadata"]["labels"], &object["spec"]), (&json!({"k": "1"}), &want));
        }
    }

    #[test]
    fn fields_must_agree_about_creating() {
        let rule = Rule { fields: vec![FieldSpec::new(Gvk::default(), "metadata/labels", false)], ..Rule::default() };
        assert_eq!(fields(&rule, &crate::configuration::defaults()), Err("metadata/labels".to_owned()));
    }
}
