//! [`Events`]: Kubernetes events, written in the background.
//!
//! ```text
//! emit ─→ queue (bounded, oldest dropped) ─→ seen within the hour? ─no→ create
//!                                                                 ─yes→ patch count and lastTimestamp
//! ```
//!
//! Core/v1 events: events.k8s.io refuses long notes. Emitting never waits and never fails; an event
//! that cannot be written after some tries is dropped with a log line, and events that do not fit
//! into the queue are counted.
//!
//! Left out on purpose: client-go's budget per object, which silences the object with the most to
//! report.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use lode_ambient::Ambient;
use lode_cluster::{Client, Error, Resource, Target};
use lode_object::Value;
use lode_stdx::time::rfc3339;
use lode_stdx::{Lock, shortened};
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::repeat::{Fingerprint, Repeats, Times};

/// Most events waiting to be written.
const QUEUE_MAX: usize = 8192;
/// The writer pauses this many times as long as a write took: under load events lag behind the work
/// they report instead of displacing it, and catch up when the server is fast again.
const REST: u32 = 2;
const REST_MAX: Duration = Duration::from_millis(500);
/// How often one write is tried while the server is unavailable: about a minute in all.
const TRIES_MAX: u32 = 9;
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(15);
/// Longest message in bytes, as in Flux.
const MESSAGE_MAX: usize = 39_000;
/// Longest name of an event in bytes, as for any object.
const NAME_MAX: usize = 253;

/// Writes events. Cloning is cheap; the writer stops with the last clone.
#[derive(Clone)]
pub struct Events {
    outbox: Arc<Outbox>,
    ambient: Ambient,
    _sender: Arc<Sender>,
}

/// An event about an object.
#[derive(Debug, Clone)]
pub struct Event {
    /// The object.
    pub about: ObjectReference,
    /// Whether it is normal or a warning.
    pub kind: EventKind,
    /// A stable word for programs.
    pub reason: Cow<'static, str>,
    /// The sentence for people; cut at 39,000 bytes.
    pub message: String,
    /// Further facts.
    pub annotations: BTreeMap<String, String>,
}

/// `type` of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// As expected.
    Normal,
    /// Not as expected.
    Warning,
}

/// An object in a certain version (`v1.ObjectReference`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectReference {
    /// `apiVersion`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
    /// The object's version at the time of the event.
    pub resource_version: String,
}

impl Events {
    /// Starts the writer; `component` is the reporting component and the field manager.
    #[must_use]
    pub fn start(client: &Client, component: &'static str, ambient: Ambient) -> Self {
        let outbox = Arc::new(Outbox::new(component));
        let sender = tokio::spawn(send(outbox.clone(), client.clone()));
        Self {
            outbox,
            ambient,
            _sender: Arc::new(Sender(sender)),
        }
    }

    /// Queues an event. It never waits.
    pub fn emit(&self, event: Event) {
        self.outbox.push(event, self.ambient.now());
    }

    /// Returns how many events were dropped.
    pub fn dropped(&self) -> u64 {
        self.outbox.dropped.load(Ordering::Relaxed)
    }

    /// Waits until all events are written, for shutdown. Returns whether that happened in time.
    pub async fn flush(&self, timeout: Duration) -> bool {
        self.outbox.hurry.store(true, Ordering::Relaxed);
        tokio::time::timeout(timeout, self.outbox.empty())
            .await
            .is_ok()
    }
}

/// The writer's task: a single one, so that events are written in order.
struct Sender(JoinHandle<()>);

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Events waiting to be written, and those written recently.
struct Outbox {
    component: &'static str,
    instance: String,
    state: Lock<EventState>,
    dropped: AtomicU64,
    /// Whether the process is about to end: no more pauses.
    hurry: AtomicBool,
    arrived: Notify,
    written: Notify,
}

struct EventState {
    queue: VecDeque<(Event, Timestamp)>,
    in_flight: usize,
    repeats: Repeats,
}

