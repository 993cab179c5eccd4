//! [`Awaited`]: an object that is waited for, and what keeps it from being ready.
//!
//! Pure: what was found out about an object in, words for people out. What anybody says of an object that was built
//! with values from Secrets may quote them, and is left out.

use std::fmt;

use lode_health::{Health, Status};
use lode_object::Id;

/// How many objects a sentence names while they are waited for.
const NAMED_MAX: usize = 3;
/// Of how many objects a failure says what keeps them from being ready.
const REASONS_MAX: usize = 20;
/// Longest reason of an object that is on its way, in bytes: a controller writes what it likes into its conditions.
const REASON_BYTES_MAX: usize = 256;

/// An object that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// Which object.
    pub id: Id,
    /// How far it has come.
    pub status: Status,
    /// What keeps it from being ready; empty where nothing is known or may be told.
    pub reason: String,
}

/// What was found out about an object that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwaitedState {
    pub(crate) health: Health,
    /// Its Pods that do not run, where they decide about it.
    pub(crate) pods: Option<BlockedPods>,
}

/// Pods that cannot run as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlockedPods {
    /// The first of them by name.
    pub(crate) name: Box<str>,
    /// What keeps it from running.
    pub(crate) detail: Box<str>,
    /// How many there are besides.
    pub(crate) more: usize,
}

/// How much of what is found out about an object may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Discretion {
    /// All of it.
    Open,
    /// Only how far it has come: it was built with values from Secrets.
    Secret,
}

impl Awaited {
    pub(crate) fn new(id: Id, found: &AwaitedState, discretion: Discretion) -> Self {
        let reason = match discretion {
            Discretion::Open => found.reason(),
            Discretion::Secret => String::new(),
        };
        Self {
            id,
            status: found.health.status,
            reason,
        }
    }
}

impl fmt::Display for Awaited {
    /// The form shown while it lasts: `StatefulSet/shop/db: 1 of 3 ready: Pod db-1: Insufficient cpu`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, status, reason } = self;
        if reason.is_empty() {
            write!(f, "{id}: {status}")
        } else {
            write!(f, "{id}: {reason}")
        }
    }
}

impl AwaitedState {
    /// Returns what is known of an object whose Pods do not matter.
    pub(crate) fn of(health: Health) -> Self {
        Self { health, pods: None }
    }

    fn reason(&self) -> String {
        let Health {
            status,
            message,
            detail,
            ..
        } = &self.health;
        let own = match detail {
            // The text of a failure is Flux's.
            Some(detail) if *status != Status::Failed => detail,
            _ => &**message,
        };
        let reason = match &self.pods {
            Some(pods) if own.is_empty() => pods.to_string(),
            Some(pods) => format!("{own}: {pods}"),
            None => own.to_owned(),
        };
        if *status == Status::Failed {
            reason
        } else {
            one_line(&reason)
        }
    }
}

impl fmt::Display for BlockedPods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, detail, more } = self;
        write!(f, "Pod {name}: {detail}")?;
        if *more > 0 {
            write!(f, " (and {more} more)")?;
        }
        Ok(())
    }
}

/// Says what is waited for while it lasts: the first few objects, and how many more there are; empty if there are none.
#[must_use]
pub fn in_short<'a>(awaited: impl IntoIterator<Item = &'a Awaited>) -> String {
    let mut awaited = awaited.into_iter();
    let first: Vec<String> = awaited
        .by_ref()
        .take(NAMED_MAX)
        .map(ToString::to_string)
        .collect();
    let named = first.join("; ");
    match awaited.count() {
        0 => named,
        more => format!("{named}; and {more} more"),
    }
}

/// Lists objects as Flux's failures do, with the reason behind the status.
pub(crate) fn in_full(awaited: &[Awaited]) -> String {
    let one = |(index, awaited): (usize, &Awaited)| {
        let Awaited { id, status, reason } = awaited;
        let is_told = *status == Status::Failed || index < REASONS_MAX;
        if reason.is_empty() || !is_told {
            format!("{id} status: '{status}'")
        } else {
            format!("{id} status: '{status}': {reason}")
        }
    };
    let list: Vec<String> = awaited.iter().enumerate().map(one).collect();
    list.join(", ")
}

