//! Changes manifests after they are rendered, as Helm 4 does.
//!
//! All documents go to the post-renderer as one stream, each with an annotation that names its file;
//! what comes back is put into files again by that annotation. On the way the text takes the form of
//! go-yaml v3: keys keep their order, comments stay. Documents that are only comments are dropped.
//!
//! Differs from Helm: anchors are resolved.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use lode_stdx::budget::{Budget, Exceeded};
use lode_yaml::{Dialect, Node, Nodes, Options, Origins};

use crate::file::base;
use crate::manifest::{self, INSTALL_ORDER, split};
use crate::warning::Warnings;

/// A program that changes a stream of manifests. An error is the reason why it could not.
pub type PostRenderer<'p> = &'p dyn Fn(&str) -> Result<String, String>;

/// What changes manifests, and which of them.
#[derive(Clone, Copy)]
pub struct PostRender<'p> {
    /// What changes them.
    pub change: PostRenderer<'p>,
    /// Which it gets.
    pub strategy: Strategy,
}

/// Which manifests go to a post-renderer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// All in one stream.
    #[default]
    Combined,
    /// Hooks in one stream, all others in a second one.
    Separate,
    /// All but hooks.
    NoHooks,
}

/// Why manifests could not be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostRenderError {
    /// A rendered document is not YAML.
    #[error("error merging {group}: parsing {path}: {source}")]
    Parse {
        /// Which manifests.
        group: &'static str,
        /// The file.
        path: String,
        /// Position and reason.
        source: lode_yaml::Error,
    },
    /// A rendered document is not a table.
    #[error("error merging {group}: annotating {path}: the document is not a table")]
    NotATable {
        /// Which manifests.
        group: &'static str,
        /// The file.
        path: String,
    },
    /// The post-renderer failed.
    #[error("error while running post render on {group}: {reason}")]
    Run {
        /// Which manifests.
        group: &'static str,
        /// The reason.
        reason: String,
    },
    /// The post-renderer's output is not YAML.
    #[error("error while parsing post rendered output: {0}")]
    Output(#[source] lode_yaml::Error),
    /// Something follows `---` in the post-renderer's output.
    #[error("error while parsing post rendered output: invalid document separator")]
    Separator,
    /// Hooks and other manifests could not be told apart.
    #[error("{0}")]
    Sort(#[from] manifest::ManifestError),
    /// The budget is exceeded.
    #[error("changing manifests {0}")]
    Exceeded(#[from] Exceeded),
}

/// Files by path.
type ByPath = BTreeMap<String, String>;

/// The annotation that names the file of a document.
const FILENAME: &str = "postrenderer.helm.sh/postrender-filename";

impl PostRender<'_> {
    /// Changes rendered files.
    pub(crate) fn run(&self, files: &ByPath, budget: &Budget) -> Result<ByPath, PostRenderError> {
        if self.strategy == Strategy::Combined {
            return self.changed(files, "manifests", "", budget);
        }

        let (hooks, others) = groups(files, budget)?;
        let mut changed = match self.strategy {
            Strategy::Separate if !hooks.is_empty() => {
                self.changed(&hooks, "hooks", "hooks-", budget)?
            }
            _ => hooks,
        };
        if !others.is_empty() {
            for (path, content) in self.changed(&others, "manifests", "manifests-", budget)? {
                append(&mut changed, path, &content);
            }
        }
        Ok(changed)
    }

    fn changed(
        &self,
        files: &ByPath,
        group: &'static str,
        prefix: &str,
        budget: &Budget,
    ) -> Result<ByPath, PostRenderError> {
        let stream = merge(files, group, budget)?;
        let changed =
            (self.change)(&stream).map_err(|reason| PostRenderError::Run { group, reason })?;
        budget.bytes(changed.len() as u64)?;
        unmerge(&changed, prefix, budget)
    }
}

/// Puts hooks and all others into files of their own.
fn groups(files: &ByPath, budget: &Budget) -> Result<(ByPath, ByPath), PostRenderError> {
    let shared = |(path, content): (&String, &String)| (path.clone(), Arc::new(content.clone()));
    let files: manifest::Files = files.iter().map(shared).collect();
    let mut warnings = Warnings::default();
    let sorted = manifest::sort(&files, &INSTALL_ORDER, (None, 1), &mut warnings, budget)?;
    let (mut hooks, mut others) = (BTreeMap::new(), BTreeMap::new());
    for hook in sorted.hooks {
        append(&mut hooks, hook.path, &hook.manifest);
    }
    for manifest in sorted.manifests {
        append(&mut others, manifest.path, &manifest.content);
    }
    Ok((hooks, others))
}

fn append(files: &mut ByPath, path: String, content: &str) {
    let file = files.entry(path).or_default();
    if !file.is_empty() {
        file.push_str("\n---\n");
    }
    file.push_str(content);
}

/// Returns all documents as one stream, each with the name of its file.
fn merge(files: &ByPath, group: &'static str, budget: &Budget) -> Result<String, PostRenderError> {
    let mut stream = String::new();
    for (path, content) in files {
        if base(path).starts_with('_') {
            continue;
        }
        for document in split(content) {
            let parsed = parse(document, budget).map_err(|source| PostRenderError::Parse {
                group,
                path: path.clone(),
                source,
            })?;
            for mut node in unwrapped(parsed) {
                if !annotate(&mut node, path) {
                    let path = path.clone();
                    return Err(PostRenderError::NotATable { group, path });
                }
                add(&node, &mut stream, budget)?;
            }
        }
    }
    Ok(stream)
}

/// Puts the documents of a stream into files again. One without a name gets one from its number.
fn unmerge(stream: &str, prefix: &str, budget: &Budget) -> Result<ByPath, PostRenderError> {
    let mut nodes = Vec::new();
    let documents = documents(stream)?;
    let is_one = documents.len() == 1;
    for document in documents {
        let parsed = parse(&document, budget).map_err(PostRenderError::Output)?;
        if is_one {
            nodes.extend(unwrapped(parsed));
        } else {
            nodes.extend(parsed);
        }
    }

    let mut files: ByPath = BTreeMap::new();
    for (number, mut node) in nodes.into_iter().enumerate() {
        let path = take_annotation(&mut node).filter(|path| !path.is_empty());
        let path = path.unwrap_or_else(|| format!("generated-by-postrender-{prefix}{number}.yaml"));
        add(&node, files.entry(path).or_default(), budget)?;
    }
    Ok(files)
}

/// Splits a stream at lines that begin with `---`; only a comment may follow.
fn documents(stream: &str) -> Result<Vec<String>, PostRenderError> {
    let stream = stream.replace("\r\n", "\n");
    let mut documents = vec![String::new()];
    for (index, line) in stream.split_inclusive('\n').enumerate() {
        let is_separator = index > 0 && line.starts_with("---") && line.ends_with('\n');
        if !is_separator {
            if let Some(document) = documents.last_mut() {
                document.push_str(line);
            }
            continue;
        }
        let rest = line.trim_start_matches("---").trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            return Err(PostRenderError::Separator);
        }
        documents.push(String::new());
    }
    Ok(documents)
}

