//! [`Info`] and [`ReleaseStatus`]: what happened to a revision.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::moment;

/// What happened to one revision of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Info {
    /// When the first revision was installed.
    #[serde(with = "moment", skip_serializing_if = "Option::is_none")]
    pub first_deployed: Option<Timestamp>,
    /// When this revision was installed.
    #[serde(with = "moment", skip_serializing_if = "Option::is_none")]
    pub last_deployed: Option<Timestamp>,
    /// When the release was uninstalled.
    #[serde(with = "moment", skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Timestamp>,
    /// One sentence about the last change.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// State of the revision.
    pub status: ReleaseStatus,
    /// Rendered NOTES.txt.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub notes: String,
}

/// State of a revision.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseStatus {
    /// Installed; the current revision.
    Deployed,
    /// Uninstalled, with its history kept.
    Uninstalled,
    /// Replaced by a later revision.
    Superseded,
    /// Its installation failed.
    Failed,
    /// Being uninstalled.
    Uninstalling,
    /// Being installed as the first revision.
    PendingInstall,
    /// Being installed over an earlier revision.
    PendingUpgrade,
    /// Being rolled back to.
    PendingRollback,
    /// Not known, or not a status of Helm.
    #[default]
    #[serde(other)]
    Unknown,
}

impl ReleaseStatus {
    /// Returns whether an operation is in progress, or was interrupted.
    #[must_use]
    pub fn is_pending(self) -> bool {
        matches!(
            self,
            Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback
        )
    }

    /// Returns the word that records and labels contain.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Deployed => "deployed",
            Self::Uninstalled => "uninstalled",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalling => "uninstalling",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
        }
    }
}

impl fmt::Display for ReleaseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_records_and_labels_are_the_same() {
        for status in [
            ReleaseStatus::Unknown,
            ReleaseStatus::Deployed,
            ReleaseStatus::Uninstalled,
            ReleaseStatus::Superseded,
            ReleaseStatus::Failed,
            ReleaseStatus::Uninstalling,
            ReleaseStatus::PendingInstall,
            ReleaseStatus::PendingUpgrade,
            ReleaseStatus::PendingRollback,
        ] {
            let json = serde_json::to_value(status).unwrap();
            assert_eq!(json, status.as_str());
            assert_eq!(
                serde_json::from_value::<ReleaseStatus>(json).unwrap(),
                status
            );
        }
        let future: ReleaseStatus = serde_json::from_str("\"pending-audit\"").unwrap();
        assert_eq!(future, ReleaseStatus::Unknown);
        assert!(
            ReleaseStatus::PendingUpgrade.is_pending() && !ReleaseStatus::Uninstalling.is_pending()
        );
    }
}
