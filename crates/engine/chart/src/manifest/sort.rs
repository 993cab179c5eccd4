//! Sorts the objects of rendered files into hooks and the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use lode_stdx::budget::{Budget, Exceeded};
use lode_stdx::threads;

use super::head::{HeadError, ManifestHead};
use super::known_files::{KnownDocument, KnownFiles, LENGTH_MIN};
use super::order::by_kind;
use super::split::split_ranges;
use super::{Manifest, ManifestText};
use crate::file::base;
use crate::release::{DeletePolicy, Event, Hook, OutputLogPolicy};
use crate::warning::Warnings;

/// Hooks, and all other objects, each by kind and then by file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sorted {
    /// Objects with an annotation that makes them hooks.
    pub hooks: Vec<Hook>,
    /// All others.
    pub manifests: Vec<Manifest>,
}

/// Why rendered files cannot be sorted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A document is not a manifest.
    #[error("YAML parse error on {path}: {source}")]
    Head {
        /// The file.
        path: String,
        /// The reason.
        source: HeadError,
    },
    /// The budget is exceeded.
    #[error("sorting manifests {0}")]
    Exceeded(#[from] Exceeded),
}

/// Rendered files by path. Manifests share their texts.
pub(crate) type Files = BTreeMap<String, Arc<String>>;

/// Sorts rendered files. Partial templates and blank files are skipped.
///
/// # Errors
/// A document is not a manifest, or the budget is exceeded.
pub(crate) fn sort(
    files: &Files,
    order: &[&str],
    (known, threads): (Option<&KnownFiles>, usize),
    warnings: &mut Warnings,
    budget: &Budget,
) -> Result<Sorted, ManifestError> {
    let files = files
        .iter()
        .filter(|(path, _)| !base(path).starts_with('_'));
    let files: Vec<(&String, &Arc<String>)> = files.collect();
    let documents = threads::map(threads, &files, |(path, content)| {
        let known = known.filter(|_| content.len() >= LENGTH_MIN);
        if let Some(known) = known
            && let Some(documents) = known.find(*path, content.as_bytes(), budget)?
        {
            return Ok(documents);
        }
        read(path, content, known, budget)
    });

    let mut sorted = Sorted::default();
    for ((path, content), documents) in files.into_iter().zip(documents) {
        for KnownDocument { range, head } in documents?.iter() {
            let content = ManifestText::of(content, range.clone());
            sorted.add(path, content, head.clone(), warnings);
        }
    }

    sorted
        .hooks
        .sort_by(|a, b| by_kind(order, &a.kind, &b.kind));
    sorted
        .manifests
        .sort_by(|a, b| by_kind(order, &a.head.kind, &b.head.kind));
    Ok(sorted)
}

/// Reads the documents of a file.
fn read(
    path: &str,
    content: &Arc<String>,
    known: Option<&KnownFiles>,
    budget: &Budget,
) -> Result<Arc<[KnownDocument]>, ManifestError> {
    let before = budget.spent();
    budget.steps(1 + content.len() as u64 / BYTES_PER_STEP)?;
    let mut documents = Vec::new();
    for range in split_ranges(content) {
        let document = content.get(range.clone()).unwrap_or_default();
        let head = ManifestHead::read(document, budget).map_err(|source| ManifestError::Head {
            path: path.to_owned(),
            source,
        })?;
        budget.nodes(1)?;
        budget.bytes((document.len() + path.len()) as u64)?;
        documents.push(KnownDocument { range, head });
    }

    let documents: Arc<[KnownDocument]> = documents.into();
    if let Some(known) = known {
        let cost = (content.len() as u64, budget.spent_since(before));
        let (text, documents) = (Arc::clone(content), Arc::clone(&documents));
        known.keep(path.to_owned(), text, documents, cost);
    }
    Ok(documents)
}

/// Bytes of a file that are split in one step.
const BYTES_PER_STEP: u64 = 64;

impl Sorted {
    fn add(
        &mut self,
        path: &str,
        content: ManifestText,
        head: ManifestHead,
        warnings: &mut Warnings,
    ) {
        let Some(words) = head.annotations.get(HOOK) else {
            self.manifests.push(Manifest {
                path: path.to_owned(),
                content,
                head,
            });
            return;
        };
        let events: Option<Vec<Event>> = words
            .split(',')
            .map(word)
            .map(|word| Event::parse(&word))
            .collect();
        match events {
            Some(events) => self.hooks.push(hook(path, &content, &head, events)),
            None => warnings.add(|| format!("skipping unknown hooks in {path}")),
        }
    }
}

const HOOK: &str = "helm.sh/hook";
const HOOK_WEIGHT: &str = "helm.sh/hook-weight";
const HOOK_DELETE_POLICY: &str = "helm.sh/hook-delete-policy";
const HOOK_OUTPUT_LOG_POLICY: &str = "helm.sh/hook-output-log-policy";

