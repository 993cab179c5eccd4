//! JSON 6902 patches as kustomize applies them: RFC 6902, with negative list indices counting from
//! the end.
//!
//! Input: an object and the operations. Output: the object after a round trip through JSON, where
//! every number is a float: integers above 2^53 lose digits. Values set by an operation get the
//! patch's place; all others keep their own.
//!
//! Messages name the operation and the path, never a value, since it may be a secret.

mod cause;
mod json;
mod pointer;

use lode_stdx::budget::{Budget, Exceeded, Meter};
use lode_yaml::{Content, DEPTH_MAX, Dialect, Entry, Node, Place};

pub(crate) use cause::JsonPatchCause;

use pointer::{Missing, child, index, parent};

/// A patch that does not apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {cause}")]
pub(crate) struct Error {
    /// The operation and its path, as `add /spec/replicas`.
    pub(crate) operation: String,
    /// The place in the patch.
    pub(crate) place: Place,
    pub(crate) cause: JsonPatchCause,
}

impl Error {
    /// Returns the exceeded limit of the budget, if that is the cause.
    pub(crate) fn exceeded(&self) -> Option<Exceeded> {
        match self.cause {
            JsonPatchCause::Exceeded(exceeded)
            | JsonPatchCause::Missing(Missing::Exceeded(exceeded)) => Some(exceeded),
            _ => None,
        }
    }
}

/// Applies operations, read by the rules of `dialect`, to an object under construction.
///
/// Such an object always has annotations, if only kustomize's own, so a patch can add to them even
/// if the text has none.
pub(crate) fn apply_to_object(
    object: &mut Node,
    operations: &Node,
    dialect: Dialect,
    budget: &Budget,
) -> Result<(), Error> {
    if let Some(metadata) = object.get_mut("metadata")
        && metadata.get(ANNOTATIONS).is_none_or(Node::is_null)
    {
        metadata.insert(ANNOTATIONS, Node::mapping());
    }
    apply(object, operations, dialect, budget)?;
    let Some(metadata) = object.get_mut("metadata") else {
        return Ok(());
    };
    let Some(annotations) = metadata.get_mut(ANNOTATIONS) else {
        return Ok(());
    };
    let Some(entries) = annotations
        .entries_mut()
        .filter(|entries| !entries.is_empty())
    else {
        metadata.remove(ANNOTATIONS);
        return Ok(());
    };
    // Restoring its own annotations rewrites all of them as texts.
    for Entry { value, .. } in entries {
        let text = value.text().unwrap_or_default();
        *value = Node::string(text).placed(value.place);
    }
    Ok(())
}

const ANNOTATIONS: &str = "annotations";

/// Applies operations in order; after an error the object is left half changed.
pub(crate) fn apply(
    object: &mut Node,
    operations: &Node,
    dialect: Dialect,
    budget: &Budget,
) -> Result<(), Error> {
    let meter = Meter::new(budget);
    let failed = |cause| Error {
        operation: "patch".to_owned(),
        place: operations.place,
        cause,
    };
    let list = operations
        .items()
        .ok_or_else(|| failed(JsonPatchCause::NoList))?;
    json::normalize(object, Dialect::V3, &meter).map_err(failed)?;
    let patching = Patching {
        dialect,
        meter: &meter,
    };
    for operation in list {
        let path = operation
            .get("path")
            .and_then(Node::text)
            .unwrap_or_default();
        let name = operation.get("op").and_then(Node::text).unwrap_or_default();
        patching.apply(object, operation).map_err(|cause| Error {
            operation: format!("{name} {path}"),
            place: operation.place,
            cause,
        })?;
    }
    if object.entries().is_none() {
        return Err(failed(JsonPatchCause::NoObject));
    }
    json::make_floats(object);
    Ok(())
}

struct Patching<'b> {
    dialect: Dialect,
    meter: &'b Meter<'b>,
}

