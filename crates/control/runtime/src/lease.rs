//! [`Election`]: of all replicas in a cluster, only the holder of a Lease is active.
//!
//! ```text
//! Lease ←read, write→ Election ─→ Candidate (decides) ─→ WriteGate (until when calls may write)
//!                        ├─ elected()   start working
//!                        ├─ lost()      end the process: another one may work from now on
//!                        └─ release()   nothing is in progress any more: let another one start at once
//! ```
//!
//! Like client-go's `leaderelection`, with the same fields in the same object. The time in which
//! writes are allowed counts from before the renewal was sent and ends with the renew deadline,
//! which is shorter than the Lease duration: the difference is for requests in progress. It is
//! measured since boot, so a stopped process or a suspended machine does not gain time.
//!
//! Left out on purpose: rejoining the election after a loss. The process ends, and its supervisor
//! restarts it without outdated state in memory.

mod candidate;
mod record;
#[cfg(test)]
mod tests;
mod timings;

use std::time::Duration;

use lode_cluster::{Client, Error, Resource, Target, WriteGate};
use lode_object::Value;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{debug, error, info, trace, warn};

use self::candidate::{Candidate, CandidateStep, Event, Loss, Moment};
use self::record::Record;
pub use self::timings::{Timings, UnfitTimings};
use crate::metrics::Metrics;

/// The field manager of the Lease.
const MANAGER: &str = "lode";
/// Longest time for releasing the Lease; without the release another replica takes over later.
const RELEASE_MAX: Duration = Duration::from_secs(2);
/// Longest time for ending an election.
const END_MAX: Duration = Duration::from_secs(4);
/// Time between two log lines about the same obstacle.
const SAY_AGAIN: Duration = Duration::from_mins(15);

/// The Lease and how it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseOptions {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When it expires and how often it is renewed.
    pub timings: Timings,
    /// Whether to release it at the end, so that another replica starts at once.
    pub release_on_cancel: bool,
}

/// This replica led and no longer does.
#[derive(Debug, thiserror::Error)]
pub enum LostLease {
    /// No renewal succeeded in time.
    #[error("lost the Lease {lease}: it was not renewed within {deadline:?}{why}")]
    NotRenewed {
        /// Its namespace and name.
        lease: String,
        /// The renew deadline.
        deadline: Duration,
        /// The result of the last try.
        why: String,
    },
    /// Another replica or a person wrote to it.
    #[error("lost the Lease {lease}: its holder is now \"{holder}\"")]
    Taken {
        /// Its namespace and name.
        lease: String,
        /// The current holder; empty if there is none.
        holder: String,
    },
    /// A bug in this program.
    #[error("lost the Lease: the election ended unexpectedly")]
    Ended,
}

/// One replica's participation in the election.
pub struct Election {
    leads: watch::Receiver<bool>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Option<LostLease>>,
}

impl Election {
    /// Starts taking part in the election. `client` has no gate; `gate` is open while this replica
    /// leads.
    #[must_use]
    pub fn start(client: Client, gate: WriteGate, options: LeaseOptions, metrics: Metrics) -> Self {
        let (leads, leads_now) = watch::channel(false);
        let (stop, stopped) = watch::channel(false);
        let campaign = Campaign::new(client, gate, options, metrics, leads);
        Self {
            leads: leads_now,
            stop,
            task: tokio::spawn(campaign.run(stopped)),
        }
    }

    /// Waits until this replica leads. Dropping the future loses nothing.
    pub async fn elected(&self) {
        if self.leads.clone().wait_for(|leads| *leads).await.is_err() {
            // It ended before this replica led; `lost` reports that.
            std::future::pending::<()>().await;
        }
    }

    /// Waits until this replica no longer leads. Dropping the future loses nothing, but once it has
    /// returned, the election is over.
    pub async fn lost(&mut self) -> LostLease {
        match (&mut self.task).await {
            Ok(Some(lost)) => lost,
            Ok(None) | Err(_) => LostLease::Ended,
        }
    }

