//! `Toy`: a kind that shows how a kind is added.

use crate::Conditions;
use crate::names::{AGE, Column, Names, READY, STATUS, Scope};
use crate::resource::{Kind, usual_status};
use crate::schema::{object, one_of};

object! {
    /// What the toy is like.
    pub struct Spec {
        required {
            /// Color of the toy.
            pub color: Box<str> => one_of(&["red", "green"]);
        }
        optional {
            /// Leaves the toy alone while true.
            pub suspend: Option<bool>;
        }
    }
}

object! {
    /// What became of the toy.
    pub struct ToyStatus {
        optional {
            /// What is the case with the toy.
            pub conditions: Conditions;
            /// Value of the last request to reconcile that was answered.
            pub last_handled_reconcile_at: Option<Box<str>>;
            /// Newest generation whose reconcile has settled.
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
