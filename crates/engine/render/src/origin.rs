//! `buildMetadata: [originAnnotations]`: an annotation on each object that names the file it comes from, relative to
//! the outermost kustomization, in kustomize's own words.

use lode_object::Value;
use lode_tree::RepoPath;
use serde_json::json;

use crate::config::Config;
use crate::error::{Error, FileCause};
use crate::resource::Resource;

/// The annotation.
const ORIGIN: &str = "config.kubernetes.io/origin";

/// Refuses notes that are not made yet.
pub(crate) fn check(config: &Config) -> Result<(), Error> {
    match config.build_metadata.iter().find(|entry| entry.value != "originAnnotations") {
        None => Ok(()),
        Some(entry) => {
            let cause = FileCause::Unsupported(format!("buildMetadata: {}", entry.value));
            Err(Error::file(&config.origin(entry.line), cause))
        }
    }
}

/// Notes where a resource comes from.
pub(crate) fn note(resource: &mut Resource, root: &RepoPath) {
    let path = relative(&resource.origin.path, root);
    let note = if resource.is_generated {
        let kind = resource.kind();
        format!("configuredIn: {path}\nconfiguredBy:\n  apiVersion: builtin\n  kind: {kind}Generator\n")
    } else {
        format!("path: {path}\n")
    };
    let Some(metadata) = resource.value.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    if let Some(annotations) = metadata.entry("annotations").or_insert_with(|| json!({})).as_object_mut() {
        annotations.insert(ORIGIN.to_owned(), note.into());
    }
}

/// Returns the way from a folder to a path, up with `..` where needed.
fn relative(path: &RepoPath, folder: &RepoPath) -> String {
    let shared = path.parts().zip(folder.parts()).take_while(|(a, b)| a == b).count();
    let up = folder.parts().skip(shared).map(|_| "..");
    up.chain(path.parts().skip(shared)).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_go_up_and_down() {
        let at = |text| RepoPath::parse(text).unwrap();
        for (path, folder, want) in [
            ("a/x.yaml", "a", "x.yaml"),
            ("base/x.yaml", "overlays/prod", "../../base/x.yaml"),
            ("x.yaml", "", "x.yaml"),
        ] {
            assert_eq!(relative(&at(path), &at(folder)), want);
        }
    }
}
