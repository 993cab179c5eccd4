//! Digests of JSON values: of a whole value, of the parts that count as drift, and of one manager's
//! fields.
//!
//! A [`Digest`] is the first half of a SHA-256 over a canonical form (keys sorted, lengths written,
//! 1 equal to 1.0). It is the same on every machine and after every restart, and nobody who writes
//! to the cluster can make two different values look the same. Nothing is copied: values are hashed
//! while they are walked.

use std::sync::LazyLock;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::contract::Contract;
use crate::fields::{self, ManagerEntry};

/// The first half of a SHA-256.
pub type Digest = [u8; 16];

/// Returns the digest of any JSON value.
#[must_use]
pub fn digest(value: &Value) -> Digest {
    let mut hash = Hash::default();
    hash.value(value);
    hash.finish()
}

/// Returns the digest of everything that counts as drift (`pkg:ssa`): labels, annotations, and
/// every field except `metadata` and `status`.
///
/// Absent and empty labels or annotations are equal; below that an empty map differs from an absent
/// one, as in Flux (an empty selector selects everything, an absent one nothing). `apiVersion` and
/// `kind` are left out too: items of a list have neither, and the caller knows them.
#[must_use]
pub fn content_digest(live: &Value) -> Digest {
    let mut hash = Hash::default();
    for field in LABELLED {
        hash.map(labels(live, field).into_iter().flat_map(Map::iter));
    }
    hash.map(content(live));
    hash.finish()
}

/// Returns whether two objects are equal by the rule of [`content_digest`].
#[must_use]
pub fn content_equal(a: &Value, b: &Value) -> bool {
    LABELLED
        .iter()
        .all(|field| labels(a, field) == labels(b, field))
        && content(a).count() == content(b).count()
        && content(a).all(|(key, value)| b.get(key) == Some(value))
}

/// Returns the digest of everything `manager` owns by applying: its set of fields and the live
/// values under it.
///
/// It changes when another manager takes, changes or removes a field of ours. It does not change
/// with the status, fields added by others, resource versions, times, fields owned by others, or
/// fields that belong to the control plane by [contract](crate::contract). `None` if the manager
/// has applied nothing.
#[must_use]
pub fn own_digest(live: &Value, manager: &str) -> Option<Digest> {
    let entries: Vec<_> = fields::entries(live).collect();
    own_digest_of(live, &entries, manager)
}

pub(crate) fn own_digest_of(
    live: &Value,
    entries: &[ManagerEntry<'_>],
    manager: &str,
) -> Option<Digest> {
    let own = entries.iter().find(|entry| entry.is_apply_of(manager))?;
    let others = entries
        .iter()
        .filter(|entry| !entry.is_apply_of(manager))
        .map(|entry| entry.fields)
        .collect();
    Some(digest_under(live, own.api_version, own.fields, others))
}

/// Returns the digest of everything `manager` owns by any write: its sets taken together, and the
/// live values under them. `None` if it has written nothing.
pub(crate) fn written_digest_of(
    live: &Value,
    entries: &[ManagerEntry<'_>],
    manager: &str,
) -> Option<Digest> {
    let is_own = |entry: &ManagerEntry<'_>| entry.is_write_of(manager);
    let first = entries.iter().find(|entry| is_own(entry))?;
    let others = entries
        .iter()
        .filter(|entry| !is_own(entry))
        .map(|entry| entry.fields)
        .collect();

    let further: Vec<_> = entries
        .iter()
        .filter(|entry| is_own(entry))
        .skip(1)
        .collect();
    if further.is_empty() {
        return Some(digest_under(live, first.api_version, first.fields, others));
    }
    let mut all = Value::Object(first.fields.clone());
    for entry in further {
        // A set that cannot be read stays out, as everywhere.
        if let Ok(united) = fields::union(&all, &Value::Object(entry.fields.clone())) {
            all = united;
        }
    }
    let all = all.as_object()?;
    Some(digest_under(live, first.api_version, all, others))
}

/// Returns the digest of a set and of the live values under it.
fn digest_under<'o>(
    live: &'o Value,
    api_version: &str,
    set: &'o Map<String, Value>,
    others: Vec<&'o Map<String, Value>>,
) -> Digest {
    let mut walk = DigestWalk {
        hash: Hash::default(),
        others,
        path: Vec::with_capacity(PATH_USUAL),
        contract: Contract::of(live),
    };
    walk.hash.text(api_version);
    walk.children(set, Some(live));
    walk.hash.finish()
}

/// A parallel walk through one manager's set and the live object.
struct DigestWalk<'o> {
    hash: Hash,
    others: Vec<&'o Map<String, Value>>,
    /// Keys from the root of the set to the current node.
    path: Vec<&'o str>,
    contract: Contract,
}

