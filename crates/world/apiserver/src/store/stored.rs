//! [`Stored`]: an object stored once, as its final JSON; [`Draft`]: an object without a revision.
//!
//! The text begins with `apiVersion`, `kind` and the resource version, so that a revision can be
//! inserted, and the head cut off for a list, without reading the rest.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};

/// An object ready to be stored, without a revision.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// The text before the revision.
    head: Box<[u8]>,
    /// The text after it.
    tail: Box<[u8]>,
    index: Arc<Index>,
}

/// A stored object.
#[derive(Debug)]
pub(crate) struct Stored {
    text: Box<[u8]>,
    /// Revision of the write.
    pub(crate) revision: u64,
    /// Offset of the text after `apiVersion` and `kind`.
    body_at: usize,
    /// Its index; shared with the previous state if equal, which is the usual case.
    pub(crate) index: Arc<Index>,
}

/// Fields that objects can be selected by, with their values.
pub(crate) type Fields = Box<[(Cow<'static, str>, Box<str>)]>;

/// The values by which an object is found, extracted once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) uid: Box<str>,
    pub(crate) labels: Box<[(Box<str>, Box<str>)]>,
    /// Selectable fields other than name and namespace.
    pub(crate) fields: Fields,
    /// Uids of its owners.
    pub(crate) owners: Box<[Box<str>]>,
    /// Whether it is being deleted.
    pub(crate) deleting: bool,
}

impl Draft {
    /// Serializes an object, ignoring its resource version.
    pub(crate) fn new(object: &Value, fields: Fields) -> Self {
        let empty = Map::new();
        let object = object.as_object().unwrap_or(&empty);
        let metadata = object
            .get(METADATA)
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let head = format!(
            "{{\"apiVersion\":{},\"kind\":{},\"metadata\":{{\"resourceVersion\":\"",
            Value::from(text("apiVersion")),
            Value::from(text("kind"))
        );
        let mut tail = Vec::with_capacity(TAIL_CAPACITY);
        tail.push(b'"');
        write_fields(
            &mut tail,
            metadata.iter().filter(|(key, _)| *key != "resourceVersion"),
        );
        tail.push(b'}');
        let is_head = |key: &str| matches!(key, "apiVersion" | "kind" | METADATA);

        write_fields(&mut tail, object.iter().filter(|(key, _)| !is_head(key)));
        tail.push(b'}');
        Self {
            head: head.into_bytes().into(),
            tail: tail.into(),
            index: Arc::new(Index::of(metadata, fields)),
        }
    }

    /// Returns the object with a revision; `previous` is its previous state.
    pub(crate) fn after(&self, previous: Option<&Stored>, revision: u64) -> Stored {
        let mut stored = self.at(revision);
        if let Some(same) = previous
            .map(|previous| &previous.index)
            .filter(|index| **index == stored.index)
        {
            stored.index = Arc::clone(same);
        }
        stored
    }

    /// Returns the object with its revision.
    pub(crate) fn at(&self, revision: u64) -> Stored {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(revision).as_bytes();
        let text = [&self.head[..], digits, &self.tail[..]].concat();
        let body_at = self.head.len() - METADATA_HEAD.len();
        Stored {
            text: text.into(),
            revision,
            body_at,
            index: Arc::clone(&self.index),
        }
    }

    /// Returns whether a stored object is equal except for the revision.
    pub(crate) fn same_as(&self, stored: &Stored) -> bool {
        let rest = stored.text.strip_prefix(&*self.head);
        rest.is_some_and(|rest| {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            rest[digits..] == *self.tail
        })
    }
}

impl Stored {
    /// Returns the text.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns the object as a value.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.text).unwrap_or_default()
    }

    /// Returns the text without the head: what follows `{` in a list whose items have neither kind
    /// nor version.
    pub(crate) fn headless(&self) -> &[u8] {
        &self.text[self.body_at..]
    }

    /// Returns the object with another revision: its last state at the time of its deletion.
    pub(crate) fn gone_at(&self, revision: u64) -> Self {
        let (head, rest) = self.text.split_at(self.body_at + METADATA_HEAD.len());
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let draft = Draft {
            head: head.into(),
            tail: rest[digits..].into(),
            index: Arc::clone(&self.index),
        };
        draft.at(revision)
    }
}

impl Index {
    fn of(metadata: &Map<String, Value>, fields: Fields) -> Self {
        let pairs = metadata.get("labels").and_then(Value::as_object);
        let labels = pairs
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str().into(), value.as_str()?.into())));
        let owners = metadata.get("ownerReferences").and_then(Value::as_array);
        let owner = |reference: &Value| Some(reference.get("uid")?.as_str()?.into());

        Self {
            uid: metadata
                .get("uid")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .into(),
            labels: labels.collect(),
            fields,
            owners: owners.into_iter().flatten().filter_map(owner).collect(),
            deleting: metadata
                .get("deletionTimestamp")
                .is_some_and(Value::is_string),
        }
    }
}

/// Writes `,"key":value` for each field.
fn write_fields<'a>(out: &mut Vec<u8>, fields: impl Iterator<Item = (&'a String, &'a Value)>) {
    for (key, value) in fields {
        out.push(b',');
        // Writing a JSON value into memory cannot fail.
        let _ = serde_json::to_writer(&mut *out, key);
        out.push(b':');
        let _ = serde_json::to_writer(&mut *out, value);
    }
}

const METADATA: &str = "metadata";
const METADATA_HEAD: &str = "\"metadata\":{\"resourceVersion\":\"";
const TAIL_CAPACITY: usize = 1024;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn web() -> Value {
        json!({"kind": "ConfigMap", "apiVersion": "v1", "data": {"a": "1"}, "metadata": {
            "name": "web", "uid": "u1", "resourceVersion": "99", "labels": {"app": "web"}, "ownerReferences": [{"uid": "o"}]}})
    }

    #[test]
    fn a_draft_gets_its_revision_and_reads_as_the_object() {
        let stored = Draft::new(&web(), Box::default()).at(7);
        let mut expected = web();
        expected["metadata"]["resourceVersion"] = "7".into();
        assert_eq!(stored.value(), expected);
        assert_eq!(&*stored.index.uid, "u1");
        assert_eq!(*stored.index.labels, [("app".into(), "web".into())]);
        assert_eq!(*stored.index.owners, ["o".into()]);
    }

    #[test]
    fn an_item_of_a_list_has_no_kind() {
        let stored = Draft::new(&web(), Box::default()).at(7);
        let item: Value = serde_json::from_slice(&[b"{", stored.headless()].concat()).unwrap();
        assert_eq!(
            (item.get("kind"), &item["metadata"]["name"]),
            (None, &json!("web"))
        );
    }

    #[test]
    fn the_same_object_is_told_from_another_whatever_its_revision() {
        let (draft, mut other) = (Draft::new(&web(), Box::default()), web());
        assert!(draft.same_as(&draft.at(7)) && draft.same_as(&draft.at(70)));
        other["data"]["a"] = "2".into();
        assert!(!draft.same_as(&Draft::new(&other, Box::default()).at(7)));
    }

    #[test]
    fn what_goes_keeps_all_but_its_revision() {
        let stored = Draft::new(&web(), Box::default()).at(7).gone_at(1234);
        assert_eq!(
            (
                stored.revision,
                &stored.value()["metadata"]["resourceVersion"]
            ),
            (1234, &json!("1234"))
        );
        assert_eq!(stored.value()["data"], json!({"a": "1"}));
    }
}
