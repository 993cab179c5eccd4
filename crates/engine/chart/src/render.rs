//! Renders a prepared chart: templates to files, files to manifests and hooks.
//!
//! Rendering is pure: clock, randomness and cluster are in the [`Environment`]. [`RenderedChart::used`]
//! says which of them were used, so a caller knows when the same input gives the same output.

mod compiled;
mod files;
mod glob;
mod objects;
mod release_info;
mod scope;
mod templates;
mod used;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use lode_stdx::budget::{Exceeded, Meter};
use lode_template::{Environment, MissingKey};

pub(crate) use compiled::CompiledSets;
pub use release_info::ReleaseInfo;
pub use used::Used;

use crate::capabilities::{Capabilities, Incompatible};
use crate::manifest::{self, INSTALL_ORDER, Manifest};
use crate::post_render::{self, PostRender};
use crate::prepare::{Crd, Prepared};
use crate::release::Hook;
use crate::warning::Warnings;
use scope::Scopes;
use templates::compiled_templates;
use used::Observed;

/// Options of a render.
#[derive(Clone, Copy, Default)]
pub struct RenderOptions<'o> {
    /// Whether the notes of subcharts follow those of the chart.
    pub sub_notes: bool,
    /// Whether a key that a map does not have is an error.
    pub is_strict: bool,
    /// What changes the manifests after they are rendered.
    pub post_render: Option<PostRender<'o>>,
    /// How many threads read templates and manifests; 0 and 1 mean the calling one.
    pub threads: usize,
}

/// A rendered release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedChart {
    /// Objects in install order.
    pub manifests: Vec<Manifest>,
    /// Hooks in install order of their kinds.
    pub hooks: Vec<Hook>,
    /// NOTES.txt.
    pub notes: String,
    /// What Helm would print.
    pub warnings: Warnings,
    /// What the templates used besides their input.
    pub used: Used,
}

/// Why a chart cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The cluster's version is not supported.
    #[error("{0}")]
    Incompatible(#[from] Incompatible),
    /// A template fails.
    #[error("{0}")]
    Template(#[from] lode_template::RenderError),
    /// The budget is exceeded.
    #[error("rendering {0}")]
    Exceeded(#[from] Exceeded),
    /// Changing the manifests fails.
    #[error("{0}")]
    PostRender(#[from] post_render::PostRenderError),
    /// A rendered file does not contain manifests.
    #[error("{source}")]
    Manifest {
        /// The reason.
        source: manifest::ManifestError,
        /// All rendered files, to find out what is wrong. They may contain secrets.
        files: RenderedFiles,
    },
}

/// Rendered files by path.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedFiles(pub BTreeMap<String, Arc<String>>);

/// Without content, which may be secret.
impl std::fmt::Debug for RenderedFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Prepared<'_> {
    /// Renders the chart.
    ///
    /// # Errors
    /// The cluster's version is not supported, a template fails, its output is not YAML, or the
    /// budget is exceeded.
    pub fn render(
        &self,
        release: &ReleaseInfo<'_>,
        capabilities: &Capabilities,
        options: &RenderOptions<'_>,
        environment: &Environment<'_>,
    ) -> Result<RenderedChart, RenderError> {
        capabilities.check(&self.chart.chart.metadata().kube_version)?;
        let observed = Observed::new(environment);
        let mut files = self.files(release, capabilities, options, &observed)?;
        let notes = take_notes(&self.chart.name, options.sub_notes, &mut files);
        if let Some(post_render) = &options.post_render {
            files = post_render.run(&files, environment.budget)?;
        }

        let mut warnings = self.warnings.clone();
        let files: manifest::Files = files
            .into_iter()
            .map(|(path, content)| (path, Arc::new(content)))
            .collect();
        // What one file has cost cannot be told while several are read at once.
        let known = (options.threads <= 1).then_some(&self.chart.chart.known_files);
        let sorted = manifest::sort(
            &files,
            &INSTALL_ORDER,
            (known, options.threads),
            &mut warnings,
            environment.budget,
        );
        let sorted = match sorted {
            Ok(sorted) => sorted,
            Err(source) => {
                let files = RenderedFiles(files);
                return Err(RenderError::Manifest { source, files });
            }
        };
        Ok(RenderedChart {
            manifests: sorted.manifests,
            hooks: sorted.hooks,
            notes,
            warnings,
            used: observed.used(),
        })
    }

    /// Renders all files.
    fn files(
        &self,
        release: &ReleaseInfo<'_>,
        capabilities: &Capabilities,
        options: &RenderOptions<'_>,
        observed: &Observed<'_>,
    ) -> Result<BTreeMap<String, String>, RenderError> {
        let environment = observed.environment();
        let meter = Meter::new(environment.budget);
        let scopes = Scopes::new(self, release, capabilities, meter)?;
        let compiled = compiled_templates(&self.chart, options.threads, environment.budget)?;
        let missing = if options.is_strict {
            MissingKey::Error
        } else {
            MissingKey::Zero
        };

        let names = compiled.names.iter().map(|(name, _)| &**name);
        let scope = |name: &str| scopes.of(compiled.chart_of(name));
        let rendered = compiled
            .templates
            .render(names, scope, missing, &environment)?;
        let files = rendered.into_iter().map(|file| (file.name, file.content));
        Ok(files.collect())
    }
}

impl RenderedChart {
    /// Returns everything as `helm template` prints it, in parts: definitions, objects, and the hooks that are wanted.
    #[must_use]
    pub fn parts<'r>(
        &'r self,
        crds: &'r [Crd],
        is_wanted: impl Fn(&Hook) -> bool,
    ) -> Vec<Cow<'r, str>> {
        let mut parts = Vec::new();
        for crd in crds {
            let text = String::from_utf8_lossy(&crd.file.data);
            add(&mut parts, &crd.path, text);
        }
        for manifest in &self.manifests {
            add(&mut parts, &manifest.path, (&*manifest.content).into());
        }
        // Space at the end is one line break.
        while let Some(last) = parts.pop() {
            let kept = last.trim_end().len();
            if kept > 0 {
                parts.push(match last {
                    Cow::Borrowed(text) => text.get(..kept).unwrap_or_default().into(),
                    Cow::Owned(mut text) => {
                        text.truncate(kept);
                        text.into()
                    }
                });
                break;
            }
        }
        parts.push("\n".into());
        for hook in self.hooks.iter().filter(|hook| is_wanted(hook)) {
            add(&mut parts, &hook.path, (&*hook.manifest).into());
        }
        parts
    }
}

fn add<'r>(parts: &mut Vec<Cow<'r, str>>, path: &'r str, content: Cow<'r, str>) {
    let borrowed = [manifest::SOURCE, path, "\n"].map(Cow::Borrowed);
    parts.extend(borrowed.into_iter().chain([content, "\n".into()]));
}

/// Takes notes out of the files. Returns those of the chart, and on request those of subcharts.
fn take_notes(chart: &str, sub_notes: bool, files: &mut BTreeMap<String, String>) -> String {
    let own = format!("{chart}/templates/{NOTES}");
    let mut notes: Vec<String> = Vec::new();
    files.retain(|path, content| {
        let is_notes = path.ends_with(NOTES);
        if is_notes && (sub_notes || *path == own) {
            notes.push(std::mem::take(content));
        }
        !is_notes
    });
    notes.retain(|notes| !notes.is_empty());
    notes.join("\n")
}

/// How the names of notes end.
const NOTES: &str = "NOTES.txt";

#[cfg(test)]
mod tests;
