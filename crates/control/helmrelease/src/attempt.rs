//! One attempt: prerequisites, then one step after the other until nothing is left to do (spec A11).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lode_api::conditions::{READY, RELEASED, State as Is};
use lode_api::helm_release::action::ChartNameChange;
use lode_api::{HelmRelease, Status as _, reasons};
use lode_apply::Applier;
use lode_object::meta;
use lode_runtime::{Failure, Retry, name_of};
use lode_stdx::duration;

use crate::acting::{Acting, ActionError};
use crate::action::ReleaseOrder;
use crate::controller::HelmReleases;
use crate::drift;
use crate::facts::Facts;
use crate::names;
use crate::reasons::{
    INSTALL_FAILED, INSTALL_SUCCEEDED, MISSING_ROLLBACK_TARGET, RECONCILE_ERROR, RETRIES_EXCEEDED,
    STATE_ERROR, UPGRADE_FAILED, UPGRADE_SUCCEEDED,
};
use crate::recorded::unknown;
use crate::rendering::renders_otherwise;
use crate::snapshot::{History as _, Observed as _, clear_failures};
use crate::standing::{
    Decision, KnownRelease, Remediation, Standing, Step, WantedRelease, decide,
    history_ignores_tests, retry_after, standing,
};
use crate::state::State;
use crate::steps;
use crate::storage::Storage;
use crate::validate::{self, CheckedRelease, validate};
use crate::working::Working;
use crate::{digest, values};

/// How an attempt ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseEnd {
    /// Nothing is left to do until the interval is over.
    Settled {
        /// When the next run is due.
        interval: Duration,
    },
    /// A failure was remediated: the next run tries again.
    Again,
    /// A failure is tried again after this time.
    RetryAfter(Duration),
    /// Only a change helps.
    Stalled,
}

impl HelmReleases {
    /// Brings about what a release wants.
    pub(crate) async fn bring(
        &self,
        object: &Arc<HelmRelease>,
        state: &mut State,
        facts: &Facts,
        working: &mut Working,
    ) -> Result<ReleaseEnd, Failure> {
        let checked = validate(object, &self.options)?;
        let health = validate::health(object)?;
        facts.doing("Fulfilling prerequisites");
        working.fulfilling();
        self.keep_chart_object(object, state, working).await?;

        let applier = self.acting_for(object)?;
        self.check_dependencies(object, &checked, &applier).await?;
        let (artifact, owner) = self.artifact(&checked)?;
        let read = values::read(applier.client(), &self.computing, object);
        let values = self.cancellation.unless(&self.own, object, read).await?;
        working.hide(&values.secrets);
        let chart = self.chart(object, &checked, (&artifact, &owner)).await?;
        clear_progress(working);

        let acting = Acting {
            kind: self,
            object,
            owner: name_of::<lode_api::helm_release::Spec>(object),
            facts,
            storage: self.storage(
                &applier,
                names::storage_namespace(object),
                lode_render::release::release_name(object),
            ),
            applier,
            namespace: lode_render::release::release_namespace(object).to_owned(),
            rules: health.rules,
            exprs: health.exprs,
            hook_exprs: health.hook_exprs,
            drift: checked.drift,
            interval: checked.interval,
        };
        let metadata = chart.chart.chart.metadata();
        if has_moved(&acting, working, &metadata.name) {
            self.leave_target(&acting, state, working, &checked).await?;
        }
        let mut order = ReleaseOrder {
            config_digest: digest::of_values(&values.table),
            kept_digest: None,
            values,
            oci_digest: chart.oci_digest,
            chart: chart.chart,
            revisions: Vec::new(),
        };
        note_attempt(object, working, &order);
        self.step_by_step(&acting, state, working, (&mut order, &checked))
            .await
    }

