//! What a real API server did with objects, repeated by this crate; in one binary.

#![expect(clippy::unwrap_used, reason = "a failing case fails the test")]

mod anything;
mod cel_rules;
mod custom;
mod decode;
mod defaults;
mod definitions;
mod garden;
mod protobuf;
mod requests;
mod rules;
mod strategies;
mod validation;
