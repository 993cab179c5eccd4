//! Tables, discovery and published schemas, compared with a real API server, in one binary.

#![expect(clippy::unwrap_used, reason = "a failing case fails the test")]

mod cells;
mod discovery;
mod openapi;
mod tables;
