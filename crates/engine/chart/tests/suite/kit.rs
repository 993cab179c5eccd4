//! What the suites share: an environment without a world, and renders.

use std::cell::Cell;

use jiff::Timestamp;
use lode_chart::{Capabilities, Chart, ReleaseInfo, RenderOptions, RenderedChart, SchemaDocuments};
use lode_stdx::budget::Budget;
use lode_template::{Environment, Random};
use serde_json::{Map, Value};

/// Bytes that look random and are the same in every run.
#[derive(Default)]
pub(crate) struct Noise(Cell<u64>);

impl Random for Noise {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let next = self
                .0
                .get()
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            self.0.set(next);
            *byte = (next >> 56) as u8;
        }
    }
}

/// A first revision.
pub(crate) const RELEASE: ReleaseInfo<'_> = ReleaseInfo {
    name: "rel",
    namespace: "ns1",
    revision: 1,
    is_upgrade: false,
};

/// Renders a chart as `helm template` does, without a cluster.
pub(crate) fn render(
    chart: &Chart,
    values: &Map<String, Value>,
    release: &ReleaseInfo<'_>,
    budget: &Budget,
) -> Result<(RenderedChart, String), String> {
    let noise = Noise::default();
    let environment = Environment {
        now: Timestamp::UNIX_EPOCH,
        random: &noise,
        cluster: None,
        resolve_host: None,
        used_time: None,
        is_lint: false,
        budget,
    };
    let prepared = chart
        .prepare(values, budget)
        .map_err(|error| error.to_string())?;
    let checked = prepared.check_schemas(&SchemaDocuments::new(), budget);
    checked.map_err(|error| error.to_string())?;
    let options = RenderOptions::default();
    let rendered = prepared.render(release, &Capabilities::default(), &options, &environment);
    let rendered = rendered.map_err(|error| error.to_string())?;
    let text = text(&prepared.crds(), &rendered);
    Ok((rendered, text))
}

/// Returns the text of `helm template --include-crds`.
fn text(crds: &[lode_chart::Crd], rendered: &RenderedChart) -> String {
    let mut all = String::new();
    for crd in crds {
        let content = String::from_utf8_lossy(&crd.file.data);
        lode_chart::manifest::show(&crd.path, &content, &mut all);
    }
    all.push_str(&lode_chart::manifest::text(&rendered.manifests));
    let mut text = format!("{}\n", all.trim());
    for hook in &rendered.hooks {
        lode_chart::manifest::show(&hook.path, &hook.manifest, &mut text);
    }
    text
}
