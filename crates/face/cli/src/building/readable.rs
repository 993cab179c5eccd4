//! Errors and paths of a build as a person reads them.

use anyhow::anyhow;

use crate::report::Told;

pub(super) fn readable(error: &anyhow::Error) -> anyhow::Error {
    let hint = error
        .downcast_ref::<lode_render::Error>()
        .and_then(lode_render::Error::hint);
    let text = relative(&format!("{error:#}"));
    match hint {
        Some(hint) => Told::new(text, hint).into(),
        None => anyhow!(text),
    }
}

/// Rewrites paths of the disk, which builds name from its root, relative to the working folder.
pub(super) fn relative(text: &str) -> String {
    let folder = std::env::current_dir()
        .ok()
        .and_then(|folder| Some(folder.to_str()?.trim_start_matches('/').to_owned()));
    match folder.filter(|folder| !folder.is_empty()) {
        Some(folder) => text.replace(&format!("{folder}/"), ""),
        None => text.to_owned(),
    }
}
