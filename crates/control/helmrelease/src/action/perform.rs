//! What installations, upgrades and rollbacks do in the cluster: hooks, objects, hooks.

use std::time::Duration;

use lode_chart::release::{Event, Release};

use super::place::{PlaceOrder, place};
use crate::acting::{Acting, ActionError};
use crate::hooks;
use crate::state::State;

/// The hooks around the objects of a release: their events, and words before the reason of one that failed.
pub(crate) struct Around {
    pub(crate) before: (Event, &'static str),
    pub(crate) after: (Event, &'static str),
}

/// Where an action failed.
pub(crate) enum Ended {
    /// In a hook before the objects.
    Before(ActionError),
    /// While objects were written or waited for.
    AtObjects(ActionError),
    /// In a hook after the objects.
    After(ActionError),
}

impl Ended {
    /// Returns whether objects may have been created before it failed.
    pub(crate) fn is_late_failure(&self) -> bool {
        matches!(
            self,
            Self::AtObjects(ActionError::Failed(_)) | Self::After(ActionError::Failed(_))
        )
    }

    pub(crate) fn into_error(self) -> ActionError {
        match self {
            Self::Before(error) | Self::AtObjects(error) | Self::After(error) => error,
        }
    }
}

/// Runs hooks if there are any, brings the objects into the cluster, and runs hooks again.
///
/// # Errors
/// A hook or an object failed; what comes after it is not done.
pub(crate) async fn perform(
    acting: &Acting<'_>,
    state: &mut State,
    release: &mut Release,
    placing: PlaceOrder<'_>,
    hooks: Option<Around>,
) -> Result<(), Ended> {
    let timeout = placing.timeout;
    if let Some(Around { before, .. }) = &hooks {
        let ran = hooks_of(acting, state, release, *before, timeout).await;
        ran.map_err(Ended::Before)?;
    }
    let placed = place(acting, state, placing).await;
    placed.map_err(Ended::AtObjects)?;
    if let Some(Around { after, .. }) = &hooks {
        let ran = hooks_of(acting, state, release, *after, timeout).await;
        ran.map_err(Ended::After)?;
    }
    Ok(())
}

async fn hooks_of(
    acting: &Acting<'_>,
    state: &mut State,
    release: &mut Release,
    (event, words): (Event, &str),
    timeout: Duration,
) -> Result<(), ActionError> {
    let all: &(dyn Fn(&str) -> bool + Sync) = &|_| true;
    let ran = hooks::run(acting, state, release, (event, all), timeout).await;
    ran.map_err(|error| error.after(words))
}
