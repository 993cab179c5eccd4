//! [`Work`]: one object that the local decision could not settle, and the calls that do.

use lode_cluster::{Error as ClusterError, Status};
use lode_merge::path::Path;
use lode_merge::{Flags, Observed, cleanup, diff, who};
use lode_object::Value;

use crate::applier::{Applier, Known};
use crate::desired::Desired;
use crate::error::Trouble;
use crate::ignore::Rule;
use crate::outcome::{Action, Drift};

/// How often a clean-up that met a newer version is tried.
const CLEANUP_TRIES: usize = 4;
/// What is to become of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is as desired after all.
    Unchanged,
    /// It wants to be left alone after all.
    Skip,
    /// Its live edit is told and left.
    Warn,
    /// It is to be created.
    Create,
    /// It is to be changed.
    Update,
    /// It is to be deleted and created again.
    Replace,
}

/// What a write came to.
pub(crate) enum Written {
    /// It was done; `None` when the server found nothing to change.
    Done(Option<Action>, Observed),
    /// It turned out to be otherwise than thought (it exists, or is gone): to be looked at again.
    Exists,
}

/// One object in work.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of one object, of which any may hold together"
)]
pub(crate) struct Work {
    pub(crate) desired: Desired,
    /// What is sent where fields are left to others.
    pub(crate) payload: Option<Desired>,
    pub(crate) known: Known,
    pub(crate) seen: Option<Observed>,
    pub(crate) live: Option<Value>,
    /// What the server makes of the object as it is sent, after admission; known where a live edit is to be told.
    pub(crate) accepted_as: Option<Value>,
    /// Whether the live object was asked for in this round.
    pub(crate) looked: bool,
    /// Git did not change, the live object did.
    pub(crate) drift: bool,
    /// The server has accepted it as a dry-run.
    pub(crate) accepted: bool,
    /// It was deleted and created again for this very revision before.
    pub(crate) replaced_before: bool,
    /// It was deleted in this run, so that it can be created again.
    pub(crate) deleted: bool,
    /// It is dry-run first in any case, because only the server can say whether it may be written at all.
    pub(crate) tries: bool,
    pub(crate) verdict: Verdict,
}

impl Work {
    pub(crate) fn new(
        desired: &Desired,
        known: Known,
        seen: Option<Observed>,
        drift: bool,
        verdict: Verdict,
    ) -> Self {
        Self {
            desired: desired.clone(),
            payload: None,
            known,
            seen,
            live: None,
            accepted_as: None,
            looked: false,
            drift,
            accepted: false,
            replaced_before: false,
            deleted: false,
            tries: false,
            verdict,
        }
    }

    /// Tells whether the live object must be read before anything can be said.
    pub(crate) fn needs_look(&self, rules: &[Rule]) -> bool {
        if self.looked {
            return false;
        }
        match self.verdict {
            Verdict::Warn => true,
            Verdict::Update => {
                self.drift
                    || self.desired.how.has_contract
                    || self.cleans()
                    || rules.iter().any(|rule| rule.selects(&self.desired))
            }
            _ => false,
        }
    }

    /// Takes in the live object, or that there is none.
    pub(crate) fn looked(&mut self, applier: &Applier, live: Option<Value>) {
        self.looked = true;
        self.seen = live.as_ref().map(|live| applier.observe(live));
        if self.verdict != Verdict::Warn {
            let flags = self
                .seen
                .as_ref()
                .map(|seen| seen.flags)
                .unwrap_or_default();
            self.verdict = match &live {
                None => Verdict::Create,
                Some(_) if self.desired.how.if_not_present => Verdict::Skip,
                Some(_)
                    if flags.contains(Flags::RECONCILE_DISABLED)
                        || flags.contains(Flags::SSA_IGNORE) =>
                {
                    Verdict::Skip
                }
                Some(_) => Verdict::Update,
            };
        }
        self.live = live;
    }

