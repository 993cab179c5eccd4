//! Labels and annotations that a kustomization sets on its objects and on the templates and
//! selectors in them.

use lode_stdx::budget::{Budget, Meter};
use lode_yaml::Cost;

use crate::config::configuration::Configuration;
use crate::config::fieldspec::{self, Conflict, FieldSpec, Make, width};
use crate::config::gvk::Gvk;
use crate::error::Fault;
use crate::input::decode::Pairs;
use crate::input::settings::LabelRule;
use crate::object::resource::Resource;

/// Returns the fields a rule's labels are set in.
pub(crate) fn fields(
    rule: &LabelRule,
    configuration: &Configuration,
    budget: &Budget,
) -> Result<Vec<FieldSpec>, Conflict> {
    let own = rule.fields.iter().map(FieldSpec::bytes).sum();
    budget.bytes(own)?;
    let mut fields = rule.fields.clone();
    fieldspec::merge(&mut fields, &configuration.labels, budget)?;
    if rule.include_selectors {
        fieldspec::merge(&mut fields, &configuration.common_labels, budget)?;
        return Ok(fields);
    }
    if rule.include_templates {
        fieldspec::merge(&mut fields, &configuration.template_labels, budget)?;
    }
    fieldspec::merge(
        &mut fields,
        &[FieldSpec::new(Gvk::default(), "metadata/labels", true)],
        budget,
    )?;
    Ok(fields)
}

/// Sets pairs in fields that are mappings.
pub(crate) fn apply(
    resources: &mut [Resource],
    pairs: &Pairs,
    fields: &[FieldSpec],
    budget: &Budget,
) -> Result<(), Fault> {
    if pairs.is_empty() {
        return Ok(());
    }
    let meter = Meter::new(budget);
    let costs: Vec<Cost> = pairs
        .iter()
        .map(|(key, value)| value.cost().under(key))
        .collect();
    for resource in resources {
        meter.steps(FieldSpec::steps(fields))?;
        let gvk = resource.gvk();
        for field in fields.iter().filter(|field| field.fits(&gvk)) {
            let outcome = field.visit(&mut resource.node, (Make::Mapping, &meter), &mut |found| {
                pairs
                    .iter()
                    .zip(&costs)
                    .try_for_each(|((key, value), cost)| {
                        meter.steps(width(found))?;
                        cost.charge_meter(&meter)?;
                        fieldspec::set_entry(found, key, value.clone())
                    })
            });
            outcome.map_err(|misfit| resource.misfit(&field.path, misfit))?;
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
        let defaults = crate::config::configuration::defaults();
        for (include_selectors, include_templates, want) in [
            (false, false, json!({})),
            (
                false,
                true,
                json!({"template": {"metadata": {"labels": {"k": "1"}}}}),
            ),
            (
                true,
                false,
                json!({"selector": {"matchLabels": {"k": "1"}}, "template": {"metadata": {"labels": {"k": "1"}}}}),
            ),
        ] {
            let rule = LabelRule {
                include_selectors,
                include_templates,
                ..LabelRule::default()
            };
            let mut all = [Resource::new(Node::from_value(&object), Place::default())];
            let budget = Budget::unlimited();
            apply(
                &mut all,
                &pairs,
                &fields(&rule, &defaults, &budget).unwrap(),
                &budget,
            )
            .unwrap();
            let object = all[0].node.to_value(Dialect::V3).unwrap();
            assert_eq!(
                (&object["metadata"]["labels"], &object["spec"]),
                (&json!({"k": "1"}), &want)
            );
        }
    }

    #[test]
    fn fields_must_agree_about_creating() {
        let rule = LabelRule {
            fields: vec![FieldSpec::new(Gvk::default(), "metadata/labels", false)],
            ..LabelRule::default()
        };
        let found = fields(
            &rule,
            &crate::config::configuration::defaults(),
            &Budget::unlimited(),
        );
        assert_eq!(found, Err(Conflict::Create("metadata/labels".to_owned())));
    }
}
