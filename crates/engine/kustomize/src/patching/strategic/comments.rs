//! Types in a file's comments: `containers: # {"x-kubernetes-patch-strategy": "merge", …}`.
//!
//! Kustomize reads a comment that is a JSON object as the `OpenAPI` schema of the value it belongs
//! to, in objects and in patches, instead of the kind's own type. Every such comment counts, so one
//! at a list keeps the list from merging unless it says how to merge. If there are comments both
//! after and above a value, the first of these counts.

use std::borrow::Cow;
use std::collections::HashMap;

use lode_stdx::budget::{Exceeded, Meter};
use lode_yaml::{Content, Cost, Node};
use serde_json::Value;

use crate::object::schema::{Schema, TypeRef};

/// A schema, and the types that comments name in it.
pub(super) struct Commented<'s> {
    pub(super) schema: Cow<'s, Schema>,
    types: HashMap<Box<str>, TypeRef>,
}

/// Returns whether a text may contain such comments. Other texts are read without comments, which
/// is faster.
pub(crate) fn may_be_in(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'#')
        .skip(1)
        .any(|rest| rest.trim_ascii_start().starts_with(b"{"))
}

impl<'s> Commented<'s> {
    /// Reads the comments of nodes.
    pub(super) fn read(
        schema: &'s Schema,
        nodes: &[&Node],
        meter: &Meter<'_>,
    ) -> Result<Self, Exceeded> {
        let mut commented = Self {
            schema: Cow::Borrowed(schema),
            types: HashMap::new(),
        };
        for node in nodes {
            commented.gather(node, meter)?;
        }
        Ok(commented)
    }

    /// Returns the type given in a value's or key's comment.
    pub(super) fn of(&self, node: &Node) -> Option<TypeRef> {
        if self.types.is_empty() {
            None
        } else {
            self.types.get(comment(node)?).copied()
        }
    }

    fn gather(&mut self, node: &Node, meter: &Meter<'_>) -> Result<(), Exceeded> {
        meter.steps(1)?;
        if let Some(comment) = comment(node) {
            meter.steps(Cost::of_text(comment).steps())?;
            if !self.types.contains_key(comment)
                && let Some(said) = said(comment, meter)?
            {
                self.take(comment, &said, meter)?;
            }
        }
        match &node.content {
            Content::Scalar(_) => Ok(()),
            Content::Sequence(items) => items.iter().try_for_each(|item| self.gather(item, meter)),
            Content::Mapping(entries) => entries.iter().try_for_each(|entry| {
                self.gather(&entry.key, meter)?;
                self.gather(&entry.value, meter)
            }),
        }
    }

    /// Adds a comment's content to the schema; the first one makes a copy of it.
    fn take(&mut self, comment: &str, said: &Node, meter: &Meter<'_>) -> Result<(), Exceeded> {
        let copy = self.schema.cost();
        meter.steps(copy.steps())?;
        meter.bytes(copy.bytes)?;
        said.cost().under(comment).charge_meter(meter)?;
        let of = self.schema.to_mut().add_fragment(said);
        self.types.insert(comment.into(), of);
        Ok(())
    }
}

fn comment(node: &Node) -> Option<&str> {
    let extra = node.extra.as_deref()?;
    [&*extra.line_comment, &*extra.head_comment]
        .into_iter()
        .find(|comment| !comment.is_empty())
}

/// Parses a comment; text after the object is ignored. A comment that is not a schema has no
/// effect.
fn said(comment: &str, meter: &Meter<'_>) -> Result<Option<Node>, Exceeded> {
    let text = comment.trim_start_matches('#');
    if !text.trim_ascii_start().starts_with('{') {
        return Ok(None);
    }
    // Each value follows one of these characters, so their number is known before memory is used.
    let values = text.bytes().filter(|byte| b"{[,:".contains(byte)).count() as u64;
    meter.nodes(values)?;
    meter.bytes(VALUE_BYTES * values + text.len() as u64)?;

    let said = serde_json::Deserializer::from_str(text)
        .into_iter::<Value>()
        .next()
        .and_then(Result::ok);
    let is_one =
        |said: &Value| said.as_object().is_some_and(|said| !said.is_empty()) && is_schema(said);
    Ok(said.filter(is_one).map(|said| Node::from_value(&said)))
}

/// Bytes of a comment's value while it is read: as JSON, in growing lists, and as a node.
const VALUE_BYTES: u64 = 128;

