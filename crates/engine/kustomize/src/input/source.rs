//! [`BuildSource`]: reads through the loader, records what was read, and numbers the files.

use lode_stdx::budget::Budget;
use lode_tree::{Blob, Loader, ReadSet, RepoPath};
use lode_yaml::Place;

use crate::error::{Fault, FileCause};
use crate::input::charts::Charts;
use crate::object::origin::Files;

/// The names a kustomization file may have.
const KUSTOMIZATION_FILES: [&str; 3] = ["Kustomization", "kustomization.yaml", "kustomization.yml"];

/// Which files a kustomization may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restrictions {
    /// Only those in or below its own folder.
    #[default]
    RootOnly,
    /// Any below the loader's root.
    None,
}

/// Where files come from, and what was read.
pub(crate) struct BuildSource<'l> {
    pub(crate) loader: &'l dyn Loader,
    pub(crate) reads: ReadSet,
    pub(crate) files: Files,
    pub(crate) restrictions: Restrictions,
    /// The budget of the build.
    pub(crate) budget: &'l Budget,
    /// Whether objects keep their comments.
    pub(crate) comments: bool,
    /// The renderer of charts, if there is one.
    pub(crate) charts: Option<&'l dyn Charts>,
}

impl<'l> BuildSource<'l> {
    pub(crate) fn new(
        loader: &'l dyn Loader,
        restrictions: Restrictions,
        budget: &'l Budget,
    ) -> Self {
        let (reads, files) = (ReadSet::default(), Files::default());
        Self {
            loader,
            reads,
            files,
            restrictions,
            budget,
            comments: false,
            charts: None,
        }
    }

    /// Reads a file and returns its content and number.
    pub(crate) fn read(&mut self, path: &RepoPath) -> Result<(Blob, u32), lode_tree::Error> {
        let blob = self.reads.read(self.loader, path)?;
        Ok((blob, self.files.number(path)))
    }

    /// Reads a file that a kustomization in `folder` names.
    pub(crate) fn named(
        &mut self,
        folder: &RepoPath,
        text: &str,
        by: Place,
    ) -> Result<(RepoPath, Blob, u32), Fault> {
        let path = self.path_in(folder, text, by)?;
        let (real, _) = self
            .reads
            .canonical(self.loader, &path)
            .map_err(|error| Fault::At(by, unread(text, error)))?;
        self.allow(folder, &real, text, by)?;
        let (blob, number) = self
            .read(&path)
            .map_err(|error| Fault::At(by, unread(text, error)))?;
        Ok((path, blob, number))
    }

    /// Refuses a file that the restrictions exclude for a folder's kustomization.
    pub(crate) fn allow(
        &self,
        folder: &RepoPath,
        real: &RepoPath,
        text: &str,
        by: Place,
    ) -> Result<(), Fault> {
        if self.restrictions == Restrictions::None || real.is_in(folder) {
            return Ok(());
        }
        Err(Fault::At(
            by,
            FileCause::Outside {
                path: text.to_owned(),
                folder: folder.clone(),
            },
        ))
    }

    /// Returns a folder's kustomization file, if it has one.
    pub(crate) fn kustomization(&mut self, folder: &RepoPath) -> Result<Option<RepoPath>, Fault> {
        let found = self
            .reads
            .files_among(self.loader, folder, &KUSTOMIZATION_FILES)?;
        let [name, others @ ..] = found.as_slice() else {
            return Ok(None);
        };
        let path = folder
            .join(name)
            .map_err(|_| lode_tree::Error::NotFound(folder.clone()))?;
        let place = Place {
            source: self.files.number(&path),
            line: 1,
            ..Place::default()
        };
        if !others.is_empty() {
            return Err(Fault::At(
                place,
                FileCause::TwoKustomizations(folder.clone()),
            ));
        }

        // A kustomization file is subject to the same restrictions as other files: a link must not
        // lead it elsewhere.
        let (real, _) = self.reads.canonical(self.loader, &path)?;
        let (real_folder, _) = self.reads.canonical(self.loader, folder)?;
        self.allow(&real_folder, &real, name, place)?;
        Ok(Some(path))
    }

    /// Returns the path a text means in a folder.
    pub(crate) fn path_in(
        &self,
        folder: &RepoPath,
        text: &str,
        by: Place,
    ) -> Result<RepoPath, Fault> {
        let path = self.loader.resolve(folder, text);
        path.map_err(|source| {
            Fault::At(
                by,
                FileCause::Path {
                    path: text.to_owned(),
                    source,
                },
            )
        })
    }
}

/// Returns why a path was not read.
pub(crate) fn unread(text: &str, error: lode_tree::Error) -> FileCause {
    match error {
        lode_tree::Error::NotFound(_) => FileCause::Missing(text.to_owned()),
        error => FileCause::Tree(error),
    }
}