/// Parses a document with its comments; nothing if it is empty.
fn parse(document: &str, budget: &Budget) -> Result<Option<Node>, lode_yaml::Error> {
    let nodes = Nodes::new(document.as_bytes(), Dialect::V3, Origins::default());
    let node = nodes
        .with_comments()
        .with_budget(budget)
        .next()
        .transpose()?;
    Ok(node.filter(|node| !node.is_null()))
}

/// Returns the items of a list of objects, or the document itself.
fn unwrapped(document: Option<Node>) -> Vec<Node> {
    let Some(mut document) = document else {
        return Vec::new();
    };
    let kind = document.get("kind").and_then(Node::text);
    if matches!(kind, Some("List" | "ResourceList"))
        && let Some(items) = document.get_mut("items").and_then(Node::items_mut)
    {
        return std::mem::take(items);
    }
    vec![document]
}

/// Sets the annotation. Returns false if the document is not a table, or its metadata is not.
fn annotate(node: &mut Node, path: &str) -> bool {
    let mut at = node;
    for key in ["metadata", "annotations"] {
        if at.get(key).is_none_or(Node::is_null) {
            if at.entries().is_none() {
                return false;
            }
            at.insert(key, Node::mapping());
        }

        match at.get_mut(key) {
            Some(inner) => at = inner,
            None => return false,
        }
    }

    if at.entries().is_none() {
        return false;
    }
    at.insert(FILENAME, Node::string(path));
    true
}

/// Removes the annotation, and the annotations if there is no other.
fn take_annotation(node: &mut Node) -> Option<String> {
    let metadata = node.get_mut("metadata")?;
    let annotations = metadata.get_mut("annotations")?;
    let path = annotations.remove(FILENAME);
    if annotations.entries().is_some_and(<[_]>::is_empty) {
        metadata.remove("annotations");
    }
    Some(path?.text()?.to_owned())
}

