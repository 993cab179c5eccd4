//! What it costs at most to check a value against a schema, computed before it is checked.
//!
//! A few lines of a schema can demand 2^30 checks: each definition asks twice for the next. The
//! library counts nothing, so the number is computed here: each pair of a subschema and a value is
//! visited once, and its cost is the sum of those below it. The numbers are upper bounds.

use std::collections::HashMap;

use lode_stdx::budget::{Budget, Exceeded, Meter};
use serde_json::{Map, Value};

use super::bounds::{depth, nodes};
use super::refs::Refs;

/// Deepest nesting of checks: of values, and of the subschemas that are applied to one value.
const DEPTH_MAX: usize = 128;

/// Charges the check of a value. Returns why the schema cannot be used.
pub(super) fn charge(
    schema: &Value,
    value: &Value,
    budget: &Budget,
) -> Result<Result<(), String>, Exceeded> {
    // Without references each subschema is applied to each value once at most.
    let product = nodes(schema).saturating_mul(nodes(value));
    if product <= PRODUCT_MAX && !has_references(schema) && depth(value) <= DEPTH_MAX {
        budget.steps(product)?;
        return Ok(Ok(()));
    }

    let mut costs = Costs {
        refs: Refs::collect(schema),
        known: HashMap::new(),
        meter: Meter::new(budget),
    };
    let cost = match costs.of(schema, value, 0) {
        Ok(cost) => cost,
        Err(CostStop::TooDeep) => {
            return Ok(Err(format!("checks are nested deeper than {DEPTH_MAX}")));
        }
        Err(CostStop::Exceeded(exceeded)) => return Err(exceeded),
    };
    drop(costs);
    budget.steps(cost)?;
    Ok(Ok(()))
}

/// Products up to this are not worth a closer look.
const PRODUCT_MAX: u64 = 2_000_000;

fn has_references(schema: &Value) -> bool {
    match schema {
        Value::Array(items) => items.iter().any(has_references),
        Value::Object(map) => {
            let mut keys = map.keys();
            keys.any(|key| matches!(&**key, "$ref" | "$dynamicRef" | "$recursiveRef"))
                || map.values().any(has_references)
        }
        _ => false,
    }
}

enum CostStop {
    TooDeep,
    Exceeded(Exceeded),
}

impl From<Exceeded> for CostStop {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}

struct Costs<'s, 'b> {
    refs: Refs<'s>,
    /// By address: of a pair that is being visited the cost is not known yet.
    known: HashMap<(*const Value, *const Value), Option<u64>>,
    meter: Meter<'b>,
}

impl<'s> Costs<'s, '_> {
    fn of(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Result<u64, CostStop> {
        let Value::Object(keywords) = schema else {
            return Ok(1);
        };
        if depth > DEPTH_MAX {
            return Err(CostStop::TooDeep);
        }
        let pair = (std::ptr::from_ref(schema), std::ptr::from_ref(value));
        if let Some(known) = self.known.get(&pair) {
            // A circle on one value is reported by the library when it comes to it.
            return Ok(known.unwrap_or(1));
        }

        self.meter.nodes(1)?;
        self.known.insert(pair, None);
        let mut cost = 1 + keywords.len() as u64;
        for (keyword, below) in keywords {
            self.meter.steps(1)?;
            let more = self.keyword(keyword, below, value, depth + 1)?;
            cost = cost.saturating_add(more);
        }
        self.known.insert(pair, Some(cost));
        Ok(cost)
    }

    fn keyword(
        &mut self,
        keyword: &str,
        below: &'s Value,
        value: &Value,
        depth: usize,
    ) -> Result<u64, CostStop> {
        match (keyword, below) {
            ("allOf" | "anyOf" | "oneOf", Value::Array(all)) => {
                self.sum(all.iter().map(|one| (one, value)), depth)
            }
            ("not" | "if" | "then" | "else", _) => self.of(below, value, depth),
            ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(reference)) => {
                self.reference(reference, value, depth)
            }
            ("dependentSchemas" | "dependencies", Value::Object(all)) => {
                self.sum(all.values().map(|one| (one, value)), depth)
            }
            ("enum", Value::Array(all)) => Ok(all.len() as u64),
            ("required" | "uniqueItems" | "pattern" | "format", _) => Ok(length(value)),
            _ => match value {
                Value::Object(map) => self.object(keyword, below, map, depth),
                Value::Array(items) => self.array(keyword, below, items, depth),
                _ => Ok(0),
            },
        }
    }

    fn object(
        &mut self,
        keyword: &str,
        below: &'s Value,
        map: &Map<String, Value>,
        depth: usize,
    ) -> Result<u64, CostStop> {
        match (keyword, below) {
            ("properties", Value::Object(all)) => {
                let pairs = all
                    .iter()
                    .filter_map(|(key, one)| Some((one, map.get(key)?)));
                self.sum(pairs, depth)
            }
            ("patternProperties", Value::Object(all)) => {
                let pairs = all
                    .values()
                    .flat_map(|one| map.values().map(move |value| (one, value)));
                self.sum(pairs, depth)
            }
            ("additionalProperties" | "unevaluatedProperties", _) => {
                self.sum(map.values().map(|value| (below, value)), depth)
            }
            ("propertyNames", _) => {
                let one = self.of(below, &Value::Null, depth)?;
                Ok(one.saturating_mul(map.len() as u64))
            }
            _ => Ok(0),
        }
    }

    fn array(
        &mut self,
        keyword: &str,
        below: &'s Value,
        items: &[Value],
        depth: usize,
    ) -> Result<u64, CostStop> {
        match (keyword, below) {
            ("items" | "prefixItems", Value::Array(all)) => self.sum(all.iter().zip(items), depth),
            ("items" | "additionalItems" | "unevaluatedItems" | "contains", _) => {
                self.sum(items.iter().map(|item| (below, item)), depth)
            }
            _ => Ok(0),
        }
    }

    fn reference(&mut self, reference: &str, value: &Value, depth: usize) -> Result<u64, CostStop> {
        let targets = self.refs.targets(reference);
        self.meter.steps(1 + targets.len() as u64)?;
        if targets.is_empty() {
            // A meta-schema, or a document that was handed in.
            return Ok(nodes(value).saturating_mul(FOREIGN_COST));
        }
        self.sum(targets.into_iter().map(|target| (target, value)), depth)
    }

    fn sum<'v>(
        &mut self,
        pairs: impl Iterator<Item = (&'s Value, &'v Value)>,
        depth: usize,
    ) -> Result<u64, CostStop> {
        let mut sum = 0_u64;
        for (schema, value) in pairs {
            self.meter.steps(1)?;
            sum = sum.saturating_add(self.of(schema, value, depth)?);
        }
        Ok(sum)
    }
}

/// Checks of one value against a document of which nothing is known here.
const FOREIGN_COST: u64 = 100;

fn length(value: &Value) -> u64 {
    match value {
        Value::String(text) => 1 + text.len() as u64 / BYTES_PER_STEP,
        Value::Array(items) => items.len() as u64,
        Value::Object(map) => map.len() as u64,
        _ => 1,
    }
}

/// Bytes of a text that are matched in one step.
const BYTES_PER_STEP: u64 = 32;
