//! [`Secrecy`]: how much of an object may be shown in messages, statuses, events and logs.
//!
//! A message may quote a value in any form: sliced, in upper case, encoded, as a structure.
//! Searching messages for secret values therefore does not work. Instead, for an object built with
//! values from Secrets, only words that were in it before the values were inserted may be shown;
//! those words are collected at that point.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::id::Id;

/// How much of an object may be shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrecy {
    level: Level,
    /// The words of the source; if absent, all keys may be shown.
    words: Option<Arc<BTreeSet<Box<str>>>>,
}

/// The words of an object's source: what may be shown once values from Secrets are inserted.
///
/// A text that contains `$` is not a word, because a value may still be inserted into it.
#[derive(Clone, PartialEq, Eq)]
pub struct Words(BTreeSet<Box<str>>);

/// How much of an object is secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing.
    #[default]
    Open,
    /// Its values.
    Values,
    /// Its name or namespace too.
    Identity,
}

impl Secrecy {
    /// Returns the secrecy of an object as it is in the source: the values of a Secret are hidden.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        // The group is not compared: a Secret of another group is just as secret.
        let is_secret = object.get("kind").and_then(Value::as_str) == Some("Secret");
        Self {
            level: if is_secret {
                Level::Values
            } else {
                Level::Open
            },
            words: None,
        }
    }

    /// Returns the secrecy of an object with values from Secrets: only the words it had before may
    /// be shown.
    #[must_use]
    pub fn built(words: Words, after: &Id) -> Self {
        let level = if words.knows(after) {
            Level::Values
        } else {
            Level::Identity
        };
        Self {
            level,
            words: Some(Arc::new(words.0)),
        }
    }

    /// Returns the secrecy of an object for which only the level is known.
    #[must_use]
    pub fn at(level: Level) -> Self {
        Self {
            level,
            words: (level == Level::Identity).then(Arc::default),
        }
    }

    /// Returns how much of it is secret.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Returns whether everything may be shown.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.level == Level::Open
    }

    /// Returns the words that may be shown, if not all keys may.
    #[must_use]
    pub fn words(&self) -> Option<&BTreeSet<Box<str>>> {
        self.words.as_deref()
    }

    /// Returns the secrecy for stored results of [`Secrecy::level`] and [`Secrecy::words`].
    #[must_use]
    pub fn with_words(level: Level, words: Option<BTreeSet<Box<str>>>) -> Self {
        Self {
            level,
            words: words.map(Arc::new),
        }
    }

    /// Returns whether a text, number or boolean is in the source exactly like this.
    #[must_use]
    pub fn may_tell(&self, value: &Value) -> bool {
        match (&self.words, value) {
            _ if self.is_open() => true,
            (Some(words), Value::String(text)) => words.contains(&**text),
            (Some(words), Value::Number(_) | Value::Bool(_)) => words.contains(&*value.to_string()),
            (Some(_), Value::Null) => true,
            _ => false,
        }
    }

    /// Returns the object's identity as it may be shown.
    #[must_use]
    pub fn id(&self, id: &Id) -> String {
        self.masked(id).to_string()
    }

    /// Returns an identity with its secret parts masked.
    #[must_use]
    pub fn masked(&self, id: &Id) -> Id {
        if self.level < Level::Identity {
            return id.clone();
        }
        let part = |part: &str| self.word(part).into();
        // If nothing is known about the source, at least the kind says what the message is about.
        let kind = if self.knows_words() {
            part(&id.kind)
        } else {
            id.kind.clone()
        };
        Id {
            namespace: part(&id.namespace),
            name: part(&id.name),
            group: part(&id.group),
            kind,
        }
    }

    /// Returns the parts of an identity that must not be shown.
    #[must_use]
    pub fn hidden(&self, id: &Id) -> Vec<Box<str>> {
        let told = self.masked(id);
        let parts = [
            (&id.name, told.name),
            (&id.namespace, told.namespace),
            (&id.kind, told.kind),
        ];
        parts
            .into_iter()
            .filter(|(part, told)| **part != *told)
            .map(|(part, _)| part.clone())
            .collect()
    }

    fn knows_words(&self) -> bool {
        self.words.as_ref().is_some_and(|words| !words.is_empty())
    }

    /// Returns the path of a field as it may be shown: parts that are not in the source become `*`.
    ///
    /// Paths are in the notations of Lodestone and of API servers: `.spec.ports[0].port`,
    /// `data[a.b]`, `.env[name="A"].value`.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        if self.words.is_none() {
            return path.to_owned();
        }

        let mut told = String::with_capacity(path.len());
        let mut rest = path;
        while let Some(first) = rest.chars().next() {
            match first {
                '.' => {
                    told.push('.');
                    rest = &rest[1..];
                }
                '[' => {
                    let end = rest.find(']').unwrap_or(rest.len());
                    told.push('[');
                    told.push_str(&self.bracket(&rest[1..end]));
                    told.push(']');
                    rest = rest.get(end + 1..).unwrap_or_default();
                }
                _ => {
                    let end = rest.find(['.', '[']).unwrap_or(rest.len());
                    told.push_str(self.word(&rest[..end]));
                    rest = &rest[end..];
                }
            }
        }
        told
    }

    fn bracket(&self, inside: &str) -> String {
        let bare = inside.trim_matches('"');
        let is_index = !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit());
        if is_index || self.stands(bare) {
            return inside.to_owned();
        }
        match inside.split_once('=') {
            Some((key, value)) => {
                format!("{}={}", self.word(key), self.word(value.trim_matches('"')))
            }
            None => HIDDEN.to_owned(),
        }
    }

    /// Returns a word as it may be shown.
    #[must_use]
    pub fn word<'t>(&self, word: &'t str) -> &'t str {
        if word.is_empty() || self.stands(word) {
            word
        } else {
            HIDDEN
        }
    }

    fn stands(&self, word: &str) -> bool {
        self.words.as_ref().is_none_or(|words| words.contains(word))
    }
}

