//! YAML: the cost of reading and writing texts.

use std::fmt::Write as _;

use lode_stdx::budget::Budget;
use lode_yaml::{
    Cause, Dialect, Error, Nodes, Origins, Reader, write_node_within, write_v3_within,
};

use super::kit::{Outcome, Random, check};

/// Reads a text in every way, and writes the result.
fn read(text: &String, budget: &Budget) -> Outcome {
    let outcome = |result: Result<(), Error>| match result {
        Ok(()) => Outcome::Done,
        Err(Error {
            cause: Cause::Exceeded(_),
            ..
        }) => Outcome::Exceeded,
        Err(error) => Outcome::Failed(error.to_string()),
    };
    let values = Reader::new(text.as_bytes(), Dialect::V2)
        .with_budget(budget)
        .collect::<Result<Vec<_>, _>>();
    match outcome(values.map(drop)) {
        Outcome::Done => {}
        other => return other,
    }
    let nodes = Nodes::new(text.as_bytes(), Dialect::V3, Origins::default())
        .with_budget(budget)
        .with_comments();
    outcome(nodes.collect::<Result<Vec<_>, _>>().and_then(|nodes| {
        for node in &nodes {
            write_node_within(&mut String::new(), node, budget)?;
            let written = write_v3_within(node, lode_yaml::Options::default(), budget);
            written.map_err(|exceeded| Error {
                line: 1,
                column: 1,
                cause: exceeded.into(),
            })?;
        }
        Ok(())
    }))
}

#[test]
fn aliases_of_aliases_hold_no_more_than_they_may() {
    let nodes = |random: &mut Random| {
        let (storeys, width) = (random.between(3, 9), random.between(2, 20));
        let mut text = "a0: &a0 [x, y]\n".to_owned();
        for storey in 1..=storeys {
            let below = vec![format!("*a{}", storey - 1); width as usize].join(", ");
            writeln!(text, "a{storey}: &a{storey} [{below}]").unwrap();
        }
        text
    };
    check("aliases", nodes, read);

    let texts = |random: &mut Random| {
        let (len, count) = (
            random.between(1_000, 30_000) as usize,
            random.between(50, 2_000) as usize,
        );
        format!("a: &a {}\nb: [{}]\n", "x".repeat(len), "*a, ".repeat(count))
    };
    check("aliases of long texts", texts, read);

    let anchors = |random: &mut Random| {
        let (depth, len) = (
            random.between(20, 100) as usize,
            random.between(1_000, 60_000) as usize,
        );
        let open = (0..depth).fold(String::new(), |text, at| text + &format!("&a{at} ["));
        format!("a: {open}{}{}\n", "x".repeat(len), "]".repeat(depth))
    };
    check("anchors inside anchors", anchors, read);
}

#[test]
fn merges_and_comments_of_aliases_hold_no_more_than_they_may() {
    let merges = |random: &mut Random| {
        let (keys, count) = (random.between(50, 2_000), random.between(20, 400));
        let mut text = "a: &a\n".to_owned();
        (0..keys).for_each(|key| writeln!(text, "  key{key}: value").unwrap());
        (0..count).for_each(|at| writeln!(text, "b{at}:\n  <<: *a").unwrap());
        text
    };
    check("merges", merges, read);

    let comments = |random: &mut Random| {
        let (len, count) = (
            random.between(1_000, 20_000) as usize,
            random.between(50, 1_000) as usize,
        );
        format!(
            "a: &a\n  # {}\n  b: c\nd:\n{}",
            "x".repeat(len),
            "- *a\n".repeat(count)
        )
    };
    check("comments", comments, read);
}

#[test]
fn huge_texts_and_wide_maps_hold_no_more_than_they_may() {
    let scalars = |random: &mut Random| {
        let len = random.between(2_000, 400_000) as usize;
        let lines = |begin: &str| format!("a: {begin}\n{}", "  some words\n".repeat(len / 13));
        match random.below(5) {
            0 => format!("a: {}\n", "x".repeat(len)),
            1 => format!("a: \"{}\"\n", "\\n".repeat(len / 2)),
            2 => lines("|"),
            3 => lines(">"),
            _ => format!("a: '{}'\n", "it''s ".repeat(len / 6)),
        }
    };
    check("scalars", scalars, read);

    let maps = |random: &mut Random| {
        let keys = random.between(500, 20_000);
        (0..keys).fold(String::new(), |text, key| {
            text + &format!("key{key}: {{a: 1}}\n")
        })
    };
    check("maps", maps, read);

    let indented = |random: &mut Random| {
        let (depth, len) = (
            random.between(20, 100) as usize,
            random.between(2_000, 30_000) as usize,
        );
        format!(
            "{}\"{}\"{}\n",
            "{a: ".repeat(depth),
            "x\\n".repeat(len),
            "}".repeat(depth)
        )
    };
    check("texts deep inside", indented, read);
}
