//! [`ObjectSource`]: anything that objects are read from. [`Objects`]: objects in memory.
//!
//! Input: an object's bytes, or a pack's entry as received. Output: the bytes again, or the entry
//! ready for a pack. Objects stay deflated, as in a pack: serving a clone copies bytes and computes
//! nothing. Stored objects are never dropped, and everything that an object refers to is stored
//! before the object itself.

use std::collections::HashMap;
use std::sync::Arc;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use gix_hash::ObjectId;
use gix_object::Kind;
use lode_stdx::SharedLock;

/// Memory of an object besides its bytes.
const OVERHEAD: u64 = 128;

/// Why an object cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Lost {
    /// It is missing.
    #[error("an object is missing")]
    Missing,
    /// It is malformed.
    #[error("an object cannot be read")]
    Corrupt,
}

/// The limit of a repository's objects is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// Anything that objects are read from.
pub(crate) trait ObjectSource {
    /// Returns an object's kind and bytes.
    fn object(&self, id: ObjectId) -> Result<(Kind, Vec<u8>), Lost>;

    /// Returns an object's size, which is cheaper than its bytes.
    fn size(&self, id: ObjectId) -> Result<u64, Lost>;
}

impl ObjectSource for gix_odb::Handle {
    fn object(&self, id: ObjectId) -> Result<(Kind, Vec<u8>), Lost> {
        let mut bytes = Vec::new();
        let data = gix_object::Find::try_find(self, &id, &mut bytes).map_err(|_| Lost::Corrupt)?;
        let kind = data.ok_or(Lost::Missing)?.kind;
        Ok((kind, bytes))
    }

    fn size(&self, id: ObjectId) -> Result<u64, Lost> {
        let header = gix_object::FindHeader::try_header(self, &id).map_err(|_| Lost::Corrupt)?;
        Ok(header.ok_or(Lost::Missing)?.size)
    }
}

/// One object as in a pack.
pub(crate) struct Object {
    pub(crate) kind: Kind,
    /// Size when inflated.
    pub(crate) size: u64,
    pub(crate) deflated: Box<[u8]>,
}

impl Object {
    /// Returns the bytes.
    pub(crate) fn inflate(&self) -> Result<Vec<u8>, Lost> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).map_err(|_| Lost::Corrupt)?);
        let status = Decompress::new(true).decompress_vec(
            &self.deflated,
            &mut bytes,
            FlushDecompress::Finish,
        );
        let whole = matches!(status, Ok(Status::StreamEnd)) && bytes.len() as u64 == self.size;
        if whole { Ok(bytes) } else { Err(Lost::Corrupt) }
    }
}

/// Creates objects from bytes; reusing one is faster than creating one per object.
pub(crate) struct Deflater(Compress);

impl Default for Deflater {
    fn default() -> Self {
        Self(Compress::new(Compression::fast(), true))
    }
}

impl Deflater {
    /// Returns the object and its id.
    pub(crate) fn object(&mut self, kind: Kind, bytes: &[u8]) -> Result<(ObjectId, Object), Lost> {
        let id = id_of(kind, bytes)?;
        Ok((
            id,
            Object {
                kind,
                size: bytes.len() as u64,
                deflated: self.deflate(bytes)?,
            },
        ))
    }

    fn deflate(&mut self, bytes: &[u8]) -> Result<Box<[u8]>, Lost> {
        self.0.reset();
        let mut deflated = Vec::with_capacity(bytes.len() / 2 + 64);
        loop {
            let read = usize::try_from(self.0.total_in()).map_err(|_| Lost::Corrupt)?;
            let status = self
                .0
                .compress_vec(&bytes[read..], &mut deflated, FlushCompress::Finish);
            match status.map_err(|_| Lost::Corrupt)? {
                Status::StreamEnd => return Ok(deflated.into()),
                Status::Ok | Status::BufError => deflated.reserve(bytes.len() / 2 + 64),
            }
        }
    }
}

