//! Generated objects: `ConfigMaps` and Secrets, and the hash in their names.

pub(crate) mod generate;
pub(crate) mod hash;
pub(crate) mod secret;