/// Appends a document to a stream.
fn add(node: &Node, stream: &mut String, budget: &Budget) -> Result<(), Exceeded> {
    if !stream.is_empty() {
        stream.push_str("---\n");
    }
    stream.push_str(&lode_yaml::write_v3_within(
        node,
        Options::default(),
        budget,
    )?);
    Ok(())
}

impl fmt::Debug for PostRender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostRender")
            .field("strategy", &self.strategy)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    const HOOK: &str = "kind: Job\nmetadata:\n  name: h\n  annotations: {helm.sh/hook: test}\n";

    fn files(files: &[(&str, &str)]) -> ByPath {
        let files = files
            .iter()
            .map(|(path, content)| ((*path).to_owned(), (*content).to_owned()));
        files.collect()
    }

    fn run(
        strategy: Strategy,
        input: &[(&str, &str)],
        change: PostRenderer<'_>,
    ) -> Result<ByPath, PostRenderError> {
        let post_render = PostRender { change, strategy };
        post_render.run(&files(input), &Budget::unlimited())
    }

    #[test]
    fn documents_know_their_file_on_the_way_only() {
        let seen = RefCell::new(String::new());
        let change = |stream: &str| {
            stream.clone_into(&mut seen.borrow_mut());
            Ok(stream.replace("kind: A", "kind: B"))
        };
        let input = [
            (
                "web/templates/a.yaml",
                "# about a\nkind: A\nmetadata: {name: a}\nlist:\n  - 'x' # one\n---\n# nothing\n---\nkind: C\n",
            ),
            ("web/templates/_x.tpl", "kind: X\n"),
            ("web/templates/b.yaml", "kind: List\nitems:\n- kind: D\n"),
        ];
        let changed = run(Strategy::Combined, &input, &change).unwrap();
        let name = "postrenderer.helm.sh/postrender-filename";
        let a = "web/templates/a.yaml";
        let want = format!(
            "# about a\nkind: A\nmetadata: {{name: a, annotations: {{{name}: {a}}}}}\nlist:\n- 'x' # one\n---\n\
             kind: C\nmetadata:\n  annotations:\n    {name}: {a}\n---\n\
             kind: D\nmetadata:\n  annotations:\n    {name}: web/templates/b.yaml\n"
        );
        assert_eq!(*seen.borrow(), want);
        let want = files(&[
            (
                a,
                "# about a\nkind: B\nmetadata: {name: a}\nlist:\n- 'x' # one\n---\nkind: C\nmetadata: {}\n",
            ),
            ("web/templates/b.yaml", "kind: D\nmetadata: {}\n"),
        ]);
        assert_eq!(changed, want);
    }

    #[test]
    fn strategies_choose_what_is_changed() {
        let input = [
            ("a.yaml", HOOK),
            ("b.yaml", "kind: A\nmetadata: {name: b}\n"),
        ];
        let change = |stream: &str| Ok(format!("{stream}---\nkind: New\n"));
        let names = |strategy| -> Vec<String> {
            run(strategy, &input, &change)
                .unwrap()
                .into_keys()
                .collect()
        };
        let generated = "generated-by-postrender-";
        assert_eq!(
            names(Strategy::Combined),
            ["a.yaml", "b.yaml", &format!("{generated}2.yaml")]
        );
        assert_eq!(
            names(Strategy::NoHooks),
            ["a.yaml", "b.yaml", &format!("{generated}manifests-1.yaml")]
        );
        let separate = [
            format!("{generated}hooks-1.yaml"),
            format!("{generated}manifests-1.yaml"),
        ];
        assert_eq!(
            names(Strategy::Separate),
            ["a.yaml", "b.yaml", &separate[0], &separate[1]]
        );
    }

    #[test]
    fn failures_name_their_step() {
        let fail = |_: &str| Err("exit status 1".to_owned());
        let error = run(Strategy::Combined, &[("a.yaml", "kind: A\n")], &fail).unwrap_err();
        assert_eq!(
            error.to_string(),
            "error while running post render on manifests: exit status 1"
        );
        let same = |stream: &str| Ok(stream.to_owned());
        let error = run(Strategy::Combined, &[("a.yaml", "- a\n")], &same).unwrap_err();
        assert_eq!(
            error.to_string(),
            "error merging manifests: annotating a.yaml: the document is not a table"
        );
        let error = run(Strategy::Combined, &[("a.yaml", "kind: A\n")], &|_| {
            Ok("a: 1\n--- b\n".to_owned())
        })
        .unwrap_err();
        assert_eq!(error, PostRenderError::Separator);
    }
}
