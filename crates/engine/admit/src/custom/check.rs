//! Validates values by their schema (`OpenAPI` v3), in the order and with the messages of the API
//! server.
//!
//! A changed object may keep its previous errors: an unchanged value is never an error.

use serde_json::Value;

use super::{
    lists::Older,
    node::{Additional, Checks, SchemaNode},
    path::Path,
    scalar,
};
use crate::field_error::{FieldError, Reason};

/// The findings of checks.
#[derive(Debug, Default)]
pub(super) struct CheckOutcome {
    pub(super) errors: Vec<FieldError>,
    /// Number of checks made; if none of several schemas matches, the one with most checks reports
    /// its errors.
    checks: u32,
}

impl CheckOutcome {
    fn merge(&mut self, other: Self) {
        self.errors.extend(other.errors);
        self.checks += other.checks;
    }

    fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }
}

/// Validates a value by a node. `old` is the previous value.
pub(super) fn check(
    node: &SchemaNode,
    path: &Path<'_>,
    value: &Value,
    old: Option<&Value>,
) -> CheckOutcome {
    if old == Some(value) {
        return CheckOutcome::default();
    }
    let mut outcome = CheckOutcome {
        checks: 1,
        ..CheckOutcome::default()
    };
    outcome.errors.extend(scalar::sort(node, path, value));
    let checks = node.checks.as_deref();
    if value.is_null() {
        outcome
            .errors
            .extend(checks.and_then(|checks| scalar::one_of(checks, path, value)));
        return outcome;
    }
    if let Some(checks) = checks {
        alternatives(checks, path, value, &mut outcome);
        outcome.checks += 1;
        outcome.errors.extend(scalar::scalar(checks, path, value));
    }
    if let Value::Array(items) = value {
        list(node, path, items, old, &mut outcome);
    }
    if let Some(checks) = checks {
        outcome.errors.extend(scalar::one_of(checks, path, value));
    }
    if let Value::Object(_) = value {
        map(node, path, value, old, &mut outcome);
    }
    outcome
}

fn alternatives(checks: &Checks, path: &Path<'_>, value: &Value, outcome: &mut CheckOutcome) {
    let all = |nodes: &[SchemaNode]| -> Vec<CheckOutcome> {
        nodes
            .iter()
            .map(|node| check(node, path, value, None))
            .collect()
    };
    let say = |outcome: &mut CheckOutcome, text: &str| {
        let message = format!("Invalid value: \"\": {:?} must {text}", path.dotted());
        outcome
            .errors
            .push(FieldError::new(Path::Root, Reason::Invalid, message));
    };
    let any = all(&checks.any_of);
    if !any.is_empty() && !any.iter().any(CheckOutcome::is_valid) {
        say(outcome, "validate at least one schema (anyOf)");
        nearest(any, outcome);
    }
    let one = all(&checks.one_of);
    match one.iter().filter(|found| found.is_valid()).count() {
        1 => {}
        _ if one.is_empty() => {}
        0 => {
            say(
                outcome,
                "validate one and only one schema (oneOf). Found none valid",
            );
            nearest(one, outcome);
        }
        more => say(
            outcome,
            &format!("validate one and only one schema (oneOf). Found {more} valid alternatives"),
        ),
    }
    let every = all(&checks.all_of);
    let valid = every.iter().filter(|found| found.is_valid()).count();
    let (fits, none) = (
        valid == every.len(),
        if valid == 0 { ". None validated" } else { "" },
    );
    for found in every {
        outcome.merge(found);
    }
    if !fits {
        say(outcome, &format!("validate all the schemas (allOf){none}"));
    }
    if checks
        .not
        .as_ref()
        .is_some_and(|not| check(not, path, value, None).is_valid())
    {
        say(outcome, "not validate the schema (not)");
    }
}

/// Reports the errors of the schema that came nearest.
fn nearest(found: Vec<CheckOutcome>, outcome: &mut CheckOutcome) {
    let best = found.into_iter().reduce(|best, next| {
        if next.checks > best.checks {
            next
        } else {
            best
        }
    });
    if let Some(best) = best {
        outcome.merge(best);
    }
}

fn list(
    node: &SchemaNode,
    path: &Path<'_>,
    items: &[Value],
    old: Option<&Value>,
    outcome: &mut CheckOutcome,
) {
    outcome.checks += 1;
    if let Some(node_of_item) = &node.items {
        let older = Older::of(&node.list, old);
        for (place, item) in items.iter().enumerate() {
            outcome.merge(check(
                node_of_item,
                &path.index(place),
                item,
                older.counterpart(item),
            ));
        }
    }
    let Some(checks) = &node.checks else { return };
    let (name, count) = (path.dotted(), items.len() as u64);
    if let Some(min) = checks.items.min.filter(|min| count < *min) {
        let message =
            format!("Invalid value: {count}: {name} in body should have at least {min} items");
        outcome
            .errors
            .push(FieldError::new(&*name, Reason::Invalid, message));
    }
    if let Some(max) = checks.items.max.filter(|max| count > *max) {
        outcome
            .errors
            .push(FieldError::too_many(&*name, items.len(), max as usize));
    }
    if checks.unique
        && items
            .iter()
            .enumerate()
            .any(|(place, item)| items[..place].contains(item))
    {
        let message = format!("Invalid value: \"\": {name} in body shouldn't contain duplicates");
        outcome
            .errors
            .push(FieldError::new(&*name, Reason::Invalid, message));
    }
}

fn map(
    node: &SchemaNode,
    path: &Path<'_>,
    value: &Value,
    old: Option<&Value>,
    outcome: &mut CheckOutcome,
) {
    let Some(map) = value.as_object() else { return };
    outcome.checks += 1;
    if let Some(checks) = &node.checks {
        if let Some(error) = count_of_fields(checks, path, map.len()) {
            outcome.errors.push(error);
            return;
        }
        let missing = checks
            .required
            .iter()
            .filter(|name| !map.contains_key(&***name));
        outcome
            .errors
            .extend(missing.map(|name| FieldError::required(path.field(name).dotted(), "")));
    }
    if matches!(node.additional, Some(Additional::Allowed(false))) {
        for name in map
            .keys()
            .filter(|name| !node.properties.contains_key(name.as_str()))
        {
            let message = format!(
                "Invalid value: \"\": {}.{name} in body is a forbidden property",
                path.dotted()
            );
            outcome.errors.push(FieldError::new(
                path.field(name).dotted(),
                Reason::Invalid,
                message,
            ));
        }
    }
    for (name, value) in map {
        if let Some(node) = node.field(name) {
            let old = old.and_then(|old| old.get(name));
            outcome.merge(check(node, &path.field(name), value, old));
        }
    }
}

fn count_of_fields(checks: &Checks, path: &Path<'_>, fields: usize) -> Option<FieldError> {
    let (name, count) = (path.dotted(), fields as u64);
    if let Some(min) = checks.properties.min.filter(|min| count < *min) {
        let message =
            format!("Invalid value: {count}: {name} in body should have at least {min} properties");
        return Some(FieldError::new(name, Reason::Invalid, message));
    }
    let max = checks.properties.max.filter(|max| count > *max)?;
    Some(FieldError::too_many(name, fields, max as usize))
}
