//! Violations of a schema, in the words of the library that Helm uses.

use std::fmt::Display;

use boon::{ErrorKind, ValidationError};
use serde_json::{Number, Value};

/// Whether values are shown, which may be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Values,
    Places,
}

/// Most lines of one text.
const LINES_MAX: usize = 200;

/// Returns a line for each violation, those below another indented.
pub(super) fn tree(violation: &ValidationError<'_, '_>, shown: Shown) -> String {
    let mut lines = Vec::new();
    for cause in &violation.causes {
        add(cause, 0, shown, &mut lines);
    }
    if violation.causes.is_empty() {
        lines.push(line(violation, shown));
    }
    if lines.len() > LINES_MAX {
        let left_out = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("- and {left_out} more"));
    }
    lines.join("\n")
}

/// The depth is that of the check, which is bounded.
fn add(violation: &ValidationError<'_, '_>, indent: usize, shown: Shown, lines: &mut Vec<String>) {
    let is_reference = matches!(violation.kind, ErrorKind::Reference { .. });
    let inner = if is_reference && violation.causes.len() == 1 {
        indent
    } else {
        lines.push(format!("{}{}", "  ".repeat(indent), line(violation, shown)));
        indent + 1
    };
    for cause in &violation.causes {
        add(cause, inner, shown, lines);
    }
}

fn line(violation: &ValidationError<'_, '_>, shown: Shown) -> String {
    let place = quote(&violation.instance_location.to_string());
    format!("- at {place}: {}", text(&violation.kind, shown))
}

fn text(kind: &ErrorKind<'_, '_>, shown: Shown) -> String {
    match kind {
        ErrorKind::Group | ErrorKind::Schema { .. } | ErrorKind::Reference { .. } => {
            "validation failed".to_owned()
        }
        ErrorKind::ContentSchema => "'contentSchema' failed".to_owned(),
        ErrorKind::RefCycle {
            url,
            kw_loc1,
            kw_loc2,
        } => format!("both {kw_loc1} and {kw_loc2} resolve to {url:?} causing reference cycle"),
        ErrorKind::FalseSchema => "false schema".to_owned(),
        ErrorKind::Not => "'not' failed".to_owned(),
        ErrorKind::AllOf => "'allOf' failed".to_owned(),
        ErrorKind::AnyOf => "'anyOf' failed".to_owned(),
        ErrorKind::OneOf(None) => "'oneOf' failed, none matched".to_owned(),
        ErrorKind::OneOf(Some((a, b))) => {
            format!(
                "'oneOf' failed, subschemas {}, {} matched",
                count(*a),
                count(*b)
            )
        }
        ErrorKind::Type { got, want } => {
            format!("got {got}, want {}", joined(want.iter(), " or "))
        }
        ErrorKind::Enum { want } => enumeration(want),
        ErrorKind::Const { want } if is_primitive(want) => {
            format!("value must be {}", display(want))
        }
        ErrorKind::Const { .. } => "'const' failed".to_owned(),
        other => property(other)
            .or_else(|| size(other))
            .unwrap_or_else(|| content(other, shown)),
    }
}

/// Violations about the keys of a table.
fn property(kind: &ErrorKind<'_, '_>) -> Option<String> {
    Some(match kind {
        ErrorKind::PropertyName { prop } => format!("invalid propertyName {}", quote(prop)),
        ErrorKind::AdditionalProperties { got } => {
            format!("additional properties {} not allowed", quoted(got))
        }
        ErrorKind::Required { want } => match want.as_slice() {
            [one] => format!("missing property {}", quote(one)),
            many => format!("missing properties {}", quoted(many)),
        },
        ErrorKind::Dependency { prop, missing }
        | ErrorKind::DependentRequired { prop, missing } => {
            format!(
                "properties {} required, if {} exists",
                quoted(missing),
                quote(prop)
            )
        }
        _ => return None,
    })
}

/// Violations about numbers of properties, items and characters.
fn size(kind: &ErrorKind<'_, '_>) -> Option<String> {
    let (word, got, want) = match kind {
        ErrorKind::MinProperties { got, want } => ("minProperties", got, want),
        ErrorKind::MaxProperties { got, want } => ("maxProperties", got, want),
        ErrorKind::MinItems { got, want } => ("minItems", got, want),
        ErrorKind::MaxItems { got, want } => ("maxItems", got, want),
        ErrorKind::MinLength { got, want } => ("minLength", got, want),
        ErrorKind::MaxLength { got, want } => ("maxLength", got, want),
        ErrorKind::AdditionalItems { got } => {
            return Some(format!(
                "last {} additionalItem(s) not allowed",
                count(*got)
            ));
        }
        ErrorKind::UniqueItems { got: [a, b] } => {
            return Some(format!(
                "items at {} and {} are equal",
                count(*a),
                count(*b)
            ));
        }
        ErrorKind::Contains => return Some("no items match contains schema".to_owned()),
        ErrorKind::MinContains { got, want } => return Some(contains("min", got, *want)),
        ErrorKind::MaxContains { got, want } => return Some(contains("max", got, *want)),
        _ => return None,
    };
    Some(format!(
        "{word}: got {}, want {}",
        count(*got),
        count(*want)
    ))
}

