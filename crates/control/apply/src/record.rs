//! [`Record`]: what is remembered of an object after it was applied, so that "nothing changed" costs no call.
//!
//! Records are kept in the store and can always be made again: a lost one costs one dry-run.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};

use lode_cluster::Gone;
use lode_merge::{Digest, Flags, Observed};
use lode_object::{GroupVersionKind, Id};
use serde::{Deserialize, Serialize};

use crate::desired::Desired;

/// What is remembered of one object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Record {
    /// API version it was applied in.
    pub version: Box<str>,
    /// Identity of the live object; empty for one that is not applied (`ssa: Ignore`).
    pub uid: Box<str>,
    /// Digest of what was applied.
    pub desired: Digest,
    /// Digest of the fields we own with their live values, after the apply.
    pub own: Option<Digest>,
    /// Whether a live edit is only told.
    pub warn: bool,
    /// Whether its absence means anything.
    pub ends: Ends,
    /// Whether what somebody else says of it may hold values from Secrets.
    pub secret: bool,
}

/// Whether an object may go without that being drift.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ends {
    /// It stays: whoever deleted it did so on purpose.
    #[default]
    No,
    /// It goes by itself when it is done, and is created again once per interval, as by Flux.
    ByItself,
    /// It goes, and is created again only for another revision.
    Never,
}

/// When an object that may end was last created, and for which revision.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ran {
    /// The revision.
    pub revision: Box<str>,
    /// Seconds since 1970.
    pub at_s: i64,
}

/// What is remembered of a set of objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Records {
    /// Digest of everything the set was made from: equal inputs need no rendering.
    pub inputs: String,
    /// Digest of the rendered text, as the history tells it.
    pub text_digest: String,
    /// Source revision they were applied from.
    pub revision: String,
    /// By object.
    pub objects: BTreeMap<Id, Record>,
    /// Objects that were deleted to be created again, and for what.
    pub replaced: BTreeMap<Id, Replaced>,
    /// When objects that may end were last created.
    pub ran: BTreeMap<Id, Ran>,
}

/// For what an object was last deleted and created again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Replaced {
    /// The revision that asked for it.
    pub revision: Box<str>,
    /// Digest of what was to be created.
    pub desired: Digest,
}

impl Record {
    /// Remembers an applied object by the server's answer.
    #[must_use]
    pub fn of(desired: &Desired, live: &Observed) -> Self {
        Self {
            version: desired.gvk.version.clone(),
            uid: live.uid.clone(),
            desired: desired.digest,
            own: live.own,
            warn: desired.how.warn || live.flags.contains(Flags::DRIFT_WARN),
            ends: Ends::of(desired, live),
            secret: !desired.secrecy.is_open(),
        }
    }

    /// Remembers an object that was applied by somebody who remembers nothing: it must be looked at.
    #[must_use]
    pub fn unseen(desired: &Desired) -> Self {
        Self {
            uid: "?".into(),
            secret: !desired.secrecy.is_open(),
            ..Self::skipped(desired)
        }
    }

    /// Remembers an object that is left alone.
    #[must_use]
    pub fn skipped(desired: &Desired) -> Self {
        Self {
            version: desired.gvk.version.clone(),
            uid: "".into(),
            desired: desired.digest,
            own: None,
            warn: false,
            ends: Ends::No,
            secret: false,
        }
    }

    /// Returns whether the object was left alone.
    #[must_use]
    pub fn is_skipped(&self) -> bool {
        self.uid.is_empty()
    }

    /// Returns whether its absence is no drift: it ended by itself, or is not to run again anyway. Of one whose end was
    /// not seen, for instance before a restart, it is believed.
    #[must_use]
    pub fn has_ended(&self, gone: Option<&Gone>) -> bool {
        let ended = gone.is_none_or(|gone| gone.uid != self.uid || gone.ended);
        match self.ends {
            Ends::No => false,
            Ends::ByItself => ended,
            Ends::Never => true,
        }
    }

    /// Returns whether the live object still is what was applied: same object, same fields of ours, same values.
    #[must_use]
    pub fn matches(&self, live: &Observed) -> bool {
        live.uid == self.uid && live.own == self.own
    }
}

