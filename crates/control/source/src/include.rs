//! `include`: the artifacts of other repositories that are copied into one's own.
//!
//! Pure: what is included and what the mirror knows in, the artifacts or what is missing out.

use std::collections::HashSet;
use std::sync::Arc;

use lode_api::shared::Artifact;
use lode_api::{GitRepository, reasons};
use lode_object::NamespacedName;
use lode_runtime::Failure;

use crate::step;
use crate::validate::Inclusion;

/// Repositories looked at in search of a circle.
const SEARCHED_MAX: usize = 1000;

/// The artifact of a repository that is included.
pub(crate) struct Included {
    pub(crate) artifact: Artifact,
    /// The repository's uid: it decides which artifacts can be its own.
    pub(crate) uid: String,
}

/// Finds the artifacts to include, in the order of the specification.
pub(crate) fn artifacts(
    own: &NamespacedName,
    includes: &[Inclusion],
    find: impl Fn(&NamespacedName) -> Option<Arc<GitRepository>>,
) -> Result<Vec<Included>, Failure> {
    let mut artifacts = Vec::new();
    for include in includes {
        let name = &include.repository.name;
        let Some(found) = find(&include.repository) else {
            let text = format!(
                "could not get resource for include '{name}': GitRepository.source.toolkit.fluxcd.io \"{name}\" not found"
            );
            return Err(step::include(reasons::NOT_FOUND, text));
        };
        // Each would grow by the other's growth, for ever.
        if leads_to(own, &include.repository, &find) {
            let text = format!(
                "include '{name}' includes '{}' itself: includes lead in a circle",
                own.name
            );
            return Err(step::include(reasons::INCLUDE_CHANGE, text));
        }
        let Some(artifact) = found.status.artifact.as_deref() else {
            let text = format!("no artifact available for include '{name}'");
            return Err(step::include(reasons::NO_ARTIFACT, text));
        };
        artifacts.push(Included {
            artifact: artifact.clone(),
            uid: found.metadata.uid.to_string(),
        });
    }
    Ok(artifacts)
}

/// Returns the repositories that one includes, whether they exist or not.
pub(crate) fn included(object: &GitRepository) -> impl Iterator<Item = NamespacedName> {
    let namespace = &object.metadata.namespace;
    object
        .spec
        .include
        .iter()
        .map(|include| NamespacedName::new(namespace, &include.repository.name))
}

fn leads_to(
    own: &NamespacedName,
    from: &NamespacedName,
    find: &impl Fn(&NamespacedName) -> Option<Arc<GitRepository>>,
) -> bool {
    let (mut todo, mut seen) = (vec![from.clone()], HashSet::new());
    while let Some(name) = todo.pop() {
        if name == *own || seen.len() >= SEARCHED_MAX {
            return true;
        }
        if let Some(object) = find(&name).filter(|_| seen.insert(name)) {
            todo.extend(included(&object));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use lode_tree::RepoPath;
    use serde_json::json;

    use super::*;

    fn repository(name: &str, includes: &[&str], digest: Option<&str>) -> Arc<GitRepository> {
        let include: Vec<_> = includes
            .iter()
            .map(|name| json!({"repository": {"name": name}}))
            .collect();
        let mut object =
            json!({"metadata": {"name": name, "namespace": "ns"}, "spec": {"include": include}});
        if let Some(digest) = digest {
            object["status"] = json!({"artifact": {"digest": digest, "revision": "r"}});
        }
        Arc::new(GitRepository::parse(&object).unwrap())
    }

    fn find(all: &[Arc<GitRepository>], includes: &[&str]) -> Result<Vec<Included>, Failure> {
        let own = NamespacedName::new("ns", "top");
        let includes: Vec<_> = includes
            .iter()
            .map(|name| Inclusion {
                repository: NamespacedName::new("ns", name),
                from: RepoPath::root(),
                to: RepoPath::parse(name).unwrap(),
            })
            .collect();
        artifacts(&own, &includes, |name| {
            all.iter()
                .find(|object| *object.metadata.name == *name.name)
                .cloned()
        })
    }

    #[test]
    fn what_is_missing_is_told_by_name() {
        let all = [repository("a", &[], Some("1")), repository("b", &[], None)];
        assert_eq!(&*find(&all, &["a"]).unwrap()[0].artifact.digest, "1");
        let failure = find(&all, &["a", "b"]).err().unwrap();
        assert_eq!(
            (failure.reason, failure.message.as_str()),
            ("NoArtifact", "no artifact available for include 'b'")
        );
        assert_eq!(find(&all, &["c"]).err().unwrap().reason, "NotFound");
    }

    #[test]
    fn a_circle_is_refused() {
        let circle = [
            repository("a", &["b"], Some("1")),
            repository("b", &["top"], Some("2")),
        ];
        assert_eq!(find(&circle, &["a"]).err().unwrap().reason, "IncludeChange");
        let itself = [repository("top", &["top"], Some("1"))];
        assert!(
            find(&itself, &["top"])
                .err()
                .unwrap()
                .message
                .contains("circle")
        );
        let elsewhere = [
            repository("a", &["b"], Some("1")),
            repository("b", &["a"], Some("2")),
        ];
        assert!(
            find(&elsewhere, &["a"]).is_ok(),
            "their circle is told there"
        );
    }
}
