//! From a commit's files to a stored artifact: included parts go in, ignored ones out, the rest is kept.
//!
//! [`assemble`], [`url`] and [`short`] are pure; [`Archive`] is the store as seen by one repository.

use std::sync::Arc;

use lode_api::reasons;
use lode_api::shared::Artifact;
use lode_object::NamespacedName;
use lode_runtime::{Failure, Reservation};
use lode_stdx::Digest;
use lode_stdx::budget::Budget;
use lode_store::{Error, Owner, Retention, Store, Stored, Verdict};
use lode_tree::{Entry, IncludeError, RepoPath, Tree, ignore};
use tracing::warn;

use crate::step::{self, broken, with_flag};
use crate::validate::Inclusion;

/// Files left out that an event names.
const LEFT_OUT_SHOWN: usize = 10;
/// Characters of a commit's subject that an event tells.
const SUBJECT_MAX: usize = 50;

/// The artifacts of one repository.
#[derive(Clone)]
pub(crate) struct Archive {
    store: Arc<Store>,
    owner: Owner,
}

/// What an artifact is made of.
pub(crate) struct Contents {
    pub(crate) tree: Tree,
    /// Parts of other artifacts.
    pub(crate) included: Vec<(Inclusion, Arc<Tree>)>,
    /// The specification's own patterns of what to leave out.
    pub(crate) ignore: Option<String>,
    /// What all of it may cost.
    pub(crate) budget: Arc<Budget>,
}

/// What an artifact holds, and what of it was left out.
#[derive(Debug)]
pub(crate) struct Assembled {
    tree: Tree,
    /// Files that have no place in it for their names, escaped.
    left_out: Vec<RepoPath>,
}

impl Archive {
    /// Finds the place of a repository in the store: it follows from what the object is, never from its status.
    pub(crate) fn new(
        store: &Arc<Store>,
        name: &NamespacedName,
        uid: &str,
    ) -> Result<Self, Failure> {
        let owner = Owner::new("gitrepository", &name.namespace, &name.name, uid)
            .map_err(|error| step::store(reasons::DIRECTORY_CREATION_FAILED, error.to_string()))?;
        Ok(Self {
            store: store.clone(),
            owner,
        })
    }

    /// Tells whether an artifact is in the store as its status says.
    pub(crate) async fn verify(&self, artifact: &Artifact) -> Result<Verdict, Failure> {
        let path = artifact.path.to_string();
        let Ok(digest) = artifact.digest.parse::<Digest>() else {
            return Ok(Verdict::Changed);
        };
        self.on_thread(reasons::READ_OPERATION_FAILED, move |archive| {
            archive.store.verify(&archive.owner, &path, digest)
        })
        .await
    }

    /// Removes an artifact that is not what it was.
    pub(crate) async fn remove(&self, artifact: &Artifact) -> Result<(), Failure> {
        let path = artifact.path.to_string();
        self.on_thread(reasons::READ_OPERATION_FAILED, move |archive| {
            archive.store.remove(&archive.owner, &path)
        })
        .await
    }

    /// Opens an artifact of the repository.
    pub(crate) async fn open(&self, artifact: &Artifact) -> Result<Arc<Tree>, Failure> {
        let (path, digest) = (artifact.path.to_string(), artifact.digest.parse::<Digest>());
        self.on_thread(reasons::COPY_FAILURE, move |archive| {
            let digest = digest.map_err(|_| Error::Changed(path.clone()))?;
            archive.store.tree(&archive.owner, &path, digest)
        })
        .await
    }

    /// Stores a commit's artifact and keeps its tree at hand for those who want it now. Also returns what was left out.
    pub(crate) async fn put(
        &self,
        commit: &str,
        contents: Contents,
        place: Reservation,
    ) -> Result<(Stored, Vec<RepoPath>), Failure> {
        let (archive, file) = (self.clone(), format!("{commit}.tar.gz"));
        let work = move || {
            let Assembled { tree, left_out } = assemble(contents)?;
            let stored = archive.store.put(&archive.owner, &file, &tree);
            Ok((
                stored.map_err(failed(reasons::ARCHIVE_OPERATION_FAILED))?,
                left_out,
            ))
        };
        place
            .compute(work)
            .await
            .map_err(broken(step::store, reasons::ARCHIVE_OPERATION_FAILED))?
    }

