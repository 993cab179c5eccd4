//! [`Candidate`]: decides a replica's next step about the Lease. Pure: time and chance are
//! arguments.
//!
//! ```text
//!             ┌── not renewed for so long as it lasts, or let go of ──┐
//! Due → Read ─┤                                                       ├→ Write → leads → Rest → Due → Write …
//!             └── somebody else's ──→ Rest → Due                      ┘            │
//!                                                     somebody else's, or not renewed in time → Lost
//! ```
//!
//! The rules are those of client-go's `leaderelection`. Whether a Lease has expired is judged by
//! the time since *we* saw it change, by our own clock; its times are only for people, no decision
//! depends on them. Every write names the version that was read, so of two candidates one is
//! refused.
//!
//! Deviations, all on the safe side: a leader that finds another holder in the Lease has lost at
//! once and does not try to get it back; a Lease with a shorter duration than ours is treated as
//! having ours.

use std::time::Duration;

use jiff::Timestamp;
use lode_object::Value;

use super::record::{self, Record};
use super::timings::Timings;

/// A candidate's additional random wait, at most this part of the retry period, so that many do not
/// act at once.
const JITTER: f64 = 0.2;
/// Longest wait after refusals that are not temporary, such as missing permissions.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// One replica's view of the Lease.
pub(super) struct Candidate {
    identity: String,
    timings: Timings,
    /// What was last read or written, and when it was first seen in that state.
    seen: Option<(Record, Duration)>,
    tenure: Option<Tenure>,
    /// Whether the Lease was read in this try, so that a conflict ends the try.
    has_read: bool,
    /// Refusals in a row that are not temporary.
    refusals: u32,
}

/// The limits of a leading replica.
#[derive(Clone, Copy)]
struct Tenure {
    /// The time until which writes may be sent.
    valid_until: Duration,
    /// The start of the renewal in progress.
    renewing_since: Option<Duration>,
}

/// The moment of a decision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Time since boot, including time in which the machine slept.
    pub(super) boot: Duration,
    /// The wall-clock time.
    pub(super) wall: Timestamp,
    /// A number from 0 to 1.
    pub(super) chance: f64,
}

/// What happened.
pub(super) enum Event {
    /// The rest is over.
    Due,
    /// The Lease was read; `None` if it does not exist.
    Read(Option<Record>),
    /// The server accepted our write, which was started at this time since boot.
    Written { begun: Duration, record: Record },
    /// Another client wrote first.
    Conflict,
    /// The server could not be asked, or refused.
    Failed { is_passing: bool },
}

/// The next action.
#[derive(Debug, PartialEq)]
pub(super) enum CandidateStep {
    /// Read the Lease.
    Read,
    /// Write this `spec` onto the version, or create the Lease if there is none.
    Write {
        spec: Value,
        version: Option<String>,
    },
    /// Wait for this long.
    Rest(Duration),
    /// This replica led and no longer does.
    Lost(Loss),
}

/// Why a replica no longer leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Loss {
    /// It was not renewed in time.
    NotRenewed,
    /// Another replica holds it, or nobody if the holder is empty.
    Taken { holder: String },
}

impl Candidate {
    /// Starts without having seen the Lease.
    pub(super) fn new(identity: String, timings: Timings) -> Self {
        Self {
            identity,
            timings,
            seen: None,
            tenure: None,
            has_read: false,
            refusals: 0,
        }
    }

    /// Returns the time until which writes may be sent; `None` while this replica does not lead.
    pub(super) fn valid_until(&self) -> Option<Duration> {
        self.tenure.map(|tenure| tenure.valid_until)
    }

    /// Returns the last seen holder of the Lease.
    pub(super) fn holder(&self) -> Option<&str> {
        self.seen.as_ref().map(|(record, _)| record.holder())
    }

    /// Returns how long a response may take.
    pub(super) fn patience(&self, now: Duration) -> Duration {
        let renewing_since = self.tenure.and_then(|tenure| tenure.renewing_since);
        let end = renewing_since.unwrap_or(now) + self.timings.renew_deadline;
        end.saturating_sub(now)
    }

