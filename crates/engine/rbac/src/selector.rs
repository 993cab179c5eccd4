//! [`Selector`]: which labels a label selector selects (`meta.v1.LabelSelector`).

use std::collections::BTreeMap;

use serde_json::Value;

/// Labels of an object.
pub(crate) type Labels = BTreeMap<Box<str>, Box<str>>;

/// Which labels are selected; an empty one selects all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector(Vec<Requirement>);

#[derive(Debug, Clone)]
struct Requirement {
    key: Box<str>,
    operator: Operator,
    values: Vec<Box<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl Selector {
    /// Returns nothing where an operator is not known: such a selector must not select.
    pub(crate) fn read(selector: &Value) -> Option<Self> {
        let equal = labels(&selector["matchLabels"]).into_iter();
        let equal = equal.map(|(key, value)| Some(Requirement { key, operator: Operator::In, values: vec![value] }));
        let expressions = selector["matchExpressions"].as_array().into_iter().flatten().map(requirement);
        equal.chain(expressions).collect::<Option<_>>().map(Self)
    }

    pub(crate) fn selects(&self, labels: &Labels) -> bool {
        self.0.iter().all(|Requirement { key, operator, values }| match (operator, labels.get(key)) {
            (Operator::In, value) => value.is_some_and(|value| values.contains(value)),
            (Operator::NotIn, value) => value.is_none_or(|value| !values.contains(value)),
            (Operator::Exists, value) => value.is_some(),
            (Operator::DoesNotExist, value) => value.is_none(),
        })
    }
}

/// Returns a map of texts.
pub(crate) fn labels(map: &Value) -> Labels {
    let entries = map.as_object().into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.as_str().into(), value.as_str()?.into()))).collect()
}

fn requirement(expression: &Value) -> Option<Requirement> {
    let operator = match expression["operator"].as_str()? {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        _ => return None,
    };
    let values = expression["values"].as_array().into_iter().flatten();
    let values = values.filter_map(Value::as_str).map(Box::from).collect();
    Some(Requirement { key: expression["key"].as_str()?.into(), operator, values })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_requirement_must_hold() {
        let selects =
            |selector: Value| Selector::read(&selector).unwrap().selects(&labels(&json!({"a": "1", "b": "2"})));
        let expression = |key, operator, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        assert!(selects(json!({})) && selects(json!({"matchLabels": {"a": "1", "b": "2"}})));
        assert!(!selects(json!({"matchLabels": {"a": "1", "b": "1"}})));
        assert!(selects(expression("a", "In", &["0", "1"])) && !selects(expression("c", "In", &["1"])));
        assert!(selects(expression("c", "NotIn", &["1"])) && !selects(expression("a", "NotIn", &["1"])));
        assert!(selects(expression("a", "Exists", &[])) && selects(expression("c", "DoesNotExist", &[])));
        assert!(Selector::read(&expression("a", "Near", &[])).is_none());
    }
}
