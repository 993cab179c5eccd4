//! Why a build failed: file, line and object first, then the reason in our own words.
//!
//! Inside the build a [`Fault`] has positions; at the border it becomes an [`Error`] with file
//! names. No variant contains a value from a manifest, because it may be secret.

use std::borrow::Cow;

use lode_object::Id;
use lode_stdx::budget::Exceeded;
use lode_tree::{PathError, RepoPath};
use lode_yaml::Place;

use crate::object::origin::{Files, Origin};

/// Why a folder could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("read the source: {0}")]
    Tree(#[from] lode_tree::Error),
    /// A file is not YAML.
    #[error("{path}:{source}")]
    Yaml {
        /// The file.
        path: RepoPath,
        /// Position and reason.
        source: lode_yaml::Error,
    },
    /// A file is invalid.
    #[error("{origin}: {cause}")]
    File {
        /// Its origin.
        origin: Origin,
        /// The reason.
        cause: FileCause,
    },
    /// An object is invalid.
    #[error("{id} ({origin}): {cause}")]
    Object {
        /// The object.
        id: Box<Id>,
        /// Its origin.
        origin: Origin,
        /// The reason.
        cause: ObjectCause,
    },
    /// Two objects have the same identity.
    #[error("{id} is defined twice: {first} and {second}")]
    Duplicate {
        /// The object.
        id: Box<Id>,
        /// The first origin.
        first: Origin,
        /// The second origin.
        second: Origin,
    },
    /// The build exceeds its budget.
    #[error("{origin}: {doing}: the build {source}")]
    Exceeded {
        /// What caused it, as precisely as known.
        origin: Origin,
        /// What was being done.
        doing: &'static str,
        /// The exceeded limit.
        source: Exceeded,
    },
    /// Too many objects.
    #[error("more than {0} objects in one build")]
    TooMany(usize),
}

