//! Bounds on schemas: what compiling one may cost.

use lode_stdx::budget::{Budget, Exceeded};
use regex::RegexBuilder;
use serde_json::Value;

/// Deepest nesting of a schema.
const DEPTH_MAX: usize = 64;
/// Memory of one compiled subschema, at most.
const SUBSCHEMA_BYTES: u64 = 2048;
/// Largest compiled pattern.
const PATTERN_MAX: usize = 1 << 20;
/// What is tried first for a compiled pattern.
const PATTERN_MIN: usize = 16 << 10;
/// What a pattern may need that only the schema library understands.
const FOREIGN_PATTERN: u64 = 10 << 20;

/// Charges the cost of compiling a schema, before it is compiled. Returns why a schema is refused.
pub(super) fn check(schema: &Value, budget: &Budget) -> Result<Result<(), String>, Exceeded> {
    if depth(schema) > DEPTH_MAX {
        return Ok(Err(format!("the schema is nested deeper than {DEPTH_MAX}")));
    }
    charge(schema, budget)
}

/// Returns the number of values in a value.
pub(super) fn nodes(value: &Value) -> u64 {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(map) => map.values().map(nodes).sum(),
        _ => 0,
    }
}

/// JSON is read to a depth of 128, which bounds the recursion.
pub(super) fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(map) => map.values().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or_default()
}

fn charge(value: &Value, budget: &Budget) -> Result<Result<(), String>, Exceeded> {
    let children: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(map) => {
            // Any table may be a subschema.
            budget.nodes(1)?;
            budget.bytes(SUBSCHEMA_BYTES)?;
            let pattern = map.get("pattern").and_then(Value::as_str);
            let keys = map.get("patternProperties").and_then(Value::as_object);
            let keys = keys.into_iter().flatten().map(|(key, _)| key.as_str());
            for pattern in keys.chain(pattern) {
                if !charge_pattern(pattern, budget)? {
                    return Ok(Err(format!(
                        "a pattern needs more than {PATTERN_MAX} bytes"
                    )));
                }
            }
            Box::new(map.values())
        }
        _ => return Ok(Ok(())),
    };
    for child in children {
        if let Err(reason) = charge(child, budget)? {
            return Ok(Err(reason));
        }
    }
    Ok(Ok(()))
}

/// Charges a pattern's compiled form, found by trying. Returns whether it is small enough.
fn charge_pattern(pattern: &str, budget: &Budget) -> Result<bool, Exceeded> {
    let mut size = PATTERN_MIN;
    while size <= PATTERN_MAX {
        budget.bytes(size as u64)?;
        budget.steps(size as u64 / BYTES_PER_STEP)?;
        match RegexBuilder::new(pattern).size_limit(size).build() {
            Ok(_) => return Ok(true),
            Err(regex::Error::CompiledTooBig(_)) => size *= 2,
            Err(_) => {
                budget.bytes(FOREIGN_PATTERN)?;
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Bytes of a pattern compiled in one step.
const BYTES_PER_STEP: u64 = 64;
