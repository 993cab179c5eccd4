//! One step on a release: the action, and what it leaves in the status (spec A11).

use std::collections::BTreeMap;
use std::time::Duration;

use lode_api::HelmRelease;
use lode_api::conditions::{RELEASED, REMEDIATED, State as Is, TEST_SUCCESS};
use lode_api::helm_release::status::Snapshot;
use lode_api::shared::Inventory;
use lode_deliver::DeliveryState;
use lode_runtime::{Failure, Retry, Told};
use lode_stdx::duration;
use tokio::time::Instant;

use crate::acting::{Acting, ActionError};
use crate::action::{
    ReleaseOrder, UninstallOrder, Uninstalled, Written, install, inventory_of_crds, is_selected,
    rollback, test, uninstall, unlock, upgrade,
};
use crate::reasons::{
    AWAITING_TESTS, INSTALL_FAILED, INSTALL_SUCCEEDED, NOT_READY, PENDING_RELEASE, RECONCILE_ERROR,
    ROLLBACK_FAILED, ROLLBACK_SUCCEEDED, TEST_FAILED, TEST_SUCCEEDED, UNINSTALL_FAILED,
    UNINSTALL_SUCCEEDED, UPGRADE_FAILED, UPGRADE_SUCCEEDED,
};
use crate::rendering::definitions;
use crate::snapshot::{History as _, Observed as _, clear_failures, observe, tests};
use crate::standing::{KnownRelease, Remediation, Step, retry_after};
use crate::state::State;
use crate::storage::Revision;
use crate::working::Working;

/// Takes a step. What it came to is in `working`; a failure that is counted is no error.
///
/// # Errors
/// It failed before anything was stored, so that it can be tried again; or nobody wants it any more.
pub(crate) async fn take(
    acting: &Acting<'_>,
    state: &mut State,
    order: &ReleaseOrder,
    working: &mut Working,
    (step, timeout): (Step, Duration),
) -> Result<(), Failure> {
    match step {
        Step::Install | Step::Upgrade => {
            release(acting, state, order, working, (step, timeout)).await
        }
        Step::Unlock => free(acting, state, order, working).await,
        Step::Test => run_tests(acting, state, working, timeout).await,
        Step::Rollback => roll_back(acting, state, order, working, timeout).await,
        Step::Uninstall => {
            let how = ("uninstall-remediation", timeout);
            remove(acting, state, &order.revisions, working, how).await
        }
    }
}

/// Installs or upgrades.
async fn release(
    acting: &Acting<'_>,
    state: &mut State,
    order: &ReleaseOrder,
    working: &mut Working,
    (step, timeout): (Step, Duration),
) -> Result<(), Failure> {
    working.status.last_attempted_release_action = Some(step.name().into());
    if step == Step::Install {
        // Nothing from before an installation is gone back to.
        working.status.history.clear();
    }
    working.delete(TEST_SUCCESS);
    working.delete(REMEDIATED);
    working.forget_drift();

    acting.facts.log.begin();
    let (began, mut written) = (Instant::now(), Written::default());
    let ended = match step {
        Step::Install => install(acting, state, order, &mut written, timeout).await,
        _ => upgrade(acting, state, order, &mut written, timeout).await,
    };
    let took = duration::format(began.elapsed());
    working.status.last_attempted_release_action_duration = Some(took.into());
    let has_stored = !written.is_empty();
    note(acting, state, Some(order), working, written).await;
    let why = match ended {
        Err(ActionError::Dropped) => return Err(Failure::dropped()),
        Err(ActionError::Failed(why)) => why,
        Ok(()) => {
            released(acting, working, step);
            return Ok(());
        }
    };

    let text = unreleased(acting, order, working, (step, &why));
    if has_stored {
        // Only what is in the storage can be remediated, and is counted.
        match step {
            Step::Install => count(&mut working.status.install_failures),
            _ => count(&mut working.status.upgrade_failures),
        }
    }
    working.summarize(acting.object);
    if has_stored {
        return Ok(());
    }
    Err(Failure::new(failed_reason(step), text).with(Retry::Backoff))
}

