//! A Kubernetes API in one process, for the demo, for tests, and wherever there is no cluster.

pub mod discovery;
mod jsonpath;
pub mod table;
