//! What of the grammar can be chosen.

/// The delimiters of actions, and how deep they may be nested.
#[derive(Debug, Clone, Copy)]
pub struct Grammar<'d> {
    /// What opens an action.
    pub left: &'d str,
    /// What closes it.
    pub right: &'d str,
    /// How deep blocks and parentheses together may be nested.
    pub depth_max: usize,
}

impl Default for Grammar<'_> {
    fn default() -> Self {
        Self {
            left: "{{",
            right: "}}",
            depth_max: DEPTH_MAX,
        }
    }
}

/// Go has no bound for blocks and 10,000 for parentheses; charts stay below 30.
const DEPTH_MAX: usize = 200;