/// Notes that a release could not be made, and returns how that is said.
fn unreleased(
    acting: &Acting<'_>,
    order: &ReleaseOrder,
    working: &mut Working,
    (step, why): (Step, &str),
) -> String {
    let reason = failed_reason(step);
    let text = format!(
        "Helm {} failed for release {}/{} with chart {}: {}",
        step.name(),
        acting.namespace,
        acting.storage.name,
        order.chart_text(),
        why.trim()
    );
    count(&mut working.status.failures);
    working.set(RELEASED, Is::False, reason, &text);
    let with_log = acting.facts.log.behind(&text);
    working.tell(order.about(Told::warning(reason, with_log)));
    // Flux's words have no room for reasons, so they are an event of their own.
    if let Some(reasons) = acting.facts.take_refused() {
        working.tell(order.about(Told::warning(NOT_READY, reasons)));
    }
    text
}

fn failed_reason(step: Step) -> &'static str {
    match step {
        Step::Install => INSTALL_FAILED,
        _ => UPGRADE_FAILED,
    }
}

/// Notes that a release was made.
fn released(acting: &Acting<'_>, working: &mut Working, step: Step) {
    let Some(latest) = working.latest().cloned() else {
        return;
    };
    let reason = if step == Step::Install {
        INSTALL_SUCCEEDED
    } else {
        UPGRADE_SUCCEEDED
    };
    let text = success(step, &latest);
    working.set(RELEASED, Is::True, reason, &text);
    if is_tested(acting.object) && !latest.is_tested() {
        let text = format!(
            "Helm release {} with chart {} is awaiting tests",
            latest.full_name(),
            latest.chart()
        );
        working.set(TEST_SUCCESS, Is::Unknown, AWAITING_TESTS, &text);
    }
    if retry_after(acting.object, &working.status).is_some() {
        clear_failures(&mut working.status);
    }
    working.tell_of(Told::normal(reason, text), &latest);
    working.summarize(acting.object);
}

/// Says that a release was made.
pub(crate) fn success(step: Step, latest: &Snapshot) -> String {
    let (word, name, chart) = (step.name(), latest.full_name(), latest.chart());
    format!("Helm {word} succeeded for release {name} with chart {chart}")
}

/// Returns whether tests are to be run.
fn is_tested(object: &HelmRelease) -> bool {
    let test = object.spec.test.as_deref();
    test.is_some_and(|test| test.enable.unwrap_or_default())
}

fn count(failures: &mut Option<i64>) {
    *failures = Some(failures.unwrap_or_default().saturating_add(1));
}

/// Notes what an action has written into the storage.
async fn note(
    acting: &Acting<'_>,
    state: &mut State,
    order: Option<&ReleaseOrder>,
    working: &mut Working,
    mut written: Written,
) {
    if let Some(mut entries) = written.inventory.take() {
        // What is in the folder of definitions is listed whatever became of it, as in Flux.
        if let Some(order) = order
            && let Ok(crds) = definitions(acting, order).await
        {
            entries.extend(inventory_of_crds(acting, &crds));
        }
        working.status.inventory = Some(Inventory { entries });
    }
    working.status.history.record(written.take());
    if let Some(last) = written.last {
        state.last = Some(last);
    }
}

/// Frees a release that was left in the middle of an action.
async fn free(
    acting: &Acting<'_>,
    state: &mut State,
    order: &ReleaseOrder,
    working: &mut Working,
) -> Result<(), Failure> {
    let version = order
        .revisions
        .first()
        .map_or(0, |revision| revision.version);
    let mut written = Written::default();
    let freed = unlock(acting, version, &mut written).await;
    let freed = freed.map_err(|error| failure(error, RECONCILE_ERROR))?;
    let Some(was) = freed else {
        return Ok(());
    };
    let mut observed = written.take();
    let Some(snapshot) = observed.pop() else {
        return Ok(());
    };
    let text = format!(
        "Unlocked Helm release {} with chart {} in {was} state",
        snapshot.full_name(),
        snapshot.chart()
    );
    working.set(RELEASED, Is::False, PENDING_RELEASE, &text);
    working.tell_of(Told::normal(PENDING_RELEASE, text), &snapshot);
    let same = |known: &&mut Snapshot| {
        known.version.0 == snapshot.version.0 && known.name == snapshot.name
    };
    if let Some(known) = working.status.history.iter_mut().find(same) {
        let (action, tests) = (known.action.take(), known.test_hooks.take());
        *known = Snapshot {
            action,
            test_hooks: tests,
            ..snapshot
        };
    }
    state.last = written.last;
    working.summarize(acting.object);
    Ok(())
}

