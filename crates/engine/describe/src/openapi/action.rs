//! [`Action`]: an operation at a path, and its parameters.

/// An operation at a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Action {
    List,
    Post,
    DeleteCollection,
    Get,
    Put,
    Patch,
    Delete,
}

impl Action {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Post => "post",
            Self::DeleteCollection => "deletecollection",
            Self::Get => "get",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    /// Returns the HTTP method.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::List | Self::Get => "get",
            Self::DeleteCollection | Self::Delete => "delete",
            other => other.name(),
        }
    }

    /// Returns the prefix of operation ids.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Post => "create",
            Self::Get => "read",
            Self::Put => "replace",
            Self::Patch => "patch",
            Self::DeleteCollection | Self::Delete => "delete",
        }
    }

    pub(super) fn codes(self) -> &'static [&'static str] {
        match self {
            Self::List | Self::Get | Self::DeleteCollection => &["200"],
            Self::Post => &["200", "201", "202"],
            Self::Put | Self::Patch => &["200", "201"],
            Self::Delete => &["200", "202"],
        }
    }

    /// Returns the query parameters and their types.
    pub(super) fn parameters(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::List => LISTING,
            Self::Get => &[],
            Self::Post | Self::Put => WRITING,
            Self::Patch => PATCHING,
            Self::Delete => DELETING,
            Self::DeleteCollection => DELETING_ALL,
        }
    }
}

const LISTING: &[(&str, &str)] = &[
    ("allowWatchBookmarks", "boolean"),
    ("continue", "string"),
    ("fieldSelector", "string"),
    ("labelSelector", "string"),
    ("limit", "integer"),
    ("resourceVersion", "string"),
    ("resourceVersionMatch", "string"),
    ("sendInitialEvents", "boolean"),
    ("shardSelector", "string"),
    ("timeoutSeconds", "integer"),
    ("watch", "boolean"),
];
const WRITING: &[(&str, &str)] = &[
    ("dryRun", "string"),
    ("fieldManager", "string"),
    ("fieldValidation", "string"),
];
const PATCHING: &[(&str, &str)] = &[
    ("dryRun", "string"),
    ("fieldManager", "string"),
    ("fieldValidation", "string"),
    ("force", "boolean"),
];
const DELETING: &[(&str, &str)] = &[
    ("dryRun", "string"),
    ("gracePeriodSeconds", "integer"),
    (
        "ignoreStoreReadErrorWithClusterBreakingPotential",
        "boolean",
    ),
    ("orphanDependents", "boolean"),
    ("propagationPolicy", "string"),
];
const DELETING_ALL: &[(&str, &str)] = &[
    ("continue", "string"),
    ("dryRun", "string"),
    ("fieldSelector", "string"),
    ("gracePeriodSeconds", "integer"),
    (
        "ignoreStoreReadErrorWithClusterBreakingPotential",
        "boolean",
    ),
    ("labelSelector", "string"),
    ("limit", "integer"),
    ("orphanDependents", "boolean"),
    ("propagationPolicy", "string"),
    ("resourceVersion", "string"),
    ("resourceVersionMatch", "string"),
    ("sendInitialEvents", "boolean"),
    ("shardSelector", "string"),
    ("timeoutSeconds", "integer"),
];
