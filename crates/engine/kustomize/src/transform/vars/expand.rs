//! `$(NAME)` in a text: `$$` is a dollar sign; a reference to an unknown variable stays.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use lode_stdx::budget::{Exceeded, Meter};
use lode_yaml::Place;

use super::Value;

/// The result for a text.
#[derive(Debug, PartialEq)]
pub(super) enum Expanded<'v> {
    /// It has no dollar.
    Unchanged,
    /// The new text, with the place of the first variable in it, if any.
    Text(String, Option<Place>),
    /// The text was exactly one reference, so it takes the variable's type too.
    Whole(&'v Value, Place),
}

/// Replaces references in a text and records which variables were used.
pub(super) fn expand<'v>(
    text: &str,
    values: &'v BTreeMap<Box<str>, (Value, Place)>,
    used: &mut BTreeSet<Box<str>>,
    meter: &Meter<'_>,
) -> Result<Expanded<'v>, Exceeded> {
    meter.steps(1 + text.len() as u64 / BYTES_PER_STEP)?;
    meter.bytes(if text.contains('$') {
        text.len() as u64
    } else {
        0
    })?;

    let mut out = String::new();
    let mut place = None;
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(escaped) = rest.strip_prefix('$') {
            out.push('$');
            rest = escaped;
            continue;
        }
        let Some((name, behind)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'))
        else {
            out.push('$');
            continue;
        };
        rest = behind;
        match values
            .get(name)
            .filter(|(value, _)| *value != Value::Collection)
        {
            None => out.extend(["$(", name, ")"]),
            Some((value, at)) => {
                meter.steps(1)?;
                if !used.contains(name) {
                    used.insert(name.into());
                }
                place.get_or_insert(*at);
                if text.len() == name.len() + "$()".len() {
                    return Ok(Expanded::Whole(value, *at));
                }
                let shown = value.shown();
                meter.bytes(shown.len() as u64)?;
                out.push_str(&shown);
            }
        }
    }

    out.push_str(rest);
    Ok(match place {
        None if out == text => Expanded::Unchanged,
        place => Expanded::Text(out, place),
    })
}

/// Bytes of a text examined in one step.
const BYTES_PER_STEP: u64 = 64;

impl Value {
    fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => text.into(),
            Self::Int(number) => number.to_string().into(),
            Self::Bool(flag) => flag.to_string().into(),
            Self::Float(number) => lode_yaml::to_string(&(*number).into())
                .trim_end()
                .to_owned()
                .into(),
            Self::Collection => "".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use lode_stdx::budget::Budget;

    use super::*;

    #[test]
    fn references_are_replaced_as_kustomize_replaces_them() {
        let values = [
            ("A", Value::Text("a$(B)".into())),
            ("N", Value::Int(7)),
            ("F", Value::Float(1e6)),
        ];
        let values: BTreeMap<Box<str>, (Value, Place)> = values
            .into_iter()
            .map(|(name, value)| (name.into(), (value, Place::default())))
            .collect();
        let (mut used, budget) = (BTreeSet::new(), Budget::unlimited());
        let meter = Meter::new(&budget);
        let mut check = |text: &str, want: &str| {
            let got = match expand(text, &values, &mut used, &meter).unwrap() {
                Expanded::Unchanged => format!("={text}"),
                Expanded::Text(text, _) => text,
                Expanded::Whole(value, _) => format!("{value:?}"),
            };
            assert_eq!(got, want, "{text}");
        };
        check("plain", "=plain");
        check("$(A)-$(N)", "a$(B)-7");
        check("x$(F)", "x1e+06");
        check("$(N)", "Int(7)");
        check("$$(N)", "$(N)");
        check("$$$(N)", "$7");
        check("$(X)", "=$(X)");
        check("$(N", "=$(N");
        check("$((N)", "=$((N)");
        check("a$", "=a$");
        check("$x$(N)", "$x7");
        check("$()", "=$()");
        assert_eq!(used.len(), 3);
    }
}
