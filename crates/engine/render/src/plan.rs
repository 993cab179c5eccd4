//! [`Plan`]: a Kustomization's build settings, as types of this crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lode_kustomize::Image;
use lode_object::Selector;

/// What to build, and the overrides. The default builds the root without overrides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The folder, as written in the spec: relative to the source's root, a leading `./` or `/` means the root.
    pub path: String,
    /// Namespace of every object that can have one.
    pub target_namespace: Option<String>,
    /// Prefix of every name.
    pub name_prefix: Option<String>,
    /// Suffix of every name.
    pub name_suffix: Option<String>,
    /// Applied after the folder's own patches.
    pub patches: Vec<Patch>,
    /// Merged by name into the folder's own images.
    pub images: Vec<Image>,
    /// Component folders, relative to the folder.
    pub components: Vec<String>,
    /// Whether a missing component is skipped instead of failing the build.
    pub ignore_missing_components: bool,
    /// Labels of every object; they override the objects' own and are not part of the digest.
    pub common_labels: BTreeMap<String, String>,
    /// Annotations of every object, as `common_labels`.
    pub common_annotations: BTreeMap<String, String>,
    /// What the build records on objects (`originAnnotations`); replaces the folder's own setting
    /// if not empty.
    pub build_metadata: Vec<String>,
    /// Variables; without any, `${…}` stays unchanged.
    pub substitute: Option<Substitution>,
    /// Whether objects list every file that affects them, which takes time.
    pub sources: bool,
    /// Whether objects of built-in kinds are reduced to the fields of Flux's Go types.
    pub by_type: bool,
}

/// A patch and its target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Patch {
    /// Strategic merge (YAML objects) or JSON 6902 (a list of operations), as text.
    pub patch: String,
    /// The objects; without it the patch itself names one.
    pub target: Option<Selector>,
    /// Whether a strategic merge may change the name.
    pub allow_name_change: bool,
    /// Whether a strategic merge may change the kind.
    pub allow_kind_change: bool,
}

/// Variables to replace in the rendered text. Shown without their values, which may be secret.
#[derive(Clone, Default, PartialEq)]
pub struct Substitution {
    /// Values by name.
    pub vars: BTreeMap<String, String>,
    /// Names of those whose values come from Secrets.
    pub secrets: BTreeSet<String>,
    /// Whether a variable without a value fails the build instead of being replaced by nothing.
    pub strict: bool,
    /// Whether to replace even if there are no variables.
    pub always: bool,
}

impl fmt::Debug for Substitution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.vars.keys().collect();
        let mut shown = f.debug_struct("Substitution");
        shown
            .field("vars", &names)
            .field("strict", &self.strict)
            .field("always", &self.always)
            .finish_non_exhaustive()
    }
}
