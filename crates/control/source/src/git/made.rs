//! What an artifact was made with, and whether the specification still asks for the same.
//!
//! Pure: the status keeps the settings that decide what an artifact holds.

use lode_api::GitRepository;
use lode_api::git_repository::{GitRepositoryStatus, Spec};
use lode_api::shared::Artifact;

use crate::contents::{IncludedPart, MadeWith};

/// Notes in the status what its artifact was made with. The included artifacts stay as they are if it was not made
/// again, so that only a change is written.
pub(crate) fn observe(spec: &Spec, status: &mut GitRepositoryStatus, made: Option<MadeWith<()>>) {
    status.observed_ignore.clone_from(&spec.ignore);
    status.observed_include.clone_from(&spec.include);
    let folders = &spec.sparse_checkout;
    status.observed_sparse_checkout.clone_from(folders);
    status.observed_recurse_submodules = None;
    status.source_verification_mode = None;
    if let Some(made) = made {
        status.included_artifacts = made.included;
    }
}

/// Returns whether the artifact was made with the settings of the specification and the included artifacts of now.
pub(crate) fn is_as_specified(object: &GitRepository, included: &[IncludedPart]) -> bool {
    let (spec, status) = (&object.spec, &object.status);
    let then = status.included_artifacts.iter();
    let now = included.iter().map(|part| &part.artifact);
    status.observed_ignore == spec.ignore
        && status.observed_include == spec.include
        && status.observed_sparse_checkout == spec.sparse_checkout
        && then.map(identity).eq(now.map(identity))
}

/// Returns what makes an artifact another one.
fn identity(artifact: &Artifact) -> (&str, &str) {
    (&artifact.digest, &artifact.revision)
}

#[cfg(test)]
mod tests {
    use lode_object::NamespacedName;
    use lode_tree::RepoPath;
    use serde_json::json;

    use super::*;

    fn artifact(digest: &str) -> Artifact {
        Artifact {
            digest: digest.into(),
            revision: "r1".into(),
            ..Artifact::default()
        }
    }

    fn part(artifact: Artifact) -> IncludedPart {
        IncludedPart {
            kind: "gitrepository",
            name: NamespacedName::new("ns", "b"),
            uid: "1".into(),
            artifact,
            from: RepoPath::root(),
            to: RepoPath::parse("b").unwrap(),
        }
    }

    fn made() -> GitRepository {
        let include = json!([{"repository": {"name": "b"}}]);
        let spec = json!({"ignore": "*.md", "sparseCheckout": ["x"], "include": include});
        let object = json!({"metadata": {"name": "a", "namespace": "ns"}, "spec": spec});
        let mut object = GitRepository::parse(&object).unwrap();
        let GitRepository { spec, status, .. } = &mut object;
        let with = MadeWith {
            included: vec![artifact("1")],
            origin: (),
        };
        observe(spec, status, Some(with));
        object
    }

    #[test]
    fn an_artifact_is_as_specified_until_something_it_is_made_of_changes() {
        let object = made();
        let included = [part(artifact("1"))];
        assert!(is_as_specified(&object, &included));
        let changes: [fn(&mut GitRepository); 3] = [
            |object| object.spec.ignore = None,
            |object| object.spec.sparse_checkout.clear(),
            |object| object.spec.include.clear(),
        ];
        for change in changes {
            let mut object = object.clone();
            change(&mut object);
            assert!(!is_as_specified(&object, &included));
        }
    }

    #[test]
    fn another_included_artifact_makes_another_artifact() {
        let object = made();
        let mut newer = artifact("1");
        newer.revision = "r2".into();
        for included in [
            &[][..],
            &[part(artifact("2"))],
            &[part(newer)],
            &[part(artifact("1")), part(artifact("1"))],
        ] {
            assert!(!is_as_specified(&object, included));
        }
        let mut moved = artifact("1");
        moved.url = "http://elsewhere/b.tar.gz".into();
        assert!(
            is_as_specified(&object, &[part(moved)]),
            "the same at another address"
        );
    }

    #[test]
    fn ignoring_nothing_is_not_the_same_as_the_default_rules() {
        let mut object = made();
        object.spec.ignore = Some("".into());
        object.status.observed_ignore = None;
        assert!(!is_as_specified(&object, &[part(artifact("1"))]));
    }

    #[test]
    fn what_another_program_observed_and_we_do_not_build_is_cleared() {
        let GitRepository {
            spec, mut status, ..
        } = made();
        status.observed_recurse_submodules = Some(true);
        status.source_verification_mode = Some("HEAD".into());
        observe(&spec, &mut status, None);
        assert_eq!(status.observed_recurse_submodules, None);
        assert_eq!(status.source_verification_mode, None);
        assert_eq!(status.included_artifacts, [artifact("1")]);
    }
}
