//! Unpacks a pushed pack into objects.
//!
//! Input: the pack's bytes, and the existing objects, which its deltas may be based on. Output:
//! every object in it with its id, or an error. A pack is accepted only if everything its objects
//! refer to is in it or exists: the repository never contains a dangling object. Each delta is
//! applied to its base as an object, so the work grows with the pack and not with the length of its
//! chains.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::Instant;

use bytes::Bytes;
use gix_hash::ObjectId as Id;
use gix_object::tree::EntryKind;
use gix_object::{Kind, TagRef, TreeRefIter};
use gix_pack::cache::Never;
use gix_pack::data::decode::entry::ResolvedBase;
use gix_pack::data::entry::Header;
use gix_pack::data::{Entry, File};

use crate::objects::{Deflater, Lost, Object, ObjectSource as _, Objects, id_of};
use crate::repository::links_of;

const HASH: gix_hash::Kind = gix_hash::Kind::Sha1;
/// Bytes before the first entry, and of the trailing checksum.
const HEAD_BYTES: u64 = 12;
const CHECKSUM_BYTES: usize = 20;

/// Limits for an unpacked pack, and the deadline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes of one object.
    pub(crate) object_bytes: u64,
    /// Bytes of all objects.
    pub(crate) bytes: u64,
    pub(crate) deadline: Instant,
}

/// Why a pack is refused; the client shows this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("the pack cannot be read")]
    Corrupt,
    #[error("the pack's checksum is wrong")]
    Checksum,
    #[error("a delta refers to a missing object")]
    Base,
    #[error("object {0} is missing or has an unexpected kind")]
    Dangling(Id),
    #[error("the pack holds more than {0} bytes, the limit")]
    TooLarge(u64),
    #[error("the pack took too long to unpack")]
    Slow,
}

/// Reads a pack.
pub(crate) fn unpack(
    pack: &Bytes,
    held: &Objects,
    bounds: Bounds,
) -> Result<HashMap<Id, Object>, Error> {
    check_sum(pack)?;
    // A delta, its base and its result are in memory at once.
    let limit = usize::try_from(bounds.object_bytes.saturating_mul(3)).ok();
    let file = File::from_data(pack.clone(), PathBuf::new(), HASH).map_err(|_| Error::Corrupt)?;
    let mut unpacker = Unpacker {
        pack,
        file: file.with_alloc_limit_bytes(limit),
        held,
        bounds,
        deflater: Deflater::default(),
        bytes: 0,
        made: HashMap::new(),
        places: HashMap::new(),
        waiting: HashMap::new(),
        ready: Vec::new(),
        named: HashSet::new(),
    };
    unpacker.read()?;
    if !unpacker.waiting.is_empty() {
        return Err(Error::Base);
    }
    unpacker.check_named()?;
    Ok(unpacker.made)
}

fn check_sum(pack: &[u8]) -> Result<(), Error> {
    let end = pack
        .len()
        .checked_sub(CHECKSUM_BYTES)
        .ok_or(Error::Corrupt)?;
    let mut hasher = gix_hash::hasher(HASH);
    hasher.update(&pack[..end]);
    let sum = hasher.try_finalize().map_err(|_| Error::Checksum)?;
    if sum.as_slice() == &pack[end..] {
        Ok(())
    } else {
        Err(Error::Checksum)
    }
}

/// The base of a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Base {
    /// The entry at this offset in the pack.
    Place(u64),
    /// The object with this id, in the pack or existing.
    Id(Id),
}

struct Unpacker<'p> {
    pack: &'p Bytes,
    file: File<Bytes>,
    held: &'p Objects,
    bounds: Bounds,
    deflater: Deflater,
    /// Bytes unpacked so far.
    bytes: u64,
    made: HashMap<Id, Object>,
    /// The object at each offset in the pack.
    places: HashMap<u64, Id>,
    /// Deltas, by offset, whose base has not been seen yet.
    waiting: HashMap<Base, Vec<(u64, Entry)>>,
    /// Deltas, by offset, whose base has just been seen.
    ready: Vec<(u64, Entry, Id)>,
    /// The objects that others refer to.
    named: HashSet<(Id, Kind)>,
}

