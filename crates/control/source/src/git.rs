//! `GitRepository`: the files of one commit.
//!
//! Left out so far, and refused rather than ignored: ssh, submodules, signatures, identities of cloud providers.

mod fetch;
mod gather;
mod include;
mod made;
mod options;
mod origin;
#[cfg(test)]
mod recorded;
mod validate;

pub use options::GitOptions;
pub use origin::GitOrigin;