    /// Asks the server what the write would come to, without writing.
    pub(crate) async fn dry_run(&mut self, applier: &Applier, force: bool) -> Result<(), Trouble> {
        if matches!(self.verdict, Verdict::Warn | Verdict::Replace) {
            return Ok(());
        }
        let sent = self.payload.as_ref().unwrap_or(&self.desired);
        let body = if self.verdict == Verdict::Create {
            sent.create_body()
        } else {
            sent.body.clone()
        };
        let answer = applier
            .client
            .apply(&self.known.resource, applier.target(sent, true), body)
            .await;
        self.accepted = true;
        match (answer, self.verdict) {
            (Err(error), Verdict::Create) if self.says_it_exists(&error) => {
                self.accepted = false;
                let live = applier.live(&self.known.resource, &self.desired.id).await?;
                self.looked(applier, live);
                // Its own dry-run comes with the next round of the stage's loop, as an update.
                if self.verdict == Verdict::Update {
                    Box::pin(self.dry_run(applier, force)).await
                } else {
                    Ok(())
                }
            }
            (Err(refusal), Verdict::Update) => self.refused_change(applier, force, refusal).await,
            (Err(error), _) => Err(error.into()),
            (Ok(would_be), Verdict::Update) => {
                let content = lode_merge::content_digest(&would_be);
                if self
                    .seen
                    .as_ref()
                    .is_some_and(|seen| seen.content == content)
                    && !self.cleans()
                {
                    self.verdict = Verdict::Unchanged;
                }
                self.accepted_as = Some(would_be).filter(|_| self.drift);
                Ok(())
            }
            (Ok(_), _) => Ok(()),
        }
    }

    /// Writes.
    pub(crate) async fn write(
        &mut self,
        applier: &Applier,
        force: bool,
    ) -> Result<Written, Trouble> {
        match self.verdict {
            Verdict::Create => self.create(applier).await,
            Verdict::Replace => self.replace(applier).await,
            _ => self.update(applier, force).await,
        }
    }

    /// Returns whether a refused creation means that the object exists: it says so, or the resource version of
    /// [`Desired::create_body`] is not that of the live one.
    pub(crate) fn says_it_exists(&self, error: &ClusterError) -> bool {
        let status = error.status();
        status.is_some_and(|status| {
            status.is_already_exists() || status.is_modified(&self.desired.id.name)
        })
    }

