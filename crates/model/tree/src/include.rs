//! [`Tree::include`]: a part of one tree put into another, as a source's `include` asks.

use crate::path::RepoPath;
use crate::tree::{Error, Tree};

impl Tree {
    /// Copies what lies at or below `from` in `other` to `to` in this tree, replacing what has the same names.
    ///
    /// # Errors
    /// Nothing in `other` lies there.
    pub fn include(&mut self, other: &Self, from: &RepoPath, to: &RepoPath) -> Result<(), Error> {
        let mut copied = false;
        for (path, entry) in other.entries().filter(|(path, _)| path.is_in(from)) {
            let rest = path.as_str()[from.as_str().len()..].trim_start_matches('/');
            self.insert(to.join(rest).map_err(|_| Error::NotFound(from.clone()))?, entry.clone());
            copied = true;
        }
        if copied || from.as_str().is_empty() { Ok(()) } else { Err(Error::NotFound(from.clone())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_put_elsewhere() {
        let at = |text| RepoPath::parse(text).unwrap();
        let other: Tree = [("base/a", "1"), ("base/x/b", "2"), ("baseless", "3")].into_iter().collect();
        let mut tree: Tree = [("own", "0"), ("in/a", "old")].into_iter().collect();
        tree.include(&other, &at("base"), &at("in")).unwrap();
        let names: Vec<_> = tree.entries().map(|(path, _)| path.as_str()).collect();
        assert_eq!(names, ["in/a", "in/x/b", "own"]);
        assert_eq!(&*tree.read(&at("in/a")).unwrap().bytes, b"1");
        tree.include(&other, &at("baseless"), &at("one")).unwrap();
        tree.include(&other, &at("./"), &at("all")).unwrap();
        assert_eq!(tree.len(), 7);
        assert_eq!(tree.include(&other, &at("nothere"), &at("in")), Err(Error::NotFound(at("nothere"))));
    }
}