/// What is invalid in a file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FileCause {
    /// Not a Kubernetes object: a required field is missing.
    #[error("not a Kubernetes object: {0}")]
    NotAnObject(#[from] lode_object::Error),
    /// An object of this kind with a generated name.
    #[error(
        "a {0} with metadata.generateName cannot be applied: each apply would make another one. Set metadata.name{hint}",
        hint = if &**.0 == "Job" {
            "; to run a Job again, change its name, or annotate it with kustomize.toolkit.fluxcd.io/force: enabled"
        } else {
            ""
        }
    )]
    GeneratedName(Box<str>),
    /// An unsupported feature, and why.
    #[error("\"{what}\" is not supported: {why}")]
    Unsupported {
        /// The field or kind.
        what: String,
        /// The reason.
        why: &'static str,
    },
    /// A field that kustomize does not know.
    #[error("unknown field \"{0}\"")]
    UnknownField(String),
    /// A field has the wrong type.
    #[error("{field}: {want} expected")]
    WrongType {
        /// The field.
        field: String,
        /// The expected type.
        want: &'static str,
    },
    /// A remote resource, which must be fetched.
    #[error("\"{}\" is remote: remote bases are not supported, put the files into the source", lode_stdx::bare_url(.0))]
    Remote(String),
    /// An invalid path.
    #[error("\"{}\": {source}", told(path))]
    Path {
        /// The path as written.
        path: String,
        /// The reason.
        source: PathError,
    },
    /// A path that exists and cannot be read, for instance a link that leads outside.
    #[error("{0}")]
    Tree(lode_tree::Error),
    /// A missing file or folder.
    #[error("\"{}\" is not in the source", told(.0))]
    Missing(String),
    /// A file above the kustomization that names it, where that is not allowed.
    #[error(
        "\"{}\" is not in or below \"{folder}\", as load restrictions require",
        told(path)
    )]
    Outside {
        /// The path as written.
        path: String,
        /// The kustomization's folder.
        folder: RepoPath,
    },
    /// A folder without a kustomization file.
    #[error("folder \"{0}\" has no kustomization file")]
    NoKustomization(RepoPath),
    /// More than one kustomization file in a folder.
    #[error("folder \"{0}\" has more than one kustomization file")]
    TwoKustomizations(RepoPath),
    /// An empty kustomization.
    #[error("the kustomization is empty")]
    Empty,
    /// A folder that contains itself.
    #[error("\"{0}\" leads back to a folder that is being built")]
    Cycle(String),
    /// Folders nested too deeply.
    #[error("bases are nested deeper than {0}")]
    TooDeep(usize),
    /// The wrong kind for this place.
    #[error("kind \"{0}\" is not allowed here")]
    WrongKind(String),
    /// A `---` followed by something.
    #[error("a document separator (---) has text behind it")]
    Separator,
    /// An invalid patch, or one of both kinds at once.
    #[error("patch: {0}")]
    Patch(String),
    /// A patch without a target whose object does not exist, or matches several.
    #[error("patch: {0}")]
    PatchTarget(String),
    /// A malformed regular expression or selector.
    #[error("{field}: \"{pattern}\" is not a valid pattern")]
    Pattern {
        /// The field.
        field: &'static str,
        /// The pattern.
        pattern: String,
    },
    /// `replicas` names no object that has replicas.
    #[error(
        "replicas: no Deployment, ReplicaSet, ReplicationController or StatefulSet is named \"{0}\""
    )]
    NoReplicas(String),
    /// A generator that fails.
    #[error("generator \"{name}\": {cause}")]
    Generator {
        /// The generated object's name.
        name: String,
        /// The reason.
        cause: String,
    },
    /// Two configurations disagree about creating a field.
    #[error("field \"{0}\" is named twice with different \"create\"")]
    ConflictingFields(String),
    /// A chart in a build that renders none.
    #[error(
        "helmCharts: must specify --enable-helm; the operator builds charts only with --enable-helm-charts"
    )]
    ChartsDisabled,
    /// A chart that cannot be rendered.
    #[error("helmCharts: {0}")]
    Chart(String),
    /// A validator that changed something.
    #[error("a validator may not change objects")]
    Validator,
    /// A replacement that cannot be made.
    #[error("replacement: {0}")]
    Replacement(String),
    /// A variable that cannot be read or replaced.
    #[error("vars: {0}")]
    Var(String),
    /// An invalid schema.
    #[error("openapi: {0}")]
    Schema(String),
    /// A text that contains a value of a Secret is invalid.
    #[error("it failed; the text is not shown, because it contains a value of a Secret")]
    Secret,
}

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ObjectCause {
    /// A patch cannot be applied.
    #[error("patch from {by}: {cause}")]
    Patch {
        /// The patch's origin.
        by: Origin,
        /// The reason.
        cause: String,
    },
    /// A name reference matches several objects.
    #[error("{field}: \"{name}\" may mean several objects of this build")]
    AmbiguousReference {
        /// The field.
        field: String,
        /// The name.
        name: String,
    },
    /// A field to visit or set has the wrong shape.
    #[error("{field}: {cause}")]
    Field {
        /// The field's path.
        field: String,
        /// The expected shape.
        cause: &'static str,
    },
    /// It cannot be expressed in JSON.
    #[error("{0}")]
    Value(lode_yaml::Cause),
    /// Adding the namespace made it a duplicate of another object.
    #[error("the namespace makes it the same object as the one from {0}")]
    NamespaceConflict(Origin),
    /// A subject of a role binding with an empty namespace.
    #[error("subjects: the namespace of a ServiceAccount is empty")]
    BlankNamespace,
    /// It is invalid, and the reason quotes a value of a Secret.
    #[error(
        "it does not apply; the reason is not shown, because the object contains a value of a Secret"
    )]
    Secret,
    /// It lacks a required field.
    #[error("not a Kubernetes object: {0}")]
    NotAnObject(#[from] lode_object::Error),
}

