//! From contents to what an artifact holds: included parts go in, ignored files stay out.
//!
//! Pure: [`ArtifactInput`] in, an [`AssembledArtifact`] or the first reason why there is none out.

use std::io::Read;
use std::sync::Arc;

use lode_api::reasons;
use lode_runtime::Failure;
use lode_stdx::budget::Budget;
use lode_tree::{Entry, IncludeError, RepoPath, Tree, ignore};

use crate::contents::{IgnoreRules, IncludedPart, SourceContents};
use crate::step::{self, with_flag};

/// What an artifact is made from.
pub(crate) struct ArtifactInput {
    pub(crate) contents: SourceContents,
    /// Parts of other artifacts, each with the tree it is a part of.
    pub(crate) included: Vec<(IncludedPart, Arc<Tree>)>,
    /// What all of it may cost.
    pub(crate) budget: Arc<Budget>,
}

/// What an artifact holds.
pub(crate) enum AssembledArtifact {
    Tree {
        tree: Tree,
        /// Files that are left out because of their names, escaped.
        left_out: Vec<RepoPath>,
    },
    File(Box<dyn Read + Send>),
}

/// Puts included parts in and takes ignored files out.
pub(crate) fn assemble(input: ArtifactInput) -> Result<AssembledArtifact, Failure> {
    let (mut tree, rules) = match input.contents {
        SourceContents::File(content) => return Ok(AssembledArtifact::File(content)),
        SourceContents::Tree { tree, ignore } => (tree, ignore),
    };
    for (part, other) in &input.included {
        tree.include(other, &part.from, &part.to, &input.budget)
            .map_err(|error| not_included(part, &error))?;
    }

    // Included files are subject to the rules, too.
    let tree = match rules {
        IgnoreRules::Nothing => tree,
        IgnoreRules::SourceIgnore(patterns) => {
            ignore::filter(tree, patterns.as_deref(), &input.budget)
                .map_err(|error| not_ignored(&error))?
        }
    };

    // An artifact that silently lacks a file would be trusted to be complete.
    if let Some(failure) = tree.entries().find_map(too_large) {
        return Err(failure);
    }
    let left_out = tree
        .entries()
        .filter(|(_, entry)| matches!(entry, Entry::Misnamed))
        .map(|(path, _)| path.clone())
        .collect();
    Ok(AssembledArtifact::Tree { tree, left_out })
}

fn not_included(part: &IncludedPart, error: &IncludeError) -> Failure {
    let error = match error {
        IncludeError::Exceeded(exceeded) => with_flag(exceeded),
        IncludeError::Tree(error) => error.to_string(),
    };
    let name = &part.name.name;
    let text = format!("failed to copy include '{name}': {error}");
    step::store(reasons::COPY_FAILURE, text)
}

fn not_ignored(error: &ignore::Error) -> Failure {
    let text = match error {
        ignore::Error::Exceeded(exceeded) => {
            let exceeded = with_flag(exceeded);
            format!("leaving out files by spec.ignore and .sourceignore {exceeded}")
        }
        ignore::Error::Read(_) => error.to_string(),
    };
    step::store(reasons::ARCHIVE_OPERATION_FAILED, text)
}

fn too_large((path, entry): (&RepoPath, &Entry)) -> Option<Failure> {
    let Entry::Large(size) = entry else {
        return None;
    };
    let text = format!(
        "file '{path}' of {size} bytes is too large for an artifact: leave it out by spec.ignore or .sourceignore"
    );
    Some(step::store(reasons::ARCHIVE_OPERATION_FAILED, text))
}

#[cfg(test)]
mod tests {
    use lode_api::shared::Artifact;
    use lode_object::NamespacedName;

    use super::*;

    fn input(files: &[(&str, &str)], patterns: Option<&str>) -> ArtifactInput {
        let contents = SourceContents::Tree {
            tree: files.iter().copied().collect(),
            ignore: IgnoreRules::SourceIgnore(patterns.map(str::to_owned)),
        };
        ArtifactInput {
            contents,
            included: Vec::new(),
            budget: Arc::new(Budget::unlimited()),
        }
    }

    /// Adds an entry that no text makes.
    fn with(mut input: ArtifactInput, path: &str, entry: Entry) -> ArtifactInput {
        let SourceContents::Tree { tree, .. } = &mut input.contents else {
            panic!("a file has no entries");
        };
        tree.insert(RepoPath::parse(path).unwrap(), entry);
        input
    }

    fn assembled(input: ArtifactInput) -> (Vec<String>, Vec<RepoPath>) {
        match assemble(input).unwrap_or_else(|failure| panic!("{failure}")) {
            AssembledArtifact::File(_) => panic!("is a file"),
            AssembledArtifact::Tree { tree, left_out } => {
                let names = tree.entries().map(|(path, _)| path.to_string());
                (names.collect(), left_out)
            }
        }
    }