impl Unpacker<'_> {
    fn read(&mut self) -> Result<(), Error> {
        let end = self.file.pack_end() as u64;
        let mut place = HEAD_BYTES;
        for _ in 0..self.file.num_objects() {
            if place >= end {
                return Err(Error::Corrupt);
            }
            let entry = self.file.entry(place).map_err(|_| Error::Corrupt)?;
            let start = entry.data_offset;
            place = start + self.take(place, entry)? as u64;
            while let Some((place, entry, base)) = self.ready.pop() {
                self.delta(place, entry, base)?;
            }
        }
        if place == end {
            Ok(())
        } else {
            Err(Error::Corrupt)
        }
    }

    /// Processes an entry, or sets it aside until its base is known; returns its size in the pack.
    fn take(&mut self, place: u64, entry: Entry) -> Result<usize, Error> {
        self.count(entry.decompressed_size)?;
        let base = match entry.header {
            Header::OfsDelta { base_distance } => {
                let base = entry
                    .checked_base_pack_offset(base_distance)
                    .ok_or(Error::Corrupt)?;
                self.places
                    .get(&base)
                    .map_or(Base::Place(base), |id| Base::Id(*id))
            }
            Header::RefDelta { base_id } => Base::Id(base_id),
            _ => return self.whole(place, &entry),
        };
        match base {
            Base::Id(id) if self.kind(id).is_some() => self.delta(place, entry, id),
            base => {
                let length = self.inflated(&entry)?.1;
                self.waiting.entry(base).or_default().push((place, entry));
                Ok(length)
            }
        }
    }

    fn whole(&mut self, place: u64, entry: &Entry) -> Result<usize, Error> {
        let (bytes, length) = self.inflated(entry)?;
        let kind = entry.header.as_kind().ok_or(Error::Corrupt)?;
        let start = usize::try_from(entry.data_offset).map_err(|_| Error::Corrupt)?;
        let deflated = self.pack.get(start..start + length).ok_or(Error::Corrupt)?;
        let object = Object {
            kind,
            size: bytes.len() as u64,
            deflated: deflated.into(),
        };
        self.keep(place, id_of(kind, &bytes)?, object, &bytes)?;
        Ok(length)
    }

    #[expect(
        clippy::default_trait_access,
        reason = "the type is in a crate that nothing else here needs"
    )]
    fn delta(&mut self, place: u64, mut entry: Entry, base: Id) -> Result<usize, Error> {
        let (kind, base_bytes) = self.base(base)?;
        // However the base was given, it is a known object by now.
        entry.header = Header::RefDelta { base_id: base };
        let mut bytes = Vec::new();
        let outcome = self.file.decode_entry(
            entry,
            &mut bytes,
            &mut Default::default(),
            &|_, out| {
                out.clear();
                out.extend_from_slice(&base_bytes);
                Ok(Some(ResolvedBase::OutOfPack {
                    kind,
                    end: base_bytes.len(),
                }))
            },
            &mut Never,
        );
        let outcome = outcome.map_err(|error| {
            if error.is_resource_exhausted() {
                Error::TooLarge(self.bounds.object_bytes)
            } else {
                Error::Corrupt
            }
        })?;
        self.count(outcome.object_size)?;
        let (id, object) = self.deflater.object(kind, &bytes)?;
        self.keep(place, id, object, &bytes)?;
        Ok(outcome.compressed_size)
    }

    /// Stores an object and queues the deltas that waited for it.
    fn keep(&mut self, place: u64, id: Id, object: Object, bytes: &[u8]) -> Result<(), Error> {
        self.name(object.kind, bytes)?;
        self.made.insert(id, object);
        self.places.insert(place, id);
        for base in [Base::Place(place), Base::Id(id)] {
            let released = self.waiting.remove(&base).unwrap_or_default();
            self.ready.extend(
                released
                    .into_iter()
                    .map(|(place, entry)| (place, entry, id)),
            );
        }
        Ok(())
    }

    /// Records the references of an object.
    fn name(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), Error> {
        match kind {
            Kind::Blob => {}
            Kind::Commit => {
                let links = links_of(bytes)?;
                self.named.insert((links.tree, Kind::Tree));
                self.named.extend(
                    links
                        .parents
                        .into_iter()
                        .map(|parent| (parent, Kind::Commit)),
                );
            }
            Kind::Tag => {
                let tag = TagRef::from_bytes(bytes, HASH).map_err(|_| Error::Corrupt)?;
                self.named.insert((tag.target(), tag.target_kind));
            }
            Kind::Tree => {
                for entry in TreeRefIter::from_bytes(bytes, HASH) {
                    let entry = entry.map_err(|_| Error::Corrupt)?;
                    let kind = match entry.mode.kind() {
                        EntryKind::Tree => Kind::Tree,
                        // A submodule's commit is in another repository.
                        EntryKind::Commit => continue,
                        _ => Kind::Blob,
                    };
                    self.named.insert((entry.oid.to_owned(), kind));
                }
            }
        }
        Ok(())
    }

    fn check_named(&self) -> Result<(), Error> {
        let dangling = self
            .named
            .iter()
            .find(|(id, kind)| self.kind(*id) != Some(*kind));
        dangling.map_or(Ok(()), |(id, _)| Err(Error::Dangling(*id)))
    }

    fn kind(&self, id: Id) -> Option<Kind> {
        self.made
            .get(&id)
            .map(|object| object.kind)
            .or_else(|| self.held.kind(id))
    }

    fn base(&self, id: Id) -> Result<(Kind, Vec<u8>), Error> {
        match self.made.get(&id) {
            Some(object) => Ok((object.kind, object.inflate()?)),
            None => self.held.object(id).map_err(|_| Error::Base),
        }
    }

    #[expect(
        clippy::default_trait_access,
        reason = "the type is in a crate that nothing else here needs"
    )]
    /// Returns an entry's bytes (for a delta, its instructions) and their size in the pack.
    fn inflated(&self, entry: &Entry) -> Result<(Vec<u8>, usize), Error> {
        let mut bytes =
            vec![0; usize::try_from(entry.decompressed_size).map_err(|_| Error::Corrupt)?];
        let length = self
            .file
            .decompress_entry(entry, &mut Default::default(), &mut bytes);
        Ok((bytes, length.map_err(|_| Error::Corrupt)?))
    }

    fn count(&mut self, bytes: u64) -> Result<(), Error> {
        self.bytes = self.bytes.saturating_add(bytes);
        match self.bounds {
            bounds if bytes > bounds.object_bytes => Err(Error::TooLarge(bounds.object_bytes)),
            bounds if self.bytes > bounds.bytes => Err(Error::TooLarge(bounds.bytes)),
            bounds if Instant::now() >= bounds.deadline => Err(Error::Slow),
            _ => Ok(()),
        }
    }
}

