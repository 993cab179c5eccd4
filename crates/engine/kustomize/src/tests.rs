//! Reads recorded results of the reference implementation for tests: the files in `tests/merge` and
//! the unit cases of the shared corpus.

mod units;

use lode_yaml::{Dialect, Node, Nodes, Origins};
use serde_json::Value;

/// A case of a file with `=== name`, `--- object`, `--- patch` and the result.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) object: &'static str,
    pub(crate) patch: &'static str,
    pub(crate) outcome: Outcome,
}

/// The result of a patch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Result(String),
    Deleted,
    Error,
}

/// Splits a file into cases.
pub(crate) fn cases(text: &'static str) -> Vec<Case> {
    text.split("\n=== ").skip(1).map(case).collect()
}

fn case(text: &'static str) -> Case {
    let (name, rest) = text.split_once("\n--- object\n").unwrap();
    let (object, rest) = rest.split_once("--- patch\n").unwrap();
    let (patch, result) = rest.rsplit_once("--- ").unwrap();
    let outcome = match result.trim_end().split_once('\n') {
        Some(("result", text)) => Outcome::Result(format!("{text}\n")),
        None if result.trim_end() == "deleted" => Outcome::Deleted,
        None if result.trim_end() == "error" => Outcome::Error,
        _ => panic!("{name}: {result}"),
    };
    Case {
        name,
        object,
        patch,
        outcome,
    }
}

/// Reads one document.
pub(crate) fn node(text: &str, dialect: Dialect) -> Node {
    Nodes::new(text.as_bytes(), dialect, Origins::default())
        .next()
        .unwrap()
        .unwrap()
}

/// Writes a node as a build does.
pub(crate) fn text(node: &Node) -> String {
    let mut text = String::new();
    lode_yaml::write_node(&mut text, node).unwrap();
    text
}

/// Reads a file with one case per line from the corpus' unit cases; nothing if the corpus is
/// absent.
pub(crate) fn units(name: &str) -> Option<Vec<Value>> {
    Some(cases::parse_lines(name, &file(name)?))
}

/// Reads a file from the corpus' unit cases; nothing if the corpus is absent.
pub(crate) fn file(name: &str) -> Option<String> {
    let mut found = None;
    let is_here = cases::visit(cases::KUSTOMIZE, |path, content| {
        if let cases::Content::File(bytes) = content
            && path.ends_with(&format!("units/{name}"))
        {
            found = String::from_utf8(bytes).ok();
        }
    });
    assert!(
        !is_here || found.is_some(),
        "the corpus has no units/{name}"
    );
    found
}