    /// Removes artifacts that nobody needs any more.
    pub(crate) async fn collect(&self, current: &str, keep: Retention) {
        let current = current.to_owned();
        let removed = self
            .on_thread(reasons::GARBAGE_COLLECTION_FAILED, move |archive| {
                archive.store.collect(&archive.owner, Some(&current), keep)
            })
            .await;
        if let Err(failure) = removed {
            warn!(
                folder = self.owner.folder(),
                error = failure.message,
                "old artifacts not removed"
            );
        }
    }

    /// Removes all artifacts.
    pub(crate) async fn clear(&self) -> Result<(), Failure> {
        self.on_thread(reasons::GARBAGE_COLLECTION_FAILED, |archive| {
            archive.store.remove_all(&archive.owner)
        })
        .await
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        reason: &'static str,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let archive = self.clone();
        let answer = tokio::task::spawn_blocking(move || work(&archive)).await;
        answer
            .map_err(broken(step::store, reason))?
            .map_err(failed(reason))
    }
}

/// Puts included parts in and takes ignored ones out.
pub(crate) fn assemble(contents: Contents) -> Result<Assembled, Failure> {
    let Contents {
        mut tree,
        included,
        ignore,
        budget,
    } = contents;
    for (inclusion, other) in &included {
        tree.include(other, &inclusion.from, &inclusion.to, &budget)
            .map_err(|error| {
                let error = match error {
                    IncludeError::Exceeded(exceeded) => with_flag(&exceeded),
                    IncludeError::Tree(error) => error.to_string(),
                };
                let name = &inclusion.repository.name;
                step::store(
                    reasons::COPY_FAILURE,
                    format!("failed to copy include '{name}': {error}"),
                )
            })?;
    }
    let tree = ignore::filter(tree, ignore.as_deref(), &budget).map_err(|error| {
        let text = match &error {
            ignore::Error::Exceeded(exceeded) => {
                format!(
                    "leaving out files by spec.ignore and .sourceignore {}",
                    with_flag(exceeded)
                )
            }
            ignore::Error::Read(_) => error.to_string(),
        };
        step::store(reasons::ARCHIVE_OPERATION_FAILED, text)
    })?;
    if let Some(large) = tree
        .entries()
        .find_map(|(path, entry)| Some(too_large(path, size(entry)?)))
    {
        return Err(large);
    }
    let left_out = tree
        .entries()
        .filter(|(_, entry)| matches!(entry, Entry::Misnamed));
    let left_out = left_out.map(|(path, _)| path.clone()).collect();
    Ok(Assembled { tree, left_out })
}

/// Tells which files were left out for their names; nothing where none was.
pub(crate) fn told_left_out(left_out: &[RepoPath]) -> Option<String> {
    let shown: Vec<_> = left_out
        .iter()
        .take(LEFT_OUT_SHOWN)
        .map(|path| format!("'{path}'"))
        .collect();
    let more = if left_out.len() > shown.len() {
        ", …"
    } else {
        ""
    };
    let count = left_out.len();
    (count > 0).then(|| {
        format!(
            "{count} left out of the artifact, because the name holds a control character or is not UTF-8: {}{more}; \
             rename the file, or remove it from the repository",
            shown.join(", ")
        )
    })
}

/// Returns the address of an artifact.
pub(crate) fn url(host: &str, path: &str) -> String {
    let host = host.trim_end_matches('/');
    if host.starts_with("http://") || host.starts_with("https://") {
        return format!("{host}/{path}");
    }
    format!("http://{host}/{path}")
}

/// Returns a commit's subject, short enough for an event.
pub(crate) fn short(subject: &str) -> String {
    match subject.char_indices().nth(SUBJECT_MAX) {
        Some((end, _)) => format!("{}...", &subject[..end]),
        None => subject.to_owned(),
    }
}

fn size(entry: &Entry) -> Option<u64> {
    if let Entry::Large(size) = entry {
        Some(*size)
    } else {
        None
    }
}

/// An artifact that silently lacks a file would be trusted to be whole.
fn too_large(path: &RepoPath, size: u64) -> Failure {
    let text = format!(
        "file '{path}' of {size} bytes is too large for an artifact: leave it out by spec.ignore or .sourceignore"
    );
    step::store(reasons::ARCHIVE_OPERATION_FAILED, text)
}

