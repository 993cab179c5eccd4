//! Random bytes for passwords and certificates that templates make.

use lode_template::Random;

/// The system's random bytes.
pub(crate) struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        lode_ambient::random_bytes(bytes);
    }
}