/// Lists objects with their status alone.
pub(crate) fn in_plain(awaited: &[Awaited]) -> String {
    let one = |Awaited { id, status, .. }: &Awaited| format!("{id} status: '{status}'");
    awaited.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Returns one line of a text, cut at [`REASON_BYTES_MAX`].
fn one_line(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() > REASON_BYTES_MAX {
        line.truncate(line.floor_char_boundary(REASON_BYTES_MAX - "…".len()));
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> Id {
        Id {
            namespace: "shop".into(),
            name: name.into(),
            group: "apps".into(),
            kind: "StatefulSet".into(),
        }
    }

    fn health(status: Status, message: &'static str, detail: Option<&str>) -> Health {
        Health {
            detail: detail.map(Into::into),
            ..Health::new(status, "", message)
        }
    }

    fn blocked(more: usize) -> BlockedPods {
        BlockedPods {
            name: "db-1".into(),
            detail: "Insufficient cpu".into(),
            more,
        }
    }

    fn awaited(found: &AwaitedState) -> Awaited {
        Awaited::new(id("db"), found, Discretion::Open)
    }

    #[test]
    fn a_set_says_how_many_are_ready_and_why_no_more_are() {
        let waiting = health(Status::InProgress, "Ready: 1/3", Some("1 of 3 ready"));
        let alone = awaited(&AwaitedState::of(waiting.clone()));
        assert_eq!(alone.to_string(), "StatefulSet/shop/db: 1 of 3 ready");
        let found = |more| AwaitedState {
            health: waiting.clone(),
            pods: Some(blocked(more)),
        };
        assert_eq!(
            awaited(&found(0)).to_string(),
            "StatefulSet/shop/db: 1 of 3 ready: Pod db-1: Insufficient cpu"
        );
        assert_eq!(
            awaited(&found(2)).reason,
            "1 of 3 ready: Pod db-1: Insufficient cpu (and 2 more)"
        );
    }

    #[test]
    fn an_object_without_a_reason_says_how_far_it_has_come() {
        let absent = awaited(&AwaitedState::of(Health::absent(false)));
        assert_eq!(absent.to_string(), "StatefulSet/shop/db: NotFound");
        let message = health(Status::InProgress, "PVC is not Bound. phase: Pending", None);
        assert_eq!(
            awaited(&AwaitedState::of(message)).reason,
            "PVC is not Bound. phase: Pending"
        );
    }

    #[test]
    fn nothing_is_said_of_an_object_built_with_values_from_secrets() {
        let found = AwaitedState {
            health: health(Status::InProgress, "hunter2", Some("hunter2")),
            pods: Some(blocked(0)),
        };
        let secret = Awaited::new(id("db"), &found, Discretion::Secret);
        assert_eq!(secret.to_string(), "StatefulSet/shop/db: InProgress");
        assert_eq!(
            in_full(&[secret]),
            "StatefulSet/shop/db status: 'InProgress'"
        );
    }

    #[test]
    fn a_failure_keeps_flux_s_form_and_adds_the_reason_behind_the_status() {
        let waiting = AwaitedState {
            health: health(Status::InProgress, "Ready: 1/3", Some("1 of 3 ready")),
            pods: Some(blocked(0)),
        };
        let failed = AwaitedState {
            health: health(Status::Failed, "2 pods have failed", None),
            pods: None,
        };
        let absent = AwaitedState::of(Health::absent(false));
        let all = [&waiting, &failed, &absent].map(awaited);
        assert_eq!(
            in_full(&all),
            "StatefulSet/shop/db status: 'InProgress': 1 of 3 ready: Pod db-1: Insufficient cpu, \
             StatefulSet/shop/db status: 'Failed': 2 pods have failed, \
             StatefulSet/shop/db status: 'NotFound'"
        );
    }

    #[test]
    fn a_failure_of_many_names_all_and_explains_the_first() {
        let waiting = AwaitedState::of(health(Status::InProgress, "", Some("0 of 1 ready")));
        let all: Vec<Awaited> = (0..REASONS_MAX + 5)
            .map(|number| Awaited::new(id(&format!("n{number}")), &waiting, Discretion::Open))
            .collect();
        let text = in_full(&all);
        assert_eq!(text.matches("status: 'InProgress'").count(), all.len());
        assert_eq!(text.matches("0 of 1 ready").count(), REASONS_MAX);
    }

    #[test]
    fn few_are_named_while_they_are_waited_for() {
        let waiting = AwaitedState::of(health(Status::InProgress, "", Some("0 of 1 ready")));
        let all: Vec<Awaited> = (0..5)
            .map(|number| Awaited::new(id(&format!("n{number}")), &waiting, Discretion::Open))
            .collect();
        assert_eq!(
            in_short(&all),
            "StatefulSet/shop/n0: 0 of 1 ready; StatefulSet/shop/n1: 0 of 1 ready; StatefulSet/shop/n2: 0 of 1 ready; \
             and 2 more"
        );
        assert_eq!(in_short(&all[..1]), "StatefulSet/shop/n0: 0 of 1 ready");
        assert_eq!(in_short(&[]), "");
    }

    #[test]
    fn a_reason_is_one_line_of_bounded_length_unless_it_is_of_a_failure() {
        let long: &'static str = "first\nsecond ".repeat(40).leak();
        let waiting = awaited(&AwaitedState::of(health(Status::InProgress, long, None)));
        assert!(waiting.reason.starts_with("first second first") && waiting.reason.ends_with('…'));
        assert!(waiting.reason.len() <= REASON_BYTES_MAX);
        let failed = awaited(&AwaitedState::of(health(Status::Failed, long, None)));
        assert_eq!(failed.reason, long);
    }
}