impl Patching<'_> {
    fn apply(&self, object: &mut Node, operation: &Node) -> Result<(), JsonPatchCause> {
        match text(operation, "op")? {
            "add" => {
                let path = text(operation, "path")?;
                add(object, path, self.value(operation)?, self.meter)
            }
            "remove" => remove(object, text(operation, "path")?, self.meter).map(drop),
            "replace" => {
                let path = text(operation, "path")?;
                replace(object, path, self.value(operation)?, self.meter)
            }
            "move" => {
                let moved = remove(object, text(operation, "from")?, self.meter)?;
                add(object, text(operation, "path")?, moved, self.meter)
            }
            "copy" => self.copy(object, operation),
            "test" => self.test(object, operation),
            _ => Err(JsonPatchCause::Unknown),
        }
    }

    /// An absent key is copied as a null.
    fn copy(&self, object: &mut Node, operation: &Node) -> Result<(), JsonPatchCause> {
        let (parent, key) = parent(object, text(operation, "from")?, self.meter)?;
        let found = child(parent, &key, self.meter)?;
        found
            .as_ref()
            .map_or(Ok(()), |found| found.cost().charge_meter(self.meter))?;
        let copied = found
            .cloned()
            .unwrap_or_else(|| Node::null().placed(operation.place));
        add(object, text(operation, "path")?, copied, self.meter)
    }

    /// An absent key and a null are the same.
    fn test(&self, object: &mut Node, operation: &Node) -> Result<(), JsonPatchCause> {
        let path = text(operation, "path")?;
        let found = if path.is_empty() {
            Some(&*object)
        } else {
            let (parent, key) = parent(object, path, self.meter)?;
            child(parent, &key, self.meter)?.map(|found| &*found)
        };
        let wanted = match operation.get("value") {
            Some(_) => Some(self.value(operation)?),
            None => None,
        };
        let holds = match (found.filter(|found| !found.is_null()), wanted) {
            (None, wanted) => wanted.is_none_or(|wanted| wanted.is_null()),
            (Some(found), Some(wanted)) => json::same(found, &wanted, self.meter)?,
            (Some(_), None) => false,
        };
        if holds {
            Ok(())
        } else {
            Err(JsonPatchCause::TestFailed)
        }
    }

    fn value(&self, operation: &Node) -> Result<Node, JsonPatchCause> {
        let Some(value) = operation.get("value") else {
            return Ok(Node::null().placed(operation.place));
        };
        value.cost().charge_meter(self.meter)?;
        let mut value = value.clone();
        json::normalize(&mut value, self.dialect, self.meter)?;
        Ok(value)
    }
}

fn text<'n>(operation: &'n Node, field: &'static str) -> Result<&'n str, JsonPatchCause> {
    let found = operation
        .get(field)
        .filter(|node| node.is_string())
        .and_then(Node::text);
    found.ok_or(JsonPatchCause::NoField(field))
}

fn add(object: &mut Node, path: &str, new: Node, meter: &Meter<'_>) -> Result<(), JsonPatchCause> {
    check_depth(path, &new, meter)?;
    let (parent, key) = parent(object, path, meter)?;
    match &mut parent.content {
        Content::Sequence(items) => {
            let at = if key == "-" {
                items.len()
            } else {
                index(&key, items.len() + 1)?
            };
            meter.steps((items.len() - at) as u64 / MOVED_PER_STEP)?;
            items.insert(at, new);
        }
        _ => drop(parent.insert(&key, new)),
    }
    Ok(())
}

/// A mapping need not have the key yet: the library used by kustomize does not check.
fn replace(
    object: &mut Node,
    path: &str,
    new: Node,
    meter: &Meter<'_>,
) -> Result<(), JsonPatchCause> {
    check_depth(path, &new, meter)?;
    if path.is_empty() {
        if new.text().is_some() {
            return Err(JsonPatchCause::NoObject);
        }
        *object = new;
        return Ok(());
    }
    let (parent, key) = parent(object, path, meter)?;
    match &mut parent.content {
        Content::Sequence(items) => {
            let at = index(&key, items.len())?;
            items[at] = new;
        }
        _ => drop(parent.insert(&key, new)),
    }
    Ok(())
}

fn remove(object: &mut Node, path: &str, meter: &Meter<'_>) -> Result<Node, JsonPatchCause> {
    let (parent, key) = parent(object, path, meter)?;
    match &mut parent.content {
        Content::Sequence(items) => {
            let at = index(&key, items.len())?;
            meter.steps((items.len() - at) as u64 / MOVED_PER_STEP)?;
            Ok(items.remove(at))
        }
        _ => Ok(parent.remove(&key).ok_or(Missing::Nothing)?),
    }
}

/// List entries moved in one step.
const MOVED_PER_STEP: u64 = 16;

