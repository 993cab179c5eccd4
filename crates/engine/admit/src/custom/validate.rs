//! [`validate`]: validates an object by its definition.

use serde_json::Value;

use super::{
    check::check,
    lists,
    node::SchemaNode,
    path::{NOWHERE, Path},
    rules,
    ty::{Scale, Type},
};
use crate::field_error::{FieldError, Reason};

/// Returns the errors of an object, except for its metadata. Violations already present in `old`
/// are ignored if the value is unchanged (ratcheting).
#[must_use]
pub fn validate(ty: &Type, old: Option<&Value>, new: &Value) -> Vec<FieldError> {
    validate_after(Vec::new(), ty, old, new)
}

/// Returns the errors of an object, given those of its metadata, which may also prevent rules from
/// being checked.
#[must_use]
pub fn validate_after(
    found: Vec<FieldError>,
    ty: &Type,
    old: Option<&Value>,
    new: &Value,
) -> Vec<FieldError> {
    let mut errors = found;
    errors.append(&mut check(&ty.root, &Path::Root, new, old).errors);
    errors.extend(ty.scale.as_ref().and_then(|scale| replicas(scale, new)));
    lists::embedded(&ty.root, &Path::Root, new, &mut errors);
    errors.extend(twice(&ty.root, old, new));
    if !ty.root.has_rules {
        return errors;
    }
    if blocks_rules(&errors) {
        errors.push(FieldError::invalid(NOWHERE, &Value::Null, NOT_CHECKED));
    } else {
        errors.extend(rules::check(&ty.root, new, old));
    }
    errors
}

/// Finds duplicate list items, unless there were some before.
fn twice(root: &SchemaNode, old: Option<&Value>, new: &Value) -> Vec<FieldError> {
    let found = |object: &Value| {
        let mut errors = Vec::new();
        lists::duplicates(root, &Path::Root, object, &mut errors);
        errors
    };
    if old.is_some_and(|old| !found(old).is_empty()) {
        Vec::new()
    } else {
        found(new)
    }
}

fn replicas(scale: &Scale, object: &Value) -> Option<FieldError> {
    let path = scale.spec_replicas.trim_start_matches('.');
    let found = path
        .split('.')
        .try_fold(object, |value, name| value.get(name))?;
    let negative = found.as_i64().is_some_and(|count| count < 0);
    negative.then(|| FieldError::invalid(path, found, "should be a non-negative integer"))
}

/// Returns whether rules cannot be checked, because they may rely on what is invalid.
fn blocks_rules(errors: &[FieldError]) -> bool {
    let blocks = [
        Reason::NotSupported,
        Reason::Required,
        Reason::TooLong,
        Reason::TooMany,
        Reason::TypeInvalid,
    ];
    errors.iter().any(|error| blocks.contains(&error.reason))
}

const NOT_CHECKED: &str = "some validation rules were not checked because the object was invalid; correct the existing \
    errors to complete validation";
