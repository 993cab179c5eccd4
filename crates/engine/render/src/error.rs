//! Why a plan did not render: errors of the build and of variable substitution.
//!
//! No variant contains a value from a manifest or a variable: either may be secret.

use lode_kustomize::Origin;
use lode_object::Id;
use lode_stdx::budget::{Exceeded, Spent};

/// Why a folder did not render.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The plan's path is not a folder of the source.
    #[error("path \"{0}\" is not a folder of the source")]
    PathMissing(String),
    /// The folder does not build, or two objects are the same one after variables were replaced.
    #[error(transparent)]
    Build(#[from] lode_kustomize::Error),
    /// An object has an error.
    #[error("{id} ({origin}): {cause}")]
    Object {
        /// The object.
        id: Box<Id>,
        /// Where it comes from.
        origin: Origin,
        /// The cause.
        cause: ObjectCause,
    },
    /// A variable has a name that cannot be written as `${name}`.
    #[error(
        "variable name \"{0}\" is not allowed: it must start with a letter or _ and go on with letters, digits or _"
    )]
    VariableName(String),
}

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ObjectCause {
    /// A variable has no value.
    #[error(
        "variable \"{0}\" has no value: add it to substitute or substituteFrom, or write ${{{0}:=default}}"
    )]
    VariableMissing(String),
    /// A `${…}` expression is malformed; only its name is shown, since the rest may contain a
    /// value.
    #[error("malformed expression {0}")]
    Expression(String),
    /// The budget does not allow it.
    #[error("{doing}: the build {source}")]
    Exceeded {
        /// The operation.
        doing: &'static str,
        /// The exceeded limit.
        source: Exceeded,
    },
    /// After substitution the text is not valid YAML.
    #[error("after replacing variables: {0}")]
    Substituted(lode_yaml::Cause),
    /// The same, if values from Secrets are in the text and could appear in the error.
    #[error(
        "after replacing variables it is not valid YAML; the place and reason are left out, because it contains values from Secrets"
    )]
    SecretSubstituted,
    /// An expression has no value or is malformed, in a text that contains a value copied from a
    /// Secret.
    #[error(
        "an expression ${{…}} in it has no value or is malformed; it is not shown, because the text contains a value of a Secret"
    )]
    SecretExpression,
    /// After substitution it is not an object.
    #[error("not a Kubernetes object: {0}")]
    NotAnObject(#[from] lode_object::Error),
}

impl Error {
    /// Returns the exceeded limit of the budget.
    #[must_use]
    pub fn exceeded(&self) -> Option<Exceeded> {
        match self {
            Self::Build(lode_kustomize::Error::Exceeded { source, .. })
            | Self::Object {
                cause: ObjectCause::Exceeded { source, .. },
                ..
            } => Some(*source),
            _ => None,
        }
    }

    /// Returns a hint on how to solve it, if the message does not make that clear.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        use lode_kustomize::{Error as BuildError, FileCause};
        match self {
            Self::PathMissing(_) => Some("spec.path is relative to the root of the source"),
            Self::Build(BuildError::Duplicate { .. }) => {
                Some("remove one of the two, or build them in different Kustomizations")
            }
            Self::Object {
                cause: ObjectCause::Expression(_),
                ..
            } => Some("write $${…} to keep a literal ${…} in the text"),
            Self::Build(BuildError::File {
                cause: FileCause::NotAnObject(_),
                ..
            }) => {
                Some("files that are not manifests belong outside the path or into .sourceignore")
            }
            _ => self.exceeded().map(|exceeded| match exceeded.what {
                Spent::Bytes => "--build-bytes-max allows more",
                Spent::Nodes => "--build-nodes-max allows more",
                Spent::Steps => "--build-steps-max allows more",
            }),
        }
    }
}

impl From<lode_tree::Error> for Error {
    fn from(error: lode_tree::Error) -> Self {
        Self::Build(error.into())
    }
}
