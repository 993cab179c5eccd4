//! Actions on a release, as Helm 4 takes them: each a function from what is wanted to what the storage has then.
//!
//! ```text
//! install, upgrade: definitions → render → store as pending → hooks → objects → ready → hooks → store the end
//! rollback: the same with what an earlier record has · uninstall: hooks → delete → gone → hooks → purge
//! ```

mod crds;
mod install;
mod perform;
mod place;
mod recording;
mod rollback;
mod test;
mod uninstall;
mod unlock;
mod upgrade;

pub(crate) use crds::inventory as inventory_of_crds;
pub(crate) use install::install;
pub(crate) use rollback::rollback;
pub(crate) use test::{is_selected, test};
pub(crate) use uninstall::{UninstallOrder, Uninstalled, uninstall};
pub(crate) use unlock::unlock;
pub(crate) use upgrade::upgrade;

use std::collections::BTreeMap;
use std::sync::Arc;

use lode_api::helm_release::status::{HelmReleaseStatus, Snapshot};
use lode_api::shared::InventoryEntry;
use lode_chart::release::Release;
use lode_render::release::ReleaseValues;
use lode_runtime::Told;

use crate::acting::Acting;
use crate::charts::SharedChart;
use crate::snapshot::observe;
use crate::standing::KnownRelease;
use crate::storage::Revision;

/// What is to be released.
pub(crate) struct ReleaseOrder {
    pub(crate) chart: Arc<SharedChart>,
    pub(crate) values: ReleaseValues,
    /// Digest of the values.
    pub(crate) config_digest: String,
    /// Digest of the values of the last release with these over them, where those are kept.
    pub(crate) kept_digest: Option<String>,
    /// Digest of the artifact that the chart is from, if its source tells one.
    pub(crate) oci_digest: Option<String>,
    /// What the storage has of the release, the newest first.
    pub(crate) revisions: Vec<Revision>,
}

impl ReleaseOrder {
    /// Returns name and version of the chart.
    pub(crate) fn chart_text(&self) -> String {
        let metadata = self.chart.chart.metadata();
        format!("{}@{}", metadata.name, metadata.version)
    }

    /// Returns an event with what is known of what is to be released.
    pub(crate) fn about(&self, told: Told) -> Told {
        let metadata = self.chart.chart.metadata();
        told.at(&*metadata.version)
            .with("token", &*self.config_digest)
            .with("app-version", &*metadata.app_version)
            .with("oci-digest", self.oci_digest.clone().unwrap_or_default())
    }
}

/// What an action has written into the storage.
#[derive(Default)]
pub(crate) struct Written {
    snapshots: BTreeMap<i64, Snapshot>,
    /// The objects of the release that was made.
    pub(crate) inventory: Option<Vec<InventoryEntry>>,
    /// The newest record, as it was written last.
    pub(crate) last: Option<KnownRelease>,
}

impl Written {
    /// Notes a record that was written; `action` says which action it is of.
    pub(crate) fn note(&mut self, release: &Release, action: Option<&str>, oci: Option<&str>) {
        self.snapshots
            .insert(release.version, observe(release, action, oci));
    }

    /// Returns whether nothing was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.snapshots.is_empty()
    }

    /// Returns what was observed, the oldest first.
    pub(crate) fn take(&mut self) -> Vec<Snapshot> {
        std::mem::take(&mut self.snapshots).into_values().collect()
    }
}

/// Returns the digest of the artifact that a revision was made from, as the history knows it.
pub(crate) fn oci_digest_of<'s>(
    status: &'s HelmReleaseStatus,
    release: &Release,
) -> Option<&'s str> {
    use crate::snapshot::Observed as _;
    let known = status
        .history
        .iter()
        .find(|snapshot| snapshot.targets(release));
    known.and_then(|snapshot| snapshot.oci_digest.as_deref())
}

/// Returns the origin of the objects of a release.
pub(crate) fn origin<'a>(acting: &'a Acting<'_>) -> crate::objects::Origin<'a> {
    crate::objects::Origin {
        name: &acting.storage.name,
        namespace: &acting.namespace,
    }
}
