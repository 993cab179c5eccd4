//! Why a build failed: file, line and object first, then the cause in our own words.
//!
//! Inside the build a [`Fault`] points with places; at its border it becomes an [`Error`] that names files. No variant
//! holds a value from a manifest: it may be secret.

use std::borrow::Cow;

use lode_object::Id;
use lode_stdx::budget::Exceeded;
use lode_tree::{PathError, RepoPath};
use lode_yaml::Place;

use crate::object::origin::{Files, Origin};

/// Why a folder did not build.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
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
    /// The build costs more than its budget.
    #[error("{origin}: {doing}: the build {source}")]
    Exceeded {
        /// What asked for it, as near as it is known.
        origin: Origin,
        /// What was being done.
        doing: &'static str,
        /// What there is too much of.
        source: Exceeded,
    },
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
    /// An object whose name the server would choose, of this kind.
    #[error(
        "a {0} with metadata.generateName cannot be applied: each apply would make another one. Set metadata.name{hint}",
        hint = if &**.0 == "Job" {
            "; to run a Job again, change its name, or annotate it with kustomize.toolkit.fluxcd.io/force: enabled"
        } else {
            ""
        }
    )]
    GeneratedName(Box<str>),
    /// Something known that is not done here, and why.
    #[error("\"{what}\" is not supported: {why}")]
    Unsupported {
        /// The field or kind.
        what: String,
        /// The reason.
        why: &'static str,
    },
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
    #[error("\"{}\" is remote: remote bases are not supported, put the files into the source", lode_stdx::bare_url(.0))]
    Remote(String),
    /// A named path leads nowhere.
    #[error("\"{}\": {source}", told(path))]
    Path {
        /// The path as written.
        path: String,
        /// What is wrong with it.
        source: PathError,
    },
    /// A named path is there and cannot be read: a link that leads out, for one.
    #[error("{0}")]
    Tree(lode_tree::Error),
    /// A named file or folder is not there.
    #[error("\"{}\" is not in the source", told(.0))]
    Missing(String),
    /// A file above the kustomization that names it, where that is not allowed.
    #[error(
        "\"{}\" is not in or below \"{folder}\", and load restrictions ask for that",
        told(path)
    )]
    Outside {
        /// The path as written.
        path: String,
        /// The kustomization's folder.
        folder: RepoPath,
    },
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
    /// A `---` with something behind it.
    #[error("a document separator (---) has text behind it")]
    Separator,
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
    #[error(
        "replicas: no Deployment, ReplicaSet, ReplicationController or StatefulSet is named \"{0}\""
    )]
    NoReplicas(String),
    /// A generator that cannot do its work.
    #[error("generator \"{name}\": {cause}")]
    Generator {
        /// The generated object's name.
        name: String,
        /// What is wrong.
        cause: String,
    },
    /// Two tables of fields disagree about creating a field.
    #[error("field \"{0}\" is named twice with different \"create\"")]
    ConflictingFields(String),
    /// A chart that does not render.
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
    /// A schema that cannot be used.
    #[error("openapi: {0}")]
    Schema(String),
    /// Something is wrong with a text that holds a value of a Secret.
    #[error("it cannot be done; the text is not shown, a value of a Secret is in it")]
    Secret,
}

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ObjectCause {
    /// A patch does not fit it.
    #[error("patch from {by}: {cause}")]
    Patch {
        /// Where the patch stands.
        by: Origin,
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
    /// A field that should be walked into or set is of another shape.
    #[error("{field}: {cause}")]
    Field {
        /// The field's path.
        field: String,
        /// What it is not.
        cause: &'static str,
    },
    /// It cannot be said in JSON.
    #[error("{0}")]
    Value(lode_yaml::Cause),
    /// Making it namespaced made it another object's twin.
    #[error("the namespace makes it the same object as the one from {0}")]
    NamespaceConflict(Origin),
    /// A subject of a role binding whose namespace is empty.
    #[error("subjects: the namespace of a ServiceAccount is empty")]
    BlankNamespace,
    /// Something is wrong with it, and what that is quotes a value of a Secret.
    #[error("it does not fit; why is not told, a value of a Secret is in the object")]
    Secret,
    /// It lost what every object has.
    #[error("not a Kubernetes object: {0}")]
    NotAnObject(#[from] lode_object::Error),
}

/// Why a build failed, with places instead of files.
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
    /// The budget does not allow it; place and work are filled in on the way up.
    Exceeded {
        at: Place,
        doing: &'static str,
        exceeded: Exceeded,
    },
    /// A text of a file is no YAML.
    Yaml {
        source: u32,
        error: lode_yaml::Error,
    },
    Known(Error),
}

impl Fault {
    /// Returns the error with files named.
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
    /// Returns whether the budget ran out.
    pub(crate) fn is_exceeded(&self) -> bool {
        let is_yaml =
            |error: &lode_yaml::Error| matches!(error.cause, lode_yaml::Cause::Exceeded(_));
        match self {
            Self::Exceeded { .. } | Self::Known(Error::Exceeded { .. }) => true,
            Self::Yaml { error, .. } => is_yaml(error),
            _ => false,
        }
    }

    /// Says of a budget that ran out what was being done, and where it was asked for, unless that is known already.
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

/// Returns a path as written; one that is a URL may hold a token.
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
