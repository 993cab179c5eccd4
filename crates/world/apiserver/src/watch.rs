//! What changes, as it changes: one line of JSON per event.
//!
//! A watch holds no lock and keeps nothing but where it is in the log of its resource. Who is slower than the log is
//! long is told that its place is gone (410) and lists anew.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use lode_admit::Status;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::answer::Answer;
use crate::api::Api;
use crate::call::Call;
use crate::negotiate::Shape;
use crate::options::{ListOptions, Revision};
use crate::read;
use crate::served::Served;
use crate::shape::Shaper;
use crate::store::{Change, EventType, Key, frame};
use crate::stored::Stored;

/// Answers with what changes.
pub(crate) fn start(
    call: &Call<'_>,
    api: &Arc<Api>,
    served: &Arc<Served>,
    options: ListOptions,
) -> Result<Answer, Status> {
    read::check_fields(served, &options)?;
    let shaper = match call.output.shape {
        Shape::Object => None,
        _ => Some(Shaper::new(call)?),
    };
    let (sender, receiver) = mpsc::channel(FRAMES_AHEAD);
    let seconds = options.timeout_s.filter(|seconds| *seconds > 0).unwrap_or(TIMEOUT_S).min(TIMEOUT_MAX_S);
    let end = Instant::now() + Duration::from_secs(seconds);
    let watch = Watch {
        api: Arc::clone(api),
        served: Arc::clone(served),
        namespace: call.target.namespace.as_str().into(),
        shaper,
        options,
        out: sender,
        end,
        cursor: 0,
    };
    tokio::spawn(watch.run());
    Ok(Answer::stream("application/json", receiver))
}

struct Watch {
    api: Arc<Api>,
    served: Arc<Served>,
    namespace: Box<str>,
    /// Makes tables or metadata of objects, where those are asked for.
    shaper: Option<Shaper>,
    options: ListOptions,
    out: mpsc::Sender<Bytes>,
    end: Instant,
    /// The last revision that was told of.
    cursor: u64,
}

/// The client is gone, or need not be told more.
struct Ended;

impl Watch {
    async fn run(mut self) {
        // Whether the client went or time is up makes no difference: either way there is nothing left to do.
        let (out, end, mut ended) = (self.out.clone(), self.end, self.api.end_watches.subscribe());
        tokio::select! {
            _ = self.follow() => {}
            () = sleep_until(end) => {}
            () = out.closed() => {}
            _ = ended.changed() => {}
        }
    }

    async fn follow(&mut self) -> Result<(), Ended> {
        let mut changed = self.served.objects.subscribe();
        self.begin().await?;
        let now = Instant::now();
        let last = self.end.checked_sub(BOOKMARK_BEFORE_END).filter(|last| *last > now);
        let mut bookmark = last.map_or(now + BOOKMARK_EVERY, |last| last.min(now + BOOKMARK_EVERY));
        loop {
            changed.borrow_and_update();
            // What is written from here on has a higher revision, so up to this one all is told once the log is read.
            let told = self.api.store.revision();
            while self.catch_up().await? {}
            self.cursor = self.cursor.max(told);
            tokio::select! {
                changed = changed.changed() => changed.map_err(|_| Ended)?,
                // The API lives as long as its resources, so a definition that goes takes its watches along.
                () = sleep_until(bookmark) => {
                    if self.options.bookmarks {
                        self.bookmark(false).await?;
                    }
                    bookmark = Instant::now() + BOOKMARK_EVERY;
                }
            }
        }
    }