/// Returns whether the known schema fields have the correct types.
fn is_schema(value: &Value) -> bool {
    let Some(fields) = value.as_object() else {
        return false;
    };

    fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .all(|(name, value)| match name.as_str() {
            "id" | "$ref" | "$schema" | "description" | "format" | "title" | "pattern"
            | "discriminator" => value.is_string(),
            "nullable" | "uniqueItems" | "exclusiveMaximum" | "exclusiveMinimum" | "readOnly" => {
                value.is_boolean()
            }
            "maximum" | "minimum" | "multipleOf" => value.is_number(),
            "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties"
            | "minProperties" => value.is_i64(),
            "enum" => value.is_array(),
            "required" => is_list_of(value, Value::is_string),
            "type" => value.is_string() || is_list_of(value, Value::is_string),
            "not" => is_schema(value),
            "items" => is_schema(value) || is_list_of(value, is_schema),
            "additionalProperties" | "additionalItems" => value.is_boolean() || is_schema(value),
            "allOf" | "anyOf" | "oneOf" => is_list_of(value, is_schema),
            "properties" | "patternProperties" | "definitions" => value
                .as_object()
                .is_some_and(|fields| fields.values().all(is_schema)),
            _ => true,
        })
}

fn is_list_of(value: &Value, is_one: impl Fn(&Value) -> bool) -> bool {
    value
        .as_array()
        .is_some_and(|items| items.iter().all(is_one))
}

#[cfg(test)]
mod tests {
    use lode_stdx::budget::Budget;
    use lode_tree::{RepoPath, Tree};

    use super::*;
    use crate::{Options, build};

    const RING: &str = "apiVersion: ex.io/v1\nkind: Ring\nmetadata: {name: one}\n";
    const BY_NAME: &str =
        r#"# {"x-kubernetes-patch-merge-key":"name","x-kubernetes-patch-strategy":"merge"}"#;

    /// Returns the names in the list of a ring after a patch; both texts start after its metadata.
    fn gems(object: &str, patch: &str) -> Vec<String> {
        let tree = Tree::from_iter([
            (
                "kustomization.yaml",
                "resources: [a.yaml]\npatches: [{path: p.yaml}]\n".to_owned(),
            ),
            ("a.yaml", format!("{RING}{object}")),
            ("p.yaml", format!("{RING}{patch}")),
        ]);
        let built = build(&tree, &RepoPath::root(), &Options::default()).unwrap();
        let gems = built.objects[0]
            .node
            .get("gems")
            .and_then(Node::items)
            .unwrap();
        gems.iter()
            .map(|gem| gem.get("name").and_then(Node::text).unwrap().to_owned())
            .collect()
    }

    // Each expected result was produced by kustomize 5.8.1.
    #[test]
    fn a_comment_says_how_a_list_merges() {
        let (list, patch) = (
            "\n- {name: a}\n- {name: b}\n",
            "\n- {name: b}\n- {name: c}\n",
        );
        for (object, patch) in [
            (format!("gems: {BY_NAME}{list}"), format!("gems:{patch}")),
            (format!("{BY_NAME}\ngems:{list}"), format!("gems:{patch}")),
            (format!("gems:{list}"), format!("gems: {BY_NAME}{patch}")),
        ] {
            assert_eq!(gems(&object, &patch), ["b", "c", "a"], "{object}{patch}");
        }
        let other = format!("{BY_NAME}\ngems: # note{list}");
        assert_eq!(
            gems(&other, &format!("gems:{patch}")),
            ["b", "c"],
            "the comment behind the key comes first"
        );
    }

    #[test]
    fn any_object_in_a_comment_counts_that_could_be_a_schema() {
        let budget = Budget::unlimited();
        let says = |comment: &str| said(comment, &Meter::new(&budget)).unwrap().is_some();
        for comment in [
            r#"# {"$openapi":"x"}"#,
            r#"## {"a":1}"#,
            r#"# {"a":"b"} and more"#,
            r#"#{"type":["array"]}"#,
        ] {
            assert!(says(comment) && may_be_in(comment.as_bytes()), "{comment}");
        }
        for comment in [
            "# note",
            "# {}",
            "# {a: b}",
            r#"# {"type":5}"#,
            r#"# {"properties":[]}"#,
            r#"# {"items":{"type":1}}"#,
        ] {
            assert!(!says(comment), "{comment}");
        }
        assert!(!may_be_in(b"a: {b: 1} # note\n"));
    }
}
