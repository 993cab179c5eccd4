//! Bounded reading: external data ends at a limit, or reading fails.
//!
//! Input: any [`Read`] and a number of bytes. Output: all of it, or [`Error::TooLong`] without
//! holding more than the limit. [`Bounded`] does the same for streams that are never held
//! completely.

use std::io::{self, Read};

/// A reader that fails as soon as more than its limit was read.
///
/// A reader that merely stops (as [`Read::take`]) would make a truncated text look complete.
#[derive(Debug)]
pub struct Bounded<R> {
    inner: R,
    left: u64,
    limit: u64,
}

/// Why not everything was read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is more than the limit.
    #[error("content is longer than {limit} bytes")]
    TooLong {
        /// Bytes allowed.
        limit: u64,
    },
    /// The source failed.
    #[error("read content")]
    Io(#[source] io::Error),
}

/// Reads everything, at most `limit` bytes.
///
/// # Errors
/// There is more than `limit`, or the source fails.
pub fn all(reader: impl Read, limit: u64) -> Result<Vec<u8>, Error> {
    expected(reader, 0, limit)
}

/// Reads everything as [`all`], at once if it is as long as it is expected to be.
///
/// # Errors
/// As [`all`].
pub fn expected(reader: impl Read, length: u64, limit: u64) -> Result<Vec<u8>, Error> {
    // One byte more is room to see the end.
    let room = usize::try_from(length.min(limit).saturating_add(1)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(if length == 0 { 0 } else { room });
    reader
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(Error::Io)?;
    if bytes.len() as u64 > limit {
        Err(Error::TooLong { limit })
    } else {
        Ok(bytes)
    }
}

impl<R: Read> Bounded<R> {
    /// Lets at most `limit` bytes pass.
    pub fn new(inner: R, limit: u64) -> Self {
        Self {
            inner,
            left: limit,
            limit,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    /// Fails with [`io::ErrorKind::FileTooLarge`], whose cause is an [`Error::TooLong`].
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Reading one byte more than allowed distinguishes an end at the limit from a longer
        // source.
        let room = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .saturating_add(1)
            .min(buffer.len());
        let count = self.inner.read(&mut buffer[..room])?;
        let left = self.left.checked_sub(count as u64);
        self.left = left.unwrap_or(0);
        if left.is_none() {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                Error::TooLong { limit: self.limit },
            ));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_read_whole() {
        assert_eq!(all(&b"abc"[..], 3).unwrap(), b"abc");
        assert_eq!(all(&b""[..], 0).unwrap(), b"");
    }

    #[test]
    fn one_byte_too_many_is_an_error() {
        assert!(matches!(
            all(&b"abcd"[..], 3),
            Err(Error::TooLong { limit: 3 })
        ));
        assert!(matches!(
            all(io::repeat(0), 1_000),
            Err(Error::TooLong { limit: 1_000 })
        ));
    }

    #[test]
    fn a_stream_ends_at_its_limit_or_fails_behind_it() {
        let mut bytes = Vec::new();
        Bounded::new(&b"abc"[..], 3)
            .read_to_end(&mut bytes)
            .unwrap();
        assert_eq!(bytes, b"abc");
        let error =
            io::copy(&mut Bounded::new(io::repeat(0), 100_000), &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), "content is longer than 100000 bytes");
    }

    #[test]
    fn a_stream_that_failed_goes_on_failing() {
        let mut stream = Bounded::new(io::repeat(0), 2);
        let mut buffer = [0; 8];
        assert!(stream.read(&mut buffer).is_err() && stream.read(&mut buffer).is_err());
    }
}