    /// Tells of what is there, where the client wants that, and finds the place to go on from.
    async fn begin(&mut self) -> Result<(), Ended> {
        let all = match (self.options.initial_events, self.options.revision) {
            (Some(initial), Revision::NotOlder(revision) | Revision::Exact(revision)) => {
                if initial {
                    self.reached(revision).await?;
                }
                self.cursor = revision;
                initial
            }
            (Some(false), Revision::Newest | Revision::Any) => {
                self.cursor = self.api.store.revision();
                false
            }
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
                    lines.extend_from_slice(&self.line(EventType::Added, stored));
                    self.flush(&mut lines, LINES_BYTES).await?;
                }
            }
            self.flush(&mut lines, 0).await?;
        }
        if self.options.initial_events == Some(true) && self.options.bookmarks {
            self.bookmark(true).await?;
        }
        Ok(())
    }

    /// Waits until a revision is there.
    async fn reached(&self, revision: u64) -> Result<(), Ended> {
        while self.api.store.revision() < revision {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Tells of the next changes. Returns whether there may be more.
    async fn catch_up(&mut self) -> Result<bool, Ended> {
        let Ok(changes) = self.served.objects.since(self.cursor, CHANGES_AT_ONCE) else {
            let message = format!("too old resource version: {} ({})", self.cursor, self.api.store.revision());
            let status = Status::bare(410, "Expired", message).to_value();
            let line = format!("{{\"type\":\"ERROR\",\"object\":{status}}}\n");
            self.send(line.into()).await?;
            return Err(Ended);
        };
        let mut lines = BytesMut::new();
        for change in &changes {
            self.cursor = change.revision;
            if let Some(line) = self.told(change) {
                lines.extend_from_slice(&line);
                self.flush(&mut lines, LINES_BYTES).await?;
            }
        }
        self.flush(&mut lines, 0).await?;
        Ok(changes.len() == CHANGES_AT_ONCE)
    }

    /// Returns the line for a change, if it is one of what is selected.
    fn told(&mut self, change: &Change) -> Option<Bytes> {
        if !self.namespace.is_empty() && change.key.namespace != self.namespace {
            return None;
        }
        let selected = |key: &Key, stored: &Stored| read::selected(key, stored, &self.options);
        let was = change.previous.as_ref().is_some_and(|previous| selected(&change.key, previous));
        let is = !change.deleted && selected(&change.key, &change.object);
        let event = match (was, is) {
            (false, false) => return None,
            (false, true) => EventType::Added,
            (true, true) => EventType::Modified,
            (true, false) => EventType::Deleted,
        };
        if self.shaper.is_none() && self.served.is_native(&change.object) {
            return Some(change.frame(event));
        }
        Some(self.line(event, &change.told(event)))
    }

    fn line(&mut self, event: EventType, stored: &Stored) -> Bytes {
        match &mut self.shaper {
            None => frame(event, &self.served.bytes(stored)),
            Some(shaper) => {
                let value = self.served.value(stored);
                frame(event, shaper.next(&self.served, &value, self.api.now()).to_string().as_bytes())
            }
        }
    }

    async fn bookmark(&mut self, initial_end: bool) -> Result<(), Ended> {
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
        self.send(format!("{{\"type\":\"BOOKMARK\",\"object\":{object}}}\n").into()).await
    }

    async fn flush(&self, lines: &mut BytesMut, above: usize) -> Result<(), Ended> {
        if lines.len() > above { self.send(lines.split().freeze()).await } else { Ok(()) }
    }

    async fn send(&self, bytes: Bytes) -> Result<(), Ended> {
        self.out.send(bytes).await.map_err(|_| Ended)
    }
}

/// Pieces that wait for a slow client.
const FRAMES_AHEAD: usize = 4;
/// Bytes of lines that are sent at once.
const LINES_BYTES: usize = 64 << 10;
/// Changes read from the log at once.
const CHANGES_AT_ONCE: usize = 256;
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);
const BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);
/// How long a watch lasts whose client says nothing, in seconds; Kubernetes takes 30 to 60 minutes.
const TIMEOUT_S: u64 = 2400;
const TIMEOUT_MAX_S: u64 = 24 * 3600;
const LOOK_EVERY: Duration = Duration::from_millis(20);