/// Runs the tests of the release.
async fn run_tests(
    acting: &Acting<'_>,
    state: &mut State,
    working: &mut Working,
    timeout: Duration,
) -> Result<(), Failure> {
    let Some(before) = working.latest().cloned() else {
        return Ok(());
    };
    let stored = acting.storage.read(before.version.0).await;
    let stored = stored.map_err(|error| failure(error.into(), TEST_FAILED))?;
    let Some(mut stored) = stored else {
        return Err(Failure::new(TEST_FAILED, "release not found").with(Retry::Backoff));
    };
    let ended = test(acting, state, &mut stored, timeout).await;
    if let Err(ActionError::Dropped) = ended {
        return Err(Failure::dropped());
    }

    let release = &stored.release;
    let oci = before.oci_digest.as_deref();
    let filters = acting.object.spec.test.as_deref();
    let filters = filters.map(|test| &*test.filters).unwrap_or_default();
    let mut tested = observe(release, before.action.as_deref(), oci);
    tested.test_hooks = Some(tests(release, |name| is_selected(name, filters)));
    state.last = Some(KnownRelease::written(
        release,
        stored.resource_version.clone(),
        oci,
    ));
    if let Some(latest) = working.status.history.first_mut() {
        *latest = tested.clone();
    }

    let counted = if let Err(ActionError::Failed(why)) = ended {
        untested(acting, working, &tested, &why)
    } else {
        passed(working, &tested);
        Ok(())
    };
    working.summarize(acting.object);
    counted
}

/// Notes that all tests succeeded.
fn passed(working: &mut Working, tested: &Snapshot) {
    let hooks = match tested.test_hooks.as_ref().map_or(0, BTreeMap::len) {
        0 => "no test hooks".to_owned(),
        1 => "1 test hook completed successfully".to_owned(),
        many => format!("{many} test hooks completed successfully"),
    };
    let (name, chart) = (tested.full_name(), tested.chart());
    let text = format!("Helm test succeeded for release {name} with chart {chart}: {hooks}");
    working.set(TEST_SUCCESS, Is::True, TEST_SUCCEEDED, &text);
    working.tell_of(Told::normal(TEST_SUCCEEDED, text), tested);
}

/// Notes that a test failed.
///
/// # Errors
/// It ended before it was known how.
fn untested(
    acting: &Acting<'_>,
    working: &mut Working,
    tested: &Snapshot,
    why: &str,
) -> Result<(), Failure> {
    let (name, chart, why) = (tested.full_name(), tested.chart(), why.trim());
    let text = format!("Helm test failed for release {name} with chart {chart}: {why}");
    count(&mut working.status.failures);
    working.set(TEST_SUCCESS, Is::False, TEST_FAILED, &text);
    working.tell_of(Told::warning(TEST_FAILED, &text), tested);
    if let Some(reasons) = acting.facts.take_refused() {
        working.tell_of(Told::warning(NOT_READY, reasons), tested);
    }
    if !tested.is_tested() {
        return Err(Failure::new(TEST_FAILED, text).with(Retry::Backoff));
    }
    count_test(acting.object, working);
    Ok(())
}

/// Counts a failed test as a failure of the action that it tests, unless failed tests do not matter.
fn count_test(object: &HelmRelease, working: &mut Working) {
    let remediation = Remediation::active(object, &working.status);
    if remediation.is_none_or(|remediation| remediation.ignores_tests) {
        return;
    }
    let status = &mut working.status;
    match status.last_attempted_release_action.as_deref() {
        Some("install") => count(&mut status.install_failures),
        _ => count(&mut status.upgrade_failures),
    }
}

/// Goes back to the release before.
async fn roll_back(
    acting: &Acting<'_>,
    state: &mut State,
    order: &ReleaseOrder,
    working: &mut Working,
    timeout: Duration,
) -> Result<(), Failure> {
    let ignores = Remediation::of_upgrade(acting.object, &working.status).ignores_tests;
    let Some(to) = working.status.history.previous(ignores).cloned() else {
        return Ok(());
    };
    acting.facts.log.begin();
    let mut written = Written::default();
    let ended = rollback(acting, state, (order, &to), &mut written, timeout).await;
    let has_stored = !written.is_empty();
    note(acting, state, Some(order), working, written).await;
    let (name, chart) = (to.full_name(), to.chart());
    match ended {
        Err(ActionError::Dropped) => return Err(Failure::dropped()),
        Ok(()) => {
            let text =
                format!("Helm rollback to previous release {name} with chart {chart} succeeded");
            working.set(REMEDIATED, Is::True, ROLLBACK_SUCCEEDED, &text);
            working.tell_of(Told::normal(ROLLBACK_SUCCEEDED, text), &to);
        }
        Err(ActionError::Failed(why)) => {
            let why = why.trim();
            let text = format!(
                "Helm rollback to previous release {name} with chart {chart} failed: {why}"
            );
            count(&mut working.status.failures);
            working.set(REMEDIATED, Is::False, ROLLBACK_FAILED, &text);
            let with_log = acting.facts.log.behind(&text);
            working.tell_of(Told::warning(ROLLBACK_FAILED, with_log), &to);
            if !has_stored {
                working.summarize(acting.object);
                return Err(Failure::new(ROLLBACK_FAILED, text).with(Retry::Backoff));
            }
        }
    }
    working.summarize(acting.object);
    Ok(())
}