    /// Closes the gate and releases the Lease. No writes may be in progress any more.
    pub async fn release(mut self) {
        self.stop.send_replace(true);
        // A renewal in progress ends first: only its response has the version to write to.
        let ended = tokio::time::timeout(END_MAX, &mut self.task).await;
        if ended.is_err() {
            self.task.abort();
            warn!(
                "the election did not end in time, another replica takes over when the Lease runs out"
            );
        }
    }
}

/// Executes the decisions of the [`Candidate`].
struct Campaign {
    client: Client,
    gate: WriteGate,
    options: LeaseOptions,
    metrics: Metrics,
    leads: watch::Sender<bool>,
    candidate: Candidate,
    resource: Resource,
    identity: String,
    /// `<namespace>/<name>`, for logs.
    lease: String,
    /// The holder last reported.
    told_holder: Option<String>,
    /// The obstacle last reported, and when.
    told_error: Option<(String, Instant)>,
}

impl Campaign {
    fn new(
        client: Client,
        gate: WriteGate,
        options: LeaseOptions,
        metrics: Metrics,
        leads: watch::Sender<bool>,
    ) -> Self {
        let identity = identity();
        metrics.set_leader(&options.name, false);

        Self {
            candidate: Candidate::new(identity.clone(), options.timings),
            resource: Resource::known("coordination.k8s.io/v1", "Lease", "leases", true),
            lease: format!("{}/{}", options.namespace, options.name),
            told_holder: None,
            told_error: None,
            client,
            gate,
            options,
            metrics,
            leads,
            identity,
        }
    }

    async fn run(mut self, mut stopped: watch::Receiver<bool>) -> Option<LostLease> {
        let mut event = Event::Due;
        loop {
            let now = self.moment();
            let step = self.candidate.next(now, event);
            self.publish();

            event = match step {
                CandidateStep::Read => self.read().await,
                CandidateStep::Write { spec, version } => self.write(spec, version).await,
                CandidateStep::Rest(rest) => {
                    let is_over = tokio::select! {
                        () = tokio::time::sleep(rest) => false,
                        () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => true,
                    };
                    if is_over {
                        self.release().await;
                        return None;
                    }
                    Event::Due
                }
                CandidateStep::Lost(loss) => return Some(self.lost(loss)),
            };
        }
    }

    /// Opens the gate as long as the Lease allows, and publishes who leads.
    fn publish(&mut self) {
        if let Some(end) = self.candidate.valid_until() {
            self.gate.open_until(end);
            trace!(until_us = end.as_micros() as u64, "may write");
            if !*self.leads.borrow() {
                info!(lease = self.lease, identity = self.identity, "leading");
                self.metrics.set_leader(&self.options.name, true);
                self.leads.send_replace(true);
            }
            return;
        }
        let holder = self.candidate.holder().unwrap_or_default();
        let is_news = self.told_holder.as_deref() != Some(holder);
        if is_news && !holder.is_empty() {
            let holder = shown(holder);
            info!(lease = self.lease, holder, "waiting: another replica leads");
            self.told_holder = Some(holder.to_owned());
        }
    }

    fn moment(&self) -> Moment {
        let ambient = self.gate.ambient();
        Moment {
            boot: ambient.since_boot(),
            wall: ambient.now(),
            chance: (ambient.random() >> 11) as f64 / (1_u64 << 53) as f64,
        }
    }

    async fn read(&mut self) -> Event {
        let (namespace, name) = (&self.options.namespace, &self.options.name);
        let call = self.client.get(&self.resource, namespace, name);
        let found = match self.answer(call).await {
            Ok(lease) => Some(Record::of(lease)),
            Err(error) if error.is_not_found() && !error.is_unserved() => None,
            Err(error) => return self.failed(&error),
        };
        Event::Read(found)
    }

