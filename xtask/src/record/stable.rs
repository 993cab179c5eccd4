//! Values that differ from run to run, replaced by stable ones.

use std::collections::HashMap;

use serde_json::Value;

/// The time of everything that is recorded.
const NOW: &str = "2026-01-01T00:00:00Z";

/// Values met so far, each with what stands for it.
#[derive(Default)]
pub(super) struct Stable {
    uids: HashMap<String, String>,
    versions: HashMap<String, String>,
    addresses: HashMap<String, String>,
}

impl Stable {
    /// Replaces uids, resource versions, addresses and times of an answer; the same value becomes the same one again.
    pub(super) fn replace(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.replace(item)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    self.replace_field(name, field);
                }
            }
            _ => {}
        }
    }

    fn replace_field(&mut self, name: &str, field: &mut Value) {
        match (name, &mut *field) {
            ("uid", Value::String(uid)) if !uid.is_empty() => {
                *uid = numbered(&mut self.uids, uid, |number| {
                    format!("00000000-0000-0000-0000-{number:012}")
                });
            }
            ("resourceVersion", Value::String(version)) if !version.is_empty() => {
                *version = numbered(&mut self.versions, version, |number| number.to_string());
            }
            ("clusterIP", Value::String(address)) => self.replace_address(address),
            ("clusterIPs", Value::Array(addresses)) => {
                for address in addresses {
                    if let Value::String(address) = address {
                        self.replace_address(address);
                    }
                }
            }
            ("creationTimestamp" | "time" | "lastTransitionTime", Value::String(time)) => {
                NOW.clone_into(time);
            }
            _ => self.replace(field),
        }
    }

    fn replace_address(&mut self, address: &mut String) {
        if address != "None" {
            *address = numbered(&mut self.addresses, address, |number| {
                format!("10.0.0.{number}")
            });
        }
    }
}

/// Returns what stands for a value: its number, from 1, in the order in which values come.
fn numbered(
    known: &mut HashMap<String, String>,
    value: &str,
    shown: impl Fn(usize) -> String,
) -> String {
    let next = known.len() + 1;
    known
        .entry(value.to_owned())
        .or_insert_with(|| shown(next))
        .clone()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_value_becomes_the_same_one_again() {
        let mut stable = Stable::default();
        let object = |uid: &str, version: &str| {
            json!({"metadata": {"uid": uid, "resourceVersion": version,
                "creationTimestamp": "2026-11-30T11:00:00Z", "name": "a"}})
        };
        let mut answers = [object("x", "71"), object("y", "85"), object("x", "90")];
        for answer in &mut answers {
            stable.replace(answer);
        }
        let shown = answers.map(|answer| {
            let metadata = &answer["metadata"];
            format!("{} {}", metadata["uid"], metadata["resourceVersion"])
        });
        assert_eq!(
            shown,
            [
                "\"00000000-0000-0000-0000-000000000001\" \"1\"",
                "\"00000000-0000-0000-0000-000000000002\" \"2\"",
                "\"00000000-0000-0000-0000-000000000001\" \"3\"",
            ]
        );
    }
}
