//! [`ChartEntry`]: the settings of one entry of `helmCharts`, in either of its forms.

use lode_yaml::{Dialect, Node};

use crate::error::Fault;
use crate::input::decode::{At, Mapping};

/// The chart home if none is set.
const HOME: &str = "charts";

/// One entry of `helmCharts`.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of its own in the file"
)]
pub(crate) struct ChartEntry {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) repository: String,
    pub(super) release_name: String,
    pub(super) namespace: String,
    pub(super) more_values_files: Vec<At<String>>,
    pub(super) values_file: At<String>,
    values_inline: Option<Node>,
    pub(super) values_merge: String,
    pub(super) includes_crds: bool,
    pub(super) skips_hooks: bool,
    pub(super) skips_tests: bool,
    pub(super) api_versions: Vec<At<String>>,
    pub(super) kube_version: String,
    pub(super) name_template: String,
    pub(super) takes_previews: bool,
    /// How plain scalars of the inline values are read.
    pub(super) dialect: Dialect,
}

/// What all charts of a kustomization share.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ChartGlobals {
    home: String,
}

/// What wins where both the values file and the inline values say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValuesMerge {
    /// The inline values.
    Override,
    /// The file.
    Merge,
    /// There is no file.
    Replace,
}

impl ChartEntry {
    /// Reads an entry of `helmCharts`, or a generator's object.
    pub(crate) fn read(fields: &mut Mapping<'_>) -> Result<Self, Fault> {
        // Only the output of a failed render would be different.
        fields.flag("debug")?;
        Ok(Self {
            name: fields.text("name")?,
            version: fields.text("version")?,
            repository: fields.text("repo")?,
            release_name: fields.text("releaseName")?,
            namespace: fields.text("namespace")?,
            more_values_files: fields.texts("additionalValuesFiles")?,
            values_file: fields.text_at("valuesFile")?,
            values_inline: inline(fields, "valuesInline")?,
            values_merge: fields.text("valuesMerge")?,
            includes_crds: fields.flag("includeCRDs")?,
            skips_hooks: fields.flag("skipHooks")?,
            skips_tests: fields.flag("skipTests")?,
            api_versions: fields.texts("apiVersions")?,
            kube_version: fields.text("kubeVersion")?,
            name_template: fields.text("nameTemplate")?,
            takes_previews: fields.flag("devel")?,
            dialect: fields.mode().dialect(),
        })
    }

    /// Reads an entry of `helmChartInflationGenerator`, the older form, and the globals in it. As
    /// in kustomize, the other fields have no meaning.
    pub(crate) fn read_old(fields: &mut Mapping<'_>) -> Result<(Self, ChartGlobals), Fault> {
        for ignored in ["chartRepoName", "helmBin", "helmHome", "releaseNamespace"] {
            fields.text(ignored)?;
        }
        fields.texts("extraArgs")?;
        let globals = ChartGlobals {
            home: fields.text("chartHome")?,
        };
        let entry = Self {
            name: fields.text("chartName")?,
            version: fields.text("chartVersion")?,
            repository: fields.text("chartRepoUrl")?,
            release_name: fields.text("releaseName")?,
            namespace: String::new(),
            more_values_files: Vec::new(),
            values_file: fields.text_at("values")?,
            values_inline: inline(fields, "valuesLocal")?,
            values_merge: fields.text("valuesMerge")?,
            includes_crds: false,
            skips_hooks: false,
            skips_tests: false,
            api_versions: Vec::new(),
            kube_version: String::new(),
            name_template: String::new(),
            takes_previews: false,
            dialect: fields.mode().dialect(),
        };
        Ok((entry, globals))
    }

    /// Returns the inline values, if there are any.
    pub(super) fn inline(&self) -> Option<&Node> {
        let values = self.values_inline.as_ref();
        values.filter(|node| node.entries().is_some_and(|entries| !entries.is_empty()))
    }
}

fn inline(fields: &mut Mapping<'_>, field: &str) -> Result<Option<Node>, Fault> {
    match fields.node(field) {
        Some(node) if node.entries().is_none() => {
            Err(crate::input::decode::wrong(node.place, field, "a mapping"))
        }
        node => Ok(node.cloned()),
    }
}

impl ChartGlobals {
    /// Reads `helmGlobals`, or a generator's object.
    pub(crate) fn read(fields: &mut Mapping<'_>) -> Result<Self, Fault> {
        // A folder for settings of the helm command, which is not run.
        fields.text("configHome")?;
        Ok(Self {
            home: fields.text("chartHome")?,
        })
    }

    /// Takes what another entry says; the last one that says something counts.
    pub(crate) fn follow(&mut self, other: Self) {
        if !other.home.is_empty() {
            *self = other;
        }
    }

    /// Returns the folder with the charts, relative to the kustomization's.
    pub(super) fn home(&self) -> &str {
        if self.home.is_empty() {
            HOME
        } else {
            &self.home
        }
    }
}

impl ValuesMerge {
    /// Returns what a word means; nothing if it means nothing.
    pub(super) fn read(word: &str) -> Option<Self> {
        Some(match word {
            "" | "override" => Self::Override,
            "merge" => Self::Merge,
            "replace" => Self::Replace,
            _ => return None,
        })
    }
}
