//! Runs the tests of a release.

use std::time::Duration;

use lode_api::helm_release::action::TestFilter;
use lode_chart::release::{Event, Release};

use crate::acting::{Acting, ActionError};
use crate::hooks;
use crate::state::State;
use crate::storage::StoredRelease;

/// Runs the tests of a release, and stores how they ended.
///
/// # Errors
/// A test fails: the reason, in Helm's words.
pub(crate) async fn test(
    acting: &Acting<'_>,
    state: &mut State,
    stored: &mut StoredRelease,
    timeout: Duration,
) -> Result<(), ActionError> {
    let filters = acting.object.spec.test.as_deref();
    let filters = filters.map(|test| test.filters.clone()).unwrap_or_default();
    let selected = |name: &str| is_selected(name, &filters);
    let release: &mut Release = &mut stored.release;
    let ended = hooks::run(acting, state, release, (Event::Test, &selected), timeout).await;
    if let Err(ActionError::Dropped) = ended {
        return ended;
    }
    stored.resource_version = acting.storage.update(release).await?;
    ended
}

/// Returns whether filters select a test.
pub(crate) fn is_selected(name: &str, filters: &[TestFilter]) -> bool {
    let is_excluding = |filter: &TestFilter| filter.exclude.unwrap_or_default();
    let names = |filter: &&TestFilter| *filter.name == *name;
    let excluded = filters.iter().filter(|filter| is_excluding(filter));
    if excluded.clone().any(|filter| names(&filter)) {
        return false;
    }
    let mut included = filters
        .iter()
        .filter(|filter| !is_excluding(filter))
        .peekable();
    included.peek().is_none() || included.any(|filter| names(&filter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_leave_tests_out_or_name_the_only_ones() {
        let filter = |name: &str, exclude: bool| TestFilter {
            name: name.into(),
            exclude: Some(exclude),
        };
        assert!(is_selected("a", &[]));
        assert!(!is_selected("a", &[filter("a", true)]) && is_selected("b", &[filter("a", true)]));
        assert!(
            is_selected("a", &[filter("a", false)]) && !is_selected("b", &[filter("a", false)])
        );
        assert!(!is_selected("a", &[filter("a", false), filter("a", true)]));
    }
}
