//! [`State`]: what is remembered of one release between two runs. All of it can be lost.

use lode_deliver::DeliveryState;
use tokio::time::Instant;

use crate::lookup::LookedUp;
use crate::standing::KnownRelease;

/// What is remembered of one release.
#[derive(Default)]
pub struct State {
    /// What is remembered of its objects.
    pub(crate) delivery: DeliveryState,
    /// The newest record, as it was read or written last.
    pub(crate) last: Option<KnownRelease>,
    /// Digest of the `HelmChart` that was written last.
    pub(crate) chart: Option<String>,
    /// When the next run by the clock is due.
    pub(crate) due: Option<Instant>,
    /// Whether live edits are looked for.
    pub(crate) detects_drift: bool,
    /// What the last render asked the cluster for: it is asked again at the interval. Nothing if no render is known, as
    /// after a restart.
    pub(crate) looked_up: Option<Vec<LookedUp>>,
}