/// Returns an object's id. The hash detects attempts to forge another object's id, and fails.
pub(crate) fn id_of(kind: Kind, bytes: &[u8]) -> Result<ObjectId, Lost> {
    gix_object::compute_hash(gix_hash::Kind::Sha1, kind, bytes).map_err(|_| Lost::Corrupt)
}

/// Objects held in memory.
pub(crate) struct Objects {
    held: SharedLock<Held>,
    bytes_max: u64,
}

#[derive(Default)]
struct Held {
    by_id: HashMap<ObjectId, Arc<Object>>,
    bytes: u64,
}

impl Objects {
    /// Returns an empty store with a limit in bytes.
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            held: SharedLock::default(),
            bytes_max,
        }
    }

    /// Returns a stored object.
    pub(crate) fn get(&self, id: ObjectId) -> Option<Arc<Object>> {
        self.held.read().by_id.get(&id).cloned()
    }

    /// Returns the kind of a stored object.
    pub(crate) fn kind(&self, id: ObjectId) -> Option<Kind> {
        self.held.read().by_id.get(&id).map(|object| object.kind)
    }

    /// Stores all objects or none. The objects they refer to must be among them or already stored.
    pub(crate) fn insert(
        &self,
        objects: impl IntoIterator<Item = (ObjectId, Object)>,
    ) -> Result<(), Full> {
        let objects: Vec<_> = objects.into_iter().collect();
        let mut held = self.held.write();
        let new = objects
            .iter()
            .filter(|(id, _)| !held.by_id.contains_key(id));
        let bytes: u64 = new
            .map(|(_, object)| object.deflated.len() as u64 + OVERHEAD)
            .sum();
        if held.bytes.saturating_add(bytes) > self.bytes_max {
            return Err(Full);
        }
        held.bytes += bytes;
        for (id, object) in objects {
            held.by_id.entry(id).or_insert_with(|| Arc::new(object));
        }
        Ok(())
    }
}

impl ObjectSource for Objects {
    fn object(&self, id: ObjectId) -> Result<(Kind, Vec<u8>), Lost> {
        let object = self.get(id).ok_or(Lost::Missing)?;
        Ok((object.kind, object.inflate()?))
    }

    fn size(&self, id: ObjectId) -> Result<u64, Lost> {
        self.get(id).map(|object| object.size).ok_or(Lost::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_comes_out() {
        let objects = Objects::new(1 << 20);
        let mut deflater = Deflater::default();
        let noise: Vec<u8> = (0..100_000_u32)
            .flat_map(|n| n.wrapping_mul(0x9e37_79b1).to_le_bytes())
            .collect();
        for bytes in [&b""[..], b"hello\n", &noise] {
            let (id, object) = deflater.object(Kind::Blob, bytes).unwrap();
            objects.insert([(id, object)]).unwrap();
            assert_eq!(objects.object(id), Ok((Kind::Blob, bytes.to_vec())));
            assert_eq!(objects.size(id), Ok(bytes.len() as u64));
        }
        // As `git hash-object` prints.
        assert!(
            objects
                .get(ObjectId::from_hex(b"ce013625030ba8dba906f756967f9e9ca394464a").unwrap())
                .is_some()
        );
    }

    #[test]
    fn a_full_store_takes_all_or_none() {
        let objects = Objects::new(3 * (OVERHEAD + 20));
        let mut deflater = Deflater::default();
        let mut object = |text: &str| deflater.object(Kind::Blob, text.as_bytes()).unwrap();
        objects.insert([object("one")]).unwrap();
        assert_eq!(
            objects.insert([object("two"), object("three"), object("four")]),
            Err(Full)
        );
        assert_eq!(objects.object(object("two").0), Err(Lost::Missing));
        objects
            .insert([object("one"), object("two"), object("one"), object("three")])
            .unwrap();
    }
}