impl From<Lost> for Error {
    fn from(_: Lost) -> Self {
        Self::Corrupt
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::time::Duration;

    use flate2::Compression;
    use flate2::read::ZlibEncoder;

    use super::*;

    /// An entry of a pack: its type, the bytes between header and content, its content.
    type Part<'p> = (u8, Vec<u8>, &'p [u8]);

    fn pack(parts: &[Part<'_>]) -> Bytes {
        let mut bytes = [
            b"PACK\0\0\0\x02".as_slice(),
            &(parts.len() as u32).to_be_bytes(),
        ]
        .concat();
        for (kind, between, content) in parts {
            assert!(content.len() < 2048);
            bytes.extend([
                0x80 | kind << 4 | (content.len() & 0x0f) as u8,
                (content.len() >> 4) as u8,
            ]);
            bytes.extend(between);
            ZlibEncoder::new(*content, Compression::fast())
                .read_to_end(&mut bytes)
                .unwrap();
        }
        let mut hasher = gix_hash::hasher(HASH);
        hasher.update(&bytes);
        let sum = hasher.try_finalize().unwrap();
        [&bytes, sum.as_slice()].concat().into()
    }

    /// Returns instructions that copy all of a base and append text.
    fn append(base: usize, text: &str) -> Vec<u8> {
        let sizes = [
            base as u8,
            (base + text.len()) as u8,
            0x90,
            base as u8,
            text.len() as u8,
        ];
        [&sizes, text.as_bytes()].concat()
    }

    fn bounds() -> Bounds {
        Bounds {
            object_bytes: 1000,
            bytes: 2000,
            deadline: Instant::now() + Duration::from_mins(1),
        }
    }

    fn texts(pack: &Bytes, held: &Objects) -> Result<Vec<String>, Error> {
        let objects = unpack(pack, held, bounds())?;
        let text = |object: &Object| String::from_utf8(object.inflate().unwrap()).unwrap();
        let mut texts: Vec<_> = objects.values().map(text).collect();
        texts.sort();
        Ok(texts)
    }

    fn id(text: &str) -> Vec<u8> {
        id_of(Kind::Blob, text.as_bytes())
            .unwrap()
            .as_slice()
            .to_vec()
    }

    #[test]
    fn deltas_find_their_base_wherever_it_is() {
        let held = Objects::new(1 << 20);
        held.insert([Deflater::default().object(Kind::Blob, b"held").unwrap()])
            .unwrap();
        let (b, bc, thin) = (append(1, "b"), append(2, "c"), append(4, "!"));
        let base: Part<'_> = (3, vec![], b"a");
        let wanted = ["a", "ab", "abc", "held!"];
        // By id: the base before and after; a chain whose end comes first; and one based on an
        // existing object.
        let by_id = [
            (7, id("ab"), &*bc),
            (7, id("a"), &*b),
            base.clone(),
            (7, id("held"), &*thin),
        ];
        assert_eq!(texts(&pack(&by_id), &held).unwrap(), wanted);
        let mut turned = by_id;
        turned.reverse();
        assert_eq!(texts(&pack(&turned), &held).unwrap(), wanted);
        // By offset: on a whole object and on a delta that is itself waiting.
        let first = pack(&[(7, id("a"), &b)]).len() as u8 - 32;
        let by_place = [
            (7, id("a"), &*b),
            (6, vec![first], &*bc),
            base,
            (7, id("held"), &*thin),
        ];
        assert_eq!(texts(&pack(&by_place), &held).unwrap(), wanted);
    }

    #[test]
    fn a_delta_without_its_base_is_refused() {
        let held = Objects::new(1 << 20);
        let b = append(1, "b");
        let told = |parts: &[Part<'_>]| texts(&pack(parts), &held).unwrap_err();
        assert_eq!(told(&[(7, id("gone"), &b)]), Error::Base);
        // Two deltas cannot wait for each other; one can wait for an offset where no entry begins.
        assert_eq!(told(&[(3, vec![], b"a"), (6, vec![3], &b)]), Error::Base);
        assert_eq!(told(&[(6, vec![100], &b)]), Error::Corrupt);
        // A wrong size of the base, and instructions that read beyond it.
        assert_eq!(
            told(&[(3, vec![], b"aa"), (7, id("aa"), &b)]),
            Error::Corrupt
        );
        assert_eq!(
            told(&[(3, vec![], b"a"), (7, id("a"), &[1, 5, 0x90, 5])]),
            Error::Corrupt
        );
        assert_eq!(told(&[(5, vec![], b"a")]), Error::Corrupt);
    }

    #[test]
    fn nothing_grows_past_its_bound() {
        let held = Objects::new(1 << 20);
        let (large, half) = (vec![b'x'; 1001], vec![b'x'; 900]);
        let told = |parts: &[Part<'_>]| texts(&pack(parts), &held).unwrap_err();
        assert_eq!(told(&[(3, vec![], &large)]), Error::TooLarge(1000));
        assert_eq!(
            told(&[(3, vec![], &half), (3, vec![], &half), (3, vec![], &half)]),
            Error::TooLarge(2000)
        );
        // Few instructions with a large result: from 900 bytes, copied twice.
        let grow = [0x84, 0x07, 0x88, 0x0e, 0xb0, 0x84, 0x03, 0xb0, 0x84, 0x03];
        assert_eq!(
            told(&[(3, vec![], &half), (7, id(&"x".repeat(900)), &grow)]),
            Error::TooLarge(1000)
        );
        let late = Bounds {
            deadline: Instant::now(),
            ..bounds()
        };
        assert!(matches!(
            unpack(&pack(&[(3, vec![], b"a")]), &held, late),
            Err(Error::Slow)
        ));
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        let held = Objects::new(1 << 20);
        let blob = id_of(Kind::Blob, b"a").unwrap();
        let tree = |mode: &str| [mode.as_bytes(), b" name\0", blob.as_slice()].concat();
        let take = |tree: &[u8]| {
            unpack(
                &pack(&[(3, vec![], b"a"), (2, vec![], tree)]),
                &held,
                bounds(),
            )
            .map(drop)
        };
        assert_eq!(take(&tree("100644")), Ok(()));
        assert_eq!(take(&tree("40000")), Err(Error::Dangling(blob)));
        assert_eq!(take(b"100644 name"), Err(Error::Corrupt));
        let commit = format!("tree {blob}\nauthor a <b> 1 +0000\ncommitter a <b> 1 +0000\n\nx");
        assert_eq!(
            texts(&pack(&[(1, vec![], commit.as_bytes())]), &held),
            Err(Error::Dangling(blob))
        );
        // A submodule refers to another repository.
        assert!(unpack(&pack(&[(2, vec![], &tree("160000"))]), &held, bounds()).is_ok());
    }

    #[test]
    fn no_byte_breaks_more_than_its_own_pack() {
        let held = Objects::new(1 << 20);
        let (b, c) = (append(1, "b"), append(2, "c"));
        let tree = [b"100644 name\0".as_slice(), &id("abc")].concat();
        let whole = pack(&[
            (7, id("a"), &b),
            (7, id("ab"), &c),
            (3, vec![], b"a"),
            (2, vec![], &tree),
        ]);
        let content = &whole[..whole.len() - CHECKSUM_BYTES];
        let mut refused = 0;
        for at in 0..content.len() {
            for bit in 0..8 {
                let mut broken = content.to_vec();
                broken[at] ^= 1 << bit;
                let mut hasher = gix_hash::hasher(HASH);
                hasher.update(&broken);
                broken.extend_from_slice(hasher.try_finalize().unwrap().as_slice());
                refused += usize::from(unpack(&broken.into(), &held, bounds()).is_err());
            }
            assert!(unpack(&Bytes::copy_from_slice(&content[..at]), &held, bounds()).is_err());
        }
        assert!(
            refused > content.len(),
            "{refused} of {}",
            content.len() * 8
        );
    }
}
