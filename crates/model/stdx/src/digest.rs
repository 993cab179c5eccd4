//! SHA-256 digests, the only algorithm that Lodestone writes.
//!
//! Input: bytes, at once or in pieces. Output: a [`Digest`], printed as `sha256:<64 hexadecimal
//! digits>`.

use std::fmt;
use std::io;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; LENGTH]);

/// Computes a digest from bytes in pieces.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no algorithm followed by `:`.
    #[error("digest does not start with \"sha256:\"")]
    NoAlgorithm,
    /// The algorithm is not SHA-256.
    #[error("digest algorithm \"{0}\" is not supported (only sha256 is)")]
    Algorithm(Box<str>),
    /// What follows is not 64 lowercase hexadecimal digits.
    #[error("digest is not 64 lowercase hexadecimal digits")]
    Hex,
}

impl Digest {
    /// Returns the digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Wraps 32 bytes that already are a digest.
    #[must_use]
    pub fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// Returns the 64 hexadecimal digits, without the algorithm.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|half| char::from(HEX[usize::from(half)]))
            .collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (algorithm, hex) = text.split_once(':').ok_or(Error::NoAlgorithm)?;
        if algorithm != "sha256" {
            return Err(Error::Algorithm(
                algorithm
                    .chars()
                    .take(ALGORITHM_MAX)
                    .collect::<String>()
                    .into(),
            ));
        }
        if hex.len() != 2 * LENGTH {
            return Err(Error::Hex);
        }
        let mut bytes = [0; LENGTH];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl Hasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all bytes added.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Hasher {
    // The inner state would reveal something about the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

/// Bytes of a SHA-256.
const LENGTH: usize = 32;
/// Characters of an unknown algorithm's name that an error repeats.
const ALGORITHM_MAX: usize = 32;
/// The digits in their order.
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Reads one hexadecimal digit.
fn nibble(digit: u8) -> Result<u8, Error> {
    HEX.iter()
        .position(|known| *known == digit)
        .and_then(|at| u8::try_from(at).ok())
        .ok_or(Error::Hex)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_known_vector_holds() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        assert_eq!(Digest::of(b"abc").hex(), ABC[7..]);
    }

    #[test]
    fn pieces_give_the_digest_of_the_whole() {
        let mut hasher = Hasher::default();
        hasher.update(b"a");
        hasher.write_all(b"bc").unwrap();
        assert_eq!(hasher.finish(), Digest::of(b"abc"));
    }

    #[test]
    fn what_is_printed_reads_back() {
        assert_eq!(ABC.parse(), Ok(Digest::of(b"abc")));
    }

    #[test]
    fn other_texts_are_refused() {
        assert_eq!("abc".parse::<Digest>(), Err(Error::NoAlgorithm));
        assert_eq!(
            "sha512:00".parse::<Digest>(),
            Err(Error::Algorithm("sha512".into()))
        );
        assert_eq!("sha256:00".parse::<Digest>(), Err(Error::Hex));
        assert_eq!(
            ABC.to_uppercase().replace("SHA", "sha").parse::<Digest>(),
            Err(Error::Hex)
        );
        assert_eq!(
            format!("sha256:{}", "é".repeat(32)).parse::<Digest>(),
            Err(Error::Hex)
        );
    }
}
