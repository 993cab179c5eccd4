//! Patches: strategic merge, JSON 6902, and merging of resources.

pub(crate) mod json_patch;
pub(crate) mod merging;
pub(crate) mod patch;
pub(crate) mod strategic;