/// Refuses values nested deeper than the readers' limit: otherwise each operation could add a level
/// to the result of the last one.
fn check_depth(path: &str, new: &Node, meter: &Meter<'_>) -> Result<(), JsonPatchCause> {
    meter.steps(new.cost().nodes)?;
    let above = path.bytes().filter(|byte| *byte == b'/').count();
    if above + new.depth() > DEPTH_MAX {
        Err(JsonPatchCause::TooDeep)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lode_stdx::budget::Limits;
    use lode_yaml::{Nodes, Origins};

    use super::*;
    use crate::tests::{self as recorded, Outcome, node, text};

    fn dialect(patch: &str) -> Dialect {
        if patch.starts_with('[') {
            Dialect::V3
        } else {
            Dialect::V2
        }
    }

    #[test]
    fn patches_do_what_kustomize_was_seen_to_do() {
        let cases = recorded::cases(include_str!("../../tests/merge/json-patch.txt"));
        assert_eq!(cases.len(), 57);
        for case in cases {
            let dialect = dialect(case.patch);
            let mut object = node(case.object, Dialect::V3);
            let outcome = match apply(
                &mut object,
                &node(case.patch, dialect),
                dialect,
                &Budget::unlimited(),
            ) {
                Ok(()) => Outcome::Result(text(&object)),
                Err(_) => Outcome::Error,
            };
            assert_eq!(outcome, case.outcome, "{}", case.name);
        }
    }

    #[test]
    fn values_keep_their_place() {
        let origins = |source| Origins {
            source,
            lines_above: 0,
        };
        let read = |text: &str, source| {
            Nodes::new(text.as_bytes(), Dialect::V3, origins(source))
                .next()
                .unwrap()
                .unwrap()
        };
        let mut object = read("a: 1\nb:\n  c: 12345678\n", 1);
        let operations = read(
            "- op: add\n  path: /d\n  value: 2\n- {op: move, from: /b/c, path: /e}\n",
            2,
        );
        apply(&mut object, &operations, Dialect::V3, &Budget::unlimited()).unwrap();
        let place = |key: &str| {
            let place = object.get(key).unwrap().place;
            (place.source, place.line)
        };
        assert_eq!(
            (place("a"), place("d"), place("e")),
            ((1, 1), (2, 3), (1, 3))
        );
    }

    #[test]
    fn an_error_names_operation_path_and_line_and_no_value() {
        let operations = node("- op: test\n  path: /a\n  value: hunter2\n", Dialect::V2);
        let error = apply(
            &mut node("a: secret", Dialect::V3),
            &operations,
            Dialect::V2,
            &Budget::unlimited(),
        )
        .unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.place.line),
            ("test /a: the test does not hold", 1)
        );
    }

    #[test]
    fn an_object_under_construction_has_annotations() {
        let patched = |object: &str, operations: &str| {
            let mut object = node(object, Dialect::V3);
            let operations = node(operations, Dialect::V2);
            apply_to_object(&mut object, &operations, Dialect::V2, &Budget::unlimited())
                .map(|()| text(&object))
        };
        let add = "- {op: add, path: /metadata/annotations/a, value: b}";
        let added = Ok("metadata:\n  annotations:\n    a: b\n  name: x\n".to_owned());
        assert_eq!(patched("metadata: {name: x}", add), added);
        assert_eq!(
            patched("metadata: {name: x, annotations: null}", add),
            added
        );
        let add_list = "- {op: add, path: /metadata/annotations/a, value: [b]}";
        let emptied = Ok("metadata:\n  annotations:\n    a: \"\"\n  name: x\n".to_owned());
        assert_eq!(patched("metadata: {name: x}", add_list), emptied);
        let bare = Ok("metadata:\n  name: x\n".to_owned());
        assert_eq!(
            patched(
                "metadata: {name: x}",
                "- {op: remove, path: /metadata/annotations}"
            ),
            bare
        );
        assert_eq!(
            patched(
                "metadata: {name: x, annotations: {a: b}}",
                "- {op: remove, path: /metadata/annotations/a}"
            ),
            bare
        );
        assert!(patched("kind: Foo", add).is_err());
    }

    #[test]
    fn copies_of_copies_are_bounded() {
        let mut operations = "- {op: add, path: /a, value: [1, 2, 3, 4, 5, 6, 7, 8]}\n".to_owned();
        for _ in 0..40 {
            operations
                .push_str("- {op: copy, from: /a, path: /b}\n- {op: copy, from: /b, path: /a/-}\n");
        }
        let budget = Budget::new(Limits {
            nodes: 1_000_000,
            ..Limits::UNLIMITED
        });
        let error = apply(
            &mut Node::mapping(),
            &node(&operations, Dialect::V2),
            Dialect::V2,
            &budget,
        )
        .unwrap_err();
        assert!(
            matches!(error.cause, JsonPatchCause::Exceeded(_)),
            "{error}"
        );
    }

    #[test]
    fn looking_for_a_key_or_along_a_path_is_charged_at_every_level() {
        let steps = |budget| {
            Budget::new(Limits {
                steps: budget,
                ..Limits::UNLIMITED
            })
        };
        let many = (0..4_000)
            .map(|at| format!("- {{op: add, path: /k{at}, value: 1}}\n"))
            .collect::<Vec<_>>();
        let many = node(&many.concat(), Dialect::V2);
        let error = apply(&mut Node::mapping(), &many, Dialect::V2, &steps(200_000)).unwrap_err();
        assert!(error.exceeded().is_some(), "{error}");

        let long = format!("- {{op: remove, path: /{}}}\n", "k".repeat(100_000));
        let error = apply(
            &mut Node::mapping(),
            &node(&long, Dialect::V2),
            Dialect::V2,
            &steps(1_000),
        )
        .unwrap_err();
        assert!(error.exceeded().is_some(), "{error}");
    }

    #[test]
    fn operations_cannot_nest_what_they_put_in_without_end() {
        let mut operations = "- {op: add, path: /a, value: {}}\n".to_owned();
        for _ in 0..1000 {
            operations
                .push_str("- {op: add, path: /b, value: {}}\n- {op: move, from: /a, path: /b/a}\n");
            operations.push_str("- {op: move, from: /b, path: /a}\n");
        }
        let operations = node(&operations, Dialect::V2);
        let error = apply(
            &mut Node::mapping(),
            &operations,
            Dialect::V2,
            &Budget::unlimited(),
        )
        .unwrap_err();
        assert_eq!(error.cause, JsonPatchCause::TooDeep);
    }
}