impl Words {
    /// Returns the words of an object in the source.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
        let mut words = Self::default();
        words.take_in(object);
        words.note_group(text("apiVersion"));
        words
    }

    /// Adds a key, or a value's text.
    pub fn note(&mut self, text: &str) {
        if !text.contains('$') {
            self.0.insert(text.into());
        }
    }

    /// Adds the group of an API version.
    pub fn note_group(&mut self, api_version: &str) {
        if let Some((group, _)) = api_version
            .split_once('/')
            .filter(|_| !api_version.contains('$'))
        {
            self.0.insert(group.into());
        }
    }

    /// Adds all parts of an identity.
    pub fn note_id(&mut self, id: &Id) {
        for part in [&id.namespace, &id.name, &id.group, &id.kind] {
            self.note(part);
        }
    }

    /// Returns whether all parts of an identity are included.
    #[must_use]
    pub fn knows(&self, id: &Id) -> bool {
        [&id.namespace, &id.name, &id.group, &id.kind]
            .into_iter()
            .all(|part| self.has(part))
    }

    /// Returns an identity with the parts that are not included masked.
    #[must_use]
    pub fn masked(&self, id: &Id) -> Id {
        let part = |part: &str| {
            if self.has(part) {
                part.into()
            } else {
                HIDDEN.into()
            }
        };
        Id {
            namespace: part(&id.namespace),
            name: part(&id.name),
            group: part(&id.group),
            kind: part(&id.kind),
        }
    }

    fn has(&self, word: &str) -> bool {
        word.is_empty() || self.0.contains(word)
    }

    /// Adds keys, texts, numbers and booleans.
    fn take_in(&mut self, value: &Value) {
        match value {
            Value::Null => {}
            Value::String(text) => self.note(text),
            Value::Number(_) | Value::Bool(_) => self.note(&value.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.take_in(item)),
            Value::Object(map) => map.iter().for_each(|(key, value)| {
                self.note(key);
                self.take_in(value);
            }),
        }
    }
}

