//! Kubernetes quantities, compared by value: `1000m` is `1`, `1Gi` is `1024Mi`.
//!
//! Only what a comparison needs: a number too long to be exact is compared as text.

use serde_json::Value;

/// Returns whether two values are quantities of the same size.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    matches!((nano(a), nano(b)), (Some(a), Some(b)) if a == b)
}

/// Returns the size in billionths.
fn nano(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => parse(&number.to_string()),
        Value::String(text) => parse(text),
        _ => None,
    }
}

fn parse(text: &str) -> Option<i128> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if number.is_empty() || text.len() > MAX_CHARS || fraction.len() > NANO_DIGITS {
        return None;
    }

    let digits = format!("{whole}{fraction:0<NANO_DIGITS$}")
        .parse::<i128>()
        .ok()?;
    let scaled = |factor: i128| digits.checked_mul(factor);
    let exact = |divisor: i128| (digits % divisor == 0).then(|| digits / divisor);
    match suffix {
        "n" => exact(1_000_000_000),
        "u" => exact(1_000_000),
        "m" => exact(1_000),
        "" => Some(digits),
        "k" => scaled(1_000),
        "Ki" => scaled(1 << 10),
        "Mi" => scaled(1 << 20),
        "Gi" => scaled(1 << 30),
        "Ti" => scaled(1 << 40),
        "Pi" => scaled(1 << 50),
        "Ei" => scaled(1 << 60),
        "M" => scaled(10_i128.pow(6)),
        "G" => scaled(10_i128.pow(9)),
        "T" => scaled(10_i128.pow(12)),
        "P" => scaled(10_i128.pow(15)),
        "E" => scaled(10_i128.pow(18)),
        _ => exponent(suffix)
            .and_then(|power| 10_i128.checked_pow(power))
            .and_then(scaled),
    }
}

fn exponent(suffix: &str) -> Option<u32> {
    suffix.strip_prefix(['e', 'E'])?.parse().ok()
}

const MAX_CHARS: usize = 32;
const NANO_DIGITS: usize = 9;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_are_compared_not_spellings() {
        for (a, b) in [
            ("1000m", "1"),
            ("1Gi", "1024Mi"),
            ("0.5", "500m"),
            ("1e3", "1k"),
            ("1.5Gi", "1536Mi"),
            ("-1", "-1.0"),
        ] {
            assert!(same(&json!(a), &json!(b)), "{a} {b}");
        }
        for (a, b) in [
            ("1", "2"),
            ("1Mi", "1M"),
            ("", ""),
            ("x", "x"),
            ("1x", "1x"),
        ] {
            assert!(!same(&json!(a), &json!(b)), "{a} {b}");
        }
        assert!(same(&json!(2), &json!("2")));
    }
}