impl<'o> DigestWalk<'o> {
    fn children(&mut self, node: &'o Map<String, Value>, live: Option<&'o Value>) {
        in_order(node.iter(), |key, child| {
            if !self.contract.is_empty() && self.contract.covers(&self.path, key, child) {
                return;
            }
            self.hash.text(key);
            if key == "." {
                self.hash.kind(live);
                return;
            }
            let found = live.and_then(|live| fields::find(key, live));
            self.path.push(key);
            match child.as_object().filter(|child| !fields::is_leaf(child)) {
                Some(child) => self.children(child, found),
                None => self.leaf(found),
            }
            self.path.pop();
        });
        self.hash.tag(Tag::End);
    }

    /// Hashes the whole value under a leaf, without what others own below it: a map that we own
    /// empty (`emptyDir: {}`) stays the same when another manager adds a field to it.
    fn leaf(&mut self, live: Option<&'o Value>) {
        let Some(live) = live else {
            return self.hash.tag(Tag::Absent);
        };
        let below = match live {
            Value::Object(map) if !map.is_empty() => self.below(),
            Value::Array(items) if !items.is_empty() => self.below(),
            _ => Vec::new(),
        };
        match live {
            Value::Object(map) if !below.is_empty() => {
                let foreign = |key: &str| {
                    below.iter().any(|node| {
                        node.keys()
                            .any(|owned| owned.strip_prefix("f:") == Some(key))
                    })
                };
                self.hash.map(map.iter().filter(|(key, _)| !foreign(key)));
            }
            Value::Array(items) if !below.is_empty() => {
                let elements: Vec<_> = below
                    .iter()
                    .flat_map(|node| node.keys())
                    .filter_map(|key| fields::element(key).ok()?)
                    .collect();
                self.hash.list(
                    items
                        .iter()
                        .filter(|item| !elements.iter().any(|element| element.is(item))),
                );
            }
            whole => self.hash.value(whole),
        }
    }

    /// Returns the nodes of other managers at the current path that own something below it.
    fn below(&self) -> Vec<&'o Map<String, Value>> {
        let at = |root: &&'o Map<String, Value>| {
            self.path
                .iter()
                .try_fold(*root, |node, key| node.get(*key).and_then(Value::as_object))
        };
        self.others
            .iter()
            .filter_map(at)
            .filter(|node| !fields::is_leaf(node))
            .collect()
    }
}

/// A SHA-256 over values, each encoded unambiguously.
#[derive(Default)]
struct Hash {
    sha: Sha256,
    /// Buffered bytes: many small updates cost more than the hash itself.
    waiting: Vec<u8>,
}

/// The type of the bytes that follow.
#[derive(Clone, Copy)]
enum Tag {
    Absent,
    Null,
    False,
    True,
    Integer,
    Float,
    Text,
    List,
    Map,
    End,
}

impl Hash {
    fn tag(&mut self, tag: Tag) {
        self.waiting.push(tag as u8);
    }

    fn text(&mut self, text: &str) {
        self.tag(Tag::Text);
        self.bytes(&(text.len() as u64).to_le_bytes());
        self.bytes(text.as_bytes());
    }

