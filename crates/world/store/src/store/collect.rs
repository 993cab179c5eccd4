//! [`Store::collect`]: the end of artifacts that nobody needs any more.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::time::SystemTime;

use super::link::inode;
use super::{CLAIM, Error, Retention, Store, gone};
use crate::lock::TEMPORARY;
use crate::owner::Owner;

/// When a file was written, its name and its path.
type Listed = (SystemTime, String, String);

impl Store {
    /// Removes what an owner no longer needs, never the artifact `current`, and returns the removed
    /// paths.
    ///
    /// # Errors
    /// The disk reports an error.
    pub fn collect(
        &self,
        owner: &Owner,
        current: Option<&str>,
        keep: Retention,
    ) -> Result<Vec<String>, Error> {
        self.trees.trim();
        if !self.is_claimed(owner)? {
            return Ok(Vec::new());
        }
        let folder = self.root.join(owner.folder());
        let mut files = self.listed(owner, current)?;
        files.sort_by(|a, b| b.cmp(a));
        let mut removed = Vec::new();
        let mut newest = 0;
        for (modified, name, path) in files {
            let temporary = name.starts_with(TEMPORARY);
            newest += usize::from(!temporary);
            let young = SystemTime::now()
                .duration_since(modified)
                .is_ok_and(|age| age < keep.ttl);
            if young || current == Some(path.as_str()) || !temporary && newest <= keep.records {
                continue;
            }
            gone(fs::remove_file(folder.join(&name)))?;
            self.known.lock().remove(&folder.join(name));
            removed.extend((!temporary).then_some(path));
        }
        Ok(removed)
    }

    /// Returns time, name and path of the files of `owner`, without other names of the artifact `current`.
    fn listed(&self, owner: &Owner, current: Option<&str>) -> Result<Vec<Listed>, Error> {
        let entries = match fs::read_dir(self.root.join(owner.folder())) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let linked = self.linked(owner, current)?;
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let metadata = entry.metadata()?;
            let path = format!("{}/{name}", owner.folder());
            let is_current = current == Some(path.as_str());
            if name == CLAIM || !is_current && linked == Some(metadata.ino()) {
                continue;
            }
            files.push((metadata.modified()?, name, path));
        }
        Ok(files)
    }

    /// Returns the inode of an artifact, by which its other names are known.
    fn linked(&self, owner: &Owner, path: Option<&str>) -> io::Result<Option<u64>> {
        let full = path.map(|path| self.full(owner, path)).transpose()?;
        full.flatten().map_or(Ok(None), |full| inode(&full))
    }
}
