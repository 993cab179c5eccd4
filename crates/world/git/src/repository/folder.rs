//! One tree object as a map, and back.

use std::collections::BTreeMap;

use gix_hash::ObjectId;
use gix_object::tree::EntryKind;
use gix_object::{Kind, TreeRefIter};

use crate::objects::{Lost, ObjectSource};

/// The entry of a name in a folder.
pub(crate) type FolderEntry = (EntryKind, ObjectId);

/// Names (bytes, as Git requires no encoding) and their entries.
pub(crate) type Folder = BTreeMap<Box<[u8]>, FolderEntry>;

/// Reads a tree object.
pub(crate) fn read(source: &dyn ObjectSource, id: ObjectId) -> Result<Folder, Lost> {
    let (Kind::Tree, bytes) = source.object(id)? else {
        return Err(Lost::Corrupt);
    };
    parse(&bytes)
}

/// Reads a tree object's bytes.
pub(crate) fn parse(bytes: &[u8]) -> Result<Folder, Lost> {
    let entries = TreeRefIter::from_bytes(bytes, gix_hash::Kind::Sha1).map(|entry| {
        let entry = entry.map_err(|_| Lost::Corrupt)?;
        Ok((
            Box::from(entry.filename.as_ref() as &[u8]),
            (entry.mode.kind(), entry.oid.to_owned()),
        ))
    });
    entries.collect()
}

/// Returns the tree object's bytes. Git sorts a folder as if its name ended in a slash.
pub(crate) fn write(folder: &Folder) -> Vec<u8> {
    let key = |name: &[u8], kind: EntryKind| {
        let end: &[u8] = if kind == EntryKind::Tree { b"/" } else { b"" };
        [name, end].concat()
    };
    let mut entries: Vec<_> = folder
        .iter()
        .map(|(name, (kind, id))| (key(name, *kind), name, kind, id))
        .collect();
    entries.sort();
    let mut bytes = Vec::new();
    for (_, name, kind, id) in entries {
        bytes.extend_from_slice(mode(*kind));
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(id.as_slice());
    }
    bytes
}

fn mode(kind: EntryKind) -> &'static [u8] {
    match kind {
        EntryKind::Tree => b"40000",
        EntryKind::Blob => b"100644",
        EntryKind::BlobExecutable => b"100755",
        EntryKind::Link => b"120000",
        EntryKind::Commit => b"160000",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_sorted_as_git_does() {
        let id = ObjectId::empty_blob(gix_hash::Kind::Sha1);
        let names = [
            ("a", EntryKind::Tree),
            ("a-b", EntryKind::Blob),
            ("a0", EntryKind::BlobExecutable),
        ];
        let folder: Folder = names
            .iter()
            .map(|(name, kind)| (name.as_bytes().into(), (*kind, id)))
            .collect();
        let bytes = write(&folder);
        let text = String::from_utf8_lossy(&bytes);
        let at = |name: &str| text.find(name).unwrap();
        assert!(at("100644 a-b\0") < at("40000 a\0") && at("40000 a\0") < at("100755 a0\0"));
        assert_eq!(parse(&bytes).unwrap(), folder);
        assert!(parse(&bytes[..bytes.len() - 1]).is_err());
    }
}
