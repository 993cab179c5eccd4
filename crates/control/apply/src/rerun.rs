//! [`Rerun`]: when an object that has ended is created again.
//!
//! A Job that its time to live removed, a Pod that is done, what went with its owner: nobody edited anything. Flux creates
//! such objects again at each reconcile, so they run once per interval; here they do, too, and no retry and no watch event
//! in between runs a migration twice.

use lode_cluster::Gone;
use lode_object::Id;

use crate::desired::Desired;
use crate::record::{Ends, Ran, Record, Records};

/// What a run needs to know to decide whether what has ended is due again.
#[derive(Debug, Clone, Copy)]
pub struct Rerun<'a> {
    /// The revision that is brought about: another one runs all again.
    pub revision: &'a str,
    /// Now, in seconds since 1970.
    pub now_s: i64,
    /// How long after the last run the next one is due, in seconds.
    pub every_s: i64,
    /// Somebody asked for a reconcile, which runs again what runs once per interval.
    pub is_asked: bool,
}

impl Rerun<'_> {
    /// Returns whether an object that is absent is left so for now.
    #[must_use]
    pub fn rests(&self, records: &Records, id: &Id, gone: Option<&Gone>) -> bool {
        let Some(record) = records.objects.get(id) else {
            return false;
        };
        record.has_ended(gone) && !self.is_due(record.ends, records.ran.get(id))
    }

    fn is_due(&self, ends: Ends, ran: Option<&Ran>) -> bool {
        let Some(ran) = ran.filter(|ran| &*ran.revision == self.revision) else {
            return true;
        };
        let since_s = self.now_s.saturating_sub(ran.at_s);
        // A clock that was put back must not hold an object off for longer than an interval.
        ends != Ends::Never && (self.is_asked || since_s >= self.every_s || since_s < 0)
    }

    pub(crate) fn ran(&self) -> Ran {
        Ran {
            revision: self.revision.into(),
            at_s: self.now_s,
        }
    }
}

/// Returns whether the absence of an object is no live edit.
pub(crate) fn has_ended(desired: &Desired, record: Option<&Record>, gone: Option<&Gone>) -> bool {
    record.is_some_and(|record| record.desired == desired.digest && record.has_ended(gone))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60;

    fn records(ends: Ends, revision: &str) -> (Records, Id) {
        let id = Id::parse_inventory("ns_migrate_batch_Job").unwrap();
        let record = Record {
            version: "v1".into(),
            uid: "u".into(),
            desired: [1; 16],
            own: None,
            warn: false,
            ends,
            secret: false,
        };
        let mut records = Records::default();
        records.objects.insert(id.clone(), record);
        records.ran.insert(
            id.clone(),
            Ran {
                revision: revision.into(),
                at_s: 1000,
            },
        );
        (records, id)
    }

    fn rests(
        ends: Ends,
        revision: &str,
        after_s: i64,
        is_asked: bool,
        ended: Option<bool>,
    ) -> bool {
        let (records, id) = records(ends, "one");
        let gone = ended.map(|ended| Gone {
            uid: "u".into(),
            ended,
        });
        let rerun = Rerun {
            revision,
            now_s: 1000 + after_s,
            every_s: MINUTE,
            is_asked,
        };
        rerun.rests(&records, &id, gone.as_ref())
    }

    #[test]
    fn what_ended_by_itself_runs_once_per_interval_or_revision_or_request() {
        let ended = Some(true);
        assert!(rests(Ends::ByItself, "one", 5, false, ended), "a retry");
        assert!(!rests(Ends::ByItself, "one", MINUTE, false, ended));
        assert!(!rests(Ends::ByItself, "two", 5, false, ended));
        assert!(!rests(Ends::ByItself, "one", 5, true, ended));
        assert!(
            rests(Ends::ByItself, "one", 5, false, None),
            "its end was not seen: a restart"
        );
        assert!(
            !rests(Ends::ByItself, "one", 5, false, Some(false)),
            "somebody deleted it while it ran"
        );
        assert!(
            !rests(Ends::ByItself, "one", -5, false, ended),
            "the clock was put back"
        );
        assert!(!rests(Ends::No, "one", 5, false, None));
    }

    #[test]
    fn never_means_once_per_revision() {
        for (after_s, asked, ended) in [
            (5, false, None),
            (10 * MINUTE, true, Some(true)),
            (5, false, Some(false)),
        ] {
            assert!(rests(Ends::Never, "one", after_s, asked, ended));
            assert!(!rests(Ends::Never, "two", after_s, asked, ended));
        }
    }
}
