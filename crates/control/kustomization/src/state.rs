//! [`State`]: what is remembered of one Kustomization between two reconciles.
//!
//! All of it can be lost: it is read from the store or made again.

use lode_deliver::DeliveryState;
use lode_tree::{ReadSet, Tree};
use tokio::time::Instant;

/// What is remembered of one Kustomization.
#[derive(Default)]
pub struct State {
    /// What is remembered of its objects.
    pub(crate) delivery: DeliveryState,
    pub(crate) last_build: LastBuild,
    /// When the next run by the clock is due.
    pub(crate) due: Option<Instant>,
    /// The revision whose dropped fields were reported, so that they are reported once.
    pub(crate) told_dropped: String,
    /// The revision of which objects of kinds that nobody serves were told.
    pub(crate) told_unserved: String,
}

/// What is remembered of the last build.
#[derive(Default)]
pub(crate) struct LastBuild {
    /// How many bytes it took.
    pub(crate) bytes: u64,
    /// What it read; nothing if it is not known what that gave.
    reads: Option<LastReads>,
}

/// What a build read.
pub(crate) struct LastReads {
    /// Digest of everything that the objects in the cluster were made from, which this was a part of.
    inputs: String,
    /// The same without the source.
    spec: String,
    /// What of the source was read.
    reads: ReadSet,
}

impl LastBuild {
    /// Returns whether a build from another tree would give what was applied last: made from `inputs`, and from the same
    /// specification.
    pub(crate) fn holds(&self, inputs: &str, spec: &str, tree: &Tree) -> bool {
        self.reads.as_ref().is_some_and(|last| {
            last.inputs == inputs && last.spec == spec && last.reads.holds_in(tree)
        })
    }

    /// Remembers what gave the objects that were made from `inputs`; without new reads, those of the last time.
    pub(crate) fn remember(&mut self, inputs: &str, spec: &str, reads: Option<ReadSet>) {
        let reads = reads.or_else(|| self.reads.take().map(|last| last.reads));
        self.reads = reads.map(|reads| LastReads {
            inputs: inputs.to_owned(),
            spec: spec.to_owned(),
            reads,
        });
    }
}

#[cfg(test)]
mod tests {
    use lode_tree::RepoPath;

    use super::*;

    fn tree(text: &'static str) -> Tree {
        [("a.yaml", text), ("b.yaml", text)].into_iter().collect()
    }

    /// What a build reads that looks at one file.
    fn reads(tree: &Tree) -> ReadSet {
        let mut reads = ReadSet::default();
        let path = RepoPath::parse("a.yaml").unwrap();
        reads.read(tree, &path).unwrap();
        reads
    }

    #[test]
    fn what_was_read_holds_for_what_it_gave_and_nothing_else() {
        let tree = tree("a: 1\n");
        let mut last = LastBuild::default();
        assert!(!last.holds("one", "spec", &tree), "nothing was built");
        last.remember("one", "spec", Some(reads(&tree)));
        assert!(last.holds("one", "spec", &tree));
        assert!(!last.holds("two", "spec", &tree) && !last.holds("one", "other", &tree));
        assert!(
            !last.holds("", "spec", &tree),
            "a set was left half written"
        );
    }

    #[test]
    fn what_was_read_holds_in_another_tree_that_has_the_same_there() {
        let before = tree("a: 1\n");
        let mut last = LastBuild::default();
        last.remember("one", "spec", Some(reads(&before)));
        let elsewhere: Tree = [("a.yaml", "a: 1\n"), ("b.yaml", "b: 2\n")]
            .into_iter()
            .collect();
        assert!(last.holds("one", "spec", &elsewhere));
        assert!(!last.holds("one", "spec", &tree("a: 2\n")));

        last.remember("two", "spec", None);
        assert!(
            last.holds("two", "spec", &elsewhere),
            "its reads go on to hold"
        );
    }
}