    /// Takes steps until none is left.
    async fn step_by_step(
        &self,
        acting: &Acting<'_>,
        state: &mut State,
        working: &mut Working,
        (order, checked): (&mut ReleaseOrder, &CheckedRelease),
    ) -> Result<ReleaseEnd, Failure> {
        let object = acting.object;
        let mut forced = is_requested(
            object,
            meta::FORCE_AT,
            object.status.last_handled_force_at.as_deref(),
        );
        let mut taken = HashSet::new();
        list(acting, state, order, working).await?;
        loop {
            let decision = self.next(acting, state, working, (&*order, forced)).await?;
            forced = false;
            let step = match decision {
                Decision::Take(step) => step,
                Decision::Exhausted => return Ok(exhausted(object, working)),
                Decision::Impossible => return Ok(ReleaseEnd::Stalled),
                Decision::Done => {
                    in_sync(object, working);
                    drift::see_to(acting, state, working).await?;
                    working.summarize(object);
                    let interval = checked.interval;
                    return Ok(ReleaseEnd::Settled { interval });
                }
            };
            if !taken.insert(kind(step)) {
                return Ok(stopped(object, working, checked));
            }
            if taken.len() > 1 {
                // The step before is reported before the next one takes its time.
                self.flush(acting, working).await?;
                list(acting, state, order, working).await?;
            }

            let timeout = checked.timeout(step);
            running(acting, working, step, timeout);
            if let Err(failure) = steps::take(acting, state, order, working, (step, timeout)).await
            {
                return failed(object, working, failure);
            }
            if step.is_remediation() {
                return Ok(remediated(object, working));
            }
        }
    }

    /// Names the state of the release, and decides what to do about it.
    async fn next(
        &self,
        acting: &Acting<'_>,
        state: &mut State,
        working: &mut Working,
        (order, forced): (&ReleaseOrder, bool),
    ) -> Result<Decision, Failure> {
        let mut found = stand(acting.object, state, working, order)?;
        let is_due = state
            .due
            .is_some_and(|due| due <= tokio::time::Instant::now());
        let asks = match &state.looked_up {
            Some(asked) => !asked.is_empty(),
            None => order.chart.mentions_lookup(),
        };
        if found == Standing::InSync && is_due && asks {
            match renders_otherwise(acting, state, order).await {
                Ok(false) => {}
                Ok(true) => found = Standing::OutOfSync,
                Err(ActionError::Failed(why)) => return Err(unknown(&why)),
                Err(ActionError::Dropped) => return Err(Failure::dropped()),
            }
        }
        let decision = decide(acting.object, &working.status, found, forced);
        if decision == Decision::Take(Step::Rollback) {
            return checked_rollback(acting, working).await;
        }
        Ok(decision)
    }

    /// Uninstalls a release whose name, namespace or chart is another one by now.
    async fn leave_target(
        &self,
        acting: &Acting<'_>,
        state: &mut State,
        working: &mut Working,
        checked: &CheckedRelease,
    ) -> Result<(), Failure> {
        if let Some(latest) = working.latest().cloned() {
            let namespace = working.status.storage_namespace.clone().unwrap_or_default();
            let storage = self.storage(&acting.applier, &namespace, latest.name.to_string());
            let before = Acting {
                storage,
                namespace: latest.namespace.to_string(),
                applier: acting.applier.clone(),
                owner: acting.owner.clone(),
                rules: Vec::new(),
                exprs: acting.exprs.clone(),
                hook_exprs: acting.hook_exprs.clone(),
                ..*acting
            };
            let revisions = before.storage.revisions().await;
            let revisions = revisions.map_err(|error| {
                Failure::new(STATE_ERROR, error.to_string()).with(Retry::Backoff)
            })?;
            let how = (steps::UNINSTALL, checked.timeout(Step::Uninstall));
            steps::remove(&before, state, &revisions, working, how).await?;
        }
        working.status.history.clear();
        clear_failures(&mut working.status);
        working.status.storage_namespace = None;
        state.last = None;
        Ok(())
    }

