//! The values of a recording.

use anyhow::{Context, Result};
use serde_json::Value;

/// The values of a file of one JSON value a line.
pub(super) fn lines(path: &std::path::Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let lines = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>();
    lines.with_context(|| format!("read {}", path.display()))
}
