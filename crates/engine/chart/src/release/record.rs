//! [`Release`]: one revision of a release.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::hook::Hook;
use super::info::Info;
use super::recorded::RecordedChart;

/// One revision of a release, as Helm records it.
#[derive(Clone, PartialEq)]
pub struct Release {
    /// Name of the release.
    pub name: String,
    /// Namespace of the release.
    pub namespace: String,
    /// Number of the revision, from 1.
    pub version: i64,
    /// What happened to it.
    pub info: Info,
    /// The chart, without its subcharts.
    pub chart: Arc<RecordedChart>,
    /// Values that the user supplied.
    pub config: Map<String, Value>,
    /// All objects but the hooks, in install order, as one YAML text.
    pub manifest: String,
    /// Hooks, in the order of their kinds.
    pub hooks: Vec<Hook>,
    /// Labels of the record that the user chose. They are kept on the object, not in the record.
    pub labels: BTreeMap<String, String>,
    /// How objects were applied.
    pub apply_method: Option<ApplyMethod>,
}

/// How the objects of a revision were applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApplyMethod {
    /// By the server, as Helm 4 does by default.
    #[serde(rename = "ssa")]
    ServerSide,
    /// By the client; also the meaning of a record without the field.
    #[serde(rename = "csa")]
    ClientSide,
}

/// Returns the name of the object that holds a revision.
#[must_use]
pub fn key(name: &str, version: i64) -> String {
    format!("sh.helm.release.v1.{name}.v{version}")
}

impl Release {
    /// Creates a revision of which nothing is known yet but what it is.
    #[must_use]
    pub fn new(
        name: &str,
        namespace: &str,
        version: i64,
        chart: impl Into<Arc<RecordedChart>>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            version,
            info: Info::default(),
            chart: chart.into(),
            config: Map::new(),
            manifest: String::new(),
            hooks: Vec::new(),
            labels: BTreeMap::new(),
            apply_method: None,
        }
    }

    /// Returns the name of the object that holds this revision.
    #[must_use]
    pub fn key(&self) -> String {
        key(&self.name, self.version)
    }
}

/// Without values and manifests, which may contain secrets.
impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Release")
            .field("name", &self.name)
            .field("namespace", &self.namespace)
            .field("version", &self.version)
            .field("status", &self.info.status)
            .finish_non_exhaustive()
    }
}
