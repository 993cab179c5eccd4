//! Makes a cluster equal to a set of objects, and tells what that took.
//!
//! - [`Desired`] is one object as it is sent; [`Set`] puts them in order and stages.
//! - [`Record`]s remember what was applied, so that "nothing changed" costs no call ([`decide()`]).
//! - [`Applier`] brings a set about ([`Applier::apply`]) and removes what Git no longer names ([`Applier::prune`]).
//! - [`Outcome`] says what was done, what had drifted and who did it, and what is to be waited for.
//!
//! Left out on purpose: waiting. An early stage that is not ready ends the run; whoever waits runs it again.

mod applier;
mod apply;
mod calls;
mod decide;
mod desired;
mod error;
mod ignore;
mod live;
mod normalize;
mod outcome;
mod patch;
mod preflight;
mod prune;
mod record;
mod replace;
mod request;
mod rerun;
mod set;
mod stage;
mod told;
mod work;
mod write;

pub use applier::{Applier, Kinds, Known, Options, Preflight};
pub use decide::{Decision, decide, drifted};
pub use desired::{Common, Desired, How, Manner};
pub use error::{Error, Fault};
pub use ignore::Rule;
pub use normalize::normalize;
pub use outcome::{Action, Change, Drift, Outcome, change_log};
pub use patch::Operations;
pub use prune::Pruned;
pub use record::{Ends, Ran, Record, Records, Replaced};
pub use replace::{Force, force, immutable_differences};
pub use request::{Ahead, Correction, OnFault, Request};
pub use rerun::Rerun;
pub use set::Set;
