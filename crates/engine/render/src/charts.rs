//! [`ChartRenderer`]: the charts that kustomizations name, rendered by `engine/chart`.
//!
//! Input: a chart's folder, values, and what the caller hands in: charts that were fetched, time,
//! randomness. Output: the text that `helm template` prints. There is no cluster: `lookup` finds
//! nothing. The build's budget pays for everything.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use lode_chart::release::{Event, validate_name};
use lode_chart::{
    Capabilities, Chart, KubeVersion, ReleaseInfo, RenderOptions, RenderedChart, SchemaDocuments,
    Supplied, expand_name,
};
use lode_kustomize::{ChartCall, ChartFailure, Charts, WantedChart};
use lode_stdx::budget::Budget;
use lode_template::{Environment, Random};
use lode_tree::Tree;

/// Returns a chart that was fetched before; nothing if it was not, an error if it cannot be.
pub type Fetched<'r> = &'r (dyn Fn(&WantedChart) -> Result<Option<Arc<Tree>>, String> + Sync);

/// Renders the charts that kustomizations name.
pub struct ChartRenderer<'r> {
    /// Charts that are not in the source.
    pub fetched: Fetched<'r>,
    /// Where time and randomness come from.
    pub chance: Chance<'r>,
    /// Version of Kubernetes for entries that name none; may be empty.
    pub kube_version: String,
    /// API versions for entries that name none.
    pub api_versions: Vec<String>,
}

/// What differs from one render to the next.
#[derive(Clone, Copy)]
pub enum Chance<'r> {
    /// Templates may use time and randomness.
    Allowed {
        /// The time.
        now: Timestamp,
        /// The randomness.
        random: &'r (dyn Random + Sync),
    },
    /// A chart whose output depends on time or randomness is refused: it would change with every
    /// build of the same source.
    Refused,
}

impl ChartRenderer<'static> {
    /// Returns a renderer of charts that are in the source only, whose output is always the same.
    #[must_use]
    pub fn of_source() -> Self {
        Self {
            fetched: &|_| {
                Err("the operator fetches no charts: put the chart into the source".to_owned())
            },
            chance: Chance::Refused,
            kube_version: String::new(),
            api_versions: Vec::new(),
        }
    }
}

impl Charts for ChartRenderer<'_> {
    fn fetched(&self, wanted: &WantedChart) -> Result<Option<Arc<Tree>>, String> {
        (self.fetched)(wanted)
    }

    fn render(&self, call: &ChartCall<'_>, budget: &Budget) -> Result<Vec<u8>, ChartFailure> {
        let text = match self.chance {
            Chance::Allowed { now, random } => self.text(call, (now, random), budget),
            Chance::Refused => self.same_text(call, budget),
        };
        text.map(String::into_bytes)
            .map_err(|text| match budget.refused() {
                Some(exceeded) => ChartFailure::Exceeded(exceeded),
                None => ChartFailure::Refused(text),
            })
    }
}

