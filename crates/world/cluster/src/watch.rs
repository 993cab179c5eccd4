//! A watch without end: lists, follows, and lists again when the server has dropped our position.
//!
//! Input: what to watch. Output: calls to a [`Sink`], one object at a time, so that no list is ever
//! held in memory. If the server supports it (`sendInitialEvents`), the initial list is streamed
//! too; otherwise it is read in pages.

use std::borrow::Cow;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use lode_object::NamespacedName;
use serde::Deserialize;
use serde_json::value::RawValue;
use tracing::{debug, warn};

use crate::client::{Client, decode};
use crate::connect::Incoming;
use crate::error::Error;
use crate::refusal::Status;
use crate::resource::{Resource, escape};

/// Largest frame read, in bytes: an object with its managed fields is far smaller.
const FRAME_MAX: usize = 8 << 20;
const PAGE: usize = 500;
/// Timeout that the server is asked to use for a watch; client-go uses 5 to 10 minutes.
const WATCH_SECONDS: u64 = 420;
const RETRY_MIN: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(15);

/// What to watch.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The kind.
    pub resource: Resource,
    /// One namespace, or all when empty.
    pub namespace: Box<str>,
    /// Label selector, or none when empty.
    pub labels: Box<str>,
    /// Field selector, or none when empty.
    pub fields: Box<str>,
}

/// Receives the events of a watch.
pub trait Sink: Send {
    /// A full list begins: objects that do not appear before [`Sink::synced`] are gone.
    fn restart(&mut self);
    /// An object exists; its JSON.
    fn applied(&mut self, head: &Head<'_>, object: &[u8]);
    /// An object no longer exists or is no longer selected; its last JSON.
    fn deleted(&mut self, head: &Head<'_>, object: &[u8]);
    /// The list is complete, at a version.
    fn synced(&mut self, version: &str);
    /// The server no longer serves the kind: what is known may be outdated until the next list.
    fn lost(&mut self) {}
}

/// Identity and version of an object.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
pub struct Head<'a> {
    /// Its namespace, empty for cluster-scoped objects.
    #[serde(borrow)]
    pub namespace: Cow<'a, str>,
    /// Its name.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// `metadata.resourceVersion`.
    #[serde(borrow, rename = "resourceVersion")]
    pub version: Cow<'a, str>,
}

impl Head<'_> {
    /// Returns namespace and name.
    #[must_use]
    pub fn name(&self) -> NamespacedName {
        NamespacedName::new(&self.namespace, &self.name)
    }
}

/// Watches until the task is aborted. After a failure it retries with a backoff of 250 ms to 15 s.
pub async fn watch(client: Client, subject: Subject, mut sink: impl Sink) {
    let mut follower = Follower {
        client,
        subject,
        version: None,
        streaming: true,
    };
    let mut wait = RETRY_MIN;
    // An outage is logged once, however often it is met.
    let mut said = String::new();
    loop {
        match follower.once(&mut sink).await {
            Ok(()) => {
                wait = RETRY_MIN;
                said.clear();
            }
            Err(error) => {
                if error.is(410) {
                    debug!(kind = %follower.subject.resource.gvk, "watch restarts");
                    follower.version = None;
                    wait = RETRY_MIN;
                } else if follower.streaming
                    && (error.is(400) || error.is(422) || error.is(403) || error.is(500))
                {
                    follower.streaming = false;
                } else {
                    if error.is_unserved() {
                        follower.version = None;
                        sink.lost();
                    }
                    let error = error.to_string();
                    if said == error {
                        debug!(kind = %follower.subject.resource.gvk, error, "watch interrupted");
                    } else {
                        warn!(kind = %follower.subject.resource.gvk, error, "watch interrupted");
                        said = error;
                    }
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RETRY_MAX);
            }
        }
    }
}

struct Follower {
    client: Client,
    subject: Subject,
    /// Where to continue; without it a full list comes first.
    version: Option<String>,
    streaming: bool,
}

impl Follower {
    /// Follows until the server ends the watch (success) or something fails.
    async fn once(&mut self, sink: &mut impl Sink) -> Result<(), Error> {
        if self.version.is_none() && !self.streaming {
            self.list(sink).await?;
        }
        let initial = self.version.is_none();
        if initial {
            sink.restart();
        }
        let answer = self.client.watch(&self.path(initial)).await?;
        let mut frames = Frames {
            body: answer.into_body(),
            buffer: BytesMut::new(),
        };
        while let Some(frame) = frames.next().await? {
            self.take(&frame, sink)?;
        }
        Ok(())
    }