fn hook(path: &str, document: &str, head: &ManifestHead, events: Vec<Event>) -> Hook {
    let weight = head.annotations.get(HOOK_WEIGHT);
    Hook {
        name: head.name.clone(),
        kind: head.kind.clone(),
        path: path.to_owned(),
        manifest: document.to_owned(),
        events,
        weight: weight
            .and_then(|weight| weight.parse().ok())
            .unwrap_or_default(),
        delete_policies: words(head, HOOK_DELETE_POLICY)
            .map(|word| DeletePolicy::parse(&word))
            .collect(),
        output_log_policies: words(head, HOOK_OUTPUT_LOG_POLICY)
            .map(|word| OutputLogPolicy::parse(&word))
            .collect(),
        ..Hook::default()
    }
}

fn words(head: &ManifestHead, annotation: &str) -> impl Iterator<Item = String> {
    let words = head.annotations.get(annotation).into_iter();
    words.flat_map(|words| words.split(',')).map(word)
}

fn word(text: &str) -> String {
    text.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::INSTALL_ORDER;

    fn sorted(files: &[(&str, &str)]) -> (Result<Sorted, ManifestError>, Warnings) {
        let files = files
            .iter()
            .map(|(path, content)| ((*path).to_owned(), Arc::new((*content).to_owned())));
        let mut warnings = Warnings::default();
        let sorted = sort(
            &files.collect(),
            &INSTALL_ORDER,
            (None, 1),
            &mut warnings,
            &Budget::unlimited(),
        );
        (sorted, warnings)
    }

    #[test]
    fn objects_are_sorted_by_kind_then_by_file() {
        let (sorted, _) = sorted(&[
            ("web/templates/b.yaml", "kind: Service\n---\nkind: Secret\n"),
            (
                "web/templates/a.yaml",
                "kind: Thing\n---\n# only a comment\n---\nkind: Service\n",
            ),
            ("web/templates/_helpers.tpl", "kind: Secret\n"),
            ("web/templates/blank.yaml", "  \n"),
        ]);
        let sorted = sorted.unwrap();
        let shown: Vec<(&str, &str)> = sorted
            .manifests
            .iter()
            .map(|manifest| (&*manifest.path, &*manifest.head.kind))
            .collect();
        let (a, b) = ("web/templates/a.yaml", "web/templates/b.yaml");
        assert_eq!(
            shown,
            [
                (b, "Secret"),
                (a, "Service"),
                (b, "Service"),
                (a, ""),
                (a, "Thing")
            ]
        );
        assert!(sorted.hooks.is_empty());
    }

    #[test]
    fn hooks_have_events_weight_and_policies() {
        let (sorted, warnings) = sorted(&[(
            "web/templates/a.yaml",
            "kind: Job\nmetadata:\n  name: j\n  annotations:\n    helm.sh/hook: ' Pre-Install, test-success'\n    \
             helm.sh/hook-weight: -5\n    helm.sh/hook-delete-policy: hook-failed,before-hook-creation\n    \
             helm.sh/hook-output-log-policy: hook-succeeded\n---\n\
             kind: Job\nmetadata:\n  annotations: {helm.sh/hook: 'pre-install,crd-install'}\n---\n\
             kind: Pod\nmetadata:\n  annotations: {helm.sh/hook: test, helm.sh/hook-weight: soon}\n",
        )]);
        let sorted = sorted.unwrap();
        assert!(sorted.manifests.is_empty());
        let [pod, job] = sorted.hooks.as_slice() else {
            panic!("{:?}", sorted.hooks);
        };
        assert_eq!((&*pod.kind, pod.weight), ("Pod", 0));
        assert_eq!((&*job.name, job.weight), ("j", -5));
        assert_eq!(job.events, [Event::PreInstall, Event::Test]);
        assert_eq!(
            job.delete_policies,
            [DeletePolicy::HookFailed, DeletePolicy::BeforeHookCreation]
        );
        assert_eq!(job.output_log_policies, [OutputLogPolicy::HookSucceeded]);
        let warnings: Vec<&str> = warnings.iter().collect();
        assert_eq!(warnings, ["skipping unknown hooks in web/templates/a.yaml"]);
    }

    #[test]
    fn a_document_that_is_not_yaml_names_its_file() {
        let (sorted, _) = sorted(&[("web/templates/a.yaml", "kind: a\n---\na: [\n")]);
        let error = sorted.unwrap_err().to_string();
        assert!(
            error.starts_with(
                "YAML parse error on web/templates/a.yaml: error converting YAML to JSON: "
            ),
            "{error}"
        );
    }

    #[test]
    fn kept_objects_say_so() {
        let (sorted, _) = sorted(&[(
            "a",
            "kind: A\nmetadata: {annotations: {helm.sh/resource-policy: ' Keep'}}\n---\nkind: B\n",
        )]);
        let kept: Vec<bool> = sorted
            .unwrap()
            .manifests
            .iter()
            .map(Manifest::is_kept)
            .collect();
        assert_eq!(kept, [true, false]);
    }
}
