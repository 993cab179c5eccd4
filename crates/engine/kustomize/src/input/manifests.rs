//! Reads texts of Kubernetes objects: splits documents, unpacks lists, refuses what is not an
//! object.

use std::borrow::Cow;
use std::collections::VecDeque;

use lode_object::Error as ObjectError;
use lode_stdx::budget::Budget;
use lode_yaml::{Dialect, Node, Nodes, Origins, Place};

use crate::error::{Fault, FileCause};
use crate::patching::strategic::may_hold_schemas;

/// Reads the objects of a text, in kustomize's order: items of lists come after the rest.
pub(crate) fn read(text: &[u8], origins: Origins, budget: &Budget) -> Result<Vec<Node>, Fault> {
    read_with(text, origins, false, budget)
}

/// As [`read`], with comments if they are wanted or may define how lists merge.
pub(crate) fn read_with(
    text: &[u8],
    origins: Origins,
    comments: bool,
    budget: &Budget,
) -> Result<Vec<Node>, Fault> {
    let text = without_carriage_returns(text);
    if let Cow::Owned(copy) = &text {
        budget.bytes(copy.len() as u64)?;
    }

    let comments = comments || may_hold_schemas(&text);
    let pieces = pieces(&text, origins)?;
    let alone = pieces.len() == 1;
    let mut found = VecDeque::new();
    for (piece, origins) in pieces {
        let mut nodes = Nodes::new(piece, Dialect::V3, origins).with_budget(budget);
        if comments {
            nodes = nodes.with_comments();
        }
        let document = nodes.next().transpose();
        let document = document.map_err(|mut error| {
            error.line += origins.lines_above;
            Fault::Yaml {
                source: origins.source,
                error,
            }
        })?;
        let Some(node) = document.filter(|node| !node.is_null()) else {
            continue;
        };
        match items_of_list(&node, alone) {
            Some(_) => items_taken(node)
                .into_iter()
                .try_for_each(|item| check(item, &mut found))?,
            None => check(node, &mut found)?,
        }
    }
    unfold(found)
}

/// Splits a text at its separators as kustomize does: at lines that start with `---`, not by YAML's
/// grammar.
fn pieces(text: &[u8], origins: Origins) -> Result<Vec<(&[u8], Origins)>, Fault> {
    let mut pieces = Vec::new();
    let (mut start, mut lines_above) = (0, origins.lines_above);
    while let Some(found) = find(&text[start..], b"\n---") {
        let at = start + found;
        let Some(length) = text[at + 1..].iter().position(|byte| *byte == b'\n') else {
            break;
        };
        let behind = text[at + 4..at + 1 + length].trim_ascii();
        let here = Origins {
            lines_above,
            ..origins
        };
        lines_above += line_breaks(&text[start..=at]);
        if !behind.is_empty() && !behind.starts_with(b"#") {
            let place = Place {
                source: origins.source,
                line: lines_above + 1,
                ..Place::default()
            };
            return Err(Fault::At(place, FileCause::Separator));
        }
        pieces.push((&text[start..=at], here));
        lines_above += 1;
        start = at + length + 2;
    }

    pieces.push((
        &text[start..],
        Origins {
            lines_above,
            ..origins
        },
    ));
    Ok(pieces)
}

fn line_breaks(text: &[u8]) -> u32 {
    let lines = text.split(|byte| *byte == b'\n').count();
    u32::try_from(lines.saturating_sub(1)).unwrap_or(u32::MAX)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn without_carriage_returns(text: &[u8]) -> Cow<'_, [u8]> {
    if find(text, b"\r\n").is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        if *byte != b'\r' || text.get(at + 1) != Some(&b'\n') {
            out.push(*byte);
        }
    }
    Cow::Owned(out)
}

/// Returns the items of a list that is a file's only document.
fn items_of_list(node: &Node, alone: bool) -> Option<&[Node]> {
    let kind = node.get("kind").and_then(Node::text)?;
    if !alone || !matches!(kind, "List" | "ResourceList") {
        return None;
    }
    match node.get("items") {
        Some(items) => Some(items.items().unwrap_or_default()),
        None => node.get("functionConfig").map(|_| &[][..]),
    }
}

fn items_taken(mut list: Node) -> Vec<Node> {
    list.get_mut("items")
        .and_then(Node::items_mut)
        .map(std::mem::take)
        .unwrap_or_default()
}