/// Violations about the value itself.
fn content(kind: &ErrorKind<'_, '_>, shown: Shown) -> String {
    let number = |word: &str, got: &Number, want: &Number| match shown {
        Shown::Values => format!("{word}: got {}, want {}", quantity(got), quantity(want)),
        Shown::Places => format!("{word}: want {}", quantity(want)),
    };
    match kind {
        ErrorKind::Minimum { got, want } => number("minimum", got, want),
        ErrorKind::Maximum { got, want } => number("maximum", got, want),
        ErrorKind::ExclusiveMinimum { got, want } => number("exclusiveMinimum", got, want),
        ErrorKind::ExclusiveMaximum { got, want } => number("exclusiveMaximum", got, want),
        ErrorKind::MultipleOf { got, want } => number("multipleOf", got, want),
        ErrorKind::Format { got, want, err } => match shown {
            Shown::Values => format!("{} is not valid {want}: {err}", display(got)),
            Shown::Places => format!("the value is not valid {want}"),
        },
        ErrorKind::Pattern { got, want } => match shown {
            Shown::Values => format!("{} does not match pattern {}", quote(got), quote(want)),
            Shown::Places => format!("the value does not match pattern {}", quote(want)),
        },
        ErrorKind::ContentEncoding { want, .. } => format!("value is not {} encoded", quote(want)),
        ErrorKind::ContentMediaType { want, .. } => {
            format!("value if not of mediatype {}", quote(want))
        }
        _ => "validation failed".to_owned(),
    }
}

fn enumeration(want: &[Value]) -> String {
    match want {
        want if !want.iter().all(is_primitive) => "'enum' failed".to_owned(),
        [one] => format!("value must be {}", display(one)),
        many => format!(
            "value must be one of {}",
            joined(many.iter().map(display), ", ")
        ),
    }
}

fn contains(word: &str, got: &[usize], want: usize) -> String {
    let want = count(want);
    if got.is_empty() {
        return format!("{word} {want} items required to match contains schema, but none matched");
    }
    let places = joined(got, " ");
    let got = count(got.len());
    format!(
        "{word} {want} items required to match contains schema, but matched {got} items at {places}"
    )
}

fn is_primitive(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

fn display(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Array(_) | Value::Object(_) => "value".to_owned(),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

/// Quotes a text with single quotes.
fn quote(text: &str) -> String {
    let quoted = format!("{text:?}");
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    format!("'{}'", inner.replace("\\\"", "\"").replace('\'', "\\'"))
}

fn quoted<T: AsRef<str>>(texts: &[T]) -> String {
    joined(texts.iter().map(|text| quote(text.as_ref())), ", ")
}

fn joined<T: Display>(items: impl IntoIterator<Item = T>, separator: &str) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(separator)
}

/// Returns a number with commas between thousands, as the library prints numbers for people.
fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Returns a number as the library prints floats for people: `1,234.5`, `1.5×10⁰⁶`.
fn quantity(number: &Number) -> String {
    let float = number.as_f64().unwrap_or_default();
    let shortest = format!("{float:e}");
    let Some((digits, exponent)) = shortest.split_once('e') else {
        return shortest;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..=5).contains(&exponent) {
        let sign = if exponent < 0 { "\u{207b}" } else { "" };
        let raised = format!("{:02}", exponent.unsigned_abs());
        return format!(
            "{digits}\u{d7}10{sign}{}",
            raised.chars().map(superscript).collect::<String>()
        );
    }

    let text = float.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    let sign = if float.is_sign_negative() { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

fn superscript(digit: char) -> char {
    match digit {
        '1' => '\u{b9}',
        '2' => '\u{b2}',
        '3' => '\u{b3}',
        digit => {
            let value = digit.to_digit(10).unwrap_or_default();
            char::from_u32(0x2070 + value).unwrap_or(digit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_between_thousands() {
        for (number, want) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(number), want);
        }
    }

    #[test]
    fn floats_are_for_people() {
        for (number, want) in [
            (1234.5, "1,234.5"),
            (-12345.0, "-12,345"),
            (0.000_123_4, "0.0001234"),
            (7.0, "7"),
            (1_234_567.891, "1.234567891\u{d7}10\u{2070}\u{2076}"),
            (1e21, "1\u{d7}10\u{b2}\u{b9}"),
            (1e-7, "1\u{d7}10\u{207b}\u{2070}\u{2077}"),
        ] {
            assert_eq!(quantity(&Number::from_f64(number).unwrap()), want);
        }
    }

    #[test]
    fn quotes_are_single() {
        assert_eq!(quote("a\"b'c\n"), "'a\"b\\'c\\n'");
    }
}
