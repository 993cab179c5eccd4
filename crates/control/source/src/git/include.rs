//! `include`: parts of other repositories' artifacts that are copied into one's own.
//!
//! Pure: the includes and what is known of the others in, the parts or what is missing out.

use std::collections::HashSet;
use std::sync::Arc;

use lode_api::git_repository::Spec;
use lode_api::{GitRepository, Kind as _, reasons};
use lode_object::NamespacedName;
use lode_runtime::{Change, Failure};

use super::validate::Inclusion;
use crate::contents::IncludedPart;
use crate::step;

/// Repositories that are searched for a circle.
const SEARCHED_MAX: usize = 1000;

/// Finds the parts to include, in the order of the specification.
pub(crate) fn parts(
    own: &NamespacedName,
    includes: &[Inclusion],
    find: impl Fn(&NamespacedName) -> Option<Arc<GitRepository>>,
) -> Result<Vec<IncludedPart>, Failure> {
    let mut parts = Vec::new();
    for include in includes {
        let name = &include.repository.name;
        let Some(found) = find(&include.repository) else {
            let text = format!(
                "could not get resource for include '{name}': GitRepository.source.toolkit.fluxcd.io \"{name}\" not found"
            );
            return Err(step::include(reasons::NOT_FOUND, text));
        };
        // Each artifact would grow by the growth of the other, for ever.
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
        parts.push(IncludedPart {
            kind: Spec::NAMES.singular,
            name: include.repository.clone(),
            uid: found.metadata.uid.clone(),
            artifact: artifact.clone(),
            from: include.from.clone(),
            to: include.to.clone(),
        });
    }
    Ok(parts)
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

/// Returns whether a change of a repository matters to those that include it: it came or went, or its artifact or its
/// includes changed.
pub(crate) fn matters(change: &Change<GitRepository>) -> bool {
    let facts = |object: &Option<Arc<GitRepository>>| {
        let object = object.as_ref()?;
        let artifact = object.status.artifact.as_deref();
        Some((
            artifact.map(|artifact| artifact.digest.clone()),
            object.spec.include.clone(),
        ))
    };
    facts(&change.old) != facts(&change.new)
}

/// Returns whether a repository includes `own`, itself or through others.
fn leads_to(
    own: &NamespacedName,
    from: &NamespacedName,
    find: &impl Fn(&NamespacedName) -> Option<Arc<GitRepository>>,
) -> bool {
    let mut todo = vec![from.clone()];
    let mut seen = HashSet::new();
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
    use serde_json::{Value, json};

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

    fn find(all: &[Arc<GitRepository>], includes: &[&str]) -> Result<Vec<IncludedPart>, Failure> {
        let own = NamespacedName::new("ns", "top");
        let includes: Vec<_> = includes
            .iter()
            .map(|name| Inclusion {
                repository: NamespacedName::new("ns", name),
                from: RepoPath::root(),
                to: RepoPath::parse(name).unwrap(),
            })
            .collect();
        parts(&own, &includes, |name| {
            all.iter()
                .find(|object| *object.metadata.name == *name.name)
                .cloned()
        })
    }

    #[test]
    fn what_is_missing_is_named() {
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

    #[test]
    fn a_part_knows_whose_artifact_it_is() {
        let part = find(&[repository("a", &[], Some("1"))], &["a"])
            .unwrap()
            .remove(0);
        assert_eq!(part.kind, "gitrepository");
        assert_eq!(
            (part.name.to_string(), part.to.as_str()),
            ("ns/a".to_owned(), "a")
        );
    }

    #[test]
    fn a_long_chain_of_includes_counts_as_a_circle() {
        let names: Vec<_> = (0..=SEARCHED_MAX).map(|n| format!("r{n}")).collect();
        let next = |n: usize| names.get(n + 1).map(String::as_str);
        let chain: Vec<_> = (0..names.len())
            .map(|n| repository(&names[n], next(n).as_slice(), Some("1")))
            .collect();
        let failure = find(&chain, &["r0"]).err().unwrap();
        assert_eq!(failure.reason, "IncludeChange");
        assert!(
            find(&chain[1..], &["r1"]).is_ok(),
            "one less is searched to its end"
        );
    }

    #[test]
    fn a_new_artifact_matters_to_includers_and_a_condition_does_not() {
        let change = |old: Option<Value>, new: Option<Value>| {
            let object = |status: Value| {
                let object =
                    json!({"metadata": {"name": "a", "namespace": "ns"}, "status": status});
                Arc::new(GitRepository::parse(&object).unwrap())
            };
            matters(&Change {
                name: NamespacedName::new("ns", "a"),
                old: old.map(object),
                new: new.map(object),
            })
        };
        let empty = || Some(json!({}));
        let stored = |digest: &str| Some(json!({"artifact": {"digest": digest}}));
        assert!(change(empty(), stored("1")));
        assert!(change(stored("1"), stored("2")));
        assert!(change(stored("1"), None));
        let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
        assert!(!change(empty(), Some(ready)));
    }
}
