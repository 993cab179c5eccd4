//! [`Recording`]: what a tool said.

use serde_json::Value;

/// What a tool said.
pub(super) struct Recording {
    /// The tool with its version.
    pub(super) by: String,
    /// The cases, a line each.
    pub(super) cases: Vec<Value>,
}
