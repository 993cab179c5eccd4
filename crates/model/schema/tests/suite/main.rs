//! Reading schemas, in one test binary.

#![expect(clippy::unwrap_used, reason = "a failing case fails the test")]

mod discovery;
mod fields;
mod published;
mod readers;
