//! What to do with one object, decided without a call (design, "Diff without asking").
//!
//! Pure: desired form, record and what the watch cache saw in; one [`Decision`] out.

use lode_cluster::Gone;
use lode_merge::{Flags, Observed};

use crate::desired::Desired;
use crate::record::Record;

/// What to do with one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is as desired: no call.
    Unchanged,
    /// It wants to be left alone.
    Skip,
    /// It is not known to exist: create it, and look closer if it does.
    Create,
    /// It exists and cannot be told from here: ask the server.
    Ask,
    /// Git did not change, the live object did, and wants that to be told only.
    Warn,
}

/// Decides for one object.
#[must_use]
pub fn decide(desired: &Desired, record: Option<&Record>, live: Option<&Observed>) -> Decision {
    if desired.how.skip {
        return Decision::Skip;
    }
    let Some(live) = live else {
        return Decision::Create;
    };
    if live.flags.contains(Flags::RECONCILE_DISABLED)
        || live.flags.contains(Flags::SSA_IGNORE)
        || desired.how.if_not_present
    {
        return Decision::Skip;
    }
    match record {
        Some(record) if record.desired == desired.digest && !live.deleting => {
            let to_clean = live.flags.contains(Flags::NEEDS_CLEANUP) && !desired.how.merge;
            match (record.matches(live), to_clean) {
                (true, false) => Decision::Unchanged,
                (false, _) if desired.how.warn || live.flags.contains(Flags::DRIFT_WARN) => {
                    Decision::Warn
                }
                _ => Decision::Ask,
            }
        }
        _ => Decision::Ask,
    }
}

/// Returns whether a live object has left what was applied, by its record alone. Fields of managers that are cleaned up
/// at the next reconcile do not count: `kubectl rollout restart` must not be undone at once.
#[must_use]
pub fn drifted(record: &Record, live: Option<&Observed>, gone: Option<&Gone>) -> bool {
    match live {
        _ if record.is_skipped() => false,
        None => !record.has_ended(gone),
        Some(live)
            if [
                Flags::RECONCILE_DISABLED,
                Flags::SSA_IGNORE,
                Flags::DRIFT_IGNORED,
            ]
            .iter()
            .any(|flag| live.flags.contains(*flag)) =>
        {
            false
        }
        Some(live) => !record.matches(live),
    }
}

#[cfg(test)]
mod tests {
    use lode_object::{NamespacedName, Object};
    use serde_json::json;

    use super::*;
    use crate::desired::Common;

    fn desired(notes: &serde_json::Value) -> Desired {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": notes}});
        let owner = NamespacedName::new("ns", "app");
        Desired::new(
            Object::parse(object).unwrap(),
            "",
            &owner,
            &Common::default(),
        )
        .unwrap()
    }

    fn live(flags: Flags) -> Observed {
        Observed {
            uid: "u".into(),
            own: Some([1; 16]),
            flags,
            ..Observed::default()
        }
    }

    #[test]
    fn an_unchanged_object_costs_nothing() {
        let desired = desired(&json!({}));
        let seen = live(Flags::default());
        let record = Record::of(&desired, &seen);
        assert_eq!(
            decide(&desired, Some(&record), Some(&seen)),
            Decision::Unchanged
        );
        assert!(!drifted(&record, Some(&seen), None));
    }

    #[test]
    fn a_live_edit_is_asked_about_or_told() {
        let desired = desired(&json!({}));
        let record = Record::of(&desired, &live(Flags::default()));
        let edited = |flags| Observed {
            own: Some([2; 16]),
            ..live(flags)
        };
        assert_eq!(
            decide(&desired, Some(&record), Some(&edited(Flags::default()))),
            Decision::Ask
        );
        assert_eq!(
            decide(&desired, Some(&record), Some(&edited(Flags::DRIFT_WARN))),
            Decision::Warn
        );
        assert!(drifted(&record, Some(&edited(Flags::default())), None));
        let other = Observed {
            uid: "v".into(),
            ..live(Flags::default())
        };
        assert!(
            drifted(&record, Some(&other), None),
            "another object under the same name"
        );
    }

    #[test]
    fn what_wants_to_be_left_alone_is() {
        let plain = desired(&json!({}));
        let record = Record::of(&plain, &live(Flags::default()));
        for flag in [Flags::RECONCILE_DISABLED, Flags::SSA_IGNORE] {
            let edited = Observed {
                own: None,
                ..live(flag)
            };
            assert_eq!(decide(&plain, Some(&record), Some(&edited)), Decision::Skip);
            assert!(!drifted(&record, Some(&edited), None));
        }
        let edited = live(Flags::DRIFT_IGNORED);
        assert!(
            !drifted(&record, Some(&edited), None),
            "its edits are nobody's concern"
        );
        let once = desired(&json!({"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}));
        assert_eq!(
            decide(&once, None, Some(&live(Flags::default()))),
            Decision::Skip
        );
        assert_eq!(decide(&once, None, None), Decision::Create);
        let never = desired(&json!({"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}));
        assert_eq!(decide(&never, None, None), Decision::Skip);
    }

    #[test]
    fn managers_to_clean_are_work_for_a_reconcile_but_no_drift() {
        let plain = desired(&json!({}));
        let seen = live(Flags::NEEDS_CLEANUP);
        let record = Record::of(&plain, &seen);
        assert_eq!(decide(&plain, Some(&record), Some(&seen)), Decision::Ask);
        assert!(!drifted(&record, Some(&seen), None));
        let merge = desired(&json!({"kustomize.toolkit.fluxcd.io/ssa": "Merge"}));
        let record = Record::of(&merge, &seen);
        assert_eq!(
            decide(&merge, Some(&record), Some(&seen)),
            Decision::Unchanged
        );
    }
}
