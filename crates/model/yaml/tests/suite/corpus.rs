//! The YAML files of the shared kustomize corpus.

use std::path::Path;

use cases::Content;

/// Calls `check` with path and text of every YAML file; says so if the corpus is not available.
pub(crate) fn each_file(mut check: impl FnMut(&str, &str)) {
    cases::visit(cases::KUSTOMIZE, |path, content| {
        let is_yaml = Path::new(&path)
            .extension()
            .is_some_and(|kind| kind == "yaml" || kind == "yml");
        if let Content::File(bytes) = content
            && is_yaml
            && let Ok(text) = std::str::from_utf8(&bytes)
        {
            check(&path, text);
        }
    });
}

/// Returns where two texts differ first.
pub(crate) fn first_difference(want: &str, got: &str) -> String {
    let (line, (want, got)) = want
        .lines()
        .zip(got.lines())
        .enumerate()
        .find(|(_, (want, got))| want != got)
        .unwrap_or((0, ("", "")));
    format!("line {}: want {want:?}, got {got:?}", line + 1)
}
