//! The hash of an object's content in generated names.

use lode_stdx::budget::Budget;
use lode_yaml::{Dialect, Node};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::error::Fault;
use crate::object::resource::Resource;

/// Number of times that the content is converted to text.
const TEXTS: u64 = 3;
/// Characters of the hash in a name.
const HASH_LEN: usize = 10;

/// Adds the hash of its content to the name of each object that needs it.
pub(crate) fn add(resources: &mut [Resource], budget: &Budget) -> Result<(), Fault> {
    for resource in resources.iter_mut().filter(|resource| resource.needs_hash) {
        // The content is converted to JSON, and that to one escaped text.
        let cost = resource.node.cost();
        let charged = cost
            .charge_value(budget)
            .and_then(|()| budget.bytes(TEXTS * cost.bytes + resource.name_bytes()));
        charged.map_err(|exceeded| {
            Fault::from(exceeded).during("add digests to names", resource.place)
        })?;
        resource.remember();
        let name = format!("{}-{}", resource.name(), hash(&resource.node));
        resource.set_name(name);
        resource.namers.take_in(&resource.parts);
        resource.namers.gather(&resource.node);
    }
    Ok(())
}

/// Returns the part of a name that changes with the content: equal to kustomize's, so that names
/// are stable.
fn hash(node: &Node) -> String {
    let text = |name: &str| node.get(name).and_then(Node::text).unwrap_or_default();
    // Content that JSON cannot express fails when the object is written.
    let map = |name: &str| {
        node.get(name)
            .map(|node| node.to_value(Dialect::V3).unwrap_or_default())
    };
    let absent = || Value::from("");
    let mut content =
        json!({"kind": text("kind"), "name": "", "data": map("data").unwrap_or_else(absent)});
    let extra = if text("kind") == "Secret" {
        content["type"] = text("type").into();
        "stringData"
    } else {
        "binaryData"
    };
    if let Some(value) = map(extra) {
        content[extra] = value;
    }
    let digest = Sha256::digest(go_json(&content).as_bytes());
    let hex = digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .take(HASH_LEN);
    hex.map(|nibble| match nibble {
        0 => 'g',
        1 => 'h',
        3 => 'k',
        10 => 'm',
        14 => 't',
        other => char::from_digit(u32::from(other), 16).unwrap_or_default(),
    })
    .collect()
}

/// Go's JSON escapes what could end an HTML script.
fn go_json(value: &Value) -> String {
    value
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_kustomize() {
        let object = json!({"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"one": ""}});
        assert_eq!(hash(&Node::from_value(&object)), "9g67k2htb6");
        let object = json!({"kind": "Secret", "type": "my-type", "metadata": {"name": "x"}, "data": {"one": "Zg=="}});
        assert_eq!(hash(&Node::from_value(&object)).len(), HASH_LEN);
    }
}
