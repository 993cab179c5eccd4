//! YAML: both dialects, with and without comments, both writers, and edits.
//!
//! Inputs: the files of the shared corpus, if it exists, and a few texts that cover every feature.
//! What must hold: reading never panics; positions stay inside the text; comments change nothing
//! else; what is written reads back as the same value; an accepted edit sets its value and no
//! other.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result};
use lode_yaml::edit::{Edit, Step};
use lode_yaml::{
    Content, Dialect, Extra, Node, Nodes, Options, Origins, Style, write_node, write_v3,
};

/// Texts with features that manifests rarely use.
const OWN: [&str; 8] = [
    "? - a\n  - b\n: c\n? {d: e}\n: [f, {g: h}, i: j]\n",
    "a: &x {k: 'it''s'} # c\nb: *x\nc:\n  <<: [*x, {l: \"\\u00e9\\n\"}]\n  d: !!str 1\n",
    "# head\n\n# own\n- |2-\n   a\n\n  b\n- >+\n  c\n   d\n\n  e\n\n- - f # g\n  # h\n\n# i\n",
    "%YAML 1.1\n%TAG !e! tag:example.com,2000:\n---\n!e!x a: !local [b, c]\n...\n---\n# only\n",
    "a: [1, 0x1F, 0o7, 1e3, .inf, .nan, ~, null, yes, on, 1:30, 2001-01-01, +1, 1_000, 0b11, -0]\n",
    "a:\n- b:   c # d\n\n  e: \"f\\\n    g\"\n- 'h\n\n  i'\nj: {k: [l, m # n\n  ], # o\n  p: q}\n",
    "\u{feff}a: x y\r\n\tb: \u{85}c\u{2028}\r\n# \u{1f600}\r\nd: |\r\n  e\r\n",
    "a: 1\n---\n# b\n\n# c\nd: 2 # e\n# f\n---\n[g, # h\n i]\n# j\n",
];
/// Number of copies of our own texts, so that they are not lost among the files.
const OWN_COUNT: usize = 400;
/// Most files of the corpus that are used.
const FILES_MAX: usize = 3000;
const FILE_MAX: u64 = 32 << 10;
/// Scalars edited per input.
const EDITS_MAX: usize = 4;

pub(super) fn seeds() -> Result<Vec<String>> {
    let mut seeds: Vec<String> = OWN
        .iter()
        .cycle()
        .take(OWN_COUNT)
        .map(|text| (*text).to_owned())
        .collect();
    let archive = cases::folder().join(cases::KUSTOMIZE);
    if !archive.exists() {
        eprintln!(
            "{} is not here: only {} texts of our own",
            archive.display(),
            OWN.len()
        );
        return Ok(seeds);
    }
    let mut unpacked = cases::unpack(&archive).context("open the corpus")?;
    for entry in unpacked.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let is_yaml = path
            .extension()
            .is_some_and(|kind| kind == "yaml" || kind == "yml");
        if !is_yaml || entry.size() > FILE_MAX || !takes(&path) {
            continue;
        }
        let mut text = String::new();
        if entry.read_to_string(&mut text).is_ok() {
            seeds.push(text);
        }
        if seeds.len() >= FILES_MAX {
            break;
        }
    }
    Ok(seeds)
}

/// Returns whether a file is used; rendered files are too much alike.
fn takes(path: &Path) -> bool {
    !path.components().any(|part| part.as_os_str() == "expected")
}

/// Checks a text; the error says which law does not hold.
pub(super) fn check(text: &str) -> Result<(), String> {
    for dialect in [Dialect::V2, Dialect::V3] {
        let plain = read(text, dialect, false);
        let commented = read(text, dialect, true);
        if plain.len() != commented.len()
            || !plain
                .iter()
                .zip(&commented)
                .all(|(a, b)| says_the_same(a, b))
        {
            return Err(format!("{dialect:?}: comments change what is read"));
        }
        for node in plain.iter().chain(&commented) {
            check_place(node, text.len())?;
            check_value(node, dialect)?;
        }
        if dialect == Dialect::V3 {
            commented.iter().try_for_each(check_v3)?;
        }
    }
    check_edits(text)
}

fn read(text: &str, dialect: Dialect, comments: bool) -> Vec<Node> {
    let nodes = Nodes::new(text.as_bytes(), dialect, Origins::default());
    let nodes = if comments {
        nodes.with_comments()
    } else {
        nodes
    };
    nodes.map_while(Result::ok).collect()
}

