//! The controller kit: what every controller needs, independent of kinds.
//!
//! ```text
//! API server ─watch→ Store ─Change→ Queue ─key→ Controller::reconcile ─Next→ Queue
//!                      ↑                               │
//!                      └─────── put (own write) ───────┴→ Events, Metrics
//! ```
//!
//! - [`Frame`] has the common steps around every attempt; a kind implements [`Reconcile`]. It uses
//!   [`Own`] (guarded writes and events), [`Draft`] (a new status), [`Failure`], [`States`],
//!   [`Users`].
//! - [`Sources`] finds artifacts and opens their trees; [`check_dependencies`] is `dependsOn`.
//! - [`Queue`] says which key is next: requests by people first, never the same key twice at once.
//! - [`Next`] is the outcome of a reconcile: nothing more, later, or after a backoff.
//! - [`run()`] lets workers call a [`Controller`] until shutdown.
//! - [`Store`] is a typed mirror of one of our own kinds; [`Changes`] reports its changes,
//!   [`Change::urgency`] their urgency.
//! - [`Memory`] starts computations once there is memory for them; [`Cancellation`] ends waits whose
//!   outcome nobody wants any more.
//! - [`Election`] says whether this replica is the active one.
//! - [`Events`] writes Kubernetes events; [`Metrics`] counts; [`serve()`] shows both health and
//!   metrics over HTTP.
//!
//! ```
//! use lode_runtime::{Backoff, Next, Priority, Queue};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let queue = Queue::new(Backoff::default());
//! queue.add("nightly", Priority::Background);
//! queue.add("asked for", Priority::Person);
//! assert_eq!(queue.next().await, Some("asked for"));
//! queue.done(&"asked for", Next::Idle);
//! # });
//! ```
//!
//! Left out on purpose: any knowledge of a single kind.

mod account;
mod cancellation;
mod compute;
mod controller;
mod depends;
mod draft;
mod events;
mod failure;
mod fair;
mod frame;
mod growing;
mod http;
mod lanes;
mod lease;
mod memory;
mod metrics;
mod next;
mod own;
mod process;
mod queue;
mod repeat;
mod sources;
mod spin;
mod states;
mod store;
mod urgency;
mod users;

pub use account::{account, is_account_gone};
pub use cancellation::Cancellation;
pub use compute::Unfinished;
pub use controller::{Controller, run};
pub use depends::{
    Dependency, Lack, ReadDependencies, Unmet, check as check_dependencies, first_unmet, not_found,
    read_elsewhere,
};
pub use draft::{Draft, Progress};
pub use events::{Event, EventKind, Events, ObjectReference};
pub use failure::{Failure, Retry};
pub use frame::{Ended, Frame, LONG, Reconcile, Removal, Report, is_asked, is_retry};
pub use growing::{Bounded, NotRun};
pub use http::{Routes, serve};
pub use lease::{Election, LeaseOptions, LostLease, Timings, UnfitTimings};
pub use memory::{Memory, Reservation, TooLarge, half_of_memory};
pub use metrics::Metrics;
pub use next::{Backoff, Next};
pub use own::{Own, OwnParts, Told, name_of};
pub use queue::{Priority, Queue};
pub use sources::{OpenError, Source, Sources};
pub use spin::Spin;
pub use states::States;
pub use store::{Change, Changes, Parse, Store};
pub use urgency::asks_otherwise;
pub use users::{Use, Users};
