//! Renders a chart for a release, on a thread and within the memory budget.

use std::sync::Arc;

use jiff::Timestamp;
use lode_ambient::Ambient;
use lode_api::HelmRelease;
use lode_chart::release::{Hook, RecordedChart};
use lode_chart::{
    Capabilities, Crd, PostRender, PrepareError, ReleaseInfo, RenderOptions, SchemaDocuments,
    SchemaError,
};
use lode_object::Value;
use lode_render::release;
use lode_stdx::budget::Budget;
use lode_template::{Cluster, Environment, Random};
use serde_json::Map;

use crate::charts::SharedChart;
use crate::computing::Computing;
use crate::lookup::{ClusterLookup, LookedUp};
use crate::objects::{Origin, ReleaseObjects};

/// Bytes that a render needs at first, whatever the chart.
const BYTES_MIN: u64 = 8 << 20;

/// What is rendered.
#[derive(Clone)]
pub(crate) struct RenderOrder {
    pub(crate) object: Arc<HelmRelease>,
    pub(crate) chart: Arc<SharedChart>,
    /// Values that win over those of the chart.
    pub(crate) values: Arc<Map<String, Value>>,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) revision: i64,
    pub(crate) is_upgrade: bool,
    pub(crate) checks_schema: bool,
    pub(crate) capabilities: Capabilities,
    pub(crate) now: Timestamp,
    pub(crate) ambient: Ambient,
    pub(crate) lookup: ClusterLookup,
}

/// What was rendered.
pub(crate) struct RenderedRelease {
    pub(crate) chart: Arc<RecordedChart>,
    pub(crate) manifest: String,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) notes: String,
    pub(crate) objects: ReleaseObjects,
    /// What the cluster was asked for: with other answers another render may give something else.
    pub(crate) looked_up: Vec<LookedUp>,
}

impl RenderOrder {
    /// Renders once there is memory for it; `before` is how many bytes it took the last time.
    ///
    /// # Errors
    /// The values do not fit, a template fails, or what it gives is no object: the reason, in Helm's words.
    pub(crate) async fn render(
        self,
        computing: &Computing,
        before: u64,
    ) -> Result<RenderedRelease, String> {
        let namespace = self.object.metadata.namespace.clone();
        let likely = BYTES_MIN.max(before);
        let once = move |budget: &Budget| self.once(budget);
        let room = (&*namespace, likely);
        computing.run(room, once, |not_run| not_run).await
    }

    fn once(&self, budget: &Budget) -> Result<RenderedRelease, String> {
        let prepared = self.chart.chart.prepare(&self.values, budget);
        let prepared = prepared.map_err(|error| error.to_string())?;
        if self.checks_schema {
            let checked = prepared.check_schemas(&SchemaDocuments::new(), budget);
            checked.map_err(|error| unfit(&error))?;
        }

        let change = |stream: &str| release::change(&self.object, stream, budget);
        let strategy = self.object.spec.post_render_strategy();
        let strategy = release::strategy(strategy.map_err(|error| error.to_string())?);
        let options = RenderOptions {
            post_render: Some(PostRender {
                change: &change,
                strategy,
            }),
            ..RenderOptions::default()
        };
        let info = ReleaseInfo {
            name: &self.name,
            namespace: &self.namespace,
            revision: self.revision,
            is_upgrade: self.is_upgrade,
        };
        let random = AmbientRandom(&self.ambient);
        let environment = Environment {
            now: self.now,
            random: &random,
            cluster: Some(&self.lookup as &dyn Cluster),
            resolve_host: None,
            used_time: None,
            is_lint: false,
            budget,
        };
        let rendered = prepared.render(&info, &self.capabilities, &options, &environment);
        let rendered = rendered.map_err(|error| error.to_string())?;

        let recorded = prepared.recorded().map_err(|error| error.to_string())?;
        let origin = Origin {
            name: &self.name,
            namespace: &self.namespace,
        };
        let manifests = rendered.manifests.iter();
        let documents = manifests.map(|manifest| (&*manifest.path, &*manifest.content));
        let objects = ReleaseObjects::read(documents, &origin, budget)?;
        Ok(RenderedRelease {
            chart: self.chart.recorded(recorded),
            manifest: lode_chart::manifest::text(&rendered.manifests),
            hooks: rendered.hooks,
            notes: rendered.notes,
            objects,
            looked_up: self.lookup.answers(),
        })
    }

    /// Returns the definitions of the charts in use, which are not rendered.
    ///
    /// # Errors
    /// The values do not fit.
    pub(crate) fn crds(&self, budget: &Budget) -> Result<Vec<Crd>, String> {
        let prepared = self.chart.chart.prepare(&self.values, budget);
        Ok(prepared.map_err(|error| error.to_string())?.crds())
    }
}

/// Says which values a schema refuses, without them: they may be secret.
fn unfit(error: &PrepareError) -> String {
    match error {
        PrepareError::Schema(SchemaError::Violated(violations)) => violations.to_string(),
        error => error.to_string(),
    }
}

/// Random bytes of the process, or of a test.
struct AmbientRandom<'a>(&'a Ambient);

impl Random for AmbientRandom<'_> {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(size_of::<u64>()) {
            chunk.copy_from_slice(&self.0.random().to_le_bytes()[..chunk.len()]);
        }
    }
}
