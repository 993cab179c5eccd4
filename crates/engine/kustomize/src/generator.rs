//! Generated objects: `ConfigMaps` and Secrets, the hash in their names, and charts.

pub(crate) mod charts;
pub(crate) mod generate;
pub(crate) mod hash;
pub(crate) mod secret;