    fn names(input: ArtifactInput) -> Vec<String> {
        assembled(input).0
    }

    fn refusal(input: ArtifactInput) -> String {
        assemble(input).err().unwrap().message
    }

    fn part(from: &str, to: &str) -> IncludedPart {
        let at = |text| RepoPath::parse(text).unwrap();
        IncludedPart {
            kind: "gitrepository",
            name: NamespacedName::new("ns", "other"),
            uid: "1".into(),
            artifact: Artifact::default(),
            from: at(from),
            to: at(to),
        }
    }

    #[test]
    fn included_parts_are_filtered_as_all_others() {
        let other: Tree = [("base/b.yaml", ""), ("base/b.md", "")]
            .into_iter()
            .collect();
        let included = vec![(part("base", "inc"), Arc::new(other))];
        let all = ArtifactInput {
            included,
            ..input(&[("a.yaml", ""), ("a.md", "")], Some("*.md"))
        };
        assert_eq!(names(all), ["a.yaml", "inc/b.yaml"]);
    }

    #[test]
    fn a_part_that_is_not_there_is_told() {
        let included = vec![(part("nothere", "inc"), Arc::new(Tree::default()))];
        let all = ArtifactInput {
            included,
            ..input(&[], None)
        };
        assert_eq!(
            refusal(all),
            "failed to copy include 'other': nothere: no such file or folder"
        );
    }

    #[test]
    fn an_included_part_that_costs_too_much_names_the_bound_and_its_flag() {
        let other: Tree = [("a", "xx"), ("b", "xx")].into_iter().collect();
        let limits = lode_stdx::budget::Limits {
            nodes: 1,
            ..lode_stdx::budget::Limits::UNLIMITED
        };
        let all = ArtifactInput {
            included: vec![(part("", "inc"), Arc::new(other))],
            budget: Arc::new(Budget::new(limits)),
            ..input(&[], None)
        };
        let refusal = refusal(all);
        assert!(refusal.ends_with("(--fetch-files-max)"), "{refusal}");
    }

    #[test]
    fn a_huge_file_is_named_unless_it_is_ignored() {
        let huge = |patterns| {
            let input = input(&[("a.yaml", "")], patterns);
            with(input, "disk.img", Entry::Large(1 << 30))
        };
        let refusal = refusal(huge(None));
        assert!(
            refusal.starts_with("file 'disk.img' of 1073741824 bytes"),
            "{refusal}"
        );
        assert_eq!(names(huge(Some("*.img"))), ["a.yaml"]);
    }

    #[test]
    fn patterns_that_cost_too_much_name_the_bound_and_its_flag() {
        let limits = lode_stdx::budget::Limits {
            steps: 100,
            ..lode_stdx::budget::Limits::UNLIMITED
        };
        let files: Vec<_> = (0..5000).map(|n| format!("{n}")).collect();
        let files: Vec<_> = files.iter().map(|name| (name.as_str(), "")).collect();
        let all = ArtifactInput {
            budget: Arc::new(Budget::new(limits)),
            ..input(&files, Some("*x"))
        };
        let refusal = refusal(all);
        let words = "needs more than 100 steps, the limit (--fetch-steps-max)";
        assert!(refusal.ends_with(words), "{refusal}");
    }

    #[test]
    fn what_is_left_out_for_its_name_is_listed_unless_it_is_ignored() {
        let odd = |patterns| {
            let input = input(&[("a.yaml", "")], patterns);
            with(input, "docs/Icon\\r", Entry::Misnamed)
        };
        let (_, left_out) = assembled(odd(None));
        assert_eq!(left_out, [RepoPath::parse("docs/Icon\\r").unwrap()]);
        assert!(assembled(odd(Some("docs/"))).1.is_empty());
    }

    #[test]
    fn an_origin_that_ignores_by_itself_keeps_what_rules_would_leave_out() {
        let files = [(".sourceignore", "*.md"), ("a.md", ""), ("b.jpg", "")];
        let own = |ignore| ArtifactInput {
            contents: SourceContents::Tree {
                tree: files.into_iter().collect(),
                ignore,
            },
            ..input(&[], None)
        };
        assert_eq!(
            names(own(IgnoreRules::Nothing)),
            [".sourceignore", "a.md", "b.jpg"]
        );
        let ruled = names(own(IgnoreRules::SourceIgnore(None)));
        assert!(!ruled.contains(&"a.md".to_owned()), "{ruled:?}");
    }

    #[test]
    fn a_file_goes_through_as_it_is() {
        let file = SourceContents::File(Box::new(&b"*.md"[..]));
        let input = ArtifactInput {
            contents: file,
            ..input(&[], Some("*"))
        };
        let Ok(AssembledArtifact::File(mut content)) = assemble(input) else {
            panic!("is a tree");
        };
        let mut text = String::new();
        content.read_to_string(&mut text).unwrap();
        assert_eq!(text, "*.md");
    }
}
