//! [`Health`]: the health of an object, and how it is shown.

use std::{borrow::Cow, fmt};

/// Seconds since 1970 (UTC).
pub type Seconds = i64;

/// The health status of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// It is progressing.
    InProgress,
    /// It cannot become ready by itself.
    Failed,
    /// It is in its desired state.
    Current,
    /// It is being deleted.
    Terminating,
    /// It does not exist.
    NotFound,
    /// Its status cannot be read.
    Unknown,
}

/// A status with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The status.
    pub status: Status,
    /// The reason in one word, or empty.
    pub reason: Cow<'static, str>,
    /// The reason for people, or empty.
    pub message: Cow<'static, str>,
    /// Why the object is not ready, in one short line, if more is known than [`Health::message`]
    /// says.
    pub detail: Option<Box<str>>,
    /// A later change by time alone, without a change of the object. Code that waits must check
    /// again then, because no watch reports it.
    pub turns: Option<Box<Turn>>,
}

/// A change of health by time alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// When it happens, in seconds since 1970 (UTC).
    pub at: Seconds,
    /// The health from then on.
    pub to: Health,
}

impl Status {
    /// Returns the word that users know.
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
    /// Creates a health from a status and its reason.
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
            detail: None,
            turns: None,
        }
    }

    /// Returns the health with the reason why the object is not ready, before and after a change by
    /// time alone.
    #[must_use]
    pub(crate) fn with_detail(mut self, detail: &str) -> Self {
        self.detail = Some(one_line(detail));
        if let Some(turn) = self.turns.take() {
            let Turn { at, to } = *turn;
            let to = to.with_detail(detail);
            self.turns = Some(Box::new(Turn { at, to }));
        }
        self
    }

    /// Returns the health with a change at a given second, unless the object changes before.
    #[must_use]
    pub(crate) fn turning(self, at: Seconds, to: Self) -> Self {
        Self {
            turns: Some(Box::new(Turn { at, to })),
            ..self
        }
    }

    /// Returns the health at a given second, after a possible change.
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

    /// Returns the health of an absent object. A Job that removes itself has completed.
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

/// Returns the status of a group: failed if any has failed, else unknown if any is, current if all
/// are.
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

/// Longest detail kept, in bytes: the watch cache keeps one of every object that is not ready.
const DETAIL_BYTES_MAX: usize = 160;

/// Returns one line of a text, cut at [`DETAIL_BYTES_MAX`].
fn one_line(text: &str) -> Box<str> {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() > DETAIL_BYTES_MAX {
        line.truncate(line.floor_char_boundary(DETAIL_BYTES_MAX - "…".len()));
        line.push('…');
    }
    line.into()
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
    fn a_job_that_went_by_itself_is_done() {
        assert_eq!(Health::absent(true).status, Status::Current);
        assert_eq!(Health::absent(false).status, Status::NotFound);
    }

    #[test]
    fn a_detail_is_one_line_of_bounded_length() {
        assert_eq!(&*one_line("a\n  b\tc "), "a b c");
        let long = one_line(&"ü".repeat(DETAIL_BYTES_MAX));
        assert!(
            long.len() <= DETAIL_BYTES_MAX && long.ends_with('…'),
            "{long}"
        );
    }
}
