//! Where verbs keep what they fetched from one run to the next.

use std::path::PathBuf;

/// Returns the folder of a cache, which may not exist yet.
pub(crate) fn folder(name: &str) -> PathBuf {
    let set = |variable: &str| {
        std::env::var_os(variable)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    base.unwrap_or_else(std::env::temp_dir)
        .join("lodestone")
        .join(name)
}
