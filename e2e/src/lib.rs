//! What the end-to-end scenarios and the benchmarks share: a Git server, the operator as a process, and an API client
//! that waits.
//!
//! Real tools are used here on purpose (`git` serves and pushes); the product itself never shells out.

pub mod bombs;
mod git;
mod operator;
mod world;

pub use git::{GitServer, Repository};
pub use operator::{Calls, Operator, Settings};
pub use world::{World, condition};
