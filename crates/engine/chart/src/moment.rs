//! Times in the JSON of Go: RFC 3339, and the year 1 for a time that was never set.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer};

/// How Go writes a time that was never set.
const ZERO: &str = "0001-01-01T00:00:00Z";

#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
pub(crate) fn serialize<S: Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_str(ZERO),
    }
}

/// Reads `null`, an empty text (Helm 3) and the year 1 as "never set".
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
    parse(&text).map_err(serde::de::Error::custom)
}

/// Parses a time; an empty text and the year 1 mean "never set".
pub(crate) fn parse(text: &str) -> Result<Option<Timestamp>, jiff::Error> {
    if text.is_empty() || text == ZERO {
        return Ok(None);
    }
    text.parse().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_was_never_set_has_three_forms() {
        assert_eq!(parse("").unwrap(), None);
        assert_eq!(parse(ZERO).unwrap(), None);
        let time = parse("2026-05-01T10:00:00.5+02:00").unwrap().unwrap();
        assert_eq!(time.to_string(), "2026-05-01T08:00:00.5Z");
        assert!(parse("yesterday").is_err());
    }
}