    /// Writes the status as far as it has come, and sends the events so far.
    async fn flush(&self, acting: &Acting<'_>, working: &mut Working) -> Result<(), Failure> {
        self.own
            .write_status(acting.object, &working.status)
            .await?;
        for told in std::mem::take(&mut working.told) {
            self.own.emit(acting.object, told);
        }
        working.at(self.own.ambient().now_text());
        Ok(())
    }

    /// Returns who acts for a release: its account, where it has one.
    pub(crate) fn acting_for(&self, object: &HelmRelease) -> Result<Applier, Failure> {
        let account = self.options.account(object);
        Ok(self
            .applier
            .acting_for(&object.metadata.namespace, account)?)
    }

    /// Returns where the records of a release are.
    pub(crate) fn storage(&self, applier: &Applier, namespace: &str, name: String) -> Storage {
        Storage {
            client: applier.client().clone(),
            ambient: self.own.ambient().clone(),
            computing: self.computing.clone(),
            namespace: namespace.to_owned(),
            name,
        }
    }
}

/// Lists what the storage has, and reads the newest record unless it is known.
async fn list(
    acting: &Acting<'_>,
    state: &mut State,
    order: &mut ReleaseOrder,
    working: &mut Working,
) -> Result<(), Failure> {
    let unknown = |error: crate::storage::StorageError| {
        let text = format!(
            "Could not determine release state: failed to retrieve last release from storage: query: failed to \
             query with labels: {error}"
        );
        Failure::new(STATE_ERROR, text).with(Retry::Backoff)
    };
    order.revisions = acting.storage.revisions().await.map_err(unknown)?;
    let Some(newest) = order.revisions.first() else {
        state.last = None;
        return Ok(());
    };
    let is_known = state.last.as_ref().is_some_and(|last| {
        last.version == newest.version && last.resource_version == newest.resource_version
    });
    let upgrade = acting.object.spec.upgrade.as_deref();
    let keeps_values = upgrade.is_some_and(|it| it.preserve_values.unwrap_or_default());
    if !is_known || keeps_values {
        let stored = acting.storage.read(newest.version).await.map_err(unknown)?;
        if let (Some(stored), true) = (&stored, keeps_values) {
            let mut kept = stored.release.config.clone();
            lode_chart::values::merge(&mut kept, order.values.table.clone());
            order.kept_digest = Some(digest::of_values(&kept));
        }
        let known = |stored: crate::storage::StoredRelease| {
            KnownRelease::of(&stored.release, stored.resource_version, &working.status)
        };
        state.last = stored.map(known);
    }
    Ok(())
}

/// Names the state, and forgets a history that says nothing about it.
fn stand(
    object: &HelmRelease,
    state: &State,
    working: &mut Working,
    order: &ReleaseOrder,
) -> Result<Standing, Failure> {
    let metadata = order.chart.chart.metadata();
    let wanted = WantedRelease {
        chart_name: &metadata.name,
        chart_version: &metadata.version,
        config_digest: order.kept_digest.as_deref().unwrap_or(&order.config_digest),
    };
    let found = standing(object, &working.status, state.last.as_ref(), wanted);
    let found = found.map_err(|why| {
        let text = format!("Could not determine release state: {why}");
        Failure::new(STATE_ERROR, text).with(Retry::Backoff)
    })?;
    if found == Standing::Unmanaged {
        working.status.history.clear();
    }
    Ok(found)
}

/// Checks that what is to be gone back to is there, and as it was: else it is upgraded once more.
async fn checked_rollback(acting: &Acting<'_>, working: &mut Working) -> Result<Decision, Failure> {
    let ignores = Remediation::of_upgrade(acting.object, &working.status).ignores_tests;
    working.status.history.truncate_to_success(ignores);
    let Some(to) = working.status.history.previous(ignores).cloned() else {
        let text = "Failed to perform remediation: missing target release for rollback: cannot remediate failed \
                    release";
        working.stalled(MISSING_ROLLBACK_TARGET, text);
        return Ok(Decision::Impossible);
    };
    let stored = acting.storage.read(to.version.0).await;
    let stored = stored.map_err(|error| {
        let text = format!("cannot verify previous release to roll back to: {error}");
        Failure::new(RECONCILE_ERROR, text).with(Retry::Backoff)
    })?;
    let is_there = stored.is_some_and(|stored| to.is_of(&stored.release));
    Ok(Decision::Take(if is_there {
        Step::Rollback
    } else {
        Step::Upgrade
    }))
}