    fn take(&mut self, frame: &[u8], sink: &mut impl Sink) -> Result<(), Error> {
        let frame: Frame = decode(frame)?;
        let object = frame.object.get().as_bytes();
        let mut ends = false;
        let head = match frame.kind {
            "ADDED" | "MODIFIED" | "DELETED" => decode::<Told>(object)?.metadata,
            "BOOKMARK" => {
                let Bookmark { metadata } = decode(object)?;
                ends = metadata
                    .annotations
                    .is_some_and(|notes| notes.initial_events_end.is_some());
                metadata.head
            }
            _ => return Err(Error::Refused(Box::new(decode::<Status>(object)?))),
        };
        match frame.kind {
            "DELETED" => sink.deleted(&head, object),
            "BOOKMARK" if ends => sink.synced(&head.version),
            "BOOKMARK" => {}
            _ => sink.applied(&head, object),
        }
        // During a streamed list single objects do not show the list's progress.
        if self.version.is_some() || ends {
            self.version = Some(head.version.into());
        }
        Ok(())
    }

    async fn list(&mut self, sink: &mut impl Sink) -> Result<(), Error> {
        sink.restart();
        let mut token = String::new();

        loop {
            let mut query = format!("?limit={PAGE}");
            self.select(&mut query);
            if !token.is_empty() {
                query.push_str("&continue=");
                escape(&mut query, &token);
            }
            let page = self
                .client
                .list(&self.subject.resource, &self.subject.namespace, &query)
                .await?;
            let page: Page = decode(&page)?;
            for object in page.items {
                let object = object.get().as_bytes();
                sink.applied(&decode::<Told>(object)?.metadata, object);
            }
            token = page.metadata.r#continue.unwrap_or_default();
            if token.is_empty() {
                sink.synced(&page.metadata.resource_version);
                self.version = Some(page.metadata.resource_version);
                return Ok(());
            }
        }
    }

    fn path(&self, initial: bool) -> String {
        let mut path = self.subject.resource.path(&self.subject.namespace, "");
        // Timeouts are spread, so that a thousand watches do not reconnect at once.
        let seconds = WATCH_SECONDS + u64::from(path.len() as u32 * 37 % 120);
        path.push_str("?watch=true&allowWatchBookmarks=true&timeoutSeconds=");
        path.push_str(&seconds.to_string());
        if initial {
            path.push_str("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
        }
        if let Some(version) = &self.version {
            path.push_str("&resourceVersion=");
            escape(&mut path, version);
        }
        self.select(&mut path);
        path
    }

    fn select(&self, query: &mut String) {
        for (name, selector) in [
            ("labelSelector", &self.subject.labels),
            ("fieldSelector", &self.subject.fields),
        ] {
            if !selector.is_empty() {
                query.push('&');
                query.push_str(name);
                query.push('=');
                escape(query, selector);
            }
        }
    }
}

/// The frames of a watch's body: one JSON text per line.
struct Frames {
    body: Incoming,
    buffer: BytesMut,
}

impl Frames {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.buffer[searched..]
                .iter()
                .position(|byte| *byte == b'\n')
            {
                return Ok(Some(self.buffer.split_to(searched + end + 1).freeze()));
            }
            searched = self.buffer.len();
            if searched > FRAME_MAX {
                return Err(Error::TooLarge(FRAME_MAX));
            }
            let Some(data) = self.body.frame().await else {
                return Ok(None);
            };
            let data = data.map_err(|error| Error::Unreachable(format!("watch broke: {error}")))?;
            if let Ok(data) = data.into_data() {
                self.buffer.extend_from_slice(&data);
            }
        }
    }
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// An object of which only the head is parsed.
#[derive(Deserialize)]
pub(crate) struct Told<'a> {
    #[serde(borrow, default)]
    pub(crate) metadata: Head<'a>,
}

#[derive(Deserialize)]
struct Bookmark<'a> {
    #[serde(borrow)]
    metadata: BookmarkMetadata<'a>,
}

#[derive(Deserialize)]
struct BookmarkMetadata<'a> {
    #[serde(borrow, flatten)]
    head: Head<'a>,
    annotations: Option<Notes>,
}

#[derive(Deserialize)]
struct Notes {
    #[serde(rename = "k8s.io/initial-events-end")]
    initial_events_end: Option<String>,
}

#[derive(Deserialize)]
struct Page<'a> {
    metadata: PageMetadata,
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMetadata {
    resource_version: String,
    r#continue: Option<String>,
}
