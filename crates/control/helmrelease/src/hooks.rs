//! Hooks: objects that are created at an event of a release, one after the other, and do not belong to it.

use std::time::Duration;

use lode_apply::{Desired, Set};
use lode_chart::release::{DeletePolicy, Event, Hook, HookExecution, Phase, Release};
use lode_cluster::Propagation;
use lode_deliver::{WaitTarget, write_beside};
use lode_object::OwnerLabels;

use crate::acting::{Acting, ActionError, Deletion, STARTING_DELETE, first_refused, refused};
use crate::objects::{of_hook, take_scope, target};
use crate::state::State;
use crate::write_log::WriteLog;

/// Definitions are never deleted: all their objects would go with them.
const DEFINITION: &str = "CustomResourceDefinition";

/// Runs the hooks of an event, by weight and then by name. How they ended is in the release, which is stored on the way.
///
/// # Errors
/// A hook cannot be created, or fails: the reason. Hooks before it have ended as their policies say.
pub(crate) async fn run(
    acting: &Acting<'_>,
    state: &mut State,
    release: &mut Release,
    (event, is_selected): (Event, &(dyn Fn(&str) -> bool + Sync)),
    timeout: Duration,
) -> Result<(), ActionError> {
    let mut order: Vec<usize> = (0..release.hooks.len())
        .filter(|at| release.hooks[*at].is_for(event) && is_selected(&release.hooks[*at].name))
        .collect();
    order.sort_by(|a, b| {
        let key = |at: &usize| {
            let hook = &release.hooks[*at];
            (hook.weight, hook.name.clone())
        };
        key(a).cmp(&key(b))
    });

    for (number, at) in order.iter().enumerate() {
        let ended = one(acting, state, release, (event, *at), timeout).await;
        let Err(error) = ended else {
            continue;
        };
        if let ActionError::Failed(_) = &error {
            // What goes wrong from here on is less than what went wrong before.
            let failed = &release.hooks[*at];
            let _ = delete(acting, state, failed, &DeletePolicy::HookFailed, timeout).await;
            for at in &order[..number] {
                let hook = &release.hooks[*at];
                let _ = delete(acting, state, hook, &DeletePolicy::HookSucceeded, timeout).await;
            }
        }
        return Err(error);
    }
    for at in order.iter().rev() {
        let hook = &release.hooks[*at];
        delete(acting, state, hook, &DeletePolicy::HookSucceeded, timeout).await?;
    }
    Ok(())
}

async fn one(
    acting: &Acting<'_>,
    state: &mut State,
    release: &mut Release,
    (event, at): (Event, usize),
    timeout: Duration,
) -> Result<(), ActionError> {
    let hook = &mut release.hooks[at];
    if hook.delete_policies.is_empty() {
        hook.delete_policies.push(DeletePolicy::BeforeHookCreation);
    }
    let hook = hook.clone();
    delete(
        acting,
        state,
        &hook,
        &DeletePolicy::BeforeHookCreation,
        timeout,
    )
    .await?;

    let started = HookExecution {
        started_at: Some(acting.storage.now()),
        completed_at: None,
        phase: Phase::Running,
    };
    release.hooks[at].last_run = started;
    acting.storage.update(release).await?;

    let ended = create(acting, state, &hook, event, timeout).await;
    if let Err(ActionError::Dropped) = ended {
        return ended;
    }
    let run = &mut release.hooks[at].last_run;
    run.completed_at = Some(acting.storage.now());
    run.phase = if ended.is_ok() {
        Phase::Succeeded
    } else {
        Phase::Failed
    };
    ended
}

/// Creates the objects of a hook, and waits for them to end.
async fn create(
    acting: &Acting<'_>,
    state: &mut State,
    hook: &Hook,
    event: Event,
    timeout: Duration,
) -> Result<(), ActionError> {
    let mut set = Set::in_order(objects(acting, hook).await?);
    let revision = format!("{} {}", acting.storage.name, hook.name);
    let targets: Vec<WaitTarget> = set.objects().iter().map(|it| waited(acting, it)).collect();
    let terms = acting.terms(&revision, &acting.hook_exprs, timeout);
    state
        .delivery
        .begin(&revision, acting.object.metadata.generation);
    let written = write_beside(&terms, &mut state.delivery, &mut set).await;
    let all: Vec<&Desired> = set.objects().iter().collect();
    let log = WriteLog {
        objects: &all,
        is_upgrade: false,
        // Whatever had the name before is not updated.
        created: all.iter().map(|desired| &desired.id).collect(),
        error: written.error.as_ref(),
        is_failed_new: true,
    };
    log.write(acting);
    if let Some(error) = &written.error {
        let why = refused(error, first_refused(error, set.objects().iter()), false);
        let event = word(event);
        return Err(format!("warning: Hook {event} {} failed: {why}", hook.path).into());
    }
    acting
        .ready(state, &revision, (&targets, &acting.hook_exprs), timeout)
        .await
}

/// Returns the objects of a hook, in the namespace that the server has them in.
async fn objects(acting: &Acting<'_>, hook: &Hook) -> Result<Vec<Desired>, ActionError> {
    let budget = acting.kind.computing.budget();
    let mut objects = of_hook(&hook.manifest, &hook.path, &acting.namespace, &budget)?;
    for desired in &mut objects {
        take_scope(desired, &acting.applier).await?;
    }
    Ok(objects)
}

/// Returns what is waited for of a hook's object, whose labels the post-renderers may have left out.
fn waited(acting: &Acting<'_>, desired: &Desired) -> WaitTarget {
    let owner = OwnerLabels::RELEASE.owner_of(&desired.value());
    target(desired, owner.as_ref() == Some(&acting.owner))
}

/// Deletes the objects of a hook if one of its policies says so, and waits for them to be gone.
async fn delete(
    acting: &Acting<'_>,
    state: &mut State,
    hook: &Hook,
    policy: &DeletePolicy,
    timeout: Duration,
) -> Result<(), ActionError> {
    let is_meant = hook.effective_delete_policies().any(|its| its == policy);
    if hook.kind == DEFINITION || !is_meant {
        return Ok(());
    }
    let objects = objects(acting, hook).await?;
    let objects: Vec<&Desired> = objects.iter().collect();
    let deletion = Deletion {
        propagation: Propagation::Background,
        of: None,
        step: STARTING_DELETE,
    };
    let deleted = acting.delete(&objects, deletion).await?;
    acting.gone(state, &deleted, timeout).await
}

/// Returns the word for an event.
fn word(event: Event) -> String {
    let word = serde_json::to_value(event).ok();
    let word = word.and_then(|word| word.as_str().map(str::to_owned));
    word.unwrap_or_default()
}
