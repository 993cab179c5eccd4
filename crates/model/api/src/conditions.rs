//! [`Conditions`]: the conditions in an object's status.
//!
//! Input: a [`Verdict`], the generation it is about and the time. Output: the list as Flux keeps
//! it: one entry per type, with `Stalled`, `Reconciling` and `Ready` first; the transition time
//! changes when status, reason or message do.
//!
//! Left out: which conditions make an object ready. That is each controller's own summary.

use std::cmp::Reverse;

use lode_stdx::shortened;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::schema::{Field, date_time, max_length, min_length, minimum, object, pattern};

/// The object is in the state its spec asks for.
pub const READY: &str = "Ready";
/// Work is in progress; present only while true.
pub const RECONCILING: &str = "Reconciling";
/// No further attempt is made until the spec changes; present only while true.
pub const STALLED: &str = "Stalled";
/// The health checks of a Kustomization passed.
pub const HEALTHY: &str = "Healthy";
/// A live object differs from what was applied.
pub const DRIFTED: &str = "Drifted";
/// The store holds the artifact of a source.
pub const ARTIFACT_IN_STORAGE: &str = "ArtifactInStorage";
/// The signature of a source was checked.
pub const SOURCE_VERIFIED: &str = "SourceVerified";
/// The stored artifact is older than the source; present only while true.
pub const ARTIFACT_OUTDATED: &str = "ArtifactOutdated";
/// A source could not be fetched; present only while true.
pub const FETCH_FAILED: &str = "FetchFailed";
/// An artifact could not be built; present only while true.
pub const BUILD_FAILED: &str = "BuildFailed";
/// The store could not keep an artifact; present only while true.
pub const STORAGE_OPERATION_FAILED: &str = "StorageOperationFailed";
/// An included source has no artifact; present only while true.
pub const INCLUDE_UNAVAILABLE: &str = "IncludeUnavailable";

/// The last installation or upgrade of a release succeeded.
pub const RELEASED: &str = "Released";
/// The tests of a release succeeded.
pub const TEST_SUCCESS: &str = "TestSuccess";
/// A failed release was rolled back or uninstalled.
pub const REMEDIATED: &str = "Remediated";

/// Longest message kept, in bytes: the API server accepts no longer one.
pub const MESSAGE_MAX: usize = 32_768;

/// The conditions of one object, in the order of the contract.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Conditions(Vec<Condition>);

object! {
    /// One aspect of an object's state.
    pub struct Condition {
        required {
            /// Type of the condition.
            pub r#type: Box<str>
                => max_length(316), pattern(
                    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
                );
            /// Whether the condition holds.
            pub status: State;
            /// Reason for the status in one word, for programs.
            pub reason: Box<str>
                => min_length(1), max_length(1024), pattern("^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$");
            /// Reason for the status, for people; may be empty.
            pub message: Box<str> => max_length(32_768);
            /// When status, reason or message last changed.
            pub last_transition_time: Box<str> => date_time();
        }
        optional {
            /// Generation of the object that the condition was determined for.
            pub observed_generation: Option<i64> => minimum(0);
        }
    }
}

/// Status of a condition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The condition holds.
    True,
    /// The condition does not hold.
    False,
    /// It is not known whether it holds; any other text reads as this.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A controller's finding: a condition without its time and generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// The condition's type.
    pub r#type: &'a str,
    /// Whether it holds.
    pub status: State,
    /// Reason in one word.
    pub reason: &'a str,
    /// Reason, for people.
    pub message: &'a str,
}

impl<'a> Verdict<'a> {
    /// Returns the verdict that `type` is true.
    pub fn yes(r#type: &'a str, reason: &'a str, message: &'a str) -> Self {
        Self {
            r#type,
            status: State::True,
            reason,
            message,
        }
    }

    /// Returns the verdict that `type` is false.
    pub fn no(r#type: &'a str, reason: &'a str, message: &'a str) -> Self {
        Self {
            r#type,
            status: State::False,
            reason,
            message,
        }
    }

    /// Returns the verdict that it is not known yet whether `type` is true.
    pub fn unknown(r#type: &'a str, reason: &'a str, message: &'a str) -> Self {
        Self {
            r#type,
            status: State::Unknown,
            reason,
            message,
        }
    }
}