impl Ends {
    fn of(desired: &Desired, live: &Observed) -> Self {
        match () {
            () if desired.how.never_again => Self::Never,
            () if live.flags.contains(Flags::ENDS) => Self::ByItself,
            () => Self::No,
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    fn is_no(&self) -> bool {
        *self == Self::No
    }
}

impl Records {
    /// Returns whether the object was deleted and created again for this very revision and form before.
    #[must_use]
    pub fn was_replaced(&self, desired: &Desired, revision: &str) -> bool {
        let replaced = self.replaced.get(&desired.id);
        replaced.is_some_and(|replaced| {
            &*replaced.revision == revision && replaced.desired == desired.digest
        })
    }

    /// Returns the kind an object was applied as.
    #[must_use]
    pub fn gvk(id: &Id, record: &Record) -> GroupVersionKind {
        id.gvk(&record.version)
    }

    /// Returns a number that differs where the records do, for as long as this process lives.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// Puts the records into the bytes the store keeps.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let objects = self.objects.iter().map(|(id, record)| RecordRow {
            id: id.inventory(),
            version: record.version.clone(),
            uid: record.uid.clone(),
            desired: hex(&record.desired),
            own: record.own.as_ref().map(hex),
            warn: record.warn,
            ends: record.ends,
            secret: record.secret,
        });
        let replaced = self.replaced.iter().map(|(id, replaced)| ReplacedRow {
            id: id.inventory(),
            revision: replaced.revision.clone(),
            desired: hex(&replaced.desired),
        });
        let file = RecordsFile {
            format: FORMAT,
            inputs: self.inputs.clone(),
            text_digest: self.text_digest.clone(),
            revision: self.revision.clone(),
            objects: objects.collect(),
            replaced: replaced.collect(),
            ran: self
                .ran
                .iter()
                .map(|(id, ran)| (id.inventory(), ran.clone()))
                .collect(),
        };
        // A struct of texts has no way to fail.
        serde_json::to_vec(&file).unwrap_or_default()
    }

    /// Reads them back; bytes that are no records are as good as none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let file: RecordsFile = serde_json::from_slice(bytes)
            .ok()
            .filter(|file: &RecordsFile| file.format == FORMAT)?;
        let mut objects = BTreeMap::new();
        for row in file.objects {
            let own = match &row.own {
                Some(own) => Some(unhex(own)?),
                None => None,
            };
            let record = Record {
                version: row.version,
                uid: row.uid,
                desired: unhex(&row.desired)?,
                own,
                warn: row.warn,
                ends: row.ends,
                secret: row.secret,
            };
            objects.insert(Id::parse_inventory(&row.id).ok()?, record);
        }
        let mut replaced = BTreeMap::new();
        for row in file.replaced {
            let of = Replaced {
                revision: row.revision,
                desired: unhex(&row.desired)?,
            };
            replaced.insert(Id::parse_inventory(&row.id).ok()?, of);
        }
        let mut ran = BTreeMap::new();
        for (id, row) in file.ran {
            ran.insert(Id::parse_inventory(&id).ok()?, row);
        }
        let RecordsFile {
            inputs,
            text_digest,
            revision,
            ..
        } = file;
        Some(Self {
            inputs,
            text_digest,
            revision,
            objects,
            replaced,
            ran,
        })
    }
}

/// Changes when digests or rows change their meaning: older files are then forgotten.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct RecordsFile {
    format: u32,
    inputs: String,
    text_digest: String,
    revision: String,
    objects: Vec<RecordRow>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    replaced: Vec<ReplacedRow>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    ran: BTreeMap<String, Ran>,
}

#[derive(Serialize, Deserialize)]
struct ReplacedRow {
    id: String,
    revision: Box<str>,
    desired: String,
}

#[derive(Serialize, Deserialize)]
struct RecordRow {
    id: String,
    version: Box<str>,
    uid: Box<str>,
    desired: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    own: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    warn: bool,
    #[serde(skip_serializing_if = "Ends::is_no", default)]
    ends: Ends,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    secret: bool,
}

fn hex(digest: &Digest) -> String {
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|half| char::from_digit(half.into(), 16))
        .collect()
}

fn unhex(text: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    if text.len() != digest.len() * 2 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_read_back() {
        let id = Id::parse_inventory("ns_web_apps_Deployment").unwrap();
        let record = Record {
            version: "v1".into(),
            uid: "u".into(),
            desired: [7; 16],
            own: Some([200; 16]),
            warn: true,
            ends: Ends::Never,
            secret: true,
        };
        let records = Records {
            inputs: "i".into(),
            text_digest: "t".into(),
            revision: "main@sha1:1".into(),
            objects: [(id.clone(), record)].into(),
            ran: [(
                id.clone(),
                Ran {
                    revision: "main@sha1:1".into(),
                    at_s: 7,
                },
            )]
            .into(),
            replaced: [(
                id,
                Replaced {
                    revision: "main@sha1:1".into(),
                    desired: [9; 16],
                },
            )]
            .into(),
        };
        assert_eq!(Records::decode(&records.encode()), Some(records));
    }

    #[test]
    fn bytes_that_are_no_records_are_none() {
        for bytes in ["", "{}", "{\"format\":0}", "nonsense"] {
            assert_eq!(Records::decode(bytes.as_bytes()), None);
        }
    }
}