impl ChartRenderer<'_> {
    /// Returns a text that neither time nor randomness has a part in.
    fn same_text(&self, call: &ChartCall<'_>, budget: &Budget) -> Result<String, String> {
        let render = |now| self.rendered(call, (now, &Sequence::default()), budget);
        let (first, text) = render(Timestamp::UNIX_EPOCH)?;
        if first.used.random {
            return Err(CHANGING.to_owned());
        }
        // A template may ask for the time and not show it, so another time must tell.
        if first.used.time && render(LATER)?.1 != text {
            return Err(CHANGING.to_owned());
        }
        Ok(text)
    }

    fn text(
        &self,
        call: &ChartCall<'_>,
        chance: (Timestamp, &dyn Random),
        budget: &Budget,
    ) -> Result<String, String> {
        self.rendered(call, chance, budget).map(|(_, text)| text)
    }

    fn rendered(
        &self,
        call: &ChartCall<'_>,
        (now, random): (Timestamp, &dyn Random),
        budget: &Budget,
    ) -> Result<(RenderedChart, String), String> {
        let chart = Chart::from_folder(call.loader, &call.folder, budget).map_err(told)?;
        chart.check_installable().map_err(told)?;
        chart.check_dependencies().map_err(told)?;
        let name = release_name(call, (now, random), budget)?;
        let values = values(call, budget)?;

        let prepared = chart.prepare(&values, budget).map_err(told)?;
        let checked = prepared.check_schemas(&SchemaDocuments::new(), budget);
        checked.map_err(told)?;
        let release = ReleaseInfo {
            name: &name,
            namespace: match call.namespace {
                "" => DEFAULT_NAMESPACE,
                namespace => namespace,
            },
            revision: 1,
            is_upgrade: false,
        };
        let environment = Environment::without_cluster((now, random), budget);
        let capabilities = self.capabilities(call)?;
        let options = RenderOptions::default();
        let rendered = prepared.render(&release, &capabilities, &options, &environment);
        let rendered = rendered.map_err(told)?;
        let crds = if call.includes_crds {
            prepared.crds()
        } else {
            Vec::new()
        };
        let parts = rendered.parts(&crds, |hook| {
            !call.skips_hooks && (!call.skips_tests || !hook.is_for(Event::Test))
        });
        let length: usize = parts.iter().map(|part| part.len()).sum();
        budget.bytes(length as u64).map_err(told)?;
        let text = parts.concat();
        Ok((rendered, text))
    }

    /// What an entry says counts more than what the caller says.
    fn capabilities(&self, call: &ChartCall<'_>) -> Result<Capabilities, String> {
        let mut capabilities = Capabilities::default();
        let version = match call.kube_version {
            "" => &*self.kube_version,
            version => version,
        };
        if !version.is_empty() {
            let parsed = KubeVersion::parse(version);
            capabilities.kube_version =
                parsed.map_err(|error| format!("invalid kube version '{version}': {error}"))?;
        }
        if call.api_versions.is_empty() {
            let versions = self.api_versions.iter().map(String::as_str);
            return Ok(capabilities.with_api_versions(versions));
        }
        Ok(capabilities.with_api_versions(call.api_versions.iter().copied()))
    }
}

/// The namespace of a release that has none.
const DEFAULT_NAMESPACE: &str = "default";
/// The name of a release that has none: Helm has it ready before it could generate one.
const DEFAULT_NAME: &str = "release-name";
/// Why a chart is refused whose output is never the same.
const CHANGING: &str = "the output of the chart depends on the time or on random values, so that it would change \
     with every build: set the values that it generates, or use a HelmRelease";
/// Another time than the first one.
const LATER: Timestamp = Timestamp::constant(2_000_000_001, 1);

/// Numbers where no randomness may be used: what is made of them is thrown away.
#[derive(Default)]
struct Sequence(AtomicU64);

impl Random for Sequence {
    fn fill(&self, bytes: &mut [u8]) {
        // Not all the same: those who look for a prime would never find one.
        for chunk in bytes.chunks_mut(size_of::<u64>()) {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            let number = (count + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let number = (number ^ (number >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (number ^ (number >> 32)).to_le_bytes();
            chunk.copy_from_slice(&mixed[..chunk.len()]);
        }
    }
}

fn release_name(
    call: &ChartCall<'_>,
    (now, random): (Timestamp, &dyn Random),
    budget: &Budget,
) -> Result<String, String> {
    let name = match (call.release_name, call.name_template) {
        ("", "") => DEFAULT_NAME.to_owned(),
        ("", template) => expand_name(template, now, random, budget).map_err(told)?,
        (name, "") => name.to_owned(),
        _ => return Err("cannot set --name-template and also specify a name".to_owned()),
    };
    validate_name(&name).map_err(told)?;
    Ok(name)
}

fn values(
    call: &ChartCall<'_>,
    budget: &Budget,
) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    let files: Vec<(&str, &[u8])> = call
        .values
        .iter()
        .map(|file| (&*file.name, &*file.text))
        .collect();
    let supplied = Supplied {
        files: &files,
        ..Supplied::default()
    };
    let no_files = |name: &str| Err(name.to_owned());
    supplied.merge(&no_files, budget).map_err(told)
}

/// Returns the text of an error; none contains a value.
fn told(error: impl Display) -> String {
    error.to_string().trim_end().to_owned()
}

#[cfg(test)]
mod tests;