/// Uninstalls what the storage has of a release, to remediate its failure (`uninstall-remediation`) or because it is
/// wanted no more (`uninstall`).
///
/// # Errors
/// It failed; or nobody wants it any more.
pub(crate) async fn remove(
    acting: &Acting<'_>,
    state: &mut State,
    revisions: &[Revision],
    working: &mut Working,
    (action, timeout): (&'static str, Duration),
) -> Result<(), Failure> {
    let Some(current) = working.latest().cloned() else {
        return Ok(());
    };
    let mut written = Written::default();
    let order = UninstallOrder { revisions, action };
    acting.facts.log.begin();
    let ended = uninstall(acting, state, order, &mut written, timeout).await;
    note(acting, state, None, working, written).await;
    state.last = None;
    state.delivery = DeliveryState::default();

    let end = match ended {
        Err(ActionError::Dropped) => return Err(Failure::dropped()),
        Err(ActionError::Failed(why)) => Err(why),
        Ok(end) => Ok(end),
    };
    if action == UNINSTALL {
        removed(acting, working, &current, end)
    } else {
        remediated(acting, working, &current, end)
    }
}

/// What an uninstallation is called that is no remediation.
pub(crate) const UNINSTALL: &str = "uninstall";

/// Notes what came of an uninstallation.
fn removed(
    acting: &Acting<'_>,
    working: &mut Working,
    current: &Snapshot,
    end: Result<Uninstalled, String>,
) -> Result<(), Failure> {
    let (name, chart) = (current.full_name(), current.chart());
    let text = match end {
        Err(why) => {
            let why = why.trim();
            let text =
                format!("Helm uninstall failed for release {name} with chart {chart}: {why}");
            return Err(not_removed(acting, working, RELEASED, (current, text)));
        }
        Ok(Uninstalled::NotFound) => {
            format!("Release {name} was not found, assuming it is uninstalled")
        }
        Ok(Uninstalled::Before) => format!("Release {name} was already uninstalled"),
        Ok(Uninstalled::Done) => {
            let text = format!("Helm uninstall succeeded for release {name} with chart {chart}");
            working.tell_of(Told::normal(UNINSTALL_SUCCEEDED, &text), current);
            text
        }
    };
    working.set(RELEASED, Is::False, UNINSTALL_SUCCEEDED, &text);
    working.status.inventory = None;
    Ok(())
}

/// Notes what came of a remediation by uninstallation.
fn remediated(
    acting: &Acting<'_>,
    working: &mut Working,
    current: &Snapshot,
    end: Result<Uninstalled, String>,
) -> Result<(), Failure> {
    let what = format!(
        "Helm uninstall remediation for release {} with chart {}",
        current.full_name(),
        current.chart()
    );
    if let Err(why) = end {
        let text = format!("{what} failed: {}", why.trim());
        return Err(not_removed(acting, working, REMEDIATED, (current, text)));
    }
    let text = format!("{what} succeeded");
    working.set(REMEDIATED, Is::True, UNINSTALL_SUCCEEDED, &text);
    working.tell_of(Told::normal(UNINSTALL_SUCCEEDED, text), current);
    Ok(())
}

fn not_removed(
    acting: &Acting<'_>,
    working: &mut Working,
    condition: &str,
    (current, text): (&Snapshot, String),
) -> Failure {
    count(&mut working.status.failures);
    working.set(condition, Is::False, UNINSTALL_FAILED, &text);
    let with_log = acting.facts.log.behind(&text);
    working.tell_of(Told::warning(UNINSTALL_FAILED, with_log), current);
    Failure::new(UNINSTALL_FAILED, text).with(Retry::Backoff)
}

fn failure(error: ActionError, reason: &'static str) -> Failure {
    match error {
        ActionError::Failed(why) => Failure::new(reason, why).with(Retry::Backoff),
        ActionError::Dropped => Failure::dropped(),
    }
}
