//! What a delivery asks of its release, and tells it.

use lode_api::Kind as _;
use lode_api::shared::InventoryEntry;
use lode_apply::{Drift, Set};
use lode_cluster::Error as ClusterError;
use lode_deliver::{DeliveryNews, DeliveryOwner};
use lode_runtime::Failure;

use crate::acting::Acting;
use crate::recorded::recorded_set;

impl DeliveryOwner for Acting<'_> {
    async fn rebuild(&self) -> Result<Set, Failure> {
        recorded_set(self).await
    }

    async fn write_ahead(&self, _: Vec<InventoryEntry>) -> Result<(), ClusterError> {
        Ok(())
    }

    fn hear(&self, news: DeliveryNews<'_>) {
        match news {
            DeliveryNews::Hidden(words) => self.kind.own.hide_words(&self.owner, words),
            DeliveryNews::Drifted { drift, .. } => self.drifted(drift),
            DeliveryNews::Changed { changes, .. } => self.facts.changed(changes),
            _ => {}
        }
    }
}

impl Acting<'_> {
    fn drifted(&self, drift: &Drift) {
        let what = if drift.corrected { "corrected" } else { "told" };
        let metrics = self.kind.own.metrics();
        metrics.drift(lode_api::helm_release::Spec::NAMES.kind, &self.owner, what);
        self.facts.drifted(drift);
    }
}
