//! Where references of a schema may lead.
//!
//! The answer need not be exact: it is used to bound the cost of a check. So a reference leads to
//! all places that it could mean, whatever the base URL.

use std::collections::BTreeMap;

use serde_json::Value;

/// The places in a schema that references can name.
pub(super) struct Refs<'s> {
    /// The schema itself and all subschemas with an id.
    resources: Vec<(&'s str, &'s Value)>,
    anchors: BTreeMap<&'s str, Vec<&'s Value>>,
}

impl<'s> Refs<'s> {
    pub(super) fn collect(root: &'s Value) -> Self {
        let mut refs = Self {
            resources: vec![("", root)],
            anchors: BTreeMap::new(),
        };
        refs.visit(root);
        refs
    }

    fn visit(&mut self, value: &'s Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.visit(item)),
            Value::Object(map) => {
                let texts = |keys: [&str; 2]| keys.map(|key| map.get(key).and_then(Value::as_str));
                for id in texts(["$id", "id"]).into_iter().flatten() {
                    match id.split_once('#') {
                        Some((_, anchor)) if !anchor.is_empty() => self.anchor(anchor, value),
                        Some((id, _)) => self.resources.push((id, value)),
                        None => self.resources.push((id, value)),
                    }
                }
                for anchor in texts(["$anchor", "$dynamicAnchor"]).into_iter().flatten() {
                    self.anchor(anchor, value);
                }

                map.values().for_each(|value| self.visit(value));
            }
            _ => {}
        }
    }

    fn anchor(&mut self, anchor: &'s str, at: &'s Value) {
        self.anchors.entry(anchor).or_default().push(at);
    }

    /// Returns all places that a reference could mean.
    pub(super) fn targets(&self, reference: &str) -> Vec<&'s Value> {
        let (base, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if !fragment.is_empty() && !fragment.starts_with('/') {
            return self.anchors.get(fragment).cloned().unwrap_or_default();
        }

        let pointer = percent_decoded(fragment);
        let file = base.rsplit('/').next().unwrap_or_default();
        let resources = self
            .resources
            .iter()
            .filter(|(id, _)| base.is_empty() || id.is_empty() || id.ends_with(file));
        resources
            .filter_map(|(_, resource)| resource.pointer(&pointer))
            .collect()
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok();
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                byte.map(|byte| (byte, after))
            }
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_lead_to_all_places_they_could_mean() {
        let schema = json!({
            "$id": "https://a.b/root.json",
            "$defs": {
                "x/y": {"type": "string"},
                "inner": {"$id": "inner.json", "$defs": {"z": {"type": "number"}}},
                "named": {"$anchor": "here"},
            },
        });
        let refs = Refs::collect(&schema);
        for (reference, want) in [
            ("#", 3),
            ("#/$defs/x~1y", 2),
            ("#/%24defs/inner", 2),
            ("inner.json", 1 + 1),
            ("inner.json#/$defs/z", 1),
            ("#here", 1),
            ("#nowhere", 0),
            ("#/nowhere", 0),
        ] {
            assert_eq!(refs.targets(reference).len(), want, "{reference}");
        }
    }
}