/// The fields that every object may have.
impl Default for Words {
    fn default() -> Self {
        Self(EVERYWHERE.iter().map(|word| (*word).into()).collect())
    }
}

/// Omits the words, which would only be noise.
impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.0.len())
    }
}

/// Omits the words, which would only be noise.
impl fmt::Debug for Secrecy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrecy({:?})", self.level)
    }
}

/// Fields that objects have even if the source does not name them: `stringData` becomes `data`.
const EVERYWHERE: [&str; 12] = [
    "metadata",
    "name",
    "namespace",
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
    "spec",
    "data",
    "stringData",
    "binaryData",
    "status",
];

/// Replaces a word that is hidden.
pub const HIDDEN: &str = "*";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(namespace: &str, name: &str) -> Id {
        Id {
            namespace: namespace.into(),
            name: name.into(),
            group: "".into(),
            kind: "ConfigMap".into(),
        }
    }

    fn built() -> Secrecy {
        let before = json!({"apiVersion": "a.io/v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "ns",
            "labels": {"l": "${P}"}}, "data": {"a.b": "x${P}", "${P}": "y", "env": [{"name": "A", "value": "${P}"}], "n": 3}});
        Secrecy::built(
            Words::of(&before),
            &Id {
                group: "a.io".into(),
                ..id("ns", "m")
            },
        )
    }

    #[test]
    fn of_a_path_only_words_of_the_source_are_told() {
        let secrecy = built();
        for (path, told) in [
            ("metadata.labels", "metadata.labels"),
            (".metadata.labels[l]", ".metadata.labels[l]"),
            ("data[a.b]", "data[a.b]"),
            ("data[\"a.b\"]", "data[\"a.b\"]"),
            ("data[hunter2/]", "data[*]"),
            (".data.hunter2", ".data.*"),
            (".data.env[0].value", ".data.env[0].value"),
            (".data.env[name=A].value", ".data.env[name=A].value"),
            (
                ".data.env[name=\"hunter2\"].value",
                ".data.env[name=*].value",
            ),
            ("data[hunter]2]", "data[*]*"),
            ("[hunter2", "[*]"),
            ("hünter2", "*"),
            ("", ""),
        ] {
            assert_eq!(secrecy.path(path), told, "{path}");
        }
        let secret = Secrecy::of(&json!({"kind": "Secret"}));
        assert_eq!(
            (secret.path("data[token]"), secret.is_open()),
            ("data[token]".to_owned(), false)
        );
        assert!(Secrecy::of(&json!({"kind": "ConfigMap"})).is_open());
    }

    #[test]
    fn a_value_is_told_where_it_stands_in_the_source() {
        let secrecy = built();
        for (value, told) in [
            (json!("y"), true),
            (json!(3), true),
            (json!("x${P}"), false),
            (json!("xhunter2"), false),
            (json!({"a": 1}), false),
            (json!(["A"]), false),
        ] {
            assert_eq!(secrecy.may_tell(&value), told, "{value}");
        }
        assert!(!Secrecy::of(&json!({"kind": "Secret"})).may_tell(&json!("a")));
    }

    #[test]
    fn an_identity_that_a_value_went_into_is_not_told() {
        let before = json!({"kind": "ConfigMap", "metadata": {"name": "${P}", "namespace": "ns"}});
        let secrecy = Secrecy::built(Words::of(&before), &id("ns", "hunter2"));
        assert_eq!(
            (secrecy.level(), secrecy.id(&id("ns", "hunter2"))),
            (Level::Identity, "ConfigMap/ns/*".to_owned())
        );
        assert_eq!(
            Secrecy::at(Level::Identity).id(&id("ns", "hunter2")),
            "ConfigMap/*/*"
        );
        assert_eq!(
            (built().level(), built().id(&id("ns", "m"))),
            (Level::Values, "ConfigMap/ns/m".to_owned())
        );
        assert!(!format!("{secrecy:?}").contains("ns"));
    }
}
