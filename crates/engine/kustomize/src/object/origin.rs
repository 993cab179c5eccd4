//! [`Origin`]: the file and line where something was read.

use std::collections::HashMap;
use std::fmt;

use lode_tree::RepoPath;
use lode_yaml::Place;

/// Where an object or a field was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file; for a generated object, the kustomization.
    pub path: RepoPath,
    /// The first line in the file, from 1; 0 for content added to the kustomization at `path`.
    pub line: u32,
}

/// The files of a build by the number used in places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Places use `0` for nothing, so the first file is number 1.
    paths: Vec<RepoPath>,
    numbers: HashMap<RepoPath, u32>,
}

impl Files {
    /// Returns a file's number, assigning a new one if needed.
    pub(crate) fn number(&mut self, path: &RepoPath) -> u32 {
        if let Some(number) = self.numbers.get(path) {
            return *number;
        }
        self.paths.push(path.clone());
        let number = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
        self.numbers.insert(path.clone(), number);
        number
    }

    /// Returns the file of a number.
    #[must_use]
    pub fn path(&self, number: u32) -> Option<&RepoPath> {
        self.paths.get((number as usize).checked_sub(1)?)
    }

    /// Returns the origin of a place; nodes made by code are at the root.
    #[must_use]
    pub fn origin(&self, place: Place) -> Origin {
        Origin {
            path: self.path(place.source).cloned().unwrap_or_default(),
            line: place.line,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}, with the Kustomization's spec", self.path),
            line => write!(f, "{}:{line}", self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_number() {
        let (a, b) = (RepoPath::parse("a").unwrap(), RepoPath::parse("b").unwrap());
        let mut files = Files::default();
        assert_eq!(
            (files.number(&a), files.number(&b), files.number(&a)),
            (1, 2, 1)
        );
        let place = Place {
            source: 2,
            line: 3,
            ..Place::default()
        };
        assert_eq!(files.origin(place).to_string(), "b:3");
        assert_eq!(
            files
                .origin(Place {
                    source: 1,
                    ..Place::default()
                })
                .to_string(),
            "a, with the Kustomization's spec"
        );
    }
}
