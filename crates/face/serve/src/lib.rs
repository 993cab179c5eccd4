//! All controllers in one process: wiring only.
//!
//! [`run()`] connects, starts what is shared (client, discovery, watch cache, artifact store,
//! mirrors of our own kinds), waits until this replica leads, starts the controllers, and stops
//! them in order when asked to.
//!
//! Left out on purpose: flags (`face/cli`), and any decision that a controller could make.

mod configs;
mod ending;
mod leadership;
mod log;
mod obstacles;
mod options;
mod parts;
mod run;

pub use ending::Ending;
pub use lode_runtime::{Timings, half_of_memory};
pub use log::{Encoding, init as init_log};
pub use options::{LeaderElection, Options};
pub use run::{run, run_until};