/// One event to write.
struct Job {
    event: Event,
    fingerprint: Fingerprint,
    times: Times,
}

impl Outbox {
    fn new(component: &'static str) -> Self {
        let state = EventState {
            queue: VecDeque::new(),
            in_flight: 0,
            repeats: Repeats::new(),
        };
        Self {
            component,
            instance: std::env::var("HOSTNAME").unwrap_or_else(|_| component.to_owned()),
            state: Lock::new(state),
            dropped: AtomicU64::new(0),
            hurry: AtomicBool::new(false),
            arrived: Notify::new(),
            written: Notify::new(),
        }
    }

    fn push(&self, mut event: Event, now: Timestamp) {
        if let Cow::Owned(short) = shortened(&event.message, MESSAGE_MAX) {
            event.message = short;
        }
        let mut state = self.state.lock();
        if state.queue.len() >= QUEUE_MAX {
            state.queue.pop_front();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        state.queue.push_back((event, now));
        drop(state);
        self.arrived.notify_one();
    }

    async fn next(&self) -> Job {
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            if let Some(job) = self.pop() {
                return job;
            }
            arrived.await;
        }
    }

    /// Takes the oldest event and determines whether it repeats another one, in the order of
    /// events.
    fn pop(&self) -> Option<Job> {
        let mut state = self.state.lock();
        let (event, now) = state.queue.pop_front()?;
        state.in_flight += 1;
        let about = &event.about;
        let object = (&about.uid, &about.kind, &about.namespace, &about.name);
        let (fingerprint, times) = state
            .repeats
            .take(&(object, event.kind, &event.reason, &event.message), now);
        Some(Job {
            event,
            fingerprint,
            times,
        })
    }

    fn done(&self, job: &Job, is_written: bool) {
        let mut state = self.state.lock();
        state.in_flight -= 1;
        if !is_written {
            state.repeats.forget(job.fingerprint);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        drop(state);
        self.written.notify_waiters();
    }

    async fn empty(&self) {
        loop {
            let written = self.written.notified();
            tokio::pin!(written);
            written.as_mut().enable();
            if self.is_empty() {
                return;
            }
            written.await;
        }
    }

    fn is_empty(&self) -> bool {
        let state = self.state.lock();
        state.queue.is_empty() && state.in_flight == 0
    }

    /// Returns the event's JSON for the API server.
    fn body(&self, job: &Job) -> Value {
        let Job { event, times, .. } = job;
        let about = &event.about;
        json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": job.name(), "namespace": job.namespace(), "annotations": event.annotations},
            "involvedObject": {
                "apiVersion": about.api_version,
                "kind": about.kind,
                "namespace": about.namespace,
                "name": about.name,
                "uid": about.uid,
                "resourceVersion": about.resource_version,
            },
            "type": match event.kind { EventKind::Normal => "Normal", EventKind::Warning => "Warning" },
            "reason": event.reason,
            "message": event.message,
            "firstTimestamp": rfc3339(times.first),
            "lastTimestamp": rfc3339(times.last),
            "count": times.count,
            "source": {"component": self.component},
            "reportingComponent": self.component,
            "reportingInstance": self.instance,
        })
    }
}

impl Job {
    /// Events are in their object's namespace; those of cluster-scoped objects are in `default`.
    fn namespace(&self) -> &str {
        if self.event.about.namespace.is_empty() {
            "default"
        } else {
            &self.event.about.namespace
        }
    }

    fn name(&self) -> String {
        let time = format!(".{:016x}", self.times.stamp);
        let mut name = &self.event.about.name[..];
        name = &name[..name.floor_char_boundary(NAME_MAX - time.len())];
        format!("{}{time}", name.trim_end_matches(['.', '-']))
    }
}

