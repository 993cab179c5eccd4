//! [`Delivering`]: a Kustomization as the owner of objects that are delivered.

use std::sync::Arc;

use lode_api::Kustomization;
use lode_api::kustomization::Spec;
use lode_api::shared::InventoryEntry;
use lode_api::{Kind as _, reasons};
use lode_apply::{Drift, Set, change_log};
use lode_deliver::{DeliveryNews, DeliveryOwner};
use lode_runtime::{Draft, Failure, Told};
use tracing::warn;

use crate::controller::Kustomizations;
use crate::gather;
use crate::job::Job;
use crate::status::with_inventory;

/// A Kustomization whose objects are delivered.
pub(crate) struct Delivering<'a> {
    pub(crate) kind: &'a Kustomizations,
    pub(crate) object: &'a Arc<Kustomization>,
    pub(crate) job: &'a Job<'a>,
    /// How many bytes the last build took.
    pub(crate) build_bytes: u64,
}

impl DeliveryOwner for Delivering<'_> {
    async fn rebuild(&self) -> Result<Set, Failure> {
        let Self { kind, object, .. } = self;
        let tree = gather::tree(&kind.sources, &self.job.artifact, &self.job.from);
        let tree = kind.cancellation.unless(&kind.own, object, tree).await?;
        let vars = gather::variables(kind.own.client(), object).await?;
        let built = kind
            .build_within(object, tree, vars, self.build_bytes)
            .await?;
        Ok(built.set)
    }

    async fn write_ahead(&self, inventory: Vec<InventoryEntry>) -> Result<(), lode_cluster::Error> {
        let own = &self.kind.own;
        let now = own.ambient().now_text();
        let draft = with_inventory(Draft::new(self.object, &now), inventory);
        own.write_status(self.object, &draft.status).await
    }

    fn hear(&self, news: DeliveryNews<'_>) {
        let facts = self.job.facts;
        match news {
            DeliveryNews::Doing(what) => self.job.doing(what),
            DeliveryNews::Text(digest) => facts.built(digest),
            DeliveryNews::Hidden(words) => self.kind.own.hide_words(&self.job.owner, words),
            DeliveryNews::Inventory(entries) => facts.inventory(entries),
            DeliveryNews::Changed { changes, revision } => {
                facts.changed();
                let told = Told::normal(reasons::PROGRESSING, change_log(changes));
                self.kind.own.emit(self.object, told.at(revision));
            }
            DeliveryNews::Drifted { drift, revision } => self.tell_drift(drift, revision),
            DeliveryNews::NotHeld(failure) => self.tell_not_held(failure),
        }
    }
}

impl Delivering<'_> {
    fn tell_drift(&self, drift: &Drift, revision: &str) {
        let text = drift.to_string();
        let (told, what) = if drift.corrected {
            (Told::normal("DriftCorrected", text), "corrected")
        } else {
            (Told::warning("DriftDetected", text), "told")
        };
        let own = &self.kind.own;
        own.emit(self.object, told.at(revision));
        own.metrics().drift(Spec::NAMES.kind, &self.job.owner, what);
    }

    /// Logs a failure that is shown nowhere else: the newer revision's is in the status.
    fn tell_not_held(&self, failure: &Failure) {
        let owner = &self.job.owner;
        let message = self.job.facts.known().mask(failure).message;
        let error = self.kind.own.discreet(owner, message);
        warn!(name = %owner, error, "drift from the last applied revision not corrected");
    }
}
