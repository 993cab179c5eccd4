//! [`Health`]: what was found out about an object, and how it is told.

use std::{borrow::Cow, fmt};

use lode_object::Id;

/// Seconds since 1970 (UTC): what a rule may know of the time.
pub type Seconds = i64;

/// How far an object has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// It is on its way.
    InProgress,
    /// It will not get there by itself.
    Failed,
    /// It is what it should be.
    Current,
    /// It is being deleted.
    Terminating,
    /// There is no such object.
    NotFound,
    /// Its status could not be read.
    Unknown,
}

/// A status with its cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// How far it has come.
    pub status: Status,
    /// One word for the cause, empty where there is none.
    pub reason: Cow<'static, str>,
    /// The cause for people, empty where there is none.
    pub message: Cow<'static, str>,
    /// What becomes of it by time alone, where the object itself does not change. Whoever waits must look again then:
    /// no watch tells of it.
    pub turns: Option<Box<Turn>>,
}

/// A change of health that only the clock brings about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// From which second on, since 1970 (UTC).
    pub at: Seconds,
    /// The health from then on.
    pub to: Health,
}

impl Status {
    /// Returns the word users know.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::Current => "Current",
            Self::Terminating => "Terminating",
            Self::NotFound => "NotFound",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Health {
    /// Builds a health of a status and its cause.
    #[must_use]
    pub fn new(
        status: Status,
        reason: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            reason: reason.into(),
            message: message.into(),
            turns: None,
        }
    }

    /// Returns the same health, which turns into another one at a given second unless the object changes before.
    #[must_use]
    pub(crate) fn turning(self, at: Seconds, to: Self) -> Self {
        Self {
            turns: Some(Box::new(Turn { at, to })),
            ..self
        }
    }

    /// Returns the health at a given second: its own, or what it has turned into by then.
    #[must_use]
    pub fn at(&self, now: Seconds) -> &Self {
        let mut health = self;
        while let Some(turn) = health.turns.as_deref().filter(|turn| turn.at <= now) {
            health = &turn.to;
        }
        health
    }

    /// Returns the second of its next change by time alone, if there is one.
    #[must_use]
    pub fn next_look(&self, now: Seconds) -> Option<Seconds> {
        self.at(now).turns.as_ref().map(|turn| turn.at)
    }

    /// Returns the health of an object that is not there. A Job that goes by itself has done what it should.
    #[must_use]
    pub fn absent(job_with_ttl: bool) -> Self {
        if job_with_ttl {
            Self::current("Job is gone after its time to live")
        } else {
            Self::new(Status::NotFound, "", "")
        }
    }

    pub(crate) fn current(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::Current, "", message)
    }

    pub(crate) fn progress(reason: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::InProgress, reason, message)
    }

    pub(crate) fn failed(reason: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::Failed, reason, message)
    }

    pub(crate) fn unknown(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::Unknown, "", message)
    }
}

/// Returns the status of a group: failed if any failed, else unknown if any is, current when all are.
pub fn aggregate(all: impl IntoIterator<Item = Status>) -> Status {
    let mut whole = Status::Current;
    for one in all {
        match one {
            Status::Failed => return Status::Failed,
            Status::Unknown => whole = Status::Unknown,
            Status::Current => {}
            _ if whole == Status::Unknown => {}
            _ => whole = Status::InProgress,
        }
    }
    whole
}

/// Returns how messages name an object and its status: `Deployment/shop/web status: 'InProgress'`, and for a failed
/// one the cause behind it.
#[must_use]
pub fn describe(id: &Id, health: &Health) -> String {
    let status = health.status;
    if status == Status::Failed && !health.message.is_empty() {
        format!("{id} status: '{status}': {}", health.message)
    } else {
        format!("{id} status: '{status}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_a_group_is_told() {
        use Status::{Current, Failed, InProgress, NotFound, Unknown};
        assert_eq!(aggregate([]), Current);
        assert_eq!(aggregate([Current, InProgress, Current]), InProgress);
        assert_eq!(aggregate([NotFound, Current]), InProgress);
        assert_eq!(aggregate([Unknown, InProgress, Current]), Unknown);
        assert_eq!(aggregate([Unknown, Failed]), Failed);
    }

    #[test]
    fn a_failure_says_why() {
        let id = Id {
            namespace: "shop".into(),
            name: "web".into(),
            group: "apps".into(),
            kind: "Deployment".into(),
        };
        assert_eq!(
            describe(&id, &Health::progress("A", "b")),
            "Deployment/shop/web status: 'InProgress'"
        );
        assert_eq!(
            describe(&id, &Health::failed("A", "b")),
            "Deployment/shop/web status: 'Failed': b"
        );
    }

    #[test]
    fn a_job_that_went_by_itself_is_done() {
        assert_eq!(Health::absent(true).status, Status::Current);
        assert_eq!(Health::absent(false).status, Status::NotFound);
    }
}
