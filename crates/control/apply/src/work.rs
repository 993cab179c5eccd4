//! [`Work`]: one object that the local decision could not settle, and the calls that do.

use std::time::Duration;

use lode_cluster::Error as ClusterError;
use lode_merge::path::Path;
use lode_merge::{Flags, Observed, cleanup, diff, who};
use lode_object::Value;
use tokio::time::{Instant, sleep};

use crate::applier::{Applier, Known};
use crate::desired::Desired;
use crate::ignore::Rule;
use crate::outcome::{Action, Drift};

/// How often a clean-up that met a newer version is tried.
const CLEANUP_TRIES: usize = 4;
/// How long an object may take to go before it is created again.
const GONE_TIMEOUT: Duration = Duration::from_mins(1);
const GONE_POLL_MIN: Duration = Duration::from_millis(50);
const GONE_POLL_MAX: Duration = Duration::from_secs(2);

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
    /// It was to be created, but exists.
    Exists,
}

/// One object in work.
pub(crate) struct Work {
    pub(crate) desired: Desired,
    /// What is sent where fields are left to others.
    pub(crate) payload: Option<Desired>,
    pub(crate) known: Known,
    pub(crate) seen: Option<Observed>,
    pub(crate) live: Option<Value>,
    /// Whether the live object was asked for in this round.
    pub(crate) looked: bool,
    /// Git did not change, the live object did.
    pub(crate) drift: bool,
    /// The server has accepted it as a dry-run.
    pub(crate) accepted: bool,
    pub(crate) verdict: Verdict,
}

impl Work {
    pub(crate) fn new(desired: &Desired, known: Known, seen: Option<Observed>, drift: bool, verdict: Verdict) -> Self {
        Self {
            desired: desired.clone(),
            payload: None,
            known,
            seen,
            live: None,
            looked: false,
            drift,
            accepted: false,
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
            Verdict::Update => self.drift || self.cleans() || rules.iter().any(|rule| rule.selects(&self.desired)),
            _ => false,
        }
    }

    /// Takes in the live object, or that there is none.
    pub(crate) fn looked(&mut self, applier: &Applier, live: Option<Value>) {
        self.looked = true;
        self.seen = live.as_ref().map(|live| applier.observe(live));
        if self.verdict != Verdict::Warn {
            let flags = self.seen.as_ref().map(|seen| seen.flags).unwrap_or_default();
            self.verdict = match &live {
                None => Verdict::Create,
                Some(_) if self.desired.how.if_not_present => Verdict::Skip,
                Some(_) if flags.contains(Flags::RECONCILE_DISABLED) || flags.contains(Flags::SSA_IGNORE) => {
                    Verdict::Skip
                }
                Some(_) => Verdict::Update,
            };
        }
        self.live = live;
    }

    /// Asks the server what the write would come to, without writing.
    pub(crate) async fn dry_run(&mut self, applier: &Applier, force: bool) -> Result<(), ClusterError> {
        if matches!(self.verdict, Verdict::Warn | Verdict::Replace) {
            return Ok(());
        }
        let sent = self.payload.as_ref().unwrap_or(&self.desired);
        let body = if self.verdict == Verdict::Create { sent.create_body() } else { sent.body.clone() };
        let answer = applier.client.apply(&self.known.resource, applier.target(sent, true), body).await;
        self.accepted = true;
        match (answer, self.verdict) {
            (Err(error), Verdict::Create) if error.is(409) => {
                self.accepted = false;
                let live = applier.live(&self.known.resource, &self.desired.id).await?;
                self.looked(applier, live);
                // Its own dry-run comes with the next round of the stage's loop, as an update.
                if self.verdict == Verdict::Update { Box::pin(self.dry_run(applier, force)).await } else { Ok(()) }
            }
            (Err(error), Verdict::Update) if self.replaces(&error, force) => {
                self.verdict = Verdict::Replace;
                Ok(())
            }
            (Err(error), _) => Err(error),
            (Ok(would_be), Verdict::Update) => {
                let content = lode_merge::content_digest(&would_be);
                if self.seen.as_ref().is_some_and(|seen| seen.content == content) && !self.cleans() {
                    self.verdict = Verdict::Unchanged;
                }
                Ok(())
            }
            (Ok(_), _) => Ok(()),
        }
    }

    /// Writes.
    pub(crate) async fn write(&mut self, applier: &Applier, force: bool) -> Result<Written, ClusterError> {
        match self.verdict {
            Verdict::Create => self.create(applier).await,
            Verdict::Replace => self.replace(applier).await,
            _ => self.update(applier, force).await,
        }
    }