    async fn create(&mut self, applier: &Applier) -> Result<Written, Trouble> {
        let target = applier.target(&self.desired, false);
        match applier
            .client
            .apply_unread(&self.known.resource, target, self.desired.create_body())
            .await
        {
            Ok(answer) => Ok(Written::Done(
                Some(Action::Created),
                self.known.kind.put(&answer)?,
            )),
            Err(error) if self.says_it_exists(&error) => {
                let live = applier.live(&self.known.resource, &self.desired.id).await?;
                self.looked(applier, live);
                Ok(Written::Exists)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn update(&mut self, applier: &Applier, force: bool) -> Result<Written, Trouble> {
        let cleaned = self.clean(applier).await?;
        let sent = self.payload.as_ref().unwrap_or(&self.desired);
        let target = applier.target(sent, false);
        let live = match applier
            .client
            .apply_unread(&self.known.resource, target, sent.body.clone())
            .await
        {
            Ok(answer) => {
                if self.drift {
                    // It was an object a line above.
                    self.accepted_as = serde_json::from_slice(&answer).ok();
                }
                self.known.kind.put(&answer)?
            }
            Err(refusal) => {
                self.refused_change(applier, force, refusal).await?;
                return if self.verdict == Verdict::Replace {
                    self.replace(applier).await
                } else {
                    Ok(Written::Exists)
                };
            }
        };
        let changed = cleaned
            || self
                .seen
                .as_ref()
                .is_none_or(|seen| seen.content != live.content);
        Ok(Written::Done(changed.then_some(Action::Configured), live))
    }

    /// Folds managers of an earlier time into ours; tells whether there were any.
    async fn clean(&mut self, applier: &Applier) -> Result<bool, ClusterError> {
        if !self.cleans() {
            return Ok(false);
        }
        let mut refusal = None;
        for _ in 0..CLEANUP_TRIES {
            let Some(live) = &self.live else {
                return Ok(false);
            };
            let Some(patch) =
                cleanup::patch(live, &applier.options.manager, &applier.options.overrides)
            else {
                return Ok(false);
            };
            let target = applier.target(&self.desired, false);
            match applier
                .client
                .json_patch(&self.known.resource, target, &Value::Array(patch))
                .await
            {
                Ok(_) => return Ok(true),
                // Somebody wrote in between: the patch names the version it was made for, and paths that may be gone.
                Err(error)
                    if error.status().is_some_and(Status::is_any_modified) || error.is(422) =>
                {
                    refusal = Some(error);
                    self.live = applier.live(&self.known.resource, &self.desired.id).await?;
                }
                Err(error) => return Err(error),
            }
        }
        refusal.map_or(Ok(false), Err)
    }

    fn cleans(&self) -> bool {
        !self.desired.how.merge
            && self.seen.as_ref().is_some_and(|seen| {
                seen.flags.contains(Flags::NEEDS_CLEANUP) && !seen.flags.contains(Flags::SSA_MERGE)
            })
    }

    /// Asks what the server would make of the object, for a live edit that is told and left. Where it does not say, the
    /// object in Git is what the live one is compared with.
    pub(crate) async fn ask_accepted(&mut self, applier: &Applier) {
        let sent = self.payload.as_ref().unwrap_or(&self.desired);
        let answer = applier
            .client
            .apply(
                &self.known.resource,
                applier.target(sent, true),
                sent.body.clone(),
            )
            .await;
        self.accepted_as = answer.ok();
    }

    /// Returns which fields of the live object are not as desired, and would be otherwise if they were brought back:
    /// what admission makes of an object is nobody's edit.
    pub(crate) fn differing(&self) -> Vec<Path> {
        let Some(live) = &self.live else {
            return Vec::new();
        };
        let sent = self.payload.as_ref().unwrap_or(&self.desired);
        let paths = diff::against_desired(&sent.value(), live)
            .into_iter()
            .map(|found| found.path);
        match &self.accepted_as {
            None => paths.collect(),
            Some(accepted) => paths
                .filter(|path| path.find(accepted) != path.find(live))
                .collect(),
        }
    }

    /// Returns whether a change that was brought back is somebody's edit: some field of ours, or who owns it.
    pub(crate) fn is_edit(&self) -> bool {
        let content = self.accepted_as.as_ref().map(lode_merge::content_digest);
        let is_same = self
            .seen
            .as_ref()
            .zip(content)
            .is_some_and(|(seen, content)| seen.content == content);
        self.live.is_none() || self.accepted_as.is_none() || is_same || !self.differing().is_empty()
    }

    /// Tells what had been changed and by whom.
    pub(crate) fn drift_report(&self, manager: &str, corrected: bool) -> Drift {
        let id = self.desired.id.clone();
        let Some(live) = &self.live else {
            return Drift {
                id,
                fields: Vec::new(),
                who: "unknown".to_owned(),
                corrected,
            };
        };
        let paths = self.differing();
        let who = who::owner_of(live, manager, &paths).map_or_else(
            || "unknown".to_owned(),
            |who| match (&*who.time, who.owns) {
                ("", _) => who.manager.to_string(),
                (time, true) => format!("{} at {time}", who.manager),
                (time, false) => format!("probably {} at {time}", who.manager),
            },
        );
        let mut fields: Vec<String> = paths
            .iter()
            .map(|path| self.desired.secrecy.path(&path.to_string()))
            .collect();
        if fields.is_empty() {
            fields.push("ownership of fields".to_owned());
        }
        Drift {
            id,
            fields,
            who,
            corrected,
        }
    }
}