/// Steps of which one run takes one at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum StepKind {
    Release,
    Remediation,
    Test,
    Unlock,
}

fn kind(step: Step) -> StepKind {
    match step {
        Step::Install | Step::Upgrade => StepKind::Release,
        Step::Rollback | Step::Uninstall => StepKind::Remediation,
        Step::Test => StepKind::Test,
        Step::Unlock => StepKind::Unlock,
    }
}

/// Returns whether somebody asked for something that was not answered yet, together with a reconcile.
fn is_requested(object: &HelmRelease, key: &str, handled: Option<&str>) -> bool {
    let asked = object.metadata.annotation(key);
    asked.is_some()
        && asked == object.metadata.annotation(meta::REQUESTED_AT)
        && asked != object.status.last_handled_reconcile_at()
        && asked != handled
}

/// Takes back what was said of prerequisites that were missing.
fn clear_progress(working: &mut Working) {
    let of_before = [
        reasons::DEPENDENCY_NOT_READY,
        reasons::ARTIFACT_FAILED,
        reasons::ACCESS_DENIED,
        crate::reasons::SOURCE_NOT_READY,
        crate::reasons::VALUES_ERROR,
    ];
    if of_before.contains(&working.reason(READY)) {
        let text = "reconciliation in progress";
        working.set(READY, Is::Unknown, reasons::PROGRESSING, text);
    }
}

/// Returns whether the release that was made is not the one that is wanted: it has another place, name or chart.
fn has_moved(acting: &Acting<'_>, working: &Working, chart: &str) -> bool {
    let (Some(latest), Some(storage)) = (working.latest(), &working.status.storage_namespace)
    else {
        return false;
    };
    let upgrade = acting.object.spec.upgrade.as_deref();
    let change = upgrade.map(lode_api::helm_release::action::Upgrade::chart_name_change);
    let stays = matches!(change, Some(Ok(ChartNameChange::InPlaceUpdate)));
    **storage != *acting.storage.namespace
        || *latest.namespace != *acting.namespace
        || *latest.name != *acting.storage.name
        || *latest.chart_name != *chart && !stays
}

/// Notes what is attempted. Failures of before count no longer if something has changed since.
fn note_attempt(object: &HelmRelease, working: &mut Working, order: &ReleaseOrder) {
    let metadata = order.chart.chart.metadata();
    let status = &mut working.status;
    status.storage_namespace = Some(names::storage_namespace(object).into());
    let is_same = status.last_attempted_generation == Some(object.metadata.generation)
        && status.last_attempted_revision.as_deref() == Some(&*metadata.version)
        && status.last_attempted_config_digest.as_deref() == Some(&*order.config_digest);
    let resets = is_requested(
        object,
        meta::RESET_AT,
        object.status.last_handled_reset_at.as_deref(),
    );
    if !is_same || resets {
        clear_failures(status);
    }
    status.last_attempted_generation = Some(object.metadata.generation);
    status.last_attempted_revision = Some(metadata.version.as_str().into());
    status.last_attempted_revision_digest = order.oci_digest.as_deref().map(Into::into);
    status.last_attempted_config_digest = Some(order.config_digest.as_str().into());
    status.last_attempted_values_checksum = None;
    status.last_release_revision = None;
}

