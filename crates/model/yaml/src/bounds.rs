//! Bounds on reading: a text of a few bytes must not cost gigabytes or overflow the stack.

/// Longest text read, in bytes.
pub const TEXT_MAX: usize = 64 << 20;
/// Deepest nesting of collections. The API's JSON readers stop at 128, so deeper values could not
/// be read back.
pub const DEPTH_MAX: usize = 120;
/// Most nodes in one document, including those from aliases.
pub const NODES_MAX: usize = 2_000_000;
/// Most nodes that aliases may add to one text: enough for legitimate reuse, too few for an alias
/// bomb.
pub const ALIAS_NODES_MAX: usize = 200_000;
/// Most bytes of text that aliases, and tags that repeat a handle's prefix, may add to one text.
pub const ALIAS_BYTES_MAX: usize = 16 << 20;
