//! Reads the files of a chart from a folder, without those that `.helmignore` leaves out.

use lode_stdx::budget::{Budget, Exceeded};
use lode_tree::{Child, Loader, RepoPath};

use crate::archive::FILE_MAX;
use crate::file::ChartFile;
use crate::ignore::{self, IgnoreRules};

/// Why a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file or folder cannot be read.
    #[error("{0}")]
    Tree(#[from] lode_tree::Error),
    /// `.helmignore` is malformed.
    #[error("{path}: {source}")]
    Ignore {
        /// The file.
        path: RepoPath,
        /// The reason.
        source: ignore::IgnoreError,
    },
    /// A file that is too large.
    #[error("chart file \"{0}\" is larger than the maximum file size {FILE_MAX}")]
    FileTooLarge(RepoPath),
    /// The budget is exceeded.
    #[error("reading the chart {0}")]
    Exceeded(#[from] Exceeded),
}

/// Returns the files in the order of their paths, folder by folder.
pub(crate) fn read(
    loader: &dyn Loader,
    folder: &RepoPath,
    budget: &Budget,
) -> Result<Vec<ChartFile>, FolderError> {
    let rules = rules(loader, folder)?;
    let mut walk = Walk {
        loader,
        rules,
        budget,
        files: Vec::new(),
    };
    walk.folder(folder, "")?;
    Ok(walk.files)
}

/// Returns a file of a folder, if it is there.
pub(crate) fn read_one(
    loader: &dyn Loader,
    folder: &RepoPath,
    name: &str,
    budget: &Budget,
) -> Result<Option<ChartFile>, FolderError> {
    let Ok(path) = folder.join(name) else {
        return Ok(None);
    };
    let mut walk = Walk {
        loader,
        rules: IgnoreRules::none(),
        budget,
        files: Vec::new(),
    };
    match walk.file(&path, name.to_owned()) {
        Ok(()) => Ok(walk.files.pop()),
        Err(FolderError::Tree(lode_tree::Error::NotFound(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

struct Walk<'w> {
    loader: &'w dyn Loader,
    rules: IgnoreRules,
    budget: &'w Budget,
    files: Vec<ChartFile>,
}

impl Walk<'_> {
    /// The depth is bounded by the length of a path.
    fn folder(&mut self, folder: &RepoPath, prefix: &str) -> Result<(), FolderError> {
        for (name, child) in self.loader.list(folder)? {
            let inside = format!("{prefix}{name}");
            self.budget.nodes(1)?;
            self.budget.steps(self.rules.cost(&inside))?;
            if self.rules.is_ignored(&inside, child == Child::Folder) {
                continue;
            }

            let Ok(path) = folder.join(&name) else {
                continue;
            };
            match child {
                Child::Folder => self.folder(&path, &format!("{inside}/"))?,
                Child::File => self.file(&path, inside)?,
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &RepoPath, name: String) -> Result<(), FolderError> {
        let bytes = match self.loader.bytes(path) {
            Err(lode_tree::Error::TooLarge { .. }) => {
                return Err(FolderError::FileTooLarge(path.clone()));
            }
            bytes => bytes?,
        };
        if bytes.len() as u64 > FILE_MAX {
            return Err(FolderError::FileTooLarge(path.clone()));
        }

        self.budget.bytes((bytes.len() + name.len()) as u64)?;
        self.files.push(ChartFile::shared(name, bytes));
        Ok(())
    }
}

fn rules(loader: &dyn Loader, folder: &RepoPath) -> Result<IgnoreRules, FolderError> {
    let Ok(path) = folder.join(".helmignore") else {
        return IgnoreRules::parse("").map_err(|source| FolderError::Ignore {
            path: folder.clone(),
            source,
        });
    };
    let text = match loader.bytes(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(lode_tree::Error::NotFound(_)) => String::new(),
        Err(error) => return Err(error.into()),
    };
    IgnoreRules::parse(&text).map_err(|source| FolderError::Ignore { path, source })
}

#[cfg(test)]
mod tests {
    use lode_stdx::budget::Limits;
    use lode_tree::{Entry, Tree};

    use super::*;

    fn at(path: &str) -> RepoPath {
        RepoPath::parse(path).unwrap()
    }

    fn names(tree: &Tree, folder: &str) -> Vec<String> {
        let files = read(tree, &at(folder), &Budget::unlimited()).unwrap();
        files.iter().map(|file| file.name.to_string()).collect()
    }

    #[test]
    fn ignored_files_and_folders_are_left_out() {
        let tree = Tree::from_iter([
            ("web/.helmignore", "*.bak\nci/\n"),
            ("web/Chart.yaml", ""),
            ("web/a.bak", ""),
            ("web/ci/values.yaml", ""),
            ("web/templates/.hidden", ""),
            ("web/templates/a.yaml", ""),
            ("web-2/b", ""),
        ]);
        assert_eq!(
            names(&tree, "web"),
            [".helmignore", "Chart.yaml", "templates/a.yaml"]
        );
    }

    #[test]
    fn links_are_followed_inside_the_root() {
        let mut tree = Tree::from_iter([("shared/_a.tpl", "x"), ("web/Chart.yaml", "")]);
        tree.insert(at("web/templates"), Entry::Link("../shared".into()));
        tree.insert(at("web/out"), Entry::Link("../../etc".into()));
        assert_eq!(names(&tree, "web"), ["Chart.yaml", "templates/_a.tpl"]);
    }

    #[test]
    fn links_in_a_circle_end_at_the_budget() {
        let mut tree = Tree::from_iter([("web/Chart.yaml", "")]);
        for name in ["a", "b"] {
            tree.insert(at(&format!("web/{name}")), Entry::Link(".".into()));
        }
        let budget = Budget::new(Limits {
            nodes: 1000,
            ..Limits::UNLIMITED
        });
        assert!(read(&tree, &at("web"), &budget).is_err());
    }

    #[test]
    fn bad_rules_name_file_and_line() {
        let tree = Tree::from_iter([("web/.helmignore", "a\n**\n")]);
        let error = read(&tree, &at("web"), &Budget::unlimited()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "web/.helmignore: line 2: double-star (**) syntax is not supported"
        );
    }
}
