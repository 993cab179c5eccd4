//! [`Blob`]: the bytes of a blob as they come, checked against what its manifest says.

use bytes::Bytes;
use lode_net::Answer;
use lode_stdx::Digest;
use lode_stdx::digest::Hasher;

use super::failed::outbound;
use super::{Ask, Registry, parsed};
use crate::error::Error;
use crate::manifest::Descriptor;

/// The bytes of a blob. Whoever reads them may use them only after the end was reached without an error.
pub struct Blob {
    answer: Answer,
    digest: Digest,
    size: u64,
    taken: u64,
    hasher: Hasher,
}

impl Registry {
    /// Starts to read a blob of at most `limit` bytes.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn blob(&mut self, descriptor: &Descriptor, limit: u64) -> Result<Blob, Error> {
        let digest = parsed(&descriptor.digest)?;
        let size = descriptor.size;
        if size > limit {
            return Err(Error::TooLarge {
                digest,
                size,
                limit,
            });
        }
        let answer = self.send(&Ask::get(format!("blobs/{digest}"))).await?;
        Ok(Blob {
            answer,
            digest,
            size,
            taken: 0,
            hasher: Hasher::default(),
        })
    }
}

impl Blob {
    /// Returns the next bytes; nothing at the end, once all of them have the size and the digest that they must have.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let next = self.answer.chunk("a blob", self.size).await;
        let next = next.map_err(|source| match source {
            lode_net::OutboundError::TooLarge { .. } => self.other_size(),
            source => outbound(&http::Method::GET, &self.answer.url, source),
        })?;
        if let Some(bytes) = next {
            self.hasher.update(&bytes);
            self.taken = self.taken.saturating_add(bytes.len() as u64);
            return Ok(Some(bytes));
        }

        if self.taken != self.size {
            return Err(self.other_size());
        }
        let found = self.hasher.clone().finish();
        if found != self.digest {
            return Err(Error::Changed {
                what: "blob",
                wanted: self.digest,
                found,
            });
        }
        Ok(None)
    }

    fn other_size(&self) -> Error {
        Error::Size {
            digest: self.digest,
            size: self.size,
        }
    }
}