/// Why a build failed, with positions instead of files.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    At(Place, FileCause),
    Object {
        id: Box<Id>,
        at: Place,
        cause: ObjectCause,
    },
    Patch {
        id: Box<Id>,
        at: Place,
        by: Place,
        cause: String,
    },
    Twin {
        id: Box<Id>,
        at: Place,
        other: Place,
    },
    Duplicate {
        id: Box<Id>,
        first: Place,
        second: Place,
    },
    /// The budget is exceeded; position and operation are added on the way up.
    Exceeded {
        at: Place,
        doing: &'static str,
        exceeded: Exceeded,
    },
    /// The text of a file is not YAML.
    Yaml {
        source: u32,
        error: lode_yaml::Error,
    },
    Known(Error),
}

impl Fault {
    /// Returns the error with file names.
    pub(crate) fn located(self, files: &Files) -> Error {
        let at = |place: Place| files.origin(place);
        match self {
            Self::At(place, cause) => Error::File {
                origin: at(place),
                cause,
            },
            Self::Object {
                id,
                at: place,
                cause,
            } => Error::Object {
                id,
                origin: at(place),
                cause,
            },
            Self::Patch {
                id,
                at: place,
                by,
                cause,
            } => Error::Object {
                id,
                origin: at(place),
                cause: ObjectCause::Patch { by: at(by), cause },
            },
            Self::Twin {
                id,
                at: place,
                other,
            } => Error::Object {
                id,
                origin: at(place),
                cause: ObjectCause::NamespaceConflict(at(other)),
            },
            Self::Duplicate { id, first, second } => Error::Duplicate {
                id,
                first: at(first),
                second: at(second),
            },
            Self::Exceeded {
                at: place,
                doing,
                exceeded,
            } => Error::Exceeded {
                origin: at(place),
                doing,
                source: exceeded,
            },
            Self::Yaml {
                source,
                error:
                    lode_yaml::Error {
                        line,
                        cause: lode_yaml::Cause::Exceeded(exceeded),
                        ..
                    },
            } => {
                let origin = at(Place {
                    source,
                    line,
                    ..Place::default()
                });
                Error::Exceeded {
                    origin,
                    doing: "read the file",
                    source: exceeded,
                }
            }
            Self::Yaml { source, error } => {
                let path = at(Place {
                    source,
                    ..Place::default()
                })
                .path;
                Error::Yaml {
                    path,
                    source: error,
                }
            }
            Self::Known(error) => error,
        }
    }
}

impl Fault {
    /// Returns whether the budget was exceeded.
    pub(crate) fn is_exceeded(&self) -> bool {
        let is_yaml =
            |error: &lode_yaml::Error| matches!(error.cause, lode_yaml::Cause::Exceeded(_));
        match self {
            Self::Exceeded { .. } | Self::Known(Error::Exceeded { .. }) => true,
            Self::Yaml { error, .. } => is_yaml(error),
            _ => false,
        }
    }

    /// Adds the operation and position to an exceeded budget, unless they are already known.
    pub(crate) fn during(self, doing: &'static str, place: Place) -> Self {
        match self {
            Self::Exceeded {
                at,
                doing: known,
                exceeded,
            } => Self::Exceeded {
                at: if at == Place::default() { place } else { at },
                doing: if known.is_empty() { doing } else { known },
                exceeded,
            },
            other => other,
        }
    }
}

/// Returns a path as written; a URL is shortened, because it may contain a token.
fn told(path: &str) -> Cow<'_, str> {
    if path.contains("//") {
        lode_stdx::bare_url(path)
    } else {
        path.into()
    }
}

impl From<Exceeded> for Fault {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded {
            at: Place::default(),
            doing: "",
            exceeded,
        }
    }
}

impl From<lode_tree::Error> for Fault {
    fn from(error: lode_tree::Error) -> Self {
        Self::Known(error.into())
    }
}