    async fn write(&mut self, spec: Value, version: Option<String>) -> Event {
        // Whatever happens after this moment, the Lease was renewed later than it.
        let begun = self.gate.ambient().since_boot();
        let written = self.answer(self.put(spec, version)).await;
        let record = written.and_then(|bytes| {
            let lease = serde_json::from_slice(&bytes);
            let lease = lease.map_err(|error| Error::NotUnderstood(error.to_string()))?;
            Ok(Record::of(lease))
        });
        match record {
            Ok(record) => {
                self.told_error = None;
                Event::Written { begun, record }
            }
            Err(error) if error.is(409) || error.is(404) && self.candidate.holder().is_some() => {
                debug!(lease = self.lease, %error, "another replica was faster");
                Event::Conflict
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Writes a `spec` onto a version, or creates the Lease.
    async fn put(&self, spec: Value, version: Option<String>) -> Result<bytes::Bytes, Error> {
        let target = Target {
            namespace: &self.options.namespace,
            name: &self.options.name,
            manager: MANAGER,
            dry_run: false,
        };
        if let Some(version) = version {
            let patch = json!({"metadata": {"resourceVersion": version}, "spec": spec});
            return self.client.merge(&self.resource, target, "", &patch).await;
        }
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": target.name, "namespace": target.namespace}, "spec": spec,
        });
        self.client.create_as(&self.resource, target, &lease).await
    }

    /// Waits for a response as long as it is useful.
    async fn answer<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let patience = self.candidate.patience(self.gate.ambient().since_boot());
        let late = || Error::Unreachable(format!("no answer within {patience:?}"));
        tokio::time::timeout(patience, call)
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    /// Reports an obstacle once, then rarely.
    fn failed(&mut self, error: &Error) -> Event {
        let text = error.to_string();
        let is_told = self
            .told_error
            .as_ref()
            .is_some_and(|(told, since)| *told == text && since.elapsed() < SAY_AGAIN);
        if !is_told {
            error!(
                lease = self.lease,
                hint = hint(error),
                "the Lease cannot be held: {text}"
            );
            self.told_error = Some((text, Instant::now()));
        }
        let is_passing = error.is_passing();
        Event::Failed { is_passing }
    }

    fn lost(&mut self, loss: Loss) -> LostLease {
        // The process ends now: writes wait for that instead of failing one by one, each with a log
        // line.
        self.gate.open_until(Duration::ZERO);
        self.metrics.set_leader(&self.options.name, false);
        let lease = self.lease.clone();
        match loss {
            Loss::Taken { holder } => LostLease::Taken {
                lease,
                holder: shown(&holder).to_owned(),
            },
            Loss::NotRenewed => LostLease::NotRenewed {
                lease,
                deadline: self.options.timings.renew_deadline,
                why: self
                    .told_error
                    .take()
                    .map_or_else(String::new, |(why, _)| format!(": {why}")),
            },
        }
    }

    async fn release(&mut self) {
        // From here on another replica may take over at any time.
        self.gate.close();
        self.metrics.set_leader(&self.options.name, false);
        let release = self.candidate.release(self.gate.ambient().now());
        let Some((spec, version)) = release.filter(|_| self.options.release_on_cancel) else {
            return;
        };
        let call = tokio::time::timeout(RELEASE_MAX, self.put(spec, Some(version)));
        match call.await {
            Ok(Ok(_)) => info!(lease = self.lease, "let go of the Lease"),
            Ok(Err(error)) => warn!(lease = self.lease, %error, "the Lease was not let go of"),
            Err(_) => warn!(lease = self.lease, "the Lease was not let go of in time"),
        }
    }
}

/// Returns a hint on how to solve it.
fn hint(error: &Error) -> Option<&'static str> {
    if error.is(403) {
        Some(
            "the operator's role needs the rule: apiGroups [coordination.k8s.io], resources [leases], \
             verbs [get, create, patch], as `lode install --export` shows; where there is one replica only, \
             --enable-leader-election=false does without",
        )
    } else if error.is_unserved() {
        Some("--enable-leader-election=false does without Leases where there is one replica only")
    } else if error.is_not_found() {
        Some("RUNTIME_NAMESPACE must name a namespace that exists")
    } else {
        None
    }
}

/// Returns a name that no other replica has, and neither has this one after a restart.
fn identity() -> String {
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    format!("{host}_{}", uuid::Uuid::new_v4())
}

/// Returns a holder's name, cut for display: anybody may have written it, at any length.
fn shown(holder: &str) -> &str {
    &holder[..holder.floor_char_boundary(SHOWN_MAX)]
}

/// Longest holder name that is shown, in bytes.
const SHOWN_MAX: usize = 300;
