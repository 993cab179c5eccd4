//! Watches: one line of JSON per event.
//!
//! A watch holds no lock and keeps only its position in the resource's log. A client that falls
//! behind the log gets 410 and lists again. The first change after a pause is sent at once; if
//! there are many watches, the changes of a burst are sent together.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use lode_admit::Status;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::api::Api;
use crate::handlers::call::ObjectCall;
use crate::handlers::read;
use crate::handlers::shape::Shaper;
use crate::served::Served;
use crate::store::key::Key;
use crate::store::log::StoreChange;
use crate::store::stored::Stored;
use crate::wire::answer::ApiAnswer;
use crate::wire::negotiate::Shape;
use crate::wire::options::{ListOptions, Revision};
use crate::wire::stream::{Slot, Stream};

/// Answers with a watch.
pub(crate) fn start(
    call: &ObjectCall<'_>,
    api: &Arc<Api>,
    served: &Arc<Served>,
    options: ListOptions,
) -> Result<ApiAnswer, Status> {
    read::check_fields(served, &options)?;
    let shaper = match call.output.shape {
        Shape::Object => None,
        _ => Some(Shaper::new(call)?),
    };
    let seconds = options
        .timeout_s
        .filter(|seconds| *seconds > 0)
        .unwrap_or(TIMEOUT_S)
        .min(TIMEOUT_MAX_S);
    let watch = Watch {
        api: Arc::clone(api),
        served: Arc::clone(served),
        namespace: call.target.namespace.as_str().into(),
        shaper,
        options,
        end: Instant::now() + Duration::from_secs(seconds),
        // The client misses nothing that is written after it received the response.
        cursor: api.store.revision(),
    };
    Ok(ApiAnswer::stream(
        "application/json",
        Stream::new(|slot| watch.run(slot)),
    ))
}

struct Watch {
    api: Arc<Api>,
    served: Arc<Served>,
    namespace: Box<str>,
    /// Converts objects to tables or metadata, if requested.
    shaper: Option<Shaper>,
    options: ListOptions,
    end: Instant,
    /// The last revision sent.
    cursor: u64,
}

/// The type of a watch event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EventType {
    Added,
    Modified,
    Deleted,
}

/// The client needs no more events.
struct Ended;

impl Watch {
    async fn run(mut self, out: Slot) {
        let (end, mut ended) = (self.end, self.api.end_watches.subscribe());
        tokio::select! {
            // Ends on timeout or when there is nothing more to send.
            _ = self.follow(&out) => {}
            () = sleep_until(end) => {}
            _ = ended.changed() => {}
        }
    }

    async fn follow(&mut self, out: &Slot) -> Result<(), Ended> {
        let mut changed = self.served.objects.subscribe();
        self.begin(out).await;
        let now = Instant::now();
        let last = self
            .end
            .checked_sub(BOOKMARK_BEFORE_END)
            .filter(|last| *last > now);
        let mut bookmark = pin!(sleep_until(last.map_or(now + BOOKMARK_EVERY, |last| {
            last.min(now + BOOKMARK_EVERY)
        })));
        loop {
            changed.borrow_and_update();
            // Later writes have a higher revision, so once the log is read, everything up to this
            // one has been sent.
            let told = self.api.store.revision();
            while self.catch_up(out).await? {}
            self.cursor = self.cursor.max(told);
            self.gather().await;
            tokio::select! {
                changed = changed.changed() => changed.map_err(|_| Ended)?,
                // The API outlives its resources, so a removed definition ends its watches.
                () = &mut bookmark => {
                    if self.options.bookmarks {
                        self.bookmark(out, false).await;
                    }
                    bookmark.as_mut().reset(Instant::now() + BOOKMARK_EVERY);
                }
            }
        }
    }

    /// Waits after sending if there are many watches, so that the changes meanwhile are sent
    /// together; otherwise each few changes would be sent to all of them. With few watches there is
    /// no wait.
    async fn gather(&self) {
        let watchers = u32::try_from(self.served.objects.watchers()).unwrap_or(u32::MAX);
        let pause = GATHER_PER_WATCHER.saturating_mul(watchers).min(GATHER_MAX);
        if pause >= GATHER_MIN {
            sleep(pause).await;
        }
    }

    /// Sends the initial objects if requested, and determines the position to continue from.
    async fn begin(&mut self, out: &Slot) {
        let all = match (self.options.initial_events, self.options.revision) {
            (Some(initial), Revision::NotOlder(revision) | Revision::Exact(revision)) => {
                if initial {
                    self.reached(revision).await;
                }
                self.cursor = revision;
                initial
            }
            (Some(false), Revision::Newest | Revision::Any) => false,
            (None, Revision::NotOlder(revision) | Revision::Exact(revision)) => {
                self.cursor = revision;
                false
            }
            (_, Revision::Newest | Revision::Any) => true,
        };
        if all {
            let snapshot = self.api.store.list(&self.served.objects, &self.namespace);
            self.cursor = snapshot.revision;
            let mut lines = BytesMut::new();
            for (key, stored) in &snapshot.objects {
                if read::selected(key, stored, &self.options) {
                    self.write(&mut lines, EventType::Added, stored);
                    flush(out, &mut lines, LINES_BYTES).await;
                }
            }
            flush(out, &mut lines, 0).await;
        }
        if self.options.initial_events == Some(true) && self.options.bookmarks {
            self.bookmark(out, true).await;
        }
    }

