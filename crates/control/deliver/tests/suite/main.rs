//! Deliveries over the embedded API: what is written, told, kept and removed, whatever the kind of the owner.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world fails"
)]

mod account;
mod deliver;
mod drift;
mod release;
mod removal;
mod wait;
mod world;
