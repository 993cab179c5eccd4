//! Quantities compared by size: `1000m` is `1`, `1Gi` is `1024Mi`.

use serde_json::Value;

use super::{At, Errors};

/// Checks that a quantity is not negative.
pub(super) fn not_negative(amount: &At<'_, '_>, errors: &mut Errors) {
    if size(amount.value).is_some_and(|size| size < 0.0) {
        errors.push(amount.invalid("must be greater than or equal to 0"));
    }
}

/// Checks that a quantity is positive.
pub(super) fn positive(amount: &At<'_, '_>, errors: &mut Errors) {
    if size(amount.value).is_some_and(|size| size <= 0.0) {
        errors.push(amount.invalid("must be greater than zero"));
    }
}

/// Returns whether one quantity is larger than another.
pub(super) fn is_more(a: &Value, b: &Value) -> bool {
    matches!((size(a), size(b)), (Some(a), Some(b)) if a > b)
}

/// Returns whether a quantity is not an integer.
pub(super) fn is_fraction(amount: &Value) -> bool {
    size(amount).is_some_and(|size| size.fract() != 0.0)
}

/// Returns the size; malformed quantities were found during decoding.
fn size(amount: &Value) -> Option<f64> {
    let text = match amount {
        Value::Number(number) => return number.as_f64(),
        other => other.as_str()?,
    };
    let end = text
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    let factor = match suffix
        .strip_prefix(['e', 'E'])
        .filter(|power| !power.is_empty())
    {
        Some(power) => 10_f64.powi(power.parse().ok()?),
        None => SUFFIXES.iter().find(|(of, _)| *of == suffix)?.1,
    };
    Some(number * factor)
}

const SUFFIXES: [(&str, f64); 16] = [
    ("", 1.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_compared_by_size() {
        assert!(is_more(&json!("1Gi"), &json!("1G")) && is_more(&json!(2), &json!("1500m")));
        assert!(!is_more(&json!("1"), &json!("1000m")) && !is_more(&json!("1e3"), &json!("1k")));
        assert!(!is_more(&json!("x"), &json!("1")) && !is_more(&json!("1x"), &json!("0")));
    }
}
