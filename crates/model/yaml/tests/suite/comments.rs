//! Comments of nodes, compared with what go-yaml v3.0.3 read and wrote (`cases/comments.jsonl`, in
//! the form of `cases/v3.jsonl`, which is used as well), and laws that must hold for every file of
//! the corpus.

use lode_yaml::{Dialect, Node, Nodes, Options, Origins, write_v3};
use serde_json::Value;

use crate::corpus::each_file;
use crate::v3::{CASES, document_node, layouts, text};

const COMMENT_CASES: &str = include_str!("../cases/comments.jsonl");
/// Of 1,000 documents with comments, those in which every comment stays in place when they are
/// written and read again. In the others v3's own form moves comments once more, also in Go: feet
/// of a document, and lines that match no level's column.
const KEPT_MIN: usize = 970;
/// Documents with comments that must have been written, if the corpus is available.
const DOCUMENTS_MIN: usize = 1500;

#[test]
fn comments_stand_where_v3_puts_them() {
    let mut compared = 0;
    for line in COMMENT_CASES.lines().chain(CASES.lines()) {
        let case: Value = serde_json::from_str(line).unwrap();
        let input = text(&case, "input");
        // A reader of manifests refuses a key that is not a text.
        for (want, got) in case["docs"]
            .as_array()
            .unwrap()
            .iter()
            .zip(read(input).unwrap_or_default())
        {
            let tree = document_node(&want["tree"]).unwrap();
            assert_eq!(comments(&got), comments(&tree), "{input}");
            for (name, options) in layouts() {
                assert_eq!(write_v3(&got, options), text(want, name), "{name}: {input}");
            }
            compared += 1;
        }
    }
    assert!(compared > 180, "{compared}");
}

#[test]
fn what_stands_for_an_alias_has_the_comments_of_what_it_names() {
    let read = read("a: &x # of a\n  # of b\n  b: 1 # of 1\nc: *x # of c\n").unwrap();
    let (named, copy) = (read[0].get("a").unwrap(), read[0].get("c").unwrap());
    assert_eq!(comments(named), comments(copy));
    assert!(
        comments(copy).iter().any(|parts| parts[1] == "# of b")
            && !format!("{copy:?}").contains("of c")
    );
}

#[test]
fn tags_are_kept_as_written() {
    for text in [
        "!!str 1\n",
        "a: !!float 1\n",
        "!own {a: !!map {}}\n",
        "!x%21y a\n",
    ] {
        assert_eq!(write_v3(&read(text).unwrap()[0], Options::default()), text);
    }
}

#[test]
fn the_corpus_keeps_its_comments_when_it_is_written_and_read_again() {
    let (mut documents, mut kept) = (0, 0);
    each_file(|path, text| {
        let Some(nodes) = read(text).filter(|_| text.contains('#')) else {
            return;
        };
        let plain = Nodes::new(text.as_bytes(), Dialect::V3, Origins::default());
        for (node, plain) in nodes.into_iter().zip(plain) {
            assert_eq!(
                node.to_value(Dialect::V3).ok(),
                plain.unwrap().to_value(Dialect::V3).ok(),
                "{path}"
            );
            if comments(&node)
                .iter()
                .all(|parts| parts[1..].iter().all(String::is_empty))
            {
                continue;
            }
            documents += 1;
            let written = write_v3(&node, Options::default());
            let again = read(&written).and_then(|nodes| nodes.into_iter().next());
            if again.is_some_and(|again| comments(&node) == comments(&again)) {
                kept += 1;
            }
        }
    });
    println!("{documents} documents with comments, {kept} of them kept");
    assert!(documents == 0 || documents >= DOCUMENTS_MIN && kept * 1000 >= documents * KEPT_MIN);
}

fn read(text: &str) -> Option<Vec<Node>> {
    let nodes = Nodes::new(text.as_bytes(), Dialect::V3, Origins::default()).with_comments();
    nodes.collect::<Result<_, _>>().ok()
}

/// Returns text, head, line and foot of every node.
fn comments(node: &Node) -> Vec<[String; 4]> {
    let extra = node.extra.as_deref().cloned().unwrap_or_default();
    let own = [extra.head_comment, extra.line_comment, extra.foot_comment].map(String::from);
    let [head, line, foot] = own;
    let mut all = vec![[node.text().unwrap_or_default().to_owned(), head, line, foot]];
    let entries = node
        .entries()
        .unwrap_or_default()
        .iter()
        .flat_map(|entry| [&entry.key, &entry.value]);
    node.items()
        .unwrap_or_default()
        .iter()
        .chain(entries)
        .for_each(|part| all.extend(comments(part)));
    all
}
