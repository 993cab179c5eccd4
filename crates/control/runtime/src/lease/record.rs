//! [`Record`]: the content of a Lease, as read and as written. Pure.
//!
//! A Lease can be edited by hand, so nothing in it is trusted: values of a wrong type count as
//! absent.

use std::time::Duration;

use jiff::Timestamp;
use lode_object::Value;
use serde_json::json;

/// A Lease in one version.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    /// `metadata.resourceVersion`: a write succeeds only while the Lease has it.
    pub(super) version: String,
    /// `spec`, unchanged. The holder of the Lease changes it with each renewal.
    pub(super) spec: Value,
}

impl Record {
    /// Reads a Lease from the API server's JSON.
    pub(super) fn of(mut lease: Value) -> Self {
        Self {
            version: text(&lease["metadata"]["resourceVersion"]).to_owned(),
            spec: lease["spec"].take(),
        }
    }

    /// Returns the holder; empty if there is none.
    pub(super) fn holder(&self) -> &str {
        text(&self.spec["holderIdentity"])
    }

    /// Returns its duration without a renewal; zero if not given.
    pub(super) fn duration(&self) -> Duration {
        Duration::from_secs(self.spec["leaseDurationSeconds"].as_u64().unwrap_or(0))
    }

    fn transitions(&self) -> i64 {
        self.spec["leaseTransitions"].as_i64().unwrap_or(0)
    }
}

/// Returns the `spec` of a held Lease, as the successor of the one before.
///
/// A renewal keeps the time of acquisition; taking over counts a transition.
pub(super) fn held(
    before: Option<&Record>,
    identity: &str,
    duration: Duration,
    now: Timestamp,
) -> Value {
    let renewed = before.filter(|record| record.holder() == identity);
    let acquired = renewed
        .map(|record| record.spec["acquireTime"].clone())
        .filter(Value::is_string);
    let transitions = match (renewed, before) {
        (Some(record), _) => record.transitions(),
        (None, Some(record)) => record.transitions().saturating_add(1).min(i32::MAX.into()),
        (None, None) => 0,
    };

    json!({
        "holderIdentity": identity,
        "leaseDurationSeconds": duration.as_secs(),
        "acquireTime": acquired.unwrap_or_else(|| micro_time(now).into()),
        "renewTime": micro_time(now),
        "leaseTransitions": transitions,
    })
}

/// Returns the `spec` of a released Lease, as client-go writes it.
pub(super) fn released(before: &Record, now: Timestamp) -> Value {
    json!({
        "holderIdentity": "",
        "leaseDurationSeconds": 1,
        "acquireTime": micro_time(now),
        "renewTime": micro_time(now),
        "leaseTransitions": before.transitions(),
    })
}

/// Formats a time as Kubernetes' `metav1.MicroTime`.
fn micro_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(15);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_microsecond(1_790_000_000_000_000 + second * 1_000_000 + 7).unwrap()
    }

    fn record(spec: Value) -> Record {
        let version = "7".to_owned();
        Record { version, spec }
    }

    #[test]
    fn a_renewal_keeps_the_acquisition_and_a_takeover_counts_it() {
        let first = record(held(None, "a", LEASE, at(0)));
        assert_eq!(
            first.spec,
            json!({"holderIdentity": "a", "leaseDurationSeconds": 15, "leaseTransitions": 0,
                "acquireTime": "2026-09-21T14:13:20.000007Z", "renewTime": "2026-09-21T14:13:20.000007Z"})
        );
        let renewed = held(Some(&first), "a", LEASE, at(2));
        assert_eq!(renewed["acquireTime"], first.spec["acquireTime"]);
        assert_eq!(renewed["renewTime"], "2026-09-21T14:13:22.000007Z");
        assert_eq!(renewed["leaseTransitions"], 0);

        let taken = held(Some(&first), "b", LEASE, at(20));
        assert_eq!(taken["acquireTime"], taken["renewTime"]);
        assert_eq!(taken["leaseTransitions"], 1);
    }

    #[test]
    fn who_lets_go_leaves_no_holder_and_a_second() {
        let released = released(&record(held(None, "a", LEASE, at(0))), at(1));
        assert_eq!(released["holderIdentity"], "");
        assert_eq!(released["leaseDurationSeconds"], 1);
    }

    #[test]
    fn garbage_counts_as_not_said() {
        let garbage = record(json!({"holderIdentity": 7, "leaseDurationSeconds": -3,
            "acquireTime": {}, "leaseTransitions": "many"}));
        assert_eq!((garbage.holder(), garbage.duration()), ("", Duration::ZERO));
        let next = held(Some(&garbage), "a", LEASE, at(0));
        assert_eq!(next["leaseTransitions"], 1);
        assert_eq!(next["acquireTime"], next["renewTime"]);

        let most = record(json!({"holderIdentity": "x", "leaseTransitions": i32::MAX}));
        assert_eq!(
            held(Some(&most), "a", LEASE, at(0))["leaseTransitions"],
            i32::MAX
        );
        assert_eq!(Record::of(json!(null)).holder(), "");
    }
}
