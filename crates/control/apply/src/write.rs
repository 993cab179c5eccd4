//! The write of one object: create, change, or replace it.

use bytes::Bytes;
use lode_cluster::{Error as ClusterError, Status};
use lode_merge::cleanup;
use lode_object::Value;

use crate::applier::Applier;
use crate::error::{Fault, Trouble};
use crate::live::LiveObject;
use crate::outcome::Action;
use crate::replace::{refused_change, replace};
use crate::request::Correction;
use crate::work::{
    Hands, Looked, StepOutcome, Task, Unwritten, Way, Written, WrittenObject, fault,
};

/// How often a clean-up that met a newer version is tried.
const CLEANUP_TRIES: usize = 4;

impl Looked {
    /// Writes.
    pub(crate) async fn write(self, hands: Hands<'_>) -> Result<Written, Unwritten> {
        let Self {
            task,
            way,
            accepted,
        } = self;
        match way {
            Way::Create => Ok(create(task, accepted, hands).await?),
            Way::Update(live) => update(task, live, accepted, hands).await,
            Way::Replace(live) => replace(task, live, hands.applier).await,
        }
    }
}

async fn create(task: Box<Task>, accepted: bool, hands: Hands<'_>) -> Result<Written, Box<Fault>> {
    let applier = hands.applier;
    let answer = match create_by(&task, hands).await {
        Ok(answer) => answer,
        Err(error) if task.says_it_exists(&error) => {
            let live = task.live(applier).await;
            let live = live.map_err(|cause| failed(&task, cause))?;
            let step = task.found(hands, live);
            return Ok(Written::Again(step.with_acceptance(accepted)));
        }
        Err(error) => return Err(failed(&task, error)),
    };

    let after = task.known.kind.put(&answer);
    let after = after.map_err(|cause| failed(&task, cause))?;
    Ok(Written::Done(Box::new(WrittenObject {
        task,
        before: None,
        action: Some(Action::Created),
        after,
        was_deleted: false,
    })))
}

/// Creates an object by applying it, or as any client does where live edits are undone without applying.
async fn create_by(task: &Task, hands: Hands<'_>) -> Result<Bytes, ClusterError> {
    let Hands {
        applier,
        correction,
        ..
    } = hands;
    let (desired, resource) = (&task.desired, &task.known.resource);
    let target = applier.target(desired, false);
    if task.drift && correction == Correction::Patch {
        let object = desired.value();
        return applier.client.create_as(resource, target, &object).await;
    }
    let body = desired.create_body();
    applier.client.apply_unread(resource, target, body).await
}

/// Undoes a live edit by a patch of what was edited.
async fn patch(
    task: Box<Task>,
    live: Box<LiveObject>,
    patch: Vec<Value>,
    applier: &Applier,
) -> Result<Written, Unwritten> {
    let target = applier.target(&task.desired, false);
    let answer = applier
        .client
        .json_patch(&task.known.resource, target, &Value::Array(patch))
        .await;
    let answer = answer.map_err(|cause| failed(&task, cause))?;
    let after = task.known.kind.put(answer.to_string().as_bytes());
    let after = after.map_err(|cause| failed(&task, cause))?;
    Ok(Written::Done(Box::new(WrittenObject {
        task,
        before: Some(live),
        action: Some(Action::Configured),
        after,
        was_deleted: false,
    })))
}

async fn update(
    task: Box<Task>,
    mut live: Box<LiveObject>,
    accepted: bool,
    hands: Hands<'_>,
) -> Result<Written, Unwritten> {
    let applier = hands.applier;
    let operations = live.patch.as_ref().map(|patch| patch.operations.clone());
    if let Some(operations) = operations {
        return patch(task, live, operations, applier).await;
    }
    let cleaned = clean(&task, &mut live, applier).await;
    let cleaned = cleaned.map_err(|cause| failed(&task, cause))?;

    let sent = live.sent(&task.desired);
    let target = applier.target(sent, false);
    let answer = match applier
        .client
        .apply_unread(&task.known.resource, target, sent.body.clone())
        .await
    {
        Ok(answer) => answer,
        Err(refusal) => {
            return match refused_change(task, hands, refusal, "apply").await? {
                StepOutcome::Write(Looked {
                    task,
                    way: Way::Replace(live),
                    ..
                }) => replace(task, live, applier).await,
                step => Ok(Written::Again(step.with_acceptance(accepted))),
            };
        }
    };
    let after = task.known.kind.put(&answer);
    let after = after.map_err(|cause| failed(&task, cause))?;
    if task.drift {
        // It was an object a line above.
        live.accepted_as = serde_json::from_slice(&answer).ok();
    }
    let is_changed = cleaned || live.seen.content != after.content;
    Ok(Written::Done(Box::new(WrittenObject {
        task,
        before: Some(live),
        action: is_changed.then_some(Action::Configured),
        after,
        was_deleted: false,
    })))
}

/// Folds managers of an earlier time into ours; returns whether there were any.
async fn clean(
    task: &Task,
    live: &mut LiveObject,
    applier: &Applier,
) -> Result<bool, ClusterError> {
    if !task.cleans(&live.seen) {
        return Ok(false);
    }
    let options = &applier.options;
    let mut refusal = None;
    for _ in 0..CLEANUP_TRIES {
        let Some(value) = &live.value else {
            return Ok(false);
        };
        let Some(patch) = cleanup::patch(value, &options.manager, &options.overrides) else {
            return Ok(false);
        };
        let target = applier.target(&task.desired, false);
        match applier
            .client
            .json_patch(&task.known.resource, target, &Value::Array(patch))
            .await
        {
            Ok(_) => return Ok(true),
            // Somebody wrote in between: the patch names the version it was made for, and paths that may be gone.
            Err(error) if error.status().is_some_and(Status::is_any_modified) || error.is(422) => {
                refusal = Some(error);
                live.value = task.live(applier).await?;
            }
            Err(error) => return Err(error),
        }
    }
    refusal.map_or(Ok(false), Err)
}

fn failed(task: &Task, trouble: impl Into<Trouble>) -> Box<Fault> {
    fault(&task.desired, "apply", trouble)
}
