//! Why a set of objects was not applied, in sentences that name the object and where it comes from.

use std::fmt;

use lode_cluster::Error as ClusterError;
use lode_object::{GroupVersionKind, Id, Secrecy};

use crate::told::told;

/// One object that could not be applied, deleted or waited for.
#[derive(Debug)]
pub struct Fault {
    /// Which object.
    pub id: Id,
    /// Its file and line, empty where it comes from none.
    pub origin: Box<str>,
    /// What was being done: `dry-run`, `apply`, `delete` …
    pub step: &'static str,
    /// What the server said.
    pub cause: ClusterError,
    /// What we have to say to that, empty where it speaks for itself.
    pub note: Box<str>,
    /// What of the object may be told.
    pub secrecy: Secrecy,
}

/// What a call failed with, before it is known whose call it was.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) cause: ClusterError,
    pub(crate) note: Box<str>,
}

impl Trouble {
    pub(crate) fn new(cause: ClusterError, note: String) -> Self {
        Self {
            cause,
            note: note.into(),
        }
    }
}

impl From<ClusterError> for Trouble {
    fn from(cause: ClusterError) -> Self {
        Self {
            cause,
            note: "".into(),
        }
    }
}

/// Why a set of objects was not applied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Objects were refused.
    #[error("{}", lines(.0))]
    Refused(Vec<Fault>),
    /// The server does not serve a kind.
    #[error("{}", no_matches(.0))]
    UnknownKinds(Vec<(Id, GroupVersionKind, Box<str>)>),
    /// The server has stopped to serve a kind, or a version of it.
    #[error("{}", not_served(.0))]
    Unserved(Vec<(Id, GroupVersionKind, Box<str>)>),
    /// An object needs a namespace and has none.
    #[error("{0} namespace not specified ({1})")]
    NoNamespace(Id, Box<str>),
    /// A value or field cannot be applied as it is written: object, what is wrong, file and line.
    #[error("{0} {1} ({2})")]
    Malformed(Id, String, Box<str>),
    /// A Secret is still encrypted.
    #[error(
        "{0} is SOPS encrypted, configuring decryption is required for this secret to be reconciled"
    )]
    Encrypted(Id),
    /// A rendered value is no object any more.
    #[error(transparent)]
    Object(#[from] lode_object::Error),
    /// The server could not be asked at all.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The watch of a kind did not become complete in time.
    #[error(
        "{0} objects could not be listed in time; the API server may be overloaded or refuse the watch"
    )]
    NotSynced(GroupVersionKind),
    /// An object that had to go first is still there.
    #[error("{0} was deleted to be created again, but is still there; a finalizer may hold it")]
    StillThere(Id),
    /// A selector of an ignore rule is no regular expression.
    #[error("ignore rule {0}: {1}")]
    IgnoreRule(usize, String),
}

impl From<Error> for lode_runtime::Failure {
    fn from(error: Error) -> Self {
        Self::of_request(&error, error.is_passing())
    }
}

impl Error {
    /// Returns the error of objects that were refused. They are sorted, because calls end in any order, and the same
    /// faults must be told the same.
    pub(crate) fn refused(faults: impl IntoIterator<Item = Box<Fault>>) -> Self {
        let mut faults: Vec<Fault> = faults.into_iter().map(|fault| *fault).collect();
        faults.sort_by(|one, other| one.id.cmp(&other.id));
        Self::Refused(faults)
    }

    /// Returns the error of objects that were refused, if there are any.
    pub(crate) fn unless_empty(
        faults: impl IntoIterator<Item = Box<Fault>, IntoIter: ExactSizeIterator>,
    ) -> Result<(), Self> {
        let faults = faults.into_iter();
        if faults.len() == 0 {
            Ok(())
        } else {
            Err(Self::refused(faults))
        }
    }

    /// Returns whether waiting may help although nothing changes in Git.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Cluster(error) => error.is_passing(),
            Self::Refused(faults) => faults.iter().all(|fault| fault.cause.is_passing()),
            Self::NotSynced(_) | Self::StillThere(_) => true,
            _ => false,
        }
    }
}

impl Fault {
    /// Returns what the server said, as far as it may be told.
    #[must_use]
    pub fn told(&self) -> String {
        told(&self.secrecy, &self.id, &self.cause)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            step,
            cause,
            origin,
            note,
            secrecy,
        } = self;
        let message = told(secrecy, id, cause);
        let id = secrecy.id(id);
        match cause.status() {
            Some(status) if status.code == 404 => write!(f, "{id} not found: {message}")?,
            Some(status) if !status.reason.is_empty() => {
                write!(f, "{id} {step} failed ({}): {message}", status.reason)?;
            }
            _ => write!(f, "{id} {step} failed: {message}")?,
        }
        if !origin.is_empty() {
            write!(f, " ({origin})")?;
        }
        if note.is_empty() {
            Ok(())
        } else {
            write!(f, "; {note}")
        }
    }
}

fn lines(faults: &[Fault]) -> String {
    faults
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

fn not_served(kinds: &[(Id, GroupVersionKind, Box<str>)]) -> String {
    let line = |(id, gvk, origin): &(Id, GroupVersionKind, Box<str>)| {
        let (kind, version) = (&gvk.kind, gvk.api_version());
        format!(
            "{id} dry-run failed: no matches for kind \"{kind}\" in version \"{version}\": the server does not serve it any more ({origin})"
        )
    };
    kinds.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn no_matches(kinds: &[(Id, GroupVersionKind, Box<str>)]) -> String {
    let line = |(id, gvk, origin): &(Id, GroupVersionKind, Box<str>)| {
        format!(
            "{id} dry-run failed: no matches for kind \"{}\" in version \"{}\" ({origin})",
            gvk.kind,
            gvk.api_version()
        )
    };
    kinds.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use lode_cluster::Status;

    use super::*;

    fn fault(kind: &str, code: u16, reason: &str, message: &str) -> String {
        let status = Status::new(code, reason, message);
        let id = Id {
            namespace: "ns".into(),
            name: "x".into(),
            group: "".into(),
            kind: kind.into(),
        };
        let (secrecy, cause) = (
            Secrecy::of(&serde_json::json!({"kind": kind})),
            ClusterError::Refused(Box::new(status)),
        );
        Fault {
            id,
            origin: "app/x.yaml:3".into(),
            step: "dry-run",
            cause,
            note: "".into(),
            secrecy,
        }
        .to_string()
    }

    #[test]
    fn a_fault_names_object_reason_cause_and_place() {
        assert_eq!(
            fault("Service", 422, "Invalid", "port is bad"),
            "Service/ns/x dry-run failed (Invalid): port is bad (app/x.yaml:3)"
        );
        assert_eq!(
            fault("Service", 404, "NotFound", "gone"),
            "Service/ns/x not found: gone (app/x.yaml:3)"
        );
    }

    #[test]
    fn a_secret_s_value_is_never_quoted() {
        for text in [
            ".data.a: expected string, got &value.valueUnstructured{Value:hunter2}",
            "data: Invalid value: \"hunter2\": no",
        ] {
            assert!(!fault("Secret", 500, "", text).contains("hunter2"));
        }
    }
}
