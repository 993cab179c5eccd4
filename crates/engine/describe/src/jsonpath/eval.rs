//! Evaluates paths.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::Value;

use super::{Filter, FilterOperator, JsonPath, JsonPathStep, Slice, To};

/// The values found; literals are owned by the path.
type FoundValues<'v> = Vec<Cow<'v, Value>>;

/// The value has the wrong type for the step, or there are too many values.
struct Nothing;

impl JsonPath {
    /// Returns the first value that is found.
    pub(super) fn first<'v>(&'v self, object: &'v Value) -> Option<Cow<'v, Value>> {
        let found = self.follow(vec![Cow::Borrowed(object)]).ok()?;
        found.into_iter().next()
    }

    fn follow<'v>(&'v self, from: FoundValues<'v>) -> Result<FoundValues<'v>, Nothing> {
        self.0.iter().try_fold(from, |found, step| {
            let found = step.take(found)?;
            if found.len() > FOUND_MAX {
                Err(Nothing)
            } else {
                Ok(found)
            }
        })
    }
}

impl JsonPathStep {
    fn take<'v>(&'v self, found: FoundValues<'v>) -> Result<FoundValues<'v>, Nothing> {
        match self {
            Self::Literal(value) => Ok(vec![Cow::Borrowed(value)]),
            Self::Field(name) => Ok(found
                .into_iter()
                .filter_map(|value| member(value, name))
                .collect()),
            Self::Wildcard => Ok(found.into_iter().flat_map(below).collect()),
            Self::Descent => descend(found),
            Self::Union(paths) => {
                let parts = paths.iter().map(|path| path.follow(found.clone()));
                Ok(parts
                    .collect::<Result<Vec<_>, _>>()?
                    .into_iter()
                    .flatten()
                    .collect())
            }
            Self::Slice(slice) => every_list(found, |items| slice.take(items)),
            Self::Filter(filter) => every_list(found, |items| filter.take(items)),
        }
    }
}

impl Slice {
    fn take<'v>(&self, items: FoundValues<'v>) -> Result<FoundValues<'v>, Nothing> {
        let len = items.len() as i64;
        let wrapped = |place: i64| {
            if place < 0 {
                place.saturating_add(len)
            } else {
                place
            }
        };
        let from = wrapped(self.from);
        let to = match self.to {
            To::One => from.saturating_add(1),
            To::Before(place) => wrapped(place),
            To::End => len,
        };
        if from == to {
            return Ok(FoundValues::new());
        }
        if from < 0 || from >= len || to > len || from > to {
            return Err(Nothing);
        }
        Ok(items
            .into_iter()
            .take(to as usize)
            .skip(from as usize)
            .step_by(self.step)
            .collect())
    }
}

impl Filter {
    fn take<'v>(&'v self, items: FoundValues<'v>) -> Result<FoundValues<'v>, Nothing> {
        let mut kept = FoundValues::new();
        for item in items {
            if self.keeps(&item)? {
                kept.push(item);
            }
        }
        Ok(kept)
    }

    fn keeps(&self, item: &Value) -> Result<bool, Nothing> {
        let values = |path: &JsonPath| {
            let found = path.follow(vec![Cow::Borrowed(item)])?;
            Ok(found
                .into_iter()
                .map(Cow::into_owned)
                .collect::<Vec<Value>>())
        };
        let left = values(&self.left);
        let Some((operator, right)) = &self.compare else {
            return Ok(left.is_ok_and(|left| !left.is_empty()));
        };
        match (&*left?, &*values(right)?) {
            ([], _) | (_, []) => Ok(false),
            ([left], [right]) => operator.holds(left, right),
            _ => Err(Nothing),
        }
    }
}

impl FilterOperator {
    fn holds(self, left: &Value, right: &Value) -> Result<bool, Nothing> {
        let order = match (left, right) {
            (Value::Bool(left), Value::Bool(right))
                if matches!(self, Self::Equal | Self::NotEqual) =>
            {
                left.cmp(right)
            }
            (Value::String(left), Value::String(right)) => left.cmp(right),
            (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
                (Some(left), Some(right)) => left.cmp(&right),
                (None, None) => left.as_f64().partial_cmp(&right.as_f64()).ok_or(Nothing)?,
                _ => return Err(Nothing),
            },
            _ => return Err(Nothing),
        };
        Ok(match self {
            Self::Equal => order == Ordering::Equal,
            Self::NotEqual => order != Ordering::Equal,
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterOrEqual => order != Ordering::Less,
        })
    }
}

fn every_list<'v>(
    found: FoundValues<'v>,
    take: impl Fn(FoundValues<'v>) -> Result<FoundValues<'v>, Nothing>,
) -> Result<FoundValues<'v>, Nothing> {
    let mut out = FoundValues::new();
    for value in found {
        match &*value {
            Value::Null => {}
            Value::Array(_) => out.extend(take(below(value))?),
            _ => return Err(Nothing),
        }
    }
    Ok(out)
}

fn member<'v>(value: Cow<'v, Value>, name: &str) -> Option<Cow<'v, Value>> {
    match value {
        Cow::Borrowed(value) => value.as_object()?.get(name).map(Cow::Borrowed),
        Cow::Owned(value) => value.as_object()?.get(name).cloned().map(Cow::Owned),
    }
}

/// Returns the members or items of a value.
fn below(value: Cow<'_, Value>) -> FoundValues<'_> {
    match value {
        Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
        Cow::Borrowed(Value::Object(map)) => map.values().map(Cow::Borrowed).collect(),
        Cow::Owned(Value::Array(items)) => items.into_iter().map(Cow::Owned).collect(),
        Cow::Owned(Value::Object(map)) => map
            .into_iter()
            .map(|(_, value)| Cow::Owned(value))
            .collect(),
        _ => FoundValues::new(),
    }
}

/// Returns every value that has something below it, parents first.
fn descend(found: FoundValues<'_>) -> Result<FoundValues<'_>, Nothing> {
    let mut out = FoundValues::new();
    let mut waiting: FoundValues<'_> = found.into_iter().rev().collect();
    while let Some(value) = waiting.pop() {
        let inside = below(value.clone());
        if !inside.is_empty() {
            out.push(value);
            waiting.extend(inside.into_iter().rev());
        }
        if out.len() > FOUND_MAX {
            return Err(Nothing);
        }
    }
    Ok(out)
}

/// Most values that a step may find: paths with repeated descents find the same ones many times.
const FOUND_MAX: usize = 100_000;