impl Conditions {
    /// Returns the condition of a type.
    pub fn get(&self, r#type: &str) -> Option<&Condition> {
        self.0.iter().find(|condition| &*condition.r#type == r#type)
    }

    /// Returns whether a condition exists with this status.
    pub fn is(&self, r#type: &str, status: State) -> bool {
        self.get(r#type)
            .is_some_and(|condition| condition.status == status)
    }

    /// Sets the condition of a type, determined for `generation` at `now` (RFC 3339, whole
    /// seconds).
    ///
    /// The transition time stays if only the generation is new. A message that is too long loses
    /// its middle.
    pub fn set(&mut self, verdict: &Verdict<'_>, generation: i64, now: &str) {
        let message = &*shortened(verdict.message, MESSAGE_MAX);
        match self
            .0
            .iter_mut()
            .find(|condition| *condition.r#type == *verdict.r#type)
        {
            Some(condition) => {
                condition.observed_generation = Some(generation);
                if !condition.says(verdict, message) {
                    condition.status = verdict.status;
                    condition.reason = verdict.reason.into();
                    condition.message = message.into();
                    condition.last_transition_time = now.into();
                }
            }
            None => self.0.push(Condition {
                r#type: verdict.r#type.into(),
                status: verdict.status,
                reason: verdict.reason.into(),
                message: message.into(),
                last_transition_time: now.into(),
                observed_generation: Some(generation),
            }),
        }

        self.0.sort_by(|a, b| a.order().cmp(&b.order()));
    }

    /// Removes the condition of a type; returns whether it existed.
    pub fn delete(&mut self, r#type: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|condition| &*condition.r#type != r#type);
        self.0.len() < before
    }

    /// Returns the conditions in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Condition> {
        self.0.iter()
    }

    /// Returns whether there is no condition.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Conditions {
    type Item = &'a Condition;
    type IntoIter = std::slice::Iter<'a, Condition>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Field for Conditions {
    fn schema() -> Value {
        Vec::<Condition>::schema()
    }

    fn absent(&self) -> bool {
        self.is_empty()
    }
}

impl Field for State {
    fn schema() -> Value {
        json!({"type": "string", "enum": ["True", "False", "Unknown"]})
    }
}

impl Condition {
    /// Returns whether a verdict with this (shortened) message would change nothing.
    fn says(&self, verdict: &Verdict<'_>, message: &str) -> bool {
        self.status == verdict.status
            && *self.reason == *verdict.reason
            && *self.message == *message
    }

    /// Returns the sort key of the list.
    fn order(&self) -> (usize, Reverse<i64>, &str) {
        const FIRST: [&str; 3] = [STALLED, RECONCILING, READY];
        match FIRST.iter().position(|first| *first == &*self.r#type) {
            Some(rank) => (rank, Reverse(0), ""),
            None => (
                FIRST.len(),
                Reverse(self.observed_generation.unwrap_or(0)),
                &self.r#type,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2026-01-02T12:00:00Z";
    const LATER: &str = "2026-01-02T12:00:05Z";

    fn types(conditions: &Conditions) -> Vec<&str> {
        conditions
            .iter()
            .map(|condition| &*condition.r#type)
            .collect()
    }

    #[test]
    fn the_list_has_the_order_of_the_contract() {
        let mut conditions = Conditions::default();
        for (name, generation) in [
            (FETCH_FAILED, 2),
            (READY, 3),
            (ARTIFACT_IN_STORAGE, 2),
            (HEALTHY, 3),
            (RECONCILING, 1),
            (STALLED, 1),
        ] {
            conditions.set(&Verdict::yes(name, "Succeeded", ""), generation, NOON);
        }
        assert_eq!(
            types(&conditions),
            [
                STALLED,
                RECONCILING,
                READY,
                HEALTHY,
                ARTIFACT_IN_STORAGE,
                FETCH_FAILED
            ]
        );
    }

    #[test]
    fn the_time_moves_with_status_reason_or_message_only() {
        let mut conditions = Conditions::default();
        let time = |conditions: &Conditions| {
            conditions
                .get(READY)
                .unwrap()
                .last_transition_time
                .to_string()
        };
        conditions.set(&Verdict::yes(READY, "Succeeded", "a"), 1, NOON);
        conditions.set(&Verdict::yes(READY, "Succeeded", "a"), 2, LATER);
        assert_eq!(time(&conditions), NOON);
        assert_eq!(conditions.get(READY).unwrap().observed_generation, Some(2));
        for verdict in [
            Verdict::no(READY, "Succeeded", "a"),
            Verdict::yes(READY, "Failed", "a"),
            Verdict::yes(READY, "Succeeded", "b"),
        ] {
            let mut changed = conditions.clone();
            changed.set(&verdict, 2, LATER);
            assert_eq!(time(&changed), LATER, "{verdict:?}");
        }
    }

    #[test]
    fn a_long_message_loses_its_middle_and_stays_the_same() {
        let message = "é".repeat(MESSAGE_MAX);
        let mut conditions = Conditions::default();
        conditions.set(
            &Verdict::unknown(READY, "Progressing", &format!("x{message}")),
            1,
            NOON,
        );
        conditions.set(
            &Verdict::unknown(READY, "Progressing", &format!("x{message}")),
            1,
            LATER,
        );
        let kept = conditions.get(READY).unwrap();
        assert!(kept.message.len() <= MESSAGE_MAX);
        assert!(kept.message.contains("é … é"));
        assert_eq!(&*kept.last_transition_time, NOON);
    }

    #[test]
    fn a_deleted_condition_is_gone() {
        let mut conditions = Conditions::default();
        conditions.set(&Verdict::yes(STALLED, "InvalidURL", "no"), 1, NOON);
        assert!(conditions.is(STALLED, State::True) && !conditions.is(STALLED, State::False));
        assert!(conditions.delete(STALLED) && !conditions.delete(STALLED));
        assert!(conditions.is_empty() && conditions.get(STALLED).is_none());
    }

    #[test]
    fn a_strange_status_reads_as_unknown() {
        let conditions: Conditions =
            serde_json::from_value(json!([{"type": "Ready", "status": "Maybe"}])).unwrap();
        assert!(conditions.is(READY, State::Unknown));
    }
}
