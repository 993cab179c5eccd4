//! Reading manifests: files into [`Resource`]s, and folders without a kustomization file.
//!
//! Lists are taken apart. A document that is no Kubernetes object fails the build with its place.

use lode_object::{Error as ObjectError, Value};
use lode_tree::{Child, ReadSet, RepoPath, Tree};
use lode_yaml::{Dialect, Reader};

use crate::error::{Error, FileCause};
use crate::render::Origin;
use crate::resource::Resource;

/// The names a kustomization file may have.
pub(crate) const KUSTOMIZATION_FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// Deepest folder below the path that is walked.
const FOLDERS_DEPTH_MAX: usize = 64;

/// The tree being built from, and the record of what was read.
pub(crate) struct Source<'t> {
    pub(crate) tree: &'t Tree,
    pub(crate) reads: ReadSet,
}

impl<'t> Source<'t> {
    pub(crate) fn read(&mut self, path: &RepoPath) -> Result<&'t [u8], Error> {
        Ok(&self.reads.read(self.tree, path)?.bytes)
    }

    /// Returns a folder's kustomization file, if it has one.
    pub(crate) fn kustomization(&mut self, folder: &RepoPath) -> Result<Option<RepoPath>, Error> {
        let names = self.reads.list(self.tree, folder)?;
        let mut found = names.iter().filter(|(name, child)| is_kustomization(name, *child));
        let Some((name, _)) = found.next() else { return Ok(None) };
        let path = folder.join(name).map_err(|_| lode_tree::Error::NotFound(folder.clone()))?;
        if found.next().is_some() {
            let cause = FileCause::TwoKustomizations(folder.clone());
            return Err(Error::file(&Origin { path, line: 1 }, cause));
        }
        Ok(Some(path))
    }

    /// Reads a file's objects and gives each to `take`.
    pub(crate) fn manifests(
        &mut self,
        path: &RepoPath,
        take: &mut impl FnMut(Resource) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let bytes = self.read(path)?;
        for document in Reader::new(bytes, Dialect::V3).with_folds_rewritten() {
            let document = document.map_err(|source| Error::Yaml { path: path.clone(), source })?;
            if !document.value.is_null() {
                unfold(document.value, &Origin { path: path.clone(), line: document.line }, take)?;
            }
        }
        Ok(())
    }

    /// Lists what a folder without a kustomization file is built from: its manifests and, below it, folders that have
    /// a kustomization file. Links to folders are not followed, so no circle can arise.
    pub(crate) fn walk(&mut self, folder: &RepoPath) -> Result<Vec<RepoPath>, Error> {
        let mut found = Vec::new();
        self.walk_into(folder, 0, &mut found)?;
        Ok(found)
    }

    fn walk_into(&mut self, folder: &RepoPath, depth: usize, found: &mut Vec<RepoPath>) -> Result<(), Error> {
        if depth > FOLDERS_DEPTH_MAX {
            let origin = Origin { path: folder.clone(), line: 1 };
            return Err(Error::file(&origin, FileCause::TooDeep(FOLDERS_DEPTH_MAX)));
        }
        for (name, child) in self.reads.list(self.tree, folder)? {
            let Ok(path) = folder.join(&name) else { continue };
            match child {
                Child::File if is_manifest(&name) => found.push(path),
                Child::File => {}
                Child::Folder if self.tree.canonical(&path).is_ok_and(|(real, _)| real != path) => {}
                Child::Folder if self.kustomization(&path)?.is_some() => found.push(path),
                Child::Folder => self.walk_into(&path, depth + 1, found)?,
            }
        }
        Ok(())
    }
}

fn is_kustomization(name: &str, child: Child) -> bool {
    child == Child::File && KUSTOMIZATION_FILES.contains(&name)
}

fn is_manifest(name: &str) -> bool {
    matches!(name.rsplit_once('.'), Some((_, "yaml" | "yml")))
}

/// Takes a list apart, or takes the object as it is.
fn unfold(value: Value, origin: &Origin, take: &mut impl FnMut(Resource) -> Result<(), Error>) -> Result<(), Error> {
    let Value::Object(mut map) = value else { return Err(Error::file(origin, ObjectError::NotAMap)) };
    let is_list = map.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    if is_list && let Some(Value::Array(items)) = map.get_mut("items") {
        for item in std::mem::take(items) {
            unfold(item, origin, take)?;
        }
        return Ok(());
    }
    let resource = Resource::new(Value::Object(map), origin.clone());
    for (field, text) in
        [("kind", resource.kind()), ("apiVersion", resource.api_version()), ("metadata.name", resource.name())]
    {
        if text.is_empty() {
            return Err(Error::file(origin, ObjectError::Missing(field)));
        }
    }
    take(with_text_annotations(resource))
}

/// Annotations are texts for the API; kustomize makes them so, and drops an empty mapping.
fn with_text_annotations(mut resource: Resource) -> Resource {
    let metadata = resource.value.get_mut("metadata").and_then(Value::as_object_mut);
    let Some(metadata) = metadata else { return resource };
    match metadata.get_mut("annotations") {
        Some(Value::Object(annotations)) if !annotations.is_empty() => {
            for value in annotations.values_mut() {
                match value {
                    Value::Null => *value = "".into(),
                    Value::Bool(_) | Value::Number(_) => *value = value.to_string().into(),
                    _ => {}
                }
            }
        }
        Some(Value::Null | Value::Object(_)) => {
            metadata.remove("annotations");
        }
        _ => {}
    }
    resource
}
