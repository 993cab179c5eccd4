//! [`outline`]: the upper levels of a document, whose lower ones are only checked.

use lode_stdx::budget::Budget;

use crate::compose::{ComposeOptions, Composer};
use crate::error::Error;
use crate::node::Node;
use crate::{Dialect, Nodes, Origins};

/// Reads the first document of a text by the rules of [`Dialect::V2`]; nothing if there is none. Mappings and lists that
/// are deeper than `depth` are empty. All of the document has been checked as by [`Node::check_value`].
///
/// # Errors
/// The text is not YAML, a value cannot be a JSON value, or the budget is spent.
pub fn outline(text: &[u8], depth: usize, budget: &Budget) -> Result<Option<Node>, Error> {
    let upper = upper(text, depth, budget);
    if upper.is_some() {
        return Ok(upper);
    }
    let nodes = Nodes::new(text, Dialect::V2, Origins::default());
    let node = nodes.with_budget(budget).next().transpose()?;
    if let Some(node) = &node {
        node.check_value(Dialect::V2)?;
    }
    Ok(node)
}

/// Reads without keeping what is deeper; nothing where only the whole document tells what is wrong, or what an alias
/// stands for.
fn upper(text: &[u8], depth: usize, budget: &Budget) -> Option<Node> {
    let options = ComposeOptions {
        dialect: Dialect::V2,
        origins: Origins::default(),
        comments: false,
    };
    let mut composer = Composer::new(text, options, Some(budget)).ok()?;
    composer.depth_kept = Some(depth);
    let node = composer.document().ok()??;
    node.check_value(Dialect::V2).ok()?;
    (composer.anchors_seen == 0).then_some(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, depth: usize) -> String {
        let node = outline(text.as_bytes(), depth, &Budget::unlimited());
        match node {
            Ok(Some(node)) => node.to_value(Dialect::V2).unwrap().to_string(),
            Ok(None) => "nothing".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_deeper_is_left_out() {
        let text = "a:\n  b:\n    c: [1, {d: 2}]\n    e: 3\nf: {g: {h: i}}\nk: [[1]]\n";
        assert_eq!(read(text, 1), r#"{"a":{},"f":{},"k":[]}"#);
        assert_eq!(read(text, 2), r#"{"a":{"b":{}},"f":{"g":{}},"k":[[]]}"#);
        let whole = r#"{"a":{"b":{"c":[1,{"d":2}],"e":3}},"f":{"g":{"h":"i"}},"k":[[1]]}"#;
        assert_eq!(read(text, 9), whole);
        assert_eq!(read("# nothing\n", 1), "nothing");
    }

    #[test]
    fn what_is_deeper_is_checked_all_the_same() {
        for text in [
            "a:\n  b: [",
            "a:\n  b: {c: !!int x}",
            "a:\n  b: [!!int x]",
            "a:\n  b:\n    ? [x]\n    : 1",
            "a:\n  b: {<<: 1}",
        ] {
            let whole = read(text, 99);
            assert!(!whole.starts_with('{'), "{text}: {whole}");
            assert_eq!(read(text, 1), whole, "{text}");
        }
    }

    #[test]
    fn aliases_and_merges_are_resolved() {
        let text = "a: {b: &x {c: {d: 1}}}\ne: *x\n<<: {f: {g: 1}}\nh:\n  <<: {i: 1}\n";
        let whole = r#"{"a":{"b":{"c":{"d":1}}},"e":{"c":{"d":1}},"f":{"g":1},"h":{"i":1}}"#;
        assert_eq!(read(text, 1), whole, "an anchor makes it whole");
        let merged = r#"{"a":{"f":{"g":1}}}"#;
        assert_eq!(read("a:\n  <<: {f: {g: 1}}\n", 2), merged);
        assert_eq!(read("a: {b: 1}\na: 2\n", 1), r#"{"a":2}"#);
    }
}
