//! go-yaml v2's form: every expected output of the corpus is written again to the byte, and a node
//! is written like its JSON value.

use cases::Score;
use lode_yaml::{Dialect, Nodes, Origins, Reader, to_string, write, write_node};

use crate::corpus::{each_file, first_difference};

/// Measured; may only rise.
const TEXTS_MIN: usize = 1_000;

#[test]
fn rendered_texts_are_written_again_to_the_byte() {
    let mut score = Score::of_all("texts written again to the byte", TEXTS_MIN);
    each_file(|path, text| {
        if !is_expected(path) {
            return;
        }
        let again = rewritten(text);
        let is_same = again.as_ref().is_ok_and(|again| again == text);
        score.add(is_same, || match again {
            Ok(again) => format!("{path}: {}", first_difference(text, &again)),
            Err(error) => format!("{path}:{error}"),
        });
    });
    score.finish();
}

#[test]
fn our_own_texts_are_written_as_go_writes_them() {
    let mut score = Score::of_all("our own texts written as Go's", 38);
    for case in cases::own_yaml() {
        if let Some(written) = case["written"].as_str() {
            score.check(&case["name"], &&*to_string(&case["v2"]), &written);
        }
    }
    score.finish();
}

#[test]
fn nodes_are_written_as_their_values_are() {
    let (mut documents, mut refused) = (0, 0);
    each_file(|path, text| {
        for node in
            Nodes::new(text.as_bytes(), Dialect::V3, Origins::default()).map_while(Result::ok)
        {
            let mut written = "before\n".to_owned();
            let outcome = write_node(&mut written, &node);
            let want = node.to_value(Dialect::V3).map(|value| to_string(&value));
            documents += 1;
            refused += u32::from(outcome.is_err());
            assert_eq!(
                outcome.map(|()| &written["before\n".len()..]),
                want.as_deref().map_err(Clone::clone),
                "{path}"
            );
        }
    });
    println!("{documents} documents written as their values, {refused} of them without one");
}

#[test]
fn odd_nodes_are_written_as_their_values_are() {
    for text in [
        "{z: 0x1F, a: 1_000, b: 0o17, c: 010, d: 1.0, e: 1e3, f: +1, g: 1.5e300, h: 1e400, i: 18446744073709551616}",
        "[2001-01-01, 2001-12-14t21:59:43.10-05:00, '2001-01-01', !!timestamp 2001-01-01, !!str 1, ! 1]",
        "[!!binary aGVsbG8=, !!int 7, !!int '7', !!float 1, !!bool true, !!null ~, !x 1, , yes, 1:30, \"1:30\"]",
        "!!int x",
        "!!bool 1",
        "!!binary '*'",
        "[.inf]",
        "-.nan",
        "{1: x}",
        "{a: 1, ~: 1}",
        "{[a]: 1}",
        "{2001-01-01: a, !!binary eA==: b, x10: 1, x9: 2}",
        "? |\n  a\n  b\n: |2-\n   x\n\n  y\n",
        "- - - a\n    - []\n  - {}\n- k:\n  - a\n",
        "\"\\u2028 \\u0085\\ttab\"",
        "['1_0:05', 0o8, 08, 1e3, '1e3', '', ' ', ' a', 'a ', '#', 'a #', 'a:', ':a', '---', '...x', '-', '- a', '?x']",
        "'a long text of many words that runs on and on, past the eightieth column, and has to be folded there'",
    ] {
        let node = Nodes::new(text.as_bytes(), Dialect::V3, Origins::default())
            .next()
            .unwrap();
        let Ok(node) = node else { continue };
        let mut written = String::new();
        let outcome = write_node(&mut written, &node).map(|()| written.as_str());
        let want = node.to_value(Dialect::V3).map(|value| to_string(&value));
        assert_eq!(outcome, want.as_deref().map_err(Clone::clone), "{text}");
    }
}

fn is_expected(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let expected = path.contains("/overlays/expected/") || name.starts_with("expected");
    expected
        && name
            .rsplit_once('.')
            .is_some_and(|(_, kind)| kind == "yaml")
        && !path.contains("/input/")
}

fn rewritten(text: &str) -> Result<String, lode_yaml::Error> {
    let mut out = String::new();
    for document in Reader::new(text.as_bytes(), Dialect::V2) {
        if !out.is_empty() {
            out.push_str("---\n");
        }
        write(&mut out, &document?.value);
    }
    Ok(out)
}