    /// Waits until a revision is reached.
    async fn reached(&self, revision: u64) {
        while self.api.store.revision() < revision {
            sleep(LOOK_EVERY).await;
        }
    }

    /// Sends the next changes. Returns whether there may be more.
    async fn catch_up(&mut self, out: &Slot) -> Result<bool, Ended> {
        let Ok(changes) = self.served.objects.since(self.cursor, CHANGES_AT_ONCE) else {
            let message = format!(
                "too old resource version: {} ({})",
                self.cursor,
                self.api.store.revision()
            );
            let status = Status::bare(410, "Expired", message).to_value();
            out.put(format!("{{\"type\":\"ERROR\",\"object\":{status}}}\n").into())
                .await;
            return Err(Ended);
        };
        let mut lines = BytesMut::new();
        for change in &changes {
            self.cursor = change.revision();
            match self.told(change) {
                Some(EventType::Deleted) => {
                    self.write(&mut lines, EventType::Deleted, &change.left());
                }
                Some(event) => self.write(&mut lines, event, &change.object),
                None => {}
            }
            flush(out, &mut lines, LINES_BYTES).await;
        }
        flush(out, &mut lines, 0).await;
        Ok(changes.len() == CHANGES_AT_ONCE)
    }

    /// Returns the event for a change, if it concerns a selected object.
    fn told(&self, change: &StoreChange) -> Option<EventType> {
        if !self.namespace.is_empty() && change.key.namespace() != &*self.namespace {
            return None;
        }
        let selected = |key: &Key, stored: &Stored| read::selected(key, stored, &self.options);
        let was = change
            .previous
            .as_ref()
            .is_some_and(|previous| selected(&change.key, previous));
        let is = !change.deleted && selected(&change.key, &change.object);
        match (was, is) {
            (false, false) => None,
            (false, true) => Some(EventType::Added),
            (true, true) => Some(EventType::Modified),
            (true, false) => Some(EventType::Deleted),
        }
    }

    /// Writes the line for an event.
    fn write(&mut self, lines: &mut BytesMut, event: EventType, stored: &Stored) {
        match &mut self.shaper {
            None if self.served.is_native(stored) => event.write(lines, stored.text()),
            None => event.write(lines, &self.served.bytes(stored)),
            Some(shaper) => {
                let value = self.served.value(stored);
                event.write(
                    lines,
                    shaper
                        .next(&self.served, &value, self.api.now())
                        .to_string()
                        .as_bytes(),
                );
            }
        }
    }

    async fn bookmark(&mut self, out: &Slot, initial_end: bool) {
        let mut object = json!({
            "kind": &*self.served.kind.gvk.kind,
            "apiVersion": &*self.served.api_version,
            "metadata": {"resourceVersion": self.cursor.max(1).to_string()},
        });
        if initial_end {
            object["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object: Value = match &mut self.shaper {
            Some(shaper) => shaper.next(&self.served, &object, self.api.now()),
            None => object,
        };
        out.put(format!("{{\"type\":\"BOOKMARK\",\"object\":{object}}}\n").into())
            .await;
    }
}

impl EventType {
    /// Writes the line for an object.
    fn write(self, lines: &mut BytesMut, object: &[u8]) {
        let head: &[u8] = match self {
            Self::Added => b"{\"type\":\"ADDED\",\"object\":",
            Self::Modified => b"{\"type\":\"MODIFIED\",\"object\":",
            Self::Deleted => b"{\"type\":\"DELETED\",\"object\":",
        };
        let parts = [head, object, b"}\n"];
        lines.reserve(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            lines.extend_from_slice(part);
        }
    }
}

/// Sends the lines if there are more than `above` bytes.
async fn flush(out: &Slot, lines: &mut BytesMut, above: usize) {
    if lines.len() > above {
        out.put(lines.split().freeze()).await;
    }
}

/// Bytes of lines sent at once.
const LINES_BYTES: usize = 64 << 10;
/// Changes read from the log at once.
const CHANGES_AT_ONCE: usize = 256;
/// About twice the cost of sending a change to one watch, so that sending to all takes at most half
/// of the time.
const GATHER_PER_WATCHER: Duration = Duration::from_micros(50);
/// Shorter waits are not worth a timer.
const GATHER_MIN: Duration = Duration::from_millis(1);
const GATHER_MAX: Duration = Duration::from_millis(20);
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);
const BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);
/// Default timeout of a watch in seconds; Kubernetes uses 30 to 60 minutes.
const TIMEOUT_S: u64 = 2400;
const TIMEOUT_MAX_S: u64 = 24 * 3600;
const LOOK_EVERY: Duration = Duration::from_millis(20);