    /// Returns the write that releases the Lease: its `spec` and the version to write it onto.
    /// `None` while it is not ours.
    pub(super) fn release(&self, now: Timestamp) -> Option<(Value, String)> {
        self.tenure?;
        let (record, _) = self.seen.as_ref()?;
        Some((record::released(record, now), record.version.clone()))
    }

    /// Decides the next step.
    pub(super) fn next(&mut self, now: Moment, event: Event) -> CandidateStep {
        match event {
            Event::Due => self.try_anew(now),
            Event::Read(found) => self.judge(now, found),
            Event::Written { begun, record } => self.take_up(now, begun, record),
            Event::Conflict if !self.has_read => CandidateStep::Read,
            Event::Conflict => self.fail(now, true),
            Event::Failed { is_passing } => self.fail(now, is_passing),
        }
    }

    /// The leader renews the version it knows; others read first.
    fn try_anew(&mut self, now: Moment) -> CandidateStep {
        self.has_read = false;
        let (Some(tenure), Some((record, _))) = (&mut self.tenure, &self.seen) else {
            return CandidateStep::Read;
        };
        tenure.renewing_since.get_or_insert(now.boot);
        CandidateStep::Write {
            version: Some(record.version.clone()),
            spec: self.claim(Some(record), now),
        }
    }

    fn judge(&mut self, now: Moment, found: Option<Record>) -> CandidateStep {
        self.has_read = true;
        let Some(record) = found else {
            self.seen = None;
            return CandidateStep::Write {
                spec: self.claim(None, now),
                version: None,
            };
        };

        let holder = record.holder().to_owned();
        let is_ours = holder == self.identity;
        if self.tenure.is_some() && !is_ours {
            self.tenure = None;
            return CandidateStep::Lost(Loss::Taken { holder });
        }

        let since = match &self.seen {
            Some((known, since)) if known.spec == record.spec => *since,
            _ => now.boot,
        };
        let lasts = record.duration().max(self.timings.lease_duration);
        let step = CandidateStep::Write {
            spec: self.claim(Some(&record), now),
            version: Some(record.version.clone()),
        };
        self.seen = Some((record, since));

        let left = since.saturating_add(lasts).saturating_sub(now.boot);
        if is_ours || holder.is_empty() || left.is_zero() {
            return step;
        }
        self.refusals = 0;
        CandidateStep::Rest(self.retry(now).min(left))
    }

    fn take_up(&mut self, now: Moment, begun: Duration, record: Record) -> CandidateStep {
        self.refusals = 0;
        self.seen = Some((record, now.boot));
        self.tenure = Some(Tenure {
            valid_until: begun + self.timings.renew_deadline,
            renewing_since: None,
        });
        // Counted from the start: a server that responds slowly is asked again at once.
        let due = begun + self.timings.retry_period;
        CandidateStep::Rest(due.saturating_sub(now.boot))
    }

    fn fail(&mut self, now: Moment, is_passing: bool) -> CandidateStep {
        if let Some(tenure) = self.tenure {
            let since = tenure.renewing_since.unwrap_or(now.boot);
            let left = (since + self.timings.renew_deadline).saturating_sub(now.boot);
            if left.is_zero() {
                self.tenure = None;
                return CandidateStep::Lost(Loss::NotRenewed);
            }
            return CandidateStep::Rest(self.timings.retry_period.min(left));
        }
        if is_passing {
            return CandidateStep::Rest(self.retry(now));
        }
        let factor = 1_u32.checked_shl(self.refusals).unwrap_or(u32::MAX);
        self.refusals = self.refusals.saturating_add(1);
        CandidateStep::Rest(self.retry(now).saturating_mul(factor).min(BACKOFF_MAX))
    }

    fn claim(&self, before: Option<&Record>, now: Moment) -> Value {
        record::held(
            before,
            &self.identity,
            self.timings.lease_duration,
            now.wall,
        )
    }

    fn retry(&self, now: Moment) -> Duration {
        let chance = now.chance.clamp(0.0, 1.0);
        self.timings.retry_period.mul_f64(1.0 + JITTER * chance)
    }
}
