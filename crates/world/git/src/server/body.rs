//! [`GitAnswer`]: the body of a response, complete or produced while it is sent.
//!
//! A pack is assembled piece by piece as the client reads it: the objects are shared with the
//! repository, so a response in progress costs one piece of memory and no thread, however slow the
//! client is.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gix_hash::Hasher;
use gix_object::Kind;
use hyper::body::{Body, Frame, SizeHint};

use crate::objects::Object;
use crate::pktline::{self, SIDEBAND_MAX};

/// The body of a response.
pub struct GitAnswer(BodyState);

enum BodyState {
    Whole(Bytes),
    Pack(Box<Pack>),
}

impl GitAnswer {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(BodyState::Whole(bytes.into()))
    }

    /// Returns a pack of these objects in a sideband, preceded by lines.
    pub(crate) fn pack(before: Vec<u8>, objects: Vec<Arc<Object>>) -> Self {
        Self(BodyState::Pack(Box::new(Pack {
            before,
            stream: Stream::new(objects),
        })))
    }
}

impl Body for GitAnswer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut self.0 {
            BodyState::Whole(bytes) => std::mem::take(bytes),
            BodyState::Pack(pack) => pack.next(),
        };
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, BodyState::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            BodyState::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            BodyState::Pack(_) => SizeHint::default(),
        }
    }
}

struct Pack {
    before: Vec<u8>,
    stream: Stream,
}

impl Pack {
    fn next(&mut self) -> Bytes {
        let mut out = std::mem::take(&mut self.before);
        if self.stream.is_done() {
            return out.into();
        }
        let piece = self.stream.piece(SIDEBAND_MAX);
        pktline::write_sideband(&mut out, piece.len());
        out.extend_from_slice(&piece);
        if self.stream.is_done() {
            pktline::write_flush(&mut out);
        }
        out.into()
    }
}

/// A pack's bytes.
struct Stream {
    objects: std::vec::IntoIter<Arc<Object>>,
    /// The head of an entry or of the pack, or its checksum; and how much of it has been sent.
    head: Vec<u8>,
    /// The object whose entry is being sent, and how much of it has been sent.
    object: Option<(Arc<Object>, usize)>,
    /// Nothing once the checksum is computed.
    hasher: Option<Hasher>,
}

impl Stream {
    fn new(objects: Vec<Arc<Object>>) -> Self {
        // A pack has a 32-bit object count; the byte limit of a repository is reached long before.
        let count = u32::try_from(objects.len()).unwrap_or(u32::MAX);
        let head = [
            b"PACK".as_slice(),
            &2_u32.to_be_bytes(),
            &count.to_be_bytes(),
        ]
        .concat();
        let hasher = Some(gix_hash::hasher(gix_hash::Kind::Sha1));
        Self {
            objects: objects.into_iter(),
            head,
            object: None,
            hasher,
        }
    }

    fn is_done(&self) -> bool {
        self.hasher.is_none() && self.head.is_empty()
    }

    /// Returns the next bytes, at most `length`.
    fn piece(&mut self, length: usize) -> Vec<u8> {
        let mut piece = Vec::with_capacity(length);
        let mut hashed = 0;
        while piece.len() < length {
            let room = length - piece.len();
            if !self.head.is_empty() {
                piece.extend(self.head.drain(..room.min(self.head.len())));
            } else if let Some((object, at)) = &mut self.object {
                let left = &object.deflated[*at..];
                let count = room.min(left.len());
                piece.extend_from_slice(&left[..count]);
                *at += count;
                if count == left.len() {
                    self.object = None;
                }
            } else if let Some(object) = self.objects.next() {
                self.head = entry_head(object.kind, object.size);
                self.object = Some((object, 0));
            } else if let Some(mut hasher) = self.hasher.take() {
                hasher.update(&piece[hashed..]);
                hashed = piece.len();
                self.head = checksum(hasher);
            } else {
                break;
            }
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&piece[hashed..]);
        }
        piece
    }
}

/// Returns a checksum, or one that no client accepts if the hash detected a collision attack.
fn checksum(hasher: Hasher) -> Vec<u8> {
    hasher
        .try_finalize()
        .map_or_else(|_| vec![0; 20], |id| id.as_slice().to_vec())
}

/// Returns the header of an object in a pack: its kind, and its size in groups of seven bits.
fn entry_head(kind: Kind, size: u64) -> Vec<u8> {
    let kind = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let mut head = vec![kind << 4 | (size & 0x0f) as u8];
    let mut left = size >> 4;
    while left > 0 {
        if let Some(last) = head.last_mut() {
            *last |= 0x80;
        }
        head.push((left & 0x7f) as u8);
        left >>= 7;
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::Deflater;

    #[test]
    fn a_pack_is_the_same_however_it_is_cut() {
        let mut deflater = Deflater::default();
        let mut objects = Vec::new();
        for n in 0..50_usize {
            objects.push(Arc::new(
                deflater
                    .object(Kind::Blob, "x".repeat(n * n).as_bytes())
                    .unwrap()
                    .1,
            ));
        }
        let whole = Stream::new(objects.clone()).piece(usize::MAX >> 40);
        for length in [1, 7, 12, 20, 1000] {
            let mut stream = Stream::new(objects.clone());
            let mut pieces = Vec::new();
            while !stream.is_done() {
                pieces.extend(stream.piece(length));
            }
            assert!(pieces == whole, "cut at {length}");
        }
        assert_eq!(
            whole[whole.len() - 20..],
            checksum_of(&whole[..whole.len() - 20])
        );
    }

    fn checksum_of(bytes: &[u8]) -> Vec<u8> {
        let mut hasher = gix_hash::hasher(gix_hash::Kind::Sha1);
        hasher.update(bytes);
        checksum(hasher)
    }

    #[test]
    fn sizes_are_told_seven_bits_at_a_time() {
        assert_eq!(entry_head(Kind::Blob, 5), [0x35]);
        assert_eq!(entry_head(Kind::Commit, 0x0f), [0x1f]);
        assert_eq!(entry_head(Kind::Tree, 0x10), [0xa0, 0x01]);
        assert_eq!(entry_head(Kind::Tag, 0x1234), [0xc4, 0xa3, 0x02]);
    }
}
