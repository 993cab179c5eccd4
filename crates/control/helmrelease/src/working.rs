//! [`Working`]: the status of a release while an attempt changes it, and the events that are to be sent.

use lode_api::conditions::{
    DRIFTED, READY, RECONCILING, RELEASED, REMEDIATED, STALLED, State as Is, TEST_SUCCESS, Verdict,
};
use lode_api::helm_release::status::{HelmReleaseStatus, Snapshot};
use lode_api::{HelmRelease, reasons};
use lode_runtime::{Failure, Told};

use crate::digest;
use crate::snapshot::History as _;

/// The status of a release while an attempt changes it.
#[derive(Clone)]
pub(crate) struct Working {
    pub(crate) status: HelmReleaseStatus,
    pub(crate) told: Vec<Told>,
    generation: i64,
    /// The time, as the API writes it.
    now: String,
    /// Texts that came from Secrets, the longest first.
    secrets: Vec<String>,
}

impl Working {
    /// Begins with the status as it is.
    pub(crate) fn new(object: &HelmRelease, now: String) -> Self {
        Self {
            status: object.status.clone(),
            told: Vec::new(),
            generation: object.metadata.generation,
            now,
            secrets: Vec::new(),
        }
    }

    /// Notes texts that are never shown.
    pub(crate) fn hide(&mut self, secrets: &[String]) {
        self.secrets = secrets.to_vec();
    }

    /// Notes the time.
    pub(crate) fn at(&mut self, now: String) {
        self.now = now;
    }

    /// Returns a text without what came from Secrets.
    pub(crate) fn masked(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "***");
            }
        }
        text
    }

    pub(crate) fn set(&mut self, condition: &str, is: Is, reason: &str, message: &str) {
        let message = self.masked(message);
        let verdict = Verdict {
            r#type: condition,
            status: is,
            reason,
            message: &message,
        };
        let Self {
            generation, now, ..
        } = self;
        self.status.conditions.set(&verdict, *generation, now);
    }

    pub(crate) fn delete(&mut self, condition: &str) {
        self.status.conditions.delete(condition);
    }

    /// Returns whether a condition holds.
    pub(crate) fn is(&self, condition: &str, is: Is) -> bool {
        self.status.conditions.is(condition, is)
    }

    /// Returns the reason of a condition; empty without one.
    pub(crate) fn reason(&self, condition: &str) -> &str {
        let found = self.status.conditions.get(condition);
        found.map(|found| &*found.reason).unwrap_or_default()
    }

    /// Returns the newest snapshot of the history.
    pub(crate) fn latest(&self) -> Option<&Snapshot> {
        self.status.history.latest()
    }

    /// Adds an event.
    pub(crate) fn tell(&mut self, mut told: Told) {
        told.message = self.masked(&told.message);
        self.told.push(told);
    }

    /// Adds an event about a release.
    pub(crate) fn tell_of(&mut self, told: Told, of: &Snapshot) {
        self.tell(about(told, of));
    }

    /// Says that work goes on.
    pub(crate) fn reconciling(&mut self, reason: &str, text: &str) {
        self.set(RECONCILING, Is::True, reason, text);
        self.delete(STALLED);
    }

    /// Says that only a change of the specification helps.
    pub(crate) fn stalled(&mut self, reason: &str, text: &str) {
        self.delete(RECONCILING);
        self.set(STALLED, Is::True, reason, text);
        self.status.observed_generation = Some(self.generation);
    }

    /// Says why something before the release itself failed.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        self.set(READY, Is::False, failure.reason, &failure.message);
    }

    /// Composes `Ready` of what was found of the release: of the newest generation, remediation before tests before the
    /// release.
    pub(crate) fn summarize(&mut self, object: &HelmRelease) {
        let test = object.spec.test.as_deref();
        let tests = test.is_some_and(|test| test.enable.unwrap_or_default());
        let ignores = test.is_some_and(|test| test.ignore_failures.unwrap_or_default());
        if !tests {
            self.delete(TEST_SUCCESS);
        }

        let mut order = vec![REMEDIATED, RELEASED];
        if tests && !ignores {
            order.insert(1, TEST_SUCCESS);
        }
        let found = order
            .iter()
            .filter_map(|name| self.status.conditions.get(name));
        let newest = found
            .clone()
            .map(|it| it.observed_generation)
            .max()
            .flatten();
        let mut found = found.filter(|it| it.observed_generation == newest);
        if let Some(found) = found.next().cloned() {
            // That something had to be remediated is never a success.
            let is = if *found.r#type == *REMEDIATED {
                Is::False
            } else {
                found.status
            };
            if is == Is::True {
                self.delete(STALLED);
            }
            self.set(READY, is, &found.reason, &found.message);
        }

        let spec = &object.spec;
        let renderers = digest::of_post_renderers(spec.post_renderers.as_deref());
        self.status.observed_post_renderers_digest = renderers.map(Into::into);
        let metadata = digest::of_common_metadata(spec.common_metadata.as_deref());
        self.status.observed_common_metadata_digest = metadata.map(Into::into);
    }

    /// Turns a remediation into a success: what it led to is what is wanted.
    pub(crate) fn replace_remediated(&mut self, reason: &str, text: &str) {
        if self.is(REMEDIATED, Is::True) {
            self.delete(RELEASED);
            self.set(RELEASED, Is::True, reason, text);
            self.delete(REMEDIATED);
        }
    }

    /// Forgets what was found of live edits.
    pub(crate) fn forget_drift(&mut self) {
        self.delete(DRIFTED);
    }

    /// Says that nothing was found to do.
    pub(crate) fn done(&mut self) {
        self.delete(RECONCILING);
        self.status.observed_generation = Some(self.generation);
    }

    /// Answers what was asked for by annotations.
    pub(crate) fn handled(&mut self, object: &HelmRelease) {
        use lode_api::Status as _;
        use lode_object::meta;
        let asked = |key| object.metadata.annotation(key);
        if let Some(token) = asked(meta::REQUESTED_AT) {
            self.status.handle_reconcile_at(token);
        }
        if let Some(token) = asked(meta::FORCE_AT) {
            self.status.last_handled_force_at = Some(token.into());
        }
        if let Some(token) = asked(meta::RESET_AT) {
            self.status.last_handled_reset_at = Some(token.into());
        }
    }

    /// Says that it waits for something.
    pub(crate) fn fulfilling(&mut self) {
        self.reconciling(reasons::PROGRESSING, "Fulfilling prerequisites");
    }
}

/// Returns an event with what is known of a release.
pub(crate) fn about(told: Told, of: &Snapshot) -> Told {
    let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
    told.at(&*of.chart_version)
        .with("token", &*of.config_digest)
        .with("app-version", text(&of.app_version))
        .with("oci-digest", text(&of.oci_digest))
}
