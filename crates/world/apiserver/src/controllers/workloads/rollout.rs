//! How a deployment moves pods from old sets to the new one: the size of each set at this moment.
//! Pure arithmetic.

use lode_object::json::int;
use serde_json::Value;

/// The limits of a rollout.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) replicas: i64,
    /// Pods allowed above the desired number.
    pub(super) surge: i64,
    /// Pods that may be unavailable.
    pub(super) missing: i64,
}

/// A set of pods: desired, existing and available numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Set {
    pub(super) wanted: i64,
    pub(super) have: i64,
    pub(super) available: i64,
}

impl Bounds {
    /// Reads the limits of a deployment.
    pub(super) fn of(deployment: &Value) -> Self {
        let replicas = int(deployment, "/spec/replicas").unwrap_or(1);
        if deployment
            .pointer("/spec/strategy/type")
            .is_some_and(|ty| ty == "Recreate")
        {
            return Self {
                replicas,
                surge: 0,
                missing: replicas,
            };
        }
        let amount = |field: &str, up: bool| {
            let given = deployment.pointer(&format!("/spec/strategy/rollingUpdate/{field}"));
            given.map_or(0, |amount| resolve(amount, replicas, up))
        };
        let (surge, missing) = (amount("maxSurge", true), amount("maxUnavailable", false));
        // If both round to zero, one pod may be unavailable; otherwise nothing would ever move.
        let missing = if surge == 0 && missing == 0 {
            1
        } else {
            missing
        };
        Self {
            replicas,
            surge,
            missing: missing.min(replicas),
        }
    }

    /// Returns the size of the new set at this moment.
    pub(super) fn new_wanted(&self, new: Set, old: &[Set]) -> i64 {
        if new.wanted >= self.replicas {
            return self.replicas;
        }
        let all: i64 = new.wanted + old.iter().map(|set| set.wanted.max(set.have)).sum::<i64>();
        let room = (self.replicas + self.surge - all).max(0);
        new.wanted + room.min(self.replicas - new.wanted)
    }

    /// Returns the sizes of the old sets, oldest first, at this moment.
    pub(super) fn old_wanted(&self, new: Set, old: &[Set]) -> Vec<i64> {
        let all: i64 = new.wanted + old.iter().map(|set| set.wanted).sum::<i64>();
        let coming = (new.wanted - new.available).max(0);
        let mut spare = (all - (self.replicas - self.missing) - coming).max(0);
        let mut wanted: Vec<i64> = old.iter().map(|set| set.wanted).collect();
        // Pods that are not available are removed first.
        let idle: Vec<i64> = old
            .iter()
            .map(|set| (set.wanted - set.available).max(0))
            .collect();
        for (wanted, most) in wanted.iter_mut().zip(idle) {
            let less = most.min(spare);
            *wanted -= less;
            spare -= less;
        }
        for wanted in &mut wanted {
            let less = (*wanted).min(spare);
            *wanted -= less;
            spare -= less;
        }
        wanted
    }
}

/// Returns a number or a percentage of a number, rounded up or down.
pub(super) fn resolve(amount: &Value, of: i64, up: bool) -> i64 {
    let Some(percent) = amount.as_str().and_then(|text| text.strip_suffix('%')) else {
        return amount.as_i64().unwrap_or_default();
    };
    let share = percent
        .parse::<i64>()
        .unwrap_or_default()
        .saturating_mul(of);
    if up {
        share.saturating_add(99) / 100
    } else {
        share / 100
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bounds(replicas: i64, strategy: &Value) -> Bounds {
        Bounds::of(&json!({"spec": {"replicas": replicas, "strategy": strategy}}))
    }

    fn ready(pods: i64) -> Set {
        Set {
            wanted: pods,
            have: pods,
            available: pods,
        }
    }

    #[test]
    fn shares_are_rounded_to_the_safe_side() {
        let quarter = bounds(
            10,
            &json!({"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}),
        );
        assert_eq!((quarter.surge, quarter.missing), (3, 2));
        let none = bounds(
            1,
            &json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}}),
        );
        assert_eq!((none.surge, none.missing), (0, 1));
    }

    #[test]
    fn a_rollout_ends_with_all_pods_new_and_never_has_too_few() {
        for replicas in 0..12 {
            let bounds = bounds(
                replicas,
                &json!({"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}),
            );
            let (mut new, mut old) = (
                ready(0),
                vec![ready(replicas / 3), ready(replicas - replicas / 3)],
            );
            for _ in 0..40 {
                new = ready(bounds.new_wanted(new, &old));
                old = bounds
                    .old_wanted(new, &old)
                    .into_iter()
                    .map(ready)
                    .collect();
                let all = new.available + old.iter().map(|set| set.available).sum::<i64>();
                assert!(
                    all >= replicas - bounds.missing && all <= replicas + bounds.surge,
                    "{replicas}: {all}"
                );
            }
            assert_eq!(
                (new.wanted, old.iter().map(|set| set.wanted).sum::<i64>()),
                (replicas, 0)
            );
        }
    }

    #[test]
    fn a_recreated_deployment_has_no_new_pods_beside_old_ones() {
        let bounds = bounds(3, &json!({"type": "Recreate"}));
        assert_eq!(bounds.old_wanted(Set::default(), &[ready(3)]), [0]);
        assert_eq!(
            bounds.new_wanted(
                Set::default(),
                &[Set {
                    wanted: 0,
                    have: 3,
                    available: 3
                }]
            ),
            0
        );
        assert_eq!(bounds.new_wanted(Set::default(), &[ready(0)]), 3);
    }

    #[test]
    fn old_pods_stay_until_new_ones_serve() {
        let bounds = bounds(
            1,
            &json!({"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}),
        );
        assert_eq!(
            bounds.old_wanted(
                Set {
                    wanted: 1,
                    have: 1,
                    available: 0
                },
                &[ready(1)]
            ),
            [1]
        );
        assert_eq!(bounds.old_wanted(ready(1), &[ready(1)]), [0]);
    }
}
