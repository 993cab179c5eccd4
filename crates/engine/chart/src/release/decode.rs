//! Decodes the record of a release, of Helm 3 or 4.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use lode_stdx::budget::{Budget, Exceeded};
use lode_stdx::read;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::hook::Hook;
use super::info::Info;
use super::record::{ApplyMethod, Release};
use super::recorded::RecordedChart;
use crate::metadata::nullable;

/// Longest record read, decompressed: fifty times what an object can hold compressed.
pub const RECORD_MAX: u64 = 64 << 20;

/// Why a record cannot be decoded. No variant contains a part of the record, which may be secret.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not base64.
    #[error("the record is not base64")]
    Base64,
    /// Not gzip, or damaged.
    #[error("decompress the record: {0}")]
    Gzip(#[source] io::Error),
    /// Longer than [`RECORD_MAX`].
    #[error("the record is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: u64,
    },
    /// The budget is exceeded.
    #[error("the record {0}")]
    Exceeded(#[from] Exceeded),
    /// Not the JSON of a release.
    #[error("the record is not a release: line {line}, column {column}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
}

#[derive(Deserialize)]
#[serde(default)]
struct Wire<'a> {
    #[serde(deserialize_with = "nullable")]
    name: String,
    #[serde(deserialize_with = "nullable")]
    info: Info,
    #[serde(borrow)]
    chart: Option<&'a RawValue>,
    #[serde(deserialize_with = "nullable")]
    config: Map<String, Value>,
    #[serde(deserialize_with = "nullable")]
    manifest: String,
    #[serde(deserialize_with = "nullable")]
    hooks: Vec<Hook>,
    version: i64,
    #[serde(deserialize_with = "nullable")]
    namespace: String,
    #[serde(deserialize_with = "known_method")]
    apply_method: Option<ApplyMethod>,
}

impl Release {
    /// Reads a release from its record.
    ///
    /// # Errors
    /// The record is damaged, is not a release, or exceeds the budget.
    pub fn decode(record: &str, budget: &Budget) -> Result<Self, DecodeError> {
        let bytes = unpack(record.trim().as_bytes(), budget)?;
        // The JSON is held as text and as values for a moment.
        budget.bytes(bytes.len() as u64)?;
        let wire: Wire<'_> = serde_json::from_slice(&bytes).map_err(unfit)?;
        let chart = match wire.chart {
            Some(json) => RecordedChart::from_json(json.get().to_owned()).map_err(unfit)?,
            None => RecordedChart::default(),
        };

        Ok(Self {
            name: wire.name,
            namespace: wire.namespace,
            version: wire.version,
            info: wire.info,
            chart: Arc::new(chart),
            config: wire.config,
            manifest: wire.manifest,
            hooks: wire.hooks,
            labels: BTreeMap::new(),
            apply_method: wire.apply_method,
        })
    }
}

impl Default for Wire<'_> {
    fn default() -> Self {
        Self {
            name: String::new(),
            info: Info::default(),
            chart: None,
            config: Map::new(),
            manifest: String::new(),
            hooks: Vec::new(),
            version: 0,
            namespace: String::new(),
            apply_method: None,
        }
    }
}

/// Decodes base64 and, if it is compressed, gzip. Helm once stored records uncompressed.
fn unpack(record: &[u8], budget: &Budget) -> Result<Vec<u8>, DecodeError> {
    budget.bytes(record.len() as u64)?;
    let packed = STANDARD.decode(record).map_err(|_| DecodeError::Base64)?;
    if !packed.starts_with(&GZIP_MAGIC) {
        return Ok(packed);
    }

    let spent = budget.spent().bytes;
    let left = budget.limits().bytes.saturating_sub(spent);
    let limit = RECORD_MAX.min(left);
    let bytes = match read::all(MultiGzDecoder::new(&*packed), limit) {
        Ok(bytes) => bytes,
        Err(read::Error::Io(error)) => return Err(DecodeError::Gzip(error)),
        Err(read::Error::TooLong { limit }) if limit == RECORD_MAX => {
            return Err(DecodeError::TooLong { limit });
        }
        // Fails, and says which limit it was.
        Err(read::Error::TooLong { limit }) => {
            budget.bytes(limit.saturating_add(1))?;
            return Err(DecodeError::TooLong { limit });
        }
    };
    budget.bytes(bytes.len() as u64)?;
    Ok(bytes)
}

const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// Reads the method; one of a later version of Helm counts as none.
fn known_method<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ApplyMethod>, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?;
    Ok(match word.as_deref() {
        Some("ssa") => Some(ApplyMethod::ServerSide),
        Some("csa") => Some(ApplyMethod::ClientSide),
        _ => None,
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function of `map_err`"
)]
fn unfit(error: serde_json::Error) -> DecodeError {
    DecodeError::Json {
        line: error.line(),
        column: error.column(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use lode_stdx::budget::Limits;

    use super::*;
    use crate::release::ReleaseStatus;

    fn packed(bytes: &[u8]) -> String {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        STANDARD.encode(encoder.finish().unwrap())
    }

    fn decode(record: &str) -> Result<Release, DecodeError> {
        Release::decode(record, &Budget::unlimited())
    }

    #[test]
    fn a_record_of_helm_3_is_read() {
        let json = br#"{"name":"web","info":{"first_deployed":"2024-01-02T03:04:05.123456789+01:00",
            "last_deployed":"2024-01-02T03:04:05Z","deleted":"","description":"Install complete","status":"deployed"},
            "chart":{"metadata":{"name":"web","version":"0.1.0","apiVersion":"v2","dependencies":null},"lock":null,
            "templates":[],"values":{"a":1},"schema":null,"files":null},
            "manifest":"a","hooks":[{"name":"t","last_run":{"started_at":"","completed_at":"","phase":""}}],
            "version":3,"namespace":"shop","later":{}}"#;
        for record in [packed(json), STANDARD.encode(json)] {
            let release = decode(&record).unwrap();
            assert_eq!(
                (&*release.name, &*release.namespace, release.version),
                ("web", "shop", 3)
            );
            assert_eq!(release.info.status, ReleaseStatus::Deployed);
            let first = release.info.first_deployed.unwrap().to_string();
            assert_eq!(first, "2024-01-02T02:04:05.123456789Z");
            assert_eq!(release.info.deleted, None);
            assert_eq!(release.chart.metadata().version, "0.1.0");
            assert_eq!(release.chart.values().unwrap()["a"], 1);
            assert_eq!(release.hooks.len(), 1);
            assert_eq!(release.apply_method, None);
        }
    }

    #[test]
    fn damage_is_reported_without_a_part_of_the_record() {
        assert!(matches!(decode("*"), Err(DecodeError::Base64)));
        let mut gzip = STANDARD.decode(packed(b"{}")).unwrap();
        gzip.truncate(12);
        assert!(matches!(
            decode(&STANDARD.encode(gzip)),
            Err(DecodeError::Gzip(_))
        ));
        let error = decode(&packed(b"{\"name\": \"secret\", \"info\": 1}")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the record is not a release: line 1, column 28"
        );
    }

    #[test]
    fn a_bomb_ends_at_a_bound() {
        let bomb = packed(&vec![b' '; 1 << 20]);
        let small = Budget::new(Limits {
            bytes: 100_000,
            ..Limits::UNLIMITED
        });
        let error = Release::decode(&bomb, &small).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the record needs more than 100000 bytes, the limit"
        );
    }
}
