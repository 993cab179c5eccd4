//! [`ServerLimits`]: how large a push may be.

/// Size limits of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLimits {
    /// Bytes of a push as received.
    pub pack_bytes: u64,
    /// Bytes of one object when unpacked.
    pub object_bytes: u64,
    /// Bytes of all objects of a push when unpacked.
    pub unpacked_bytes: u64,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            pack_bytes: 64 << 20,
            object_bytes: 64 << 20,
            unpacked_bytes: 1 << 30,
        }
    }
}
