//! Why a build failed: file, line and object first, then the cause in our own words.
//!
//! No variant holds a value from a manifest or a variable: either may be secret.

use lode_object::Id;
use lode_tree::{PathError, RepoPath};

use crate::render::Origin;

/// Why a folder did not render.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The plan's path is no folder of the source.
    #[error("path \"{0}\" is not a folder of the source")]
    PathMissing(String),
    /// A file of the source cannot be read.
    #[error("read the source: {0}")]
    Tree(#[from] lode_tree::Error),
    /// A file is no YAML.
    #[error("{path}:{source}")]
    Yaml {
        /// The file.
        path: RepoPath,
        /// Where in it, and what is wrong.
        source: lode_yaml::Error,
    },
    /// Something in a file is wrong.
    #[error("{origin}: {cause}")]
    File {
        /// Where.
        origin: Origin,
        /// What.
        cause: FileCause,
    },
    /// Something about an object is wrong.
    #[error("{id} ({origin}): {cause}")]
    Object {
        /// The object.
        id: Box<Id>,
        /// Where it comes from.
        origin: Origin,
        /// What.
        cause: ObjectCause,
    },
    /// Two objects are the same one.
    #[error("{id} stands twice: {first} and {second}")]
    Duplicate {
        /// The object.
        id: Box<Id>,
        /// Where it stands first.
        first: Origin,
        /// Where it stands again.
        second: Origin,
    },
    /// A variable has a name that cannot be written as `${name}`.
    #[error(
        "variable name \"{0}\" is not allowed: it must start with a letter or _ and go on with letters, digits or _"
    )]
    VariableName(String),
    /// More objects than one build may have.
    #[error("more than {0} objects in one build")]
    TooMany(usize),
}

/// What is wrong in a file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FileCause {
    /// No Kubernetes object: something every object has is missing.
    #[error("not a Kubernetes object: {0}")]
    NotAnObject(#[from] lode_object::Error),
    /// A kustomize field that is known and not built yet.
    #[error("field \"{0}\" is not supported yet")]
    Unsupported(String),
    /// A field kustomize does not know.
    #[error("unknown field \"{0}\"")]
    UnknownField(String),
    /// A field holds something else than it should.
    #[error("{field}: {want} expected")]
    WrongType {
        /// The field.
        field: String,
        /// What it should hold.
        want: &'static str,
    },
    /// A resource that must be fetched from elsewhere.
    #[error("\"{0}\" is remote: remote bases are not supported, put the files into the source")]
    Remote(String),
    /// A named path leads nowhere.
    #[error("\"{path}\": {source}")]
    Path {
        /// The path as written.
        path: String,
        /// What is wrong with it.
        source: PathError,
    },
    /// A named file or folder is not there.
    #[error("\"{0}\" is not in the source")]
    Missing(String),
    /// A folder where a kustomization file was expected.
    #[error("folder \"{0}\" has no kustomization file")]
    NoKustomization(RepoPath),
    /// More than one kustomization file in a folder.
    #[error("folder \"{0}\" has more than one kustomization file")]
    TwoKustomizations(RepoPath),
    /// A kustomization that says nothing.
    #[error("the kustomization is empty")]
    Empty,
    /// A folder that contains itself.
    #[error("\"{0}\" leads back to a folder that is being built")]
    Cycle(String),
    /// Folders nested without end.
    #[error("bases are nested deeper than {0}")]
    TooDeep(usize),
    /// A kind other than the place asks for.
    #[error("kind \"{0}\" does not belong here")]
    WrongKind(String),
    /// A patch that is none, or both kinds at once.
    #[error("patch: {0}")]
    Patch(String),
    /// A patch without a target that names an object which is not there, or several.
    #[error("patch: {0}")]
    PatchTarget(String),
    /// A pattern that is no regular expression or selector.
    #[error("{field}: \"{pattern}\" is no valid pattern")]
    Pattern {
        /// The field.
        field: &'static str,
        /// The pattern.
        pattern: String,
    },
    /// `replicas` names nothing that has replicas.
    #[error("replicas: no Deployment, ReplicaSet, ReplicationController or StatefulSet is named \"{0}\"")]
    NoReplicas(String),
    /// A generator that cannot do its work.
    #[error("generator \"{name}\": {cause}")]
    Generator {
        /// The generated object's name.
        name: String,
        /// What is wrong.
        cause: String,
    },
    /// Two labels or annotations tables disagree about creating a field.
    #[error("labels: field \"{0}\" is named twice with different \"create\"")]
    ConflictingFields(String),
}

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ObjectCause {
    /// A patch does not fit it.
    #[error("patch from {by}: {cause}")]
    Patch {
        /// Where the patch stands.
        by: String,
        /// What does not fit.
        cause: String,
    },
    /// A name reference fits several objects.
    #[error("{field}: \"{name}\" may mean several objects of this build")]
    AmbiguousReference {
        /// The field.
        field: String,
        /// The name.
        name: String,
    },
    /// A variable has no value.
    #[error("variable \"{0}\" has no value: add it to substitute or substituteFrom, or write ${{{0}:=default}}")]
    VariableMissing(String),
    /// A `${…}` expression is malformed; the expression is not shown, it may hold a value.
    #[error("malformed ${{…}} expression on line {0} of the rendered object")]
    Expression(u32),
    /// After replacing variables the text is no YAML.
    #[error("after replacing variables: {0}")]
    Substituted(lode_yaml::Error),
    /// After replacing variables, or inside a list, it is no object.
    #[error("not a Kubernetes object: {0}")]
    NotAnObject(#[from] lode_object::Error),
    /// Making it namespaced made it another object's twin.
    #[error("the namespace makes it the same object as the one from {0}")]
    NamespaceConflict(Origin),
}

impl Error {
    /// Returns what a person can do about it, where that is not plain from the message.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::PathMissing(_) => Some("spec.path is relative to the root of the source"),
            Self::Duplicate { .. } => Some("remove one of the two, or build them in different Kustomizations"),
            Self::Object { cause: ObjectCause::Expression(_), .. } => {
                Some("write $${…} where the text should keep a ${…} of its own")
            }
            Self::File { cause: FileCause::NotAnObject(_), .. } => {
                Some("files that are no manifests belong outside the path, or into .sourceignore")
            }
            _ => None,
        }
    }

    /// Wraps a cause with its place.
    pub(crate) fn file(origin: &Origin, cause: impl Into<FileCause>) -> Self {
        Self::File { origin: origin.clone(), cause: cause.into() }
    }
}
