//! What is done with the objects of one owner: apply, wait, keep, correct, remove.
//!
//! An owner is an object of ours that brings others into the cluster: a Kustomization, and what else renders objects.
//! It says what it wants ([`WantedObjects`]) and under which terms ([`DeliveryTerms`]); [`deliver()`] makes the cluster
//! equal to that and answers with a [`DeliveryEnd`].
//!
//! ```text
//! owner ─ WantedObjects, DeliveryTerms ─→ deliver ─→ DeliveryEnd: done, parked, touched up
//!   ↑                                        │ ↑
//!   ├──────────── DeliveryNews ──────────────┤ DeliveryState, between runs
//!   └── write_ahead, before the first write ─┘
//! ```
//!
//! - Steps are functions over these; what they hand on is in their types ([`mod@deliver`]).
//! - Waiting ends a run: a change of the objects that are waited for starts the next. What is waited for is a value with
//!   a reason ([`Awaited`]).
//! - Objects that stray from what was applied are brought back from what was kept of it ([`touch_up()`]), also while a
//!   newer revision fails ([`hold_last_applied`]).
//! - [`delete_objects`] and [`await_gone`] are the end of an owner.
//! - An owner with steps of its own between these takes them one by one: [`bring_in`] writes, [`await_objects`] waits.
//!
//! Left out on purpose: any knowledge of the owner's kind. How it builds, what its status says and when it runs again is
//! its own.

mod apply;
mod checks;
mod deliver;
mod end;
mod health;
mod inventory;
mod last_applied;
mod owner;
mod prune;
mod removal;
mod state;
mod terms;
mod touch_up;
mod wait;
mod wanted;
mod write;

pub use deliver::{bring_in, deliver, write_beside};
pub use end::DeliveryEnd;
pub use health::{WaitEnd, WaitTarget, await_objects};
pub use inventory::{StaleObject, stale};
pub use owner::{DeliveryNews, DeliveryOwner};
pub use removal::{RemovalStanding, await_gone, delete_objects};
pub use state::DeliveryState;
pub use state::attempt::DeliveryAttempt;
pub use state::keeper::RecordKeeper;
pub use terms::{DeliveryTerms, DriftMode, HealthChecks};
pub use touch_up::{hold_last_applied, touch_up};
pub use wait::WaitPurpose;
pub use wait::awaited::{Awaited, in_short};
pub use wait::exprs::HealthExprs;
pub use wanted::{BuiltObjects, WantedObjects};