    fn kind(&mut self, value: Option<&Value>) {
        self.tag(match value {
            None => Tag::Absent,
            Some(Value::Null) => Tag::Null,
            Some(Value::Bool(_)) => Tag::True,
            Some(Value::Number(_)) => Tag::Integer,
            Some(Value::String(_)) => Tag::Text,
            Some(Value::Array(_)) => Tag::List,
            Some(Value::Object(_)) => Tag::Map,
        });
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.tag(Tag::Null),
            Value::Bool(truth) => self.tag(if *truth { Tag::True } else { Tag::False }),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.text(text),
            Value::Array(items) => self.list(items),
            Value::Object(map) => self.map(map.iter()),
        }
    }

    fn list<'v>(&mut self, items: impl IntoIterator<Item = &'v Value>) {
        self.tag(Tag::List);
        for item in items {
            self.value(item);
        }
        self.tag(Tag::End);
    }

    fn map<'v>(&mut self, entries: impl Iterator<Item = (&'v String, &'v Value)>) {
        self.tag(Tag::Map);
        in_order(entries, |key, value| {
            self.text(key);
            self.value(value);
        });
        self.tag(Tag::End);
    }

    fn number(&mut self, number: &serde_json::Number) {
        let float = number.as_f64().unwrap_or_default();
        let integer = number
            .as_i128()
            .or_else(|| (float.fract() == 0.0 && float.abs() < EXACT).then_some(float as i128));
        if let Some(integer) = integer {
            self.tag(Tag::Integer);
            self.bytes(&integer.to_le_bytes());
        } else {
            self.tag(Tag::Float);
            self.bytes(&float.to_bits().to_le_bytes());
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if self.waiting.len() + bytes.len() > WAITING_MAX {
            self.sha.update(&self.waiting);
            self.waiting.clear();
        }
        if bytes.len() > WAITING_MAX {
            self.sha.update(bytes);
        } else {
            self.waiting.extend_from_slice(bytes);
        }
    }

    fn finish(mut self) -> Digest {
        self.sha.update(&self.waiting);
        let mut digest = Digest::default();
        digest.copy_from_slice(&self.sha.finalize()[..16]);
        digest
    }
}

/// Returns labels or annotations; absent and empty are the same.
fn labels<'v>(live: &'v Value, field: &str) -> Option<&'v Map<String, Value>> {
    live.get("metadata")?
        .get(field)?
        .as_object()
        .filter(|map| !map.is_empty())
}

/// Returns the top-level fields that count as drift.
fn content(live: &Value) -> impl Iterator<Item = (&String, &Value)> {
    live.as_object()
        .into_iter()
        .flat_map(Map::iter)
        .filter(|(key, _)| !NOT_CONTENT.contains(&key.as_str()))
}

/// Visits entries by key. Maps are sorted unless a crate in the build enables `serde_json`'s
/// insertion order.
fn in_order<'v, I>(entries: I, mut visit: impl FnMut(&'v str, &'v Value))
where
    I: Iterator<Item = (&'v String, &'v Value)>,
{
    if *SORTED {
        return entries.for_each(|(key, value)| visit(key, value));
    }
    let mut entries: Vec<_> = entries.collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    for (key, value) in entries {
        visit(key, value);
    }
}

/// Whether maps are sorted in this build.
static SORTED: LazyLock<bool> = LazyLock::new(|| {
    let map: Map<_, _> = ["b", "a"]
        .into_iter()
        .map(|key| (key.to_owned(), Value::Null))
        .collect();
    map.keys().is_sorted()
});
const LABELLED: [&str; 2] = ["labels", "annotations"];
const NOT_CONTENT: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];
/// Below this every whole float is an exact integer.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Bytes hashed at once.
const WAITING_MAX: usize = 4096;
/// Depth of most field sets.
const PATH_USUAL: usize = 16;