/// Says which step is taken.
fn running(acting: &Acting<'_>, working: &mut Working, step: Step, timeout: Duration) {
    let timeout = duration::format(timeout);
    let text = format!("Running '{}' action with timeout of {timeout}", step.name());
    acting.facts.doing(&text);
    working.reconciling(reasons::PROGRESSING, &text);
    if step.is_release() {
        // What an earlier step says of a failure must stay.
        working.set(READY, Is::Unknown, reasons::PROGRESSING, &text);
    }
}

/// Says that the release is as wanted, whatever was said before.
fn in_sync(object: &HelmRelease, working: &mut Working) {
    if retry_after(object, &working.status).is_some() {
        working.status.history.truncate_to_limit();
    } else {
        let ignores = history_ignores_tests(object, &working.status);
        working.status.history.truncate_to_success(ignores);
    }
    let Some(latest) = working.latest().cloned() else {
        return;
    };
    let text = steps::success(Step::Upgrade, &latest);
    working.replace_remediated(UPGRADE_SUCCEEDED, &text);
    let step = match working.reason(RELEASED) {
        INSTALL_FAILED => Some((Step::Install, INSTALL_SUCCEEDED)),
        UPGRADE_FAILED => Some((Step::Upgrade, UPGRADE_SUCCEEDED)),
        _ => None,
    };
    if let Some((step, reason)) = step {
        working.set(RELEASED, Is::True, reason, &steps::success(step, &latest));
    }
}

/// Says that all tries are used up.
fn exhausted(object: &HelmRelease, working: &mut Working) -> ReleaseEnd {
    let failures = Remediation::active(object, &working.status).map_or(0, |it| it.failures);
    let action = working.status.last_attempted_release_action.clone();
    let action = action.unwrap_or_else(|| Step::Install.name().into());
    let text = format!("Failed to {action} after {failures} attempt(s)");
    working.stalled(RETRIES_EXCEEDED, &text);
    ReleaseEnd::Stalled
}

/// Ends a run that would take a step of one kind twice.
fn stopped(object: &HelmRelease, working: &mut Working, checked: &CheckedRelease) -> ReleaseEnd {
    if let Some(end) = again(object, working) {
        return end;
    }
    working.done();
    ReleaseEnd::Settled {
        interval: checked.interval,
    }
}

/// Says that a failure is tried again, if it is.
fn again(object: &HelmRelease, working: &mut Working) -> Option<ReleaseEnd> {
    if let Some(after) = retry_after(object, &working.status) {
        let text = format!("retrying after {}", duration::format(after));
        working.reconciling(reasons::PROGRESSING_WITH_RETRY, &text);
        return Some(ReleaseEnd::RetryAfter(after));
    }
    let remediation = Remediation::active(object, &working.status);
    if remediation.is_some_and(|it| it.is_exhausted() && !it.installs_again()) {
        return None;
    }
    let ready = working.status.conditions.get(READY);
    let text = ready
        .map(|ready| ready.message.to_string())
        .unwrap_or_default();
    working.reconciling(reasons::PROGRESSING_WITH_RETRY, &text);
    Some(ReleaseEnd::Again)
}

/// Ends a run after a remediation.
fn remediated(object: &HelmRelease, working: &mut Working) -> ReleaseEnd {
    again(object, working).unwrap_or_else(|| exhausted(object, working))
}

/// Ends a run whose step failed before anything was stored.
fn failed(
    object: &HelmRelease,
    working: &mut Working,
    failure: Failure,
) -> Result<ReleaseEnd, Failure> {
    if failure.retry == Retry::Dropped {
        return Err(failure);
    }
    if let Some(after) = retry_after(object, &working.status) {
        let text = format!("retrying after {}", duration::format(after));
        working.reconciling(reasons::PROGRESSING_WITH_RETRY, &text);
        return Ok(ReleaseEnd::RetryAfter(after));
    }
    if working.is(READY, Is::True) {
        working.set(READY, Is::False, RECONCILE_ERROR, &failure.message);
    }
    // Its conditions and its event are there already.
    Err(Failure {
        quiet: true,
        ..failure
    })
}
