//! What it costs to walk through a value, charged while it is counted.

use crate::context::Context;
use crate::error::TemplateError;
use crate::value::{NESTING_MAX, Value};

/// Bytes that are copied or compared in one step.
const BYTES_PER_STEP: usize = 64;

/// Charges for one walk through a value and returns how many steps another one takes. A list that
/// is in a value many times counts every time.
///
/// # Errors
/// The budget is spent, or the value is nested too deeply.
pub(crate) fn of(context: &Context<'_>, value: &Value) -> Result<usize, TemplateError> {
    within(context, value, NESTING_MAX)
}

fn within(context: &Context<'_>, value: &Value, depth: usize) -> Result<usize, TemplateError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(TemplateError::bound("a value is nested too deeply"));
    };
    let own = match value {
        Value::String(text) => 1 + text.len() / BYTES_PER_STEP,
        Value::Bytes(bytes) => 1 + bytes.len() / BYTES_PER_STEP,
        _ => 1,
    };
    context.steps(own)?;
    match value {
        Value::List(list) => list
            .items()
            .iter()
            .try_fold(own, |sum, item| Ok(sum + within(context, item, depth)?)),
        Value::Map(map) => map.read(|entries| {
            entries.iter().try_fold(own, |sum, (key, value)| {
                let key = 1 + key.len() / BYTES_PER_STEP;
                Ok(sum + key + within(context, value, depth)?)
            })
        }),
        _ => Ok(own),
    }
}
