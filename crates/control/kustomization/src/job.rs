//! [`Job`]: what one attempt works with.

use lode_api::shared::Artifact;
use lode_apply::Applier;
use lode_object::NamespacedName;
use lode_store::Owner;

use crate::facts::Facts;
use crate::validate::Checked;

/// What an artifact of a registry calls the revision that it was made from.
const ORIGIN_REVISION: &str = "org.opencontainers.image.revision";

/// What one attempt works with.
pub(crate) struct Job<'a> {
    pub(crate) owner: NamespacedName,
    pub(crate) checked: &'a Checked,
    pub(crate) facts: &'a Facts,
    /// Applies, reads and deletes, as the account of the Kustomization.
    pub(crate) applier: Applier,
    pub(crate) artifact: Artifact,
    /// Whose artifacts that may be among.
    pub(crate) from: Owner,
}

impl Job<'_> {
    pub(crate) fn revision(&self) -> &str {
        &self.artifact.revision
    }

    /// Returns the revision that the artifact was made from, if its maker says so.
    fn origin(&self) -> Option<&str> {
        self.artifact
            .metadata
            .get(ORIGIN_REVISION)
            .map(|text| &**text)
    }

    /// Notes what is being done.
    pub(crate) fn doing(&self, what: &str) {
        self.facts
            .doing(what, self.revision(), self.checked.timeout);
    }

    /// Notes that whatever is wrong from here on is a fault of building this revision.
    pub(crate) fn building(&self) {
        self.doing("Building manifests");
        self.facts.attempted(self.revision(), self.origin());
    }
}
