//! One object from the local decision to the write: [`Decided`] → [`Looked`] → [`Written`].
//!
//! Each step takes an object as the one before left it, and gives it on as what it is by then. What turns out to need no
//! write is [`Settled`] on the way. Whether a step is taken at all is up to the stage, which knows the others.

use lode_cluster::Error as ClusterError;
use lode_merge::{Digest, Flags, Observed};
use lode_object::{Id, Value};

use crate::applier::{Applier, Known};
use crate::desired::Desired;
use crate::error::{Fault, Trouble};
use crate::ignore::{Rule, left_to_others};
use crate::live::LiveObject;
use crate::outcome::{Action, Drift};
use crate::patch::Patch;
use crate::request::Correction;

/// One object in work, with what holds of it from the decision to the write.
pub(crate) struct Task {
    pub(crate) desired: Desired,
    pub(crate) known: Known,
    /// Git did not change, the live object did.
    pub(crate) drift: bool,
    /// It was deleted and created again for this very revision before.
    pub(crate) replaced_before: bool,
    /// It is dry-run first in any case, because only the server can say whether it may be written at all.
    pub(crate) tries: bool,
}

/// An object that the local decision could not settle.
pub(crate) struct Decided {
    pub(crate) task: Box<Task>,
    pub(crate) intent: Intent,
}

/// What was decided without a call.
pub(crate) enum Intent {
    /// It is not known to exist.
    Create,
    /// It exists and is not as desired, as far as the cache tells.
    Update(Observed),
    /// Its live edit is reported and left.
    Warn,
}

/// An object that is to be written, as far as is known by now.
pub(crate) struct Looked {
    pub(crate) task: Box<Task>,
    pub(crate) way: Way,
    /// The server has accepted it as a dry-run.
    pub(crate) accepted: bool,
}

/// How an object is to be written.
pub(crate) enum Way {
    Create,
    Update(Box<LiveObject>),
    /// It is deleted and created again.
    Replace(Box<LiveObject>),
}

/// What a step made of an object.
pub(crate) enum StepOutcome {
    /// It is to be written.
    Write(Looked),
    /// It needs no write.
    Settled(Settled),
}

/// What is noted of an object that needs no write.
pub(crate) enum Settled {
    /// It is as desired after all.
    AsDesired(Box<Task>, Observed),
    /// It wants to be left alone.
    Skipped(Box<Task>),
    /// Its live edit is reported and left.
    Told(Drift),
}

/// What a write came to.
pub(crate) enum Written {
    Done(Box<WrittenObject>),
    /// It turned out to be otherwise than thought: it exists, or is gone.
    Again(StepOutcome),
}

/// An object that was written.
pub(crate) struct WrittenObject {
    pub(crate) task: Box<Task>,
    /// What was there before, where that is known.
    pub(crate) before: Option<Box<LiveObject>>,
    /// What was done; nothing if the server found nothing to change.
    pub(crate) action: Option<Action>,
    pub(crate) after: Observed,
    /// It was deleted first.
    pub(crate) was_deleted: bool,
}

/// An object that could not be written.
pub(crate) struct Unwritten {
    pub(crate) fault: Box<Fault>,
    /// It was deleted so that it could be created again.
    pub(crate) deleted: Option<(Id, Digest)>,
}

impl From<Box<Fault>> for Unwritten {
    fn from(fault: Box<Fault>) -> Self {
        Self {
            fault,
            deleted: None,
        }
    }
}

/// Who takes the steps, and what holds for all objects.
#[derive(Clone, Copy)]
pub(crate) struct Hands<'a> {
    pub(crate) applier: &'a Applier,
    /// Fields that are left to others.
    pub(crate) rules: &'a [Rule],
    /// Objects may be deleted and created again.
    pub(crate) force: bool,
    /// How live edits are undone.
    pub(crate) correction: Correction,
}

impl StepOutcome {
    /// Returns the step of an object that the server has accepted before, or not.
    pub(crate) fn with_acceptance(self, accepted: bool) -> Self {
        match self {
            Self::Write(looked) => Self::Write(Looked { accepted, ..looked }),
            settled @ Self::Settled(_) => settled,
        }
    }
}

impl Decided {
    /// Reads the live object where it must be looked into: for drift, clean-up and fields left to others.
    pub(crate) async fn look(self, hands: Hands<'_>) -> Result<StepOutcome, Box<Fault>> {
        let Self { task, intent } = self;
        let is_told = match intent {
            Intent::Create => return Ok(task.to_write(Way::Create)),
            Intent::Update(seen) if !task.needs_look(&seen, hands.rules) => {
                let live = LiveObject::seen(seen);
                return Ok(task.to_write(Way::Update(Box::new(live))));
            }
            Intent::Update(_) => false,
            Intent::Warn => true,
        };

        let live = match task.live(hands.applier).await {
            Ok(live) => live,
            Err(cause) => return Err(fault(&task.desired, "read", cause)),
        };
        if hands.correction == Correction::Patch && task.drift {
            return task.to_patch(hands, live, is_told).await;
        }
        if is_told {
            Ok(StepOutcome::Settled(task.told_and_left(hands, live).await))
        } else {
            Ok(task.found(hands, live))
        }
    }
}

impl Task {
    /// Returns the object as one that is to be written, and was not tried yet.
    fn to_write(self: Box<Self>, way: Way) -> StepOutcome {
        StepOutcome::Write(Looked {
            task: self,
            way,
            accepted: false,
        })
    }

    /// Returns whether the live object must be read before anything can be said.
    fn needs_look(&self, seen: &Observed, rules: &[Rule]) -> bool {
        self.drift
            || self.desired.how.has_contract
            || self.cleans(seen)
            || rules.iter().any(|rule| rule.selects(&self.desired))
    }

