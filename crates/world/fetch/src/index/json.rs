//! Reads an index in JSON, one entry at a time.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Error, Map, Value};

use super::gather::Gather;

/// The key of the entries.
const ENTRIES: &str = "entries";

/// Returns whether a text begins like JSON.
pub(super) fn is_likely(text: &[u8]) -> bool {
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    first == Some(&b'{')
}

/// Reads the whole text; returns the parts that are no entries.
pub(super) fn read(text: &[u8], gather: &mut Gather<'_>) -> Result<Map<String, Value>, Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let rest = Root(gather).deserialize(&mut reader)?;
    reader.end()?;
    Ok(rest)
}

/// The index.
struct Root<'a, 'g>(&'a mut Gather<'g>);
/// The table of charts.
struct Charts<'a, 'g>(&'a mut Gather<'g>);
/// The list of versions of a chart.
struct VersionList<'a, 'g>(&'a mut Gather<'g>, String);

impl<'de> DeserializeSeed<'de> for Root<'_, '_> {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Root<'_, '_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an index")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut rest = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == ENTRIES {
                map.next_value_seed(Charts(&mut *self.0))?;
            } else {
                rest.insert(key, map.next_value()?);
            }
        }
        Ok(rest)
    }
}

impl<'de> DeserializeSeed<'de> for Charts<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Charts<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of charts")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(VersionList(&mut *self.0, name))?;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for VersionList<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for VersionList<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of versions")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.list(&self.1);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.list(&self.1);
        while !self.0.has_failed() {
            let Some(item) = items.next_element::<Value>()? else {
                return Ok(());
            };
            self.0.take(&self.1, &item);
        }
        // The rest is read past, because it has to be JSON, too.
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}