    async fn create(&mut self, applier: &Applier) -> Result<Written, ClusterError> {
        let target = applier.target(&self.desired, false);
        match applier.client.apply(&self.known.resource, target, self.desired.create_body()).await {
            Ok(live) => Ok(Written::Done(Some(Action::Created), self.wrote(applier, &live))),
            Err(error) if error.is(409) => {
                let live = applier.live(&self.known.resource, &self.desired.id).await?;
                self.looked(applier, live);
                Ok(Written::Exists)
            }
            Err(error) => Err(error),
        }
    }

    async fn update(&mut self, applier: &Applier, force: bool) -> Result<Written, ClusterError> {
        let cleaned = self.clean(applier).await?;
        let sent = self.payload.as_ref().unwrap_or(&self.desired);
        let answer = applier.client.apply(&self.known.resource, applier.target(sent, false), sent.body.clone()).await;
        let live = match answer {
            Err(error) if self.replaces(&error, force) => return self.replace(applier).await,
            answer => self.wrote(applier, &answer?),
        };
        let changed = cleaned || self.seen.as_ref().is_none_or(|seen| seen.content != live.content);
        Ok(Written::Done(changed.then_some(Action::Configured), live))
    }

    async fn replace(&mut self, applier: &Applier) -> Result<Written, ClusterError> {
        let (resource, id) = (&self.known.resource, &self.desired.id);
        let uid = self.seen.as_ref().map_or("", |seen| &seen.uid);
        match applier.client.delete(resource, &id.namespace, &id.name, uid).await {
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
        let until = Instant::now() + GONE_TIMEOUT;
        let mut wait = GONE_POLL_MIN;
        loop {
            let target = applier.target(&self.desired, false);
            match applier.client.apply(resource, target, self.desired.create_body()).await {
                Ok(live) => return Ok(Written::Done(Some(Action::Created), self.wrote(applier, &live))),
                Err(error) if error.is(409) && Instant::now() < until => {
                    sleep(wait).await;
                    wait = (wait * 2).min(GONE_POLL_MAX);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes in the answer to a write.
    fn wrote(&self, applier: &Applier, live: &Value) -> Observed {
        let observed = applier.observe(live);
        self.known.kind.put(live, observed.clone());
        observed
    }

    /// Folds managers of an earlier time into ours; tells whether there were any.
    async fn clean(&mut self, applier: &Applier) -> Result<bool, ClusterError> {
        if !self.cleans() {
            return Ok(false);
        }
        for _ in 0..CLEANUP_TRIES {
            let Some(live) = &self.live else { return Ok(false) };
            let Some(patch) = cleanup::patch(live, &applier.options.manager, &applier.options.overrides) else {
                return Ok(false);
            };
            let target = applier.target(&self.desired, false);
            match applier.client.json_patch(&self.known.resource, target, &Value::Array(patch)).await {
                Ok(_) => return Ok(true),
                // Somebody wrote in between: the patch names the version it was made for.
                Err(error) if error.is(409) || error.is(422) => {
                    self.live = applier.live(&self.known.resource, &self.desired.id).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn cleans(&self) -> bool {
        !self.desired.how.merge
            && self
                .seen
                .as_ref()
                .is_some_and(|seen| seen.flags.contains(Flags::NEEDS_CLEANUP) && !seen.flags.contains(Flags::SSA_MERGE))
    }

    /// Tells whether a refusal is one that deleting and creating again gets around, and whether that is allowed.
    fn replaces(&self, error: &ClusterError, force: bool) -> bool {
        let live = self.seen.as_ref().is_some_and(|seen| seen.flags.contains(Flags::FORCE_ENABLED));
        let Some(status) = error.status().filter(|_| force || live || self.desired.how.force) else { return false };
        let text = &status.message;
        let (conflict, invalid) = (&*status.reason == "Conflict", &*status.reason == "Invalid");
        conflict || invalid || text.contains("is immutable") || text.contains("immutable field")
    }

    /// Returns which fields of the live object are not as desired.
    pub(crate) fn differing(&self) -> Vec<Path> {
        let Some(live) = &self.live else { return Vec::new() };
        diff::against_desired(&self.desired.value(), live).into_iter().map(|found| found.path).collect()
    }

    /// Tells what had been changed and by whom.
    pub(crate) fn drift_report(&self, manager: &str, corrected: bool) -> Drift {
        let id = self.desired.id.clone();
        let Some(live) = &self.live else {
            return Drift { id, fields: Vec::new(), who: "unknown".to_owned(), corrected };
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
        let mut fields: Vec<String> = paths.iter().map(ToString::to_string).collect();
        if fields.is_empty() {
            fields.push("ownership of fields".to_owned());
        }
        Drift { id, fields, who, corrected }
    }
}
