//! [`Plan`]: what a Kustomization says about building, in our own words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lode_kustomize::{Image, Target};

/// What to build and what to lay over it. The default builds the root as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The folder, as written in the spec: relative to the source's root, a leading `./` or `/` means the root.
    pub path: String,
    /// Namespace of every object that can have one.
    pub target_namespace: Option<String>,
    /// Put in front of every name.
    pub name_prefix: Option<String>,
    /// Put behind every name.
    pub name_suffix: Option<String>,
    /// Applied after the folder's own patches.
    pub patches: Vec<Patch>,
    /// Merged by name into the folder's own images.
    pub images: Vec<Image>,
    /// Component folders, relative to the folder.
    pub components: Vec<String>,
    /// A component that is not there is left out instead of failing the build.
    pub ignore_missing_components: bool,
    /// Labels of every object; they win over the objects' own and are no part of the digest.
    pub common_labels: BTreeMap<String, String>,
    /// Annotations of every object, as `common_labels`.
    pub common_annotations: BTreeMap<String, String>,
    /// What the build notes on objects (`originAnnotations`); replaces the folder's own choice where not empty.
    pub build_metadata: Vec<String>,
    /// Variables; without any, `${…}` stays as it is.
    pub substitute: Option<Substitution>,
    /// Objects say every file that has a part in them, which costs time.
    pub sources: bool,
    /// Objects of Kubernetes' own kinds are what Flux's Go types keep of them, not what was written.
    pub by_type: bool,
}

/// A patch and what it applies to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Patch {
    /// Strategic merge (YAML objects) or JSON 6902 (a list of operations), as text.
    pub patch: String,
    /// Which objects; without it the patch itself names one.
    pub target: Option<Target>,
    /// Whether a strategic merge may change the name.
    pub allow_name_change: bool,
    /// Whether a strategic merge may change the kind.
    pub allow_kind_change: bool,
}

/// Variables to be replaced in the rendered text. Shown without their values, which may be secret.
#[derive(Clone, Default, PartialEq)]
pub struct Substitution {
    /// Values by name.
    pub vars: BTreeMap<String, String>,
    /// Names of those whose values come from Secrets.
    pub secrets: BTreeSet<String>,
    /// A variable without a value fails the build instead of vanishing.
    pub strict: bool,
    /// Replace even if there is no variable at all.
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
