//! What a real API server said to objects, in one binary.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failing case fails the test, and figures are printed")]

mod custom;
mod definitions;
mod rules;
