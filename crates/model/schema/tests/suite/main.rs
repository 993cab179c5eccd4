//! Reading schemas, in one test binary.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failing case fails the test, and figures are printed"
)]

mod discovery;
mod fields;
mod published;
mod readers;
