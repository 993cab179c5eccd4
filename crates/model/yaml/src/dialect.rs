//! [`Dialect`]: how plain words and odd keys are read.

/// How plain words and unusual keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// go-yaml v3: `yes` is text, a duplicate key is an error, keys are text. For resource files.
    V3,
    /// sigs.k8s.io/yaml on go-yaml v2: `yes` is `true`, the last duplicate key wins, keys become
    /// text. For `kustomization.yaml`, and for text after variable substitution.
    V2,
}
