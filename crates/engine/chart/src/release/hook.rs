//! [`Hook`]: an object that is created at an event of a release and does not belong to it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::metadata::nullable;
use crate::moment;

/// An object that is created at an event of a release.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hook {
    /// `metadata.name` of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `kind` of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Path of its template, which begins with the chart's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The object as YAML.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manifest: String,
    /// When it is created.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub events: Vec<Event>,
    /// Its last run.
    pub last_run: HookExecution,
    /// Hooks of one event run by weight, then by name.
    #[serde(skip_serializing_if = "is_zero")]
    pub weight: i64,
    /// When it is deleted; without any before it is created the next time.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub delete_policies: Vec<DeletePolicy>,
    /// When its log is shown.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub output_log_policies: Vec<OutputLogPolicy>,
}

/// The last run of a hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookExecution {
    /// When it was created.
    #[serde(with = "moment", skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it succeeded or failed.
    #[serde(with = "moment", skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// How it ended.
    pub phase: Phase,
}

/// When a hook is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Before anything of the first revision exists.
    PreInstall,
    /// After the first revision was installed.
    PostInstall,
    /// Before a release is uninstalled.
    PreDelete,
    /// After a release was uninstalled.
    PostDelete,
    /// Before an upgrade.
    PreUpgrade,
    /// After an upgrade.
    PostUpgrade,
    /// Before a rollback.
    PreRollback,
    /// After a rollback.
    PostRollback,
    /// When the release is tested.
    Test,
    /// An event of another program, which never happens.
    #[serde(other)]
    Unknown,
}

/// When a hook is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeletePolicy {
    /// When it succeeded.
    HookSucceeded,
    /// When it failed.
    HookFailed,
    /// Before it is created the next time.
    BeforeHookCreation,
    /// Another word, which has no effect and is kept.
    #[serde(untagged)]
    Other(String),
}

/// When the log of a hook is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputLogPolicy {
    /// When it succeeded.
    HookSucceeded,
    /// When it failed.
    HookFailed,
    /// Another word, which has no effect and is kept.
    #[serde(untagged)]
    Other(String),
}

/// How the last run of a hook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Phase {
    /// It never ran.
    #[default]
    #[serde(rename = "")]
    Never,
    /// It is running.
    Running,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// Not known, because the operation was interrupted.
    #[serde(other)]
    Unknown,
}

impl Event {
    /// Returns the event of an annotation's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "pre-install" => Self::PreInstall,
            "post-install" => Self::PostInstall,
            "pre-delete" => Self::PreDelete,
            "post-delete" => Self::PostDelete,
            "pre-upgrade" => Self::PreUpgrade,
            "post-upgrade" => Self::PostUpgrade,
            "pre-rollback" => Self::PreRollback,
            "post-rollback" => Self::PostRollback,
            // Charts for Helm 2 still have the second word.
            "test" | "test-success" => Self::Test,
            _ => return None,
        })
    }
}

impl DeletePolicy {
    /// Returns the policy of an annotation's word.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "hook-succeeded" => Self::HookSucceeded,
            "hook-failed" => Self::HookFailed,
            "before-hook-creation" => Self::BeforeHookCreation,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl OutputLogPolicy {
    /// Returns the policy of an annotation's word.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "hook-succeeded" => Self::HookSucceeded,
            "hook-failed" => Self::HookFailed,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl Hook {
    /// Returns whether the hook is created at an event.
    #[must_use]
    pub fn is_for(&self, event: Event) -> bool {
        self.events.contains(&event)
    }

    /// Returns the delete policies that are in force: Helm's default if none is set.
    pub fn effective_delete_policies(&self) -> impl Iterator<Item = &DeletePolicy> {
        const DEFAULT: &[DeletePolicy] = &[DeletePolicy::BeforeHookCreation];
        match self.delete_policies.as_slice() {
            [] => DEFAULT.iter(),
            policies => policies.iter(),
        }
    }
}

/// Without the manifest, which may contain a secret.
impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("path", &self.path)
            .field("events", &self.events)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hook_has_the_json_of_helm() {
        let hook = Hook {
            name: "migrate".to_owned(),
            kind: "Job".to_owned(),
            events: vec![Event::PreUpgrade, Event::Test],
            weight: -5,
            delete_policies: vec![
                DeletePolicy::parse("hook-failed"),
                DeletePolicy::parse("never"),
            ],
            ..Hook::default()
        };
        let want = json!({
            "name": "migrate", "kind": "Job", "events": ["pre-upgrade", "test"], "last_run": {"phase": ""},
            "weight": -5, "delete_policies": ["hook-failed", "never"],
        });
        assert_eq!(serde_json::to_value(&hook).unwrap(), want);
        assert_eq!(serde_json::from_value::<Hook>(want).unwrap(), hook);
    }

    #[test]
    fn a_hook_of_helm_3_is_read() {
        let hook: Hook = serde_json::from_value(json!({
            "name": "a", "events": null,
            "last_run": {"started_at": "", "completed_at": "2026-01-02T03:04:05Z", "phase": "Succeeded"},
        }))
        .unwrap();
        assert_eq!(hook.last_run.started_at, None);
        assert_eq!(
            hook.last_run.completed_at.unwrap().to_string(),
            "2026-01-02T03:04:05Z"
        );
        assert_eq!(hook.last_run.phase, Phase::Succeeded);
    }

    #[test]
    fn without_a_policy_a_hook_is_deleted_before_its_next_creation() {
        let hook = Hook::default();
        let policies: Vec<_> = hook.effective_delete_policies().collect();
        assert_eq!(policies, [&DeletePolicy::BeforeHookCreation]);
    }
}
