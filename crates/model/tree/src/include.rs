//! [`Tree::include`]: copies a part of one tree into another, for a source's `include`.

use lode_stdx::budget::{Budget, Exceeded};

use crate::path::RepoPath;
use crate::tree::{ENTRY_BYTES, Error, Tree};

/// Why a part was not copied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IncludeError {
    /// The path does not exist.
    #[error(transparent)]
    Tree(#[from] Error),
    /// It exceeds the budget.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
}

impl Tree {
    /// Copies what is at or below `from` in `other` to `to` in this tree, replacing files of the
    /// same names.
    ///
    /// # Errors
    /// `other` has nothing there, or the copy exceeds `budget`.
    pub fn include(
        &mut self,
        other: &Self,
        from: &RepoPath,
        to: &RepoPath,
        budget: &Budget,
    ) -> Result<(), IncludeError> {
        let missing = || Error::NotFound(from.clone());
        let mut copied = false;
        for (path, entry) in other.entries().filter(|(path, _)| path.is_in(from)) {
            let rest = path.as_str()[from.as_str().len()..].trim_start_matches('/');
            budget.nodes(1)?;
            budget.bytes((to.as_str().len() + rest.len()) as u64 + ENTRY_BYTES + entry.size())?;
            self.insert(to.join(rest).map_err(|_| missing())?, entry.clone());
            copied = true;
        }
        if copied || from.as_str().is_empty() {
            Ok(())
        } else {
            Err(missing().into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_put_elsewhere() {
        let at = |text| RepoPath::parse(text).unwrap();
        let other: Tree = [("base/a", "1"), ("base/x/b", "2"), ("baseless", "3")]
            .into_iter()
            .collect();
        let mut tree: Tree = [("own", "0"), ("in/a", "old")].into_iter().collect();
        let budget = &Budget::unlimited();
        tree.include(&other, &at("base"), &at("in"), budget)
            .unwrap();
        let names: Vec<_> = tree.entries().map(|(path, _)| path.as_str()).collect();
        assert_eq!(names, ["in/a", "in/x/b", "own"]);
        assert_eq!(&*tree.read(&at("in/a")).unwrap().bytes, b"1");
        tree.include(&other, &at("baseless"), &at("one"), budget)
            .unwrap();
        tree.include(&other, &at("./"), &at("all"), budget).unwrap();
        assert_eq!(tree.len(), 7);
        let missing = tree.include(&other, &at("nothere"), &at("in"), budget);
        assert_eq!(missing, Err(Error::NotFound(at("nothere")).into()));
        let small = Budget::new(lode_stdx::budget::Limits {
            nodes: 1,
            ..lode_stdx::budget::Limits::UNLIMITED
        });
        let error = tree
            .include(&other, &at("base"), &at("in"), &small)
            .unwrap_err();
        assert_eq!(error.to_string(), "needs more than 1 values, the limit");
    }
}
