//! Why a function or a template failed.

use std::fmt;

use lode_stdx::budget::Exceeded;

/// The failure of a function or of a template, as Go words it.
///
/// It is one pointer wide, because every evaluation returns one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError(Box<Reason>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Reason {
    kind: FailureKind,
    /// What the template was doing: `error calling fail: `.
    doing: String,
    message: String,
    /// Both of them, if there is something to say before the message.
    whole: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailureKind {
    Message,
    Bound,
    /// The chart's author stops the template.
    Stop,
}

impl TemplateError {
    /// Fails as a Go function that returns an error, or panics, with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self::of(FailureKind::Message, message.into())
    }

    /// Fails because a bound is reached; `message` names the bound and its limit.
    pub fn bound(message: impl Into<String>) -> Self {
        Self::of(FailureKind::Bound, message.into())
    }

    /// Fails because the chart says so, with its own text: `required` and `fail`.
    pub fn stop(message: impl Into<String>) -> Self {
        Self::of(FailureKind::Stop, message.into())
    }

    fn of(kind: FailureKind, message: String) -> Self {
        Self(Box::new(Reason {
            kind,
            doing: String::new(),
            message,
            whole: None,
        }))
    }

    /// Returns the text alone.
    pub fn message(&self) -> &str {
        self.0.whole.as_deref().unwrap_or(&self.0.message)
    }

    /// Returns whether a bound of ours was reached, so that the same input would fail again.
    pub fn is_bound(&self) -> bool {
        self.0.kind == FailureKind::Bound
    }

    /// Returns the chart's own text if it stopped the template.
    pub(crate) fn stopped(&self) -> Option<&str> {
        (self.0.kind == FailureKind::Stop).then_some(&*self.0.message)
    }

    /// The error of a function that is called.
    pub(crate) fn calling(mut self, name: &str) -> Self {
        self.0.doing = format!("error calling {name}: ");
        self.0.whole = Some(format!("{}{}", self.0.doing, self.0.message));
        self
    }

    /// Puts words before the message.
    pub(crate) fn after(mut self, words: &str) -> Self {
        self.0.message.insert_str(0, words);
        self
    }

    /// Returns whether a function returned the error, and not the template itself.
    pub(crate) fn is_returned(&self) -> bool {
        !self.0.doing.is_empty()
    }

    /// Returns what a function returned.
    pub(crate) fn returned(&self) -> &str {
        &self.0.message
    }

    /// Returns what is said at the place where a function is called.
    pub(crate) fn message_at_place(&self) -> &str {
        if self.is_returned() {
            return self.0.doing.trim_end();
        }
        &self.0.message
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for TemplateError {}

impl From<Exceeded> for TemplateError {
    fn from(exceeded: Exceeded) -> Self {
        Self::bound(exceeded.to_string())
    }
}