async fn send(outbox: Arc<Outbox>, client: Client) {
    let events = Resource::known("v1", "Event", "events", true);
    loop {
        let job = outbox.next().await;
        let start = Instant::now();
        let is_written = deliver(&outbox, &client, &events, &job).await;
        outbox.done(&job, is_written);
        if !outbox.hurry.load(Ordering::Relaxed) {
            tokio::time::sleep((start.elapsed() * REST).min(REST_MAX)).await;
        }
    }
}

/// Writes one event, retrying while the server is unavailable. If the namespace is gone, so is the
/// object and nothing remains to be reported: that counts as written.
async fn deliver(outbox: &Outbox, client: &Client, events: &Resource, job: &Job) -> bool {
    let mut wait = RETRY_MIN;
    for attempt in 1.. {
        match write(outbox, client, events, job).await {
            Ok(()) => return true,
            Err(error) if is_gone(&error) => {
                debug!(
                    namespace = job.namespace(),
                    "event of a namespace that is gone"
                );
                return true;
            }
            Err(error) if attempt >= TRIES_MAX || !error.is_passing() => {
                let (about, reason) = (&job.event.about, &job.event.reason);
                let (kind, namespace, name) = (&about.kind, &about.namespace, &about.name);
                warn!(kind, namespace, name, %reason, %error, "event dropped");
                return false;
            }
            Err(_) => tokio::time::sleep(wait).await,
        }

        wait = (wait * 2).min(RETRY_MAX);
    }
    false
}

async fn write(
    outbox: &Outbox,
    client: &Client,
    events: &Resource,
    job: &Job,
) -> Result<(), Error> {
    if job.times.count > 1 {
        let name = job.name();
        let target = Target {
            namespace: job.namespace(),
            name: &name,
            manager: outbox.component,
            dry_run: false,
        };
        let patch = json!({"count": job.times.count, "lastTimestamp": rfc3339(job.times.last)});
        match client.merge(events, target, "", &patch).await {
            // The server deletes events after a while: it is created again, with its count.
            Err(error) if error.is_not_found() => {}
            answer => return answer.map(drop),
        }
    }
    match client
        .create(events, job.namespace(), &outbox.body(job))
        .await
    {
        // An earlier try succeeded although its response was lost.
        Err(error) if error.is_already_exists() => Ok(()),
        answer => answer,
    }
}

