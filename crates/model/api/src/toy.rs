//! `Toy`: a kind that shows how a kind is added.

use crate::Conditions;
use crate::names::{AGE, Column, Names, READY, STATUS, Scope};
use crate::resource::{Kind, usual_status};
use crate::schema::{object, one_of};

object! {
    /// Desired state of the toy.
    pub struct Spec {
        required {
            /// Color of the toy.
            pub color: Box<str> => one_of(&["red", "green"]);
        }
        optional {
            /// Suspend the reconciliation of this toy.
            pub suspend: Option<bool>;
        }
    }
}

object! {
    /// Observed state of the toy.
    pub struct ToyStatus {
        optional {
            /// Conditions of the toy.
            pub conditions: Conditions;
            /// Value of the last reconcile request that was handled.
            pub last_handled_reconcile_at: Option<Box<str>>;
            /// Last generation that was reconciled.
            pub observed_generation: Option<i64>;
        }
    }
}
usual_status!(ToyStatus);

impl Kind for Spec {
    const NAMES: Names = Names {
        group: "toys.lodestone.dev",
        version: "v1",
        kind: "Toy",
        singular: "toy",
        plural: "toys",
        short: &[],
        categories: &["all"],
        component: "lodestone",
        scope: Scope::Namespaced,
    };
    const COLUMNS: &'static [Column] = &[AGE, READY, STATUS];
    type Status = ToyStatus;

    fn suspended(&self) -> bool {
        self.suspend.unwrap_or_default()
    }
}