    /// Returns whether managers of an earlier time are to be folded into ours.
    pub(crate) fn cleans(&self, seen: &Observed) -> bool {
        !self.desired.how.merge
            && seen.flags.contains(Flags::NEEDS_CLEANUP)
            && !seen.flags.contains(Flags::SSA_MERGE)
    }

    /// Reads the live object; nothing if it does not exist.
    pub(crate) async fn live(&self, applier: &Applier) -> Result<Option<Value>, ClusterError> {
        applier.live(&self.known.resource, &self.desired.id).await
    }

    /// Returns what is to be done, now that the live object was read.
    pub(crate) fn found(self: Box<Self>, hands: Hands<'_>, live: Option<Value>) -> StepOutcome {
        let Some(live) = live else {
            return self.to_write(Way::Create);
        };
        let live = self.looked_into(hands, live);
        let is_left_alone = self.desired.how.if_not_present
            || live.seen.flags.contains(Flags::RECONCILE_DISABLED)
            || live.seen.flags.contains(Flags::SSA_IGNORE);
        if is_left_alone {
            StepOutcome::Settled(Settled::Skipped(self))
        } else {
            self.to_write(Way::Update(Box::new(live)))
        }
    }

    /// Finds out which fields of a live object are left to others.
    fn looked_into(&self, hands: Hands<'_>, live: Value) -> LiveObject {
        let Hands { applier, rules, .. } = hands;
        let left = left_to_others(rules, &self.desired, &live, &applier.options.manager)
            .or_else(|| self.desired.how.has_contract.then(|| self.desired.clone()));
        LiveObject {
            payload: left.and_then(|left| left.without_contract(&live)),
            seen: applier.observe(&live),
            value: Some(live),
            accepted_as: None,
            patch: None,
        }
    }

    /// Finds out which patch undoes a live edit, or says only that there is one. Fields that are left to others are
    /// sent with the rest, and taken out of what that would change.
    async fn to_patch(
        self: Box<Self>,
        hands: Hands<'_>,
        live: Option<Value>,
        is_told: bool,
    ) -> Result<StepOutcome, Box<Fault>> {
        let is_left = |rule: &Rule| rule.is_of_all() && rule.selects(&self.desired);
        if hands.rules.iter().any(is_left) {
            return Ok(StepOutcome::Settled(Settled::Skipped(self)));
        }
        let Some(value) = live else {
            return Ok(if is_told {
                StepOutcome::Settled(Settled::Told(LiveObject::deletion(&self.desired, false)))
            } else {
                self.to_write(Way::Create)
            });
        };
        let Hands { applier, rules, .. } = hands;
        let mut live = self.looked_into(
            Hands {
                rules: &[],
                ..hands
            },
            value,
        );
        let accepted = match self.try_change(applier, &live).await {
            Ok(accepted) => accepted,
            Err(cause) => return Err(fault(&self.desired, "dry-run", cause)),
        };

        let value = live.value.as_ref().unwrap_or(&Value::Null);
        let patch = Patch::between(value, &accepted, &self.desired, rules);
        if patch.is_empty() {
            return Ok(StepOutcome::Settled(Settled::AsDesired(self, live.seen)));
        }
        (live.accepted_as, live.patch) = (Some(accepted), Some(patch));
        if is_told {
            let drift = live.drift(&self.desired, &applier.options.manager, false);
            return Ok(StepOutcome::Settled(Settled::Told(drift)));
        }
        Ok(self.to_write(Way::Update(Box::new(live))))
    }

    /// Finds out what a live edit is that is reported and left. What the server would make of the object is asked, because
    /// what admission rewrites is nobody's edit; where it does not say, the live object is compared with the one in Git.
    async fn told_and_left(self: Box<Self>, hands: Hands<'_>, live: Option<Value>) -> Settled {
        let Some(live) = live else {
            return Settled::Told(LiveObject::deletion(&self.desired, false));
        };
        let mut live = self.looked_into(hands, live);
        live.accepted_as = self.try_change(hands.applier, &live).await.ok();
        if live.differing(&self.desired).is_empty() {
            // Somebody else owns fields of ours now, but they are as Git says: nothing to tell.
            return Settled::AsDesired(self, live.seen);
        }
        let manager = &hands.applier.options.manager;
        Settled::Told(live.drift(&self.desired, manager, false))
    }

    /// Returns what the server would make of a change, without changing anything.
    pub(crate) async fn try_change(
        &self,
        applier: &Applier,
        live: &LiveObject,
    ) -> Result<Value, ClusterError> {
        let sent = live.sent(&self.desired);
        let target = applier.target(sent, true);
        applier
            .client
            .apply(&self.known.resource, target, sent.body.clone())
            .await
    }

    /// Returns whether a refused creation means that the object exists: it says so, or the resource version of
    /// [`Desired::create_body`] is not that of the live one.
    pub(crate) fn says_it_exists(&self, error: &ClusterError) -> bool {
        let status = error.status();
        status.is_some_and(|status| {
            status.is_already_exists() || status.is_modified(&self.desired.id.name)
        })
    }
}

/// Returns the fault of a step that failed for an object.
pub(crate) fn fault(
    desired: &Desired,
    step: &'static str,
    trouble: impl Into<Trouble>,
) -> Box<Fault> {
    let Trouble { cause, note } = trouble.into();
    Box::new(Fault {
        id: desired.id.clone(),
        origin: desired.origin.clone(),
        step,
        cause,
        note,
        secrecy: desired.secrecy.clone(),
    })
}
