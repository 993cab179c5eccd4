//! The dry-run of one object: what the server would say to its write, before anything is written.

use crate::error::Fault;
use crate::live::LiveObject;
use crate::replace::refused_change;
use crate::work::{Hands, Looked, Settled, StepOutcome, Task, Way, fault};

impl Looked {
    /// Asks the server what the write would come to, without writing.
    pub(crate) async fn dry_run(self, hands: Hands<'_>) -> Result<StepOutcome, Box<Fault>> {
        match self.way {
            Way::Create => dry_run_creation(self.task, hands).await,
            Way::Update(live) => dry_run_change(self.task, live, hands).await,
            // The creation has been tried when that was decided.
            Way::Replace(_) => Ok(StepOutcome::Write(self)),
        }
    }
}

async fn dry_run_creation(task: Box<Task>, hands: Hands<'_>) -> Result<StepOutcome, Box<Fault>> {
    let applier = hands.applier;
    let target = applier.target(&task.desired, true);
    let body = task.desired.create_body();
    match applier
        .client
        .apply(&task.known.resource, target, body)
        .await
    {
        Ok(_) => Ok(StepOutcome::Write(Looked {
            task,
            way: Way::Create,
            accepted: true,
        })),
        Err(error) if task.says_it_exists(&error) => {
            let live = match task.live(applier).await {
                Ok(live) => live,
                Err(cause) => return Err(fault(&task.desired, "dry-run", cause)),
            };
            match task.found(hands, live) {
                StepOutcome::Write(Looked {
                    task,
                    way: Way::Update(live),
                    ..
                }) => dry_run_change(task, live, hands).await,
                // It is gone again, or is to be left alone.
                step => Ok(step),
            }
        }
        Err(error) => Err(fault(&task.desired, "dry-run", error)),
    }
}

async fn dry_run_change(
    task: Box<Task>,
    mut live: Box<LiveObject>,
    hands: Hands<'_>,
) -> Result<StepOutcome, Box<Fault>> {
    let would_be = match task.try_change(hands.applier, &live).await {
        Ok(would_be) => would_be,
        Err(refusal) => {
            let step = refused_change(task, hands, refusal, "dry-run").await?;
            return Ok(step.with_acceptance(true));
        }
    };

    let is_same = live.seen.content == lode_merge::content_digest(&would_be);
    if is_same && !task.cleans(&live.seen) {
        return Ok(StepOutcome::Settled(Settled::AsDesired(task, live.seen)));
    }
    if task.drift {
        live.accepted_as = Some(would_be);
    }
    Ok(StepOutcome::Write(Looked {
        task,
        way: Way::Update(live),
        accepted: true,
    }))
}
