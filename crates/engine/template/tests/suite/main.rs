//! Recorded cases of Go's text/template and of Helm's engine, and the bounds of a render.
#![expect(clippy::unwrap_used, reason = "a failing case fails the test")]
#![expect(
    clippy::unnecessary_wraps,
    reason = "all functions of templates have one type"
)]

mod bounds;
mod calls;
mod engine;
mod execute;
mod functions;
mod growth;
mod objects;
mod parse;
mod recorded;
mod sprig;
