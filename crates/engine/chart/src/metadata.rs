//! What Chart.yaml and Chart.lock say about a chart.
//!
//! The types have the fields, order and omissions of Helm's JSON, because release records contain
//! them. [`decode`] reads them from YAML as Go does, [`validate`] checks them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::moment;

pub(crate) mod decode;
pub(crate) mod validate;

pub use decode::FieldError;
pub use validate::Invalid;

/// The contents of Chart.yaml.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Name of the chart.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// URL of the project.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub home: String,
    /// URLs of the source code.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub sources: Vec<String>,
    /// Semantic version of the chart.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// One sentence about the chart.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Keywords.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub keywords: Vec<String>,
    /// Who maintains it.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub maintainers: Vec<Maintainer>,
    /// URL of an icon.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub icon: String,
    /// `v1` or `v2`.
    #[serde(rename = "apiVersion", skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Not used by Helm: conditions are those of the parent's dependencies.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Not used by Helm: tags are those of the parent's dependencies.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tags: String,
    /// Version of the application in the chart.
    #[serde(rename = "appVersion", skip_serializing_if = "String::is_empty")]
    pub app_version: String,
    /// Whether the chart should no longer be used.
    #[serde(skip_serializing_if = "is_false")]
    pub deprecated: bool,
    /// Annotations of the chart itself.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "nullable"
    )]
    pub annotations: BTreeMap<String, String>,
    /// Range of Kubernetes versions that the chart supports.
    #[serde(rename = "kubeVersion", skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    /// Declared dependencies. Absent and empty differ: without the field Helm does not process the
    /// dependencies of subcharts either.
    #[serde(skip_serializing_if = "is_none_or_empty")]
    pub dependencies: Option<Vec<Dependency>>,
    /// `application`, `library` or empty.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
}

/// A person or an organisation that maintains a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Maintainer {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Mail address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// URL.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// A chart that another chart declares to need.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dependency {
    /// Name of the chart; its alias once dependencies were processed.
    pub name: String,
    /// Range of versions.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// URL of the repository.
    pub repository: String,
    /// Paths of values, separated by commas; the first that is a boolean decides.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Names in the table `tags` of the values.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub tags: Vec<String>,
    /// Whether conditions and tags left it enabled.
    #[serde(skip_serializing_if = "is_false")]
    pub enabled: bool,
    /// Values that the parent takes over, as texts or tables of `child` and `parent`.
    #[serde(
        rename = "import-values",
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "nullable"
    )]
    pub import_values: Vec<Value>,
    /// Name that it has in this chart.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alias: String,
}

/// The contents of Chart.lock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lock {
    /// When it was written.
    #[serde(with = "moment")]
    pub generated: Option<Timestamp>,
    /// Digest of the dependencies it was made from.
    pub digest: String,
    /// The dependencies with the version that was chosen.
    pub dependencies: Option<Vec<Dependency>>,
}

impl Metadata {
    /// Returns the declared dependencies; none if the field is absent.
    #[must_use]
    pub fn declared(&self) -> &[Dependency] {
        self.dependencies.as_deref().unwrap_or_default()
    }

    /// Returns whether only the partial templates of the chart are used.
    #[must_use]
    pub fn is_library(&self) -> bool {
        self.kind.eq_ignore_ascii_case("library")
    }
}

/// Reads `null` as the default, as Go does.
pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
pub(crate) fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
fn is_none_or_empty<T>(list: &Option<Vec<T>>) -> bool {
    list.as_ref().is_none_or(Vec::is_empty)
}