fn failed(reason: &'static str) -> impl Fn(Error) -> Failure {
    move |error| step::store(reason, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(files: &[(&str, &str)]) -> Contents {
        let budget = Arc::new(Budget::unlimited());
        Contents {
            tree: files.iter().copied().collect(),
            included: Vec::new(),
            ignore: None,
            budget,
        }
    }

    fn names(contents: Contents) -> Vec<String> {
        assemble(contents)
            .unwrap()
            .tree
            .entries()
            .map(|(path, _)| path.to_string())
            .collect()
    }

    fn inclusion(from: &str, to: &str) -> Inclusion {
        let at = |text| RepoPath::parse(text).unwrap();
        Inclusion {
            repository: NamespacedName::new("ns", "other"),
            from: at(from),
            to: at(to),
        }
    }

    #[test]
    fn included_parts_are_filtered_as_all_others() {
        let other: Tree = [("base/b.yaml", ""), ("base/b.md", "")]
            .into_iter()
            .collect();
        let included = vec![(inclusion("base", "inc"), Arc::new(other))];
        let all = Contents {
            included,
            ignore: Some("*.md".into()),
            ..contents(&[("a.yaml", ""), ("a.md", "")])
        };
        assert_eq!(names(all), ["a.yaml", "inc/b.yaml"]);
    }

    #[test]
    fn a_part_that_is_not_there_is_told() {
        let included = vec![(inclusion("nothere", "inc"), Arc::new(Tree::default()))];
        let failure = assemble(Contents {
            included,
            ..contents(&[])
        })
        .unwrap_err();
        assert_eq!(
            failure.message,
            "failed to copy include 'other': nothere: no such file or folder"
        );
    }

    #[test]
    fn a_huge_file_is_named_unless_it_is_ignored() {
        let huge = || {
            let mut contents = contents(&[("a.yaml", "")]);
            contents
                .tree
                .insert(RepoPath::parse("disk.img").unwrap(), Entry::Large(1 << 30));
            contents
        };
        let failure = assemble(huge()).unwrap_err();
        assert!(
            failure
                .message
                .starts_with("file 'disk.img' of 1073741824 bytes"),
            "{}",
            failure.message
        );
        assert_eq!(
            names(Contents {
                ignore: Some("*.img".into()),
                ..huge()
            }),
            ["a.yaml"]
        );
    }

    #[test]
    fn patterns_that_cost_too_much_name_the_bound_and_its_flag() {
        let limits = lode_stdx::budget::Limits {
            steps: 100,
            ..lode_stdx::budget::Limits::UNLIMITED
        };
        let files: Vec<_> = (0..5000).map(|n| format!("{n}")).collect();
        let files: Vec<_> = files.iter().map(|name| (name.as_str(), "")).collect();
        let all = Contents {
            budget: Arc::new(Budget::new(limits)),
            ignore: Some("*x".into()),
            ..contents(&files)
        };
        let failure = assemble(all).unwrap_err();
        let words = "needs more than 100 steps, the limit (--fetch-steps-max)";
        assert!(failure.message.ends_with(words), "{}", failure.message);
    }

    #[test]
    fn what_is_left_out_for_its_name_is_told_unless_it_is_ignored() {
        let odd = || {
            let mut contents = contents(&[("a.yaml", "")]);
            contents
                .tree
                .insert(RepoPath::parse("docs/Icon\\r").unwrap(), Entry::Misnamed);
            contents
        };
        let told = told_left_out(&assemble(odd()).unwrap().left_out).unwrap();
        assert!(
            told.starts_with("1 left out") && told.contains(r"'docs/Icon\r'"),
            "{told}"
        );
        let ignored = assemble(Contents {
            ignore: Some("docs/".into()),
            ..odd()
        })
        .unwrap();
        assert_eq!(told_left_out(&ignored.left_out), None);
    }

    #[test]
    fn a_url_is_host_and_path() {
        let path = "gitrepository/ns/a/1.tar.gz";
        for (host, expected) in [
            (
                "127.0.0.1:9090",
                "http://127.0.0.1:9090/gitrepository/ns/a/1.tar.gz",
            ),
            (
                "source.ns.svc.cluster.local./",
                "http://source.ns.svc.cluster.local./gitrepository/ns/a/1.tar.gz",
            ),
            (
                "https://cdn.example.com/",
                "https://cdn.example.com/gitrepository/ns/a/1.tar.gz",
            ),
        ] {
            assert_eq!(url(host, path), expected);
        }
    }

    #[test]
    fn a_subject_has_fifty_characters_at_most() {
        assert_eq!(short("fix: this"), "fix: this");
        assert_eq!(short(&"é".repeat(50)), "é".repeat(50));
        assert_eq!(short(&"é".repeat(51)), format!("{}...", "é".repeat(50)));
        assert_eq!(short(""), "");
    }
}