fn check_place(node: &Node, len: usize) -> Result<(), String> {
    if node.place.start > node.place.end || node.place.end as usize > len {
        return Err(format!("a place leaves the text: {:?}", node.place));
    }
    parts(node).try_for_each(|part| check_place(part, len))
}

/// Checks that the rendered form reads back as the value. v2 writes two things that it reads
/// differently: `<<` and the byte order mark.
fn check_value(node: &Node, dialect: Dialect) -> Result<(), String> {
    let mut text = String::new();
    let Ok(value) = node.to_value(Dialect::V3) else {
        return Ok(());
    };
    if write_node(&mut text, node).is_err() {
        return Err(format!("{dialect:?}: a node with a value is not written"));
    }
    if text.contains("<<") || text.contains("\\uFEFF") {
        return Ok(());
    }
    let again = read(&text, Dialect::V2, false);
    match again.first().map(|again| again.to_value(Dialect::V2)) {
        Some(Ok(again)) if again == value => Ok(()),
        _ => Err(format!(
            "{dialect:?}: the rendered form reads back otherwise: {text:?}"
        )),
    }
}

/// Checks that go-yaml v3's form reads back as the node, except for what v3 itself loses: folded
/// texts, a tab before a block text, an empty root, and what a trailing comment of several lines
/// hides.
fn check_v3(node: &Node) -> Result<(), String> {
    std::hint::black_box(write_v3(node, Options::default()));
    let mut node = node.clone();
    simplify(&mut node);
    let text = write_v3(&node, Options::default());
    match read(&text, Dialect::V3, true).first() {
        Some(again) if says_the_same(again, &node) => Ok(()),
        None if node.is_null() => Ok(()),
        _ => Err(format!("v3's form reads back otherwise: {text:?}")),
    }
}

fn simplify(node: &mut Node) {
    if node.style == Style::Folded
        || node
            .text()
            .is_some_and(|text| text.trim_start_matches([' ', '\n']).starts_with('\t'))
    {
        node.style = Style::DoubleQuoted;
    }
    if let Some(extra) = &mut node.extra {
        **extra = Extra {
            tag: extra.tag.take(),
            ..Extra::default()
        };
    }
    match &mut node.content {
        Content::Scalar(_) => {}
        Content::Sequence(items) => items.iter_mut().for_each(simplify),
        Content::Mapping(entries) => {
            for entry in entries {
                simplify(&mut entry.key);
                simplify(&mut entry.value);
            }
        }
    }
}

fn check_edits(text: &str) -> Result<(), String> {
    let Ok(edit) = Edit::new(text) else {
        return Ok(());
    };
    for (document, node) in edit.documents().iter().enumerate() {
        let mut paths = Vec::new();
        scalars(node, &mut Vec::new(), &mut paths);
        for path in paths {
            let mut changed = edit.clone();
            if changed.set(document, &path, "x: y").is_err() {
                continue;
            }
            let again = read(changed.text(), Dialect::V3, false);
            if !again.iter().eq(changed.documents()) {
                return Err(format!("an edit reads back otherwise: {path:?}"));
            }
        }
    }
    Ok(())
}

/// Collects the paths of a few scalars.
fn scalars<'n>(node: &'n Node, path: &mut Vec<Step<'n>>, found: &mut Vec<Vec<Step<'n>>>) {
    if found.len() >= EDITS_MAX {
        return;
    }
    match &node.content {
        Content::Scalar(_) => found.push(path.clone()),
        Content::Sequence(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push(Step::Index(at));
                scalars(item, path, found);
                path.pop();
            }
        }
        Content::Mapping(entries) => {
            for entry in entries {
                let Some(key) = entry.key.text() else {
                    continue;
                };
                path.push(Step::Key(key));
                scalars(&entry.value, path, found);
                path.pop();
            }
        }
    }
}

fn parts(node: &Node) -> impl Iterator<Item = &Node> {
    let items = node.items().unwrap_or_default().iter();
    let entries = node.entries().unwrap_or_default().iter();
    items.chain(entries.flat_map(|entry| [&entry.key, &entry.value]))
}

/// Compares types and texts, not styles. v3 writes an empty text for a null that is not one, and a
/// tag for `<<`.
fn says_the_same(one: &Node, other: &Node) -> bool {
    let is_vague = matches!(one.text(), Some("" | "<<"));
    one.text() == other.text()
        && (is_vague || one.resolved_tag(Dialect::V3) == other.resolved_tag(Dialect::V3))
        && std::mem::discriminant(&one.content) == std::mem::discriminant(&other.content)
        && parts(one).count() == parts(other).count()
        && parts(one)
            .zip(parts(other))
            .all(|(one, other)| says_the_same(one, other))
}