fn is_gone(error: &Error) -> bool {
    // A namespace under deletion refuses with 403; only the message distinguishes that from missing
    // permissions.
    error.is_not_found()
        || error
            .status()
            .is_some_and(|status| status.code == 403 && status.message.contains("being terminated"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, message: &str) -> Event {
        let about = ObjectReference {
            api_version: "kustomize.toolkit.fluxcd.io/v1".to_owned(),
            kind: "Kustomization".to_owned(),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            uid: format!("uid-{name}"),
            resource_version: "7".to_owned(),
        };
        let annotations = BTreeMap::from([("revision".to_owned(), "main@sha1:1".to_owned())]);
        Event {
            about,
            kind: EventKind::Normal,
            reason: "Progressing".into(),
            message: message.to_owned(),
            annotations,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn outbox() -> Outbox {
        Outbox {
            instance: "lode-0".to_owned(),
            ..Outbox::new("lode")
        }
    }

    #[test]
    fn an_event_is_written_as_core_v1() {
        let outbox = outbox();
        outbox.push(event("web", "it moves"), at(0));
        let job = outbox.pop().unwrap();
        let want = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": "web.18fae27693b40000", "namespace": "shop", "annotations": {"revision": "main@sha1:1"}},
            "involvedObject": {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "namespace": "shop",
                "name": "web", "uid": "uid-web", "resourceVersion": "7",
            },
            "type": "Normal", "reason": "Progressing", "message": "it moves", "count": 1,
            "firstTimestamp": "2027-01-15T08:00:00Z", "lastTimestamp": "2027-01-15T08:00:00Z",
            "source": {"component": "lode"}, "reportingComponent": "lode", "reportingInstance": "lode-0",
        });
        assert_eq!(outbox.body(&job), want);
    }

    #[test]
    fn a_repetition_keeps_name_and_first_time() {
        let outbox = outbox();
        for second in [0, 60] {
            outbox.push(event("web", "again"), at(second));
        }
        outbox.push(event("web", "other"), at(60));
        let jobs: Vec<Job> = std::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!(
            jobs.iter().map(|job| job.times.count).collect::<Vec<_>>(),
            [1, 2, 1]
        );
        assert_eq!(jobs[0].name(), jobs[1].name());
        assert_ne!(jobs[1].name(), jobs[2].name());
        let body = outbox.body(&jobs[1]);
        assert_eq!(
            (&body["firstTimestamp"], &body["lastTimestamp"]),
            (&json!(rfc3339(at(0))), &json!(rfc3339(at(60))))
        );
    }

    #[test]
    fn what_was_never_written_is_not_repeated() {
        let outbox = outbox();
        outbox.push(event("web", "again"), at(0));
        let job = outbox.pop().unwrap();
        outbox.done(&job, false);
        outbox.push(event("web", "again"), at(1));
        assert_eq!(outbox.pop().unwrap().times.count, 1);
        assert_eq!(outbox.dropped.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_full_queue_drops_its_oldest() {
        let outbox = outbox();
        for number in 0..QUEUE_MAX + 3 {
            outbox.push(event("web", &number.to_string()), at(0));
        }
        assert_eq!(outbox.dropped.load(Ordering::Relaxed), 3);
        assert_eq!(outbox.pop().unwrap().event.message, "3");
        assert_eq!(outbox.state.lock().queue.len(), QUEUE_MAX - 1);
    }

    #[test]
    fn long_messages_lose_their_middle() {
        let outbox = outbox();
        outbox.push(event("web", &"ü".repeat(MESSAGE_MAX)), at(0));
        let message = outbox.pop().unwrap().event.message;
        assert!(
            message.len() <= MESSAGE_MAX && message.len() > MESSAGE_MAX - 4,
            "{}",
            message.len()
        );
        assert!(message.contains("ü … ü"));
    }

    #[test]
    fn names_of_events_stay_names() {
        let outbox = outbox();
        outbox.push(event(&format!("{}.b", "a".repeat(235)), "long"), at(0));
        let name = outbox.pop().unwrap().name();
        assert!(name.len() <= NAME_MAX, "{}", name.len());
        assert!(name.contains("a.1") && !name.contains(".."), "{name}");
    }

    #[test]
    fn events_of_cluster_scoped_objects_lie_in_default() {
        let outbox = outbox();
        let mut event = event("web", "hello");
        event.about.namespace.clear();
        outbox.push(event, at(0));
        let body = outbox.body(&outbox.pop().unwrap());
        assert_eq!(
            (
                &body["metadata"]["namespace"],
                &body["involvedObject"]["namespace"]
            ),
            (&json!("default"), &json!(""))
        );
    }

    #[test]
    fn a_namespace_that_goes_is_no_error() {
        let refused = |code, message: &str| {
            let status = lode_cluster::Status::new(code, "", message);
            is_gone(&Error::Refused(Box::new(status)))
        };
        assert!(refused(404, "namespaces \"shop\" not found"));
        assert!(refused(
            403,
            "unable to create new content in namespace shop because it is being terminated"
        ));
        assert!(!refused(403, "events is forbidden"));
    }

    #[tokio::test(start_paused = true)]
    async fn flushing_waits_for_what_is_under_way() {
        let outbox = Arc::new(outbox());
        outbox.empty().await;
        outbox.push(event("web", "hello"), at(0));
        let job = outbox.next().await;
        let flush = tokio::time::timeout(Duration::from_secs(5), outbox.empty());
        assert!(flush.await.is_err());
        let waiter = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.empty().await }
        });
        tokio::task::yield_now().await;
        outbox.done(&job, true);
        waiter.await.unwrap();
    }
}