fn check(node: Node, found: &mut VecDeque<Node>) -> Result<(), Fault> {
    if node.is_nothing() {
        return Ok(());
    }

    let fault = |cause: ObjectError| Err(Fault::At(node.place, cause.into()));
    if node.entries().is_none() {
        return fault(ObjectError::NotAMap);
    }

    let text = |keys: &[&str]| {
        node.at(keys)
            .and_then(Node::text)
            .unwrap_or_default()
            .to_owned()
    };
    let kind = text(&["kind"]);
    if kind.is_empty() {
        return fault(ObjectError::Missing("kind"));
    }
    if !kind.ends_with("List") && text(&["metadata", "name"]).is_empty() {
        if !text(&["metadata", "generateName"]).is_empty() {
            return Err(Fault::At(node.place, FileCause::GeneratedName(kind.into())));
        }
        return fault(ObjectError::Missing("metadata.name"));
    }

    found.push_back(node);
    Ok(())
}

/// Unpacks lists; their items come after everything else, and may be lists again.
fn unfold(mut waiting: VecDeque<Node>) -> Result<Vec<Node>, Fault> {
    let mut objects = Vec::with_capacity(waiting.len());
    while let Some(mut node) = waiting.pop_front() {
        let is_list = node
            .get("kind")
            .and_then(Node::text)
            .is_some_and(|kind| kind.ends_with("List"));
        match node.get_mut("items") {
            Some(items) if is_list => {
                if items.text().is_some() && items.is_null() {
                    continue;
                }
                let place = items.place;
                let items = items.items_mut().map(std::mem::take);
                let items =
                    items.ok_or_else(|| crate::input::decode::wrong(place, "items", "a list"))?;
                for mut item in items {
                    // The list is converted to JSON, which has no folded texts.
                    lode_yaml::unfold(&mut item);
                    match items_of_list(&item, true) {
                        Some(_) => items_taken(item)
                            .into_iter()
                            .try_for_each(|item| check(item, &mut waiting))?,
                        None => check(item, &mut waiting)?,
                    }
                }
            }
            _ => objects.push(node),
        }
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<(String, u32)>, Fault> {
        let shown = |node: &Node| {
            (
                node.at(&["metadata", "name"])
                    .unwrap()
                    .text()
                    .unwrap()
                    .to_owned(),
                node.place.line,
            )
        };
        Ok(read(
            text.as_bytes(),
            Origins {
                source: 1,
                lines_above: 0,
            },
            &Budget::unlimited(),
        )?
        .iter()
        .map(shown)
        .collect())
    }

    fn object(name: &str) -> String {
        format!("kind: A\nmetadata: {{name: {name}}}\n")
    }

    #[test]
    fn documents_keep_their_lines() {
        let text = format!(
            "# head\n---\n{}--- # note\r\n\r\n{}---\n# nothing\n---\n",
            object("a"),
            object("b")
        );
        assert_eq!(
            names(&text).unwrap(),
            [("a".to_owned(), 3), ("b".to_owned(), 7)]
        );
    }

    #[test]
    fn separators_have_nothing_behind_them() {
        let text = format!("{}--- kind: B\n{}", object("a"), object("b"));
        assert!(matches!(
            names(&text),
            Err(Fault::At(Place { line: 3, .. }, FileCause::Separator))
        ));
    }

    #[test]
    fn entries_of_lists_come_behind() {
        let list = "kind: AList\nitems:\n- kind: A\n  metadata: {name: x}\n";
        let text = format!("{list}---\n{}", object("a"));
        assert_eq!(
            names(&text).unwrap(),
            [("a".to_owned(), 6), ("x".to_owned(), 3)]
        );
        assert_eq!(
            names("kind: List\nitems:\n- kind: A\n  metadata: {name: x}\n").unwrap(),
            [("x".to_owned(), 3)]
        );
        assert_eq!(names("kind: AList\nitems:\n").unwrap(), []);
        assert!(names("kind: AList\nitems: {}\n").is_err());
    }

    #[test]
    fn a_generated_name_has_an_answer_of_its_own() {
        let job = "kind: List\nitems:\n- kind: Job\n  metadata: {generateName: migrate-}\n";
        for (text, kind, line) in [
            (job, "Job", 3),
            (
                "\nkind: A\nmetadata: {name: '', generateName: a-}\n",
                "A",
                2,
            ),
        ] {
            let Err(Fault::At(place, cause)) = names(text) else {
                panic!("{text}")
            };
            assert_eq!(
                (place.line, &cause),
                (line, &FileCause::GeneratedName(kind.into()))
            );
            let told = cause.to_string();
            assert!(
                told.contains("metadata.generateName") && told.contains("Set metadata.name"),
                "{told}"
            );
            assert_eq!(told.contains("to run a Job again"), kind == "Job", "{told}");
        }
        assert_eq!(
            names("kind: A\nmetadata: {name: a, generateName: a-}\n").unwrap(),
            [("a".to_owned(), 1)]
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["kind: A\n", "metadata: {name: a}\n", "[a]\n", "text\n"] {
            assert!(names(text).is_err(), "{text}");
        }
        assert_eq!(names("{}\n---\n[]\n").unwrap(), []);
    }
}
