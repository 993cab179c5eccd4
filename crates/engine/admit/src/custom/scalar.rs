//! Checks of single values: type, bounds, format.

use lode_stdx::go_float;
use serde_json::Value;

use super::{
    node::{Bound, Checks, SchemaNode, Sort},
    path::Path,
};
use crate::field_error::FieldError;

/// Checks the type of a value.
pub(super) fn sort(node: &SchemaNode, path: &Path<'_>, value: &Value) -> Option<FieldError> {
    let wanted = wanted(node)?;
    let Some(sort) = Sort::of(value) else {
        return (!node.nullable).then(|| other_type(path, &wanted, "null"));
    };
    let whole = || {
        value
            .as_f64()
            .is_some_and(|number| number.fract() == 0.0 && number.abs() < EXACT)
    };
    let fits = |sort: Sort, wanted: Sort| match (wanted, sort) {
        (Sort::Number, Sort::Integer) => true,
        (Sort::Integer, Sort::Number) => whole(),
        (wanted, sort) => wanted == sort,
    };
    let right = match node.sort {
        _ if node.int_or_string => fits(sort, Sort::Integer) || sort == Sort::String,
        Some(wanted) => fits(sort, wanted),
        None => true,
    };
    (!right).then(|| other_type(path, &wanted, sort.as_str()))
}

fn other_type(path: &Path<'_>, wanted: &str, found: &str) -> FieldError {
    let name = path.dotted();
    let detail = format!("{name} in body must be of type {wanted}: {found:?}");
    FieldError::type_invalid(or_nowhere(name), &found.into(), &detail)
}

fn or_nowhere(name: String) -> String {
    if name.is_empty() {
        Path::Root.to_string()
    } else {
        name
    }
}

/// Checks a value against the allowed ones.
pub(super) fn one_of(checks: &Checks, path: &Path<'_>, value: &Value) -> Option<FieldError> {
    let values = checks.values.as_ref()?;
    let same =
        |known: &Value| known == value || (known.is_number() && known.as_f64() == value.as_f64());
    if values.iter().any(same) {
        return None;
    }
    let shown = |known: &Value| {
        known
            .as_str()
            .map_or_else(|| known.to_string(), str::to_owned)
    };
    let shown: Vec<String> = values.iter().map(shown).collect();
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    Some(FieldError::not_supported(
        or_nowhere(path.dotted()),
        value,
        &shown,
    ))
}

/// Checks the length and format of a text, and the bounds of a number.
pub(super) fn scalar(checks: &Checks, path: &Path<'_>, value: &Value) -> Vec<FieldError> {
    match value {
        Value::String(text) => length(checks, path, text)
            .into_iter()
            .chain(form(checks, path, text))
            .collect(),
        Value::Number(number) => number
            .as_f64()
            .map(|number| bounds(checks, path, value, number))
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn length(checks: &Checks, path: &Path<'_>, text: &str) -> Option<FieldError> {
    let count = text.chars().count() as u64;
    if let Some(max) = checks.length.max.filter(|max| count > *max) {
        return Some(FieldError::too_long(path.dotted(), max as usize));
    }
    if let Some(min) = checks.length.min.filter(|min| count < *min) {
        return Some(invalid(
            path,
            &text.into(),
            &format!("should be at least {min} chars long"),
        ));
    }
    let pattern = checks
        .pattern
        .as_ref()
        .filter(|pattern| !pattern.is_match(text))?;
    Some(invalid(
        path,
        &text.into(),
        &format!("should match '{}'", pattern.as_str()),
    ))
}

fn form(checks: &Checks, path: &Path<'_>, text: &str) -> Option<FieldError> {
    let format = checks.format.as_ref().filter(|format| !format.fits(text))?;
    let name = path.dotted();
    let detail = format!("{name} in body must be of type {}: {text:?}", format.name);
    Some(FieldError::type_invalid(name, &text.into(), &detail))
}

fn bounds(checks: &Checks, path: &Path<'_>, value: &Value, number: f64) -> Vec<FieldError> {
    let multiple = |of: &f64| *of > 0.0 && (number / of).fract().abs() > f64::EPSILON;
    let under = |bound: &Bound| number < bound.value || (bound.exclusive && number <= bound.value);
    let over = |bound: &Bound| number > bound.value || (bound.exclusive && number >= bound.value);
    let said = |bound: Bound, word: &str| {
        let or_equal = if bound.exclusive { "" } else { " or equal to" };
        invalid(
            path,
            value,
            &format!("should be {word} than{or_equal} {}", go_float(bound.value)),
        )
    };
    let multiple = checks.multiple_of.filter(multiple);
    let multiple = multiple.map(|of| {
        invalid(
            path,
            value,
            &format!("should be a multiple of {}", go_float(of)),
        )
    });
    let under = checks
        .minimum
        .filter(under)
        .map(|bound| said(bound, "greater"));
    let over = checks.maximum.filter(over).map(|bound| said(bound, "less"));
    multiple.into_iter().chain(under).chain(over).collect()
}

fn invalid(path: &Path<'_>, value: &Value, said: &str) -> FieldError {
    let name = path.dotted();
    FieldError::invalid(
        or_nowhere(name.clone()),
        value,
        &format!("{name} in body {said}"),
    )
}

/// Below this every whole float is an exact integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns the type that a node requires, if it is only one.
pub(super) fn wanted(node: &SchemaNode) -> Option<String> {
    match node.sort {
        _ if node.int_or_string => Some("integer,string".to_owned()),
        sort => sort.map(Sort::as_str).map(str::to_owned),
    }
}
