//! The reader compared with other readers: recorded results of Go's libraries for hand-written and
//! mutated texts, and libyaml on every file of the shared kustomize corpus.

use std::collections::{BTreeSet, HashMap};

use cases::Score;
use libyaml_safer::{Event, EventData, Parser, ScalarStyle};
use lode_yaml::{Content, Dialect, Node, Nodes, Origins, Reader, Style, Tag};
use serde_json::{Value, json};

use crate::corpus::each_file;

const CASES: &str = include_str!("../cases/go-yaml.jsonl");
/// Files of the corpus that must have been compared, if it is available.
const FILES_MIN: usize = 5000;
/// Larger files are left out: libyaml would take a minute for them.
const FILE_MAX: usize = 32 << 10;

#[test]
fn texts_are_read_as_go_reads_them() {
    let mut score = Score::of_all("readings as Go's", 1_700);
    for case in cases() {
        check(&case, &mut score);
    }
    score.finish();
}

#[test]
fn our_own_texts_are_read_as_go_reads_them() {
    let mut score = Score::of_all("readings of our own texts as Go's", 99);
    for case in cases::own_yaml() {
        // The document is one of a list there.
        let mut case = case;
        if let Some(value) = case.get_mut("v2").filter(|value| !value.is_null()) {
            *value = json!([value.take()]);
        }
        check(&case, &mut score);
    }
    score.finish();
}

fn check(case: &Value, score: &mut Score) {
    let text = case["text"].as_str().unwrap_or_default();
    let checks = [
        (
            case.get("v3"),
            nodes(text).map(|nodes| {
                json!(
                    nodes
                        .iter()
                        .map(|node| shown(node, text))
                        .collect::<Vec<_>>()
                )
            }),
        ),
        (case.get("v2"), values(text)),
    ];
    for (want, got) in checks {
        let Some(want) = want else { continue };
        let got = got.unwrap_or(Value::Null);
        score.add(same(want, &got), || {
            format!("{text:?}:\n    expected {want}\n    got      {got}")
        });
    }
}

#[test]
fn the_corpus_is_read_as_libyaml_reads_it() {
    let mut refused = 0;
    let mut score = Score::of_all("files as libyaml reads them", FILES_MIN);
    each_file(|path, text| {
        if text.len() > FILE_MAX || text.contains("<<:") {
            return;
        }
        // libyaml needs a line break at the end.
        let text = &format!("{}\n", text.trim_end_matches('\n'));
        let ours = nodes(text)
            .ok()
            .map(|nodes| nodes.iter().map(skeleton).collect::<Vec<_>>());
        let theirs = libyaml(text);
        refused += usize::from(theirs.is_none());
        score.check(&path, &ours, &theirs);
    });
    println!("{refused} files refused by both");
    score.finish();
}

#[test]
fn mutated_texts_never_panic_and_places_stay_inside() {
    let texts: Vec<String> = cases()
        .map(|case| case["text"].as_str().unwrap().to_owned())
        .collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    let mut read = 0;
    for _ in 0..8_000 {
        let mut bytes = texts[next(texts.len())].clone().into_bytes();
        for _ in 0..=next(4) {
            let at = next(bytes.len() + 1);
            match next(3) {
                0 if at < bytes.len() => drop(bytes.remove(at)),
                1 if at < bytes.len() => bytes[at] = PIECES[next(PIECES.len())],
                _ => bytes.insert(at, PIECES[next(PIECES.len())]),
            }
        }
        for dialect in [Dialect::V3, Dialect::V2] {
            for node in Nodes::new(&bytes, dialect, Origins::default()).flatten() {
                read += 1;
                check_places(&node, &bytes);
            }
            let _refused = Reader::new(&bytes, dialect)
                .with_lines()
                .find(Result::is_err);
        }
    }
    assert!(read > 3_000, "{read}");
}

const PIECES: &[u8] = b" \n:-?,[]{}#&*!|>'\"%@`\t\\ab1~<=+.\r\xc2\x85\xe2\x80\xa8\xff\0";

fn cases() -> impl Iterator<Item = Value> {
    CASES
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).unwrap())
}

fn nodes(text: &str) -> Result<Vec<Node>, lode_yaml::Error> {
    Nodes::new(text.as_bytes(), Dialect::V3, Origins::default()).collect()
}

fn values(text: &str) -> Result<Value, lode_yaml::Error> {
    let read = Reader::new(text.as_bytes(), Dialect::V2)
        .map(|document| document.map(|document| document.value));
    read.collect::<Result<Vec<_>, _>>().map(Value::Array)
}

/// Numbers are equal whatever their representation. The position of a null without text is ours.
fn same(want: &Value, got: &Value) -> bool {
    match (want, got) {
        (Value::Number(want), Value::Number(got)) => want.as_f64() == got.as_f64(),
        (Value::Array(want), Value::Array(got)) => {
            let is_absent = want.len() == 5 && want[0] == "!!null" && want[2] == "";
            let compared = if is_absent { 3 } else { want.len() };
            want.len() == got.len()
                && want
                    .iter()
                    .zip(got)
                    .take(compared)
                    .all(|(want, got)| same(want, got))
        }
        (Value::Object(want), Value::Object(got)) => {
            want.len() == got.len()
                && want
                    .iter()
                    .all(|(key, want)| got.get(key).is_some_and(|got| same(want, got)))
        }
        _ => want == got,
    }
}

fn shown(node: &Node, text: &str) -> Value {
    let before = &text[..node.place.start as usize];
    let line_start = before.rfind(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
    let line = line_start.map_or(before.trim_start_matches('\u{feff}'), |at| {
        let mut line = before[at..].chars();
        line.next();
        line.as_str()
    });
    let content = match &node.content {
        Content::Scalar(text) => json!(text.as_str()),
        Content::Sequence(items) => items.iter().map(|item| shown(item, text)).collect(),
        Content::Mapping(entries) => entries
            .iter()
            .flat_map(|entry| [shown(&entry.key, text), shown(&entry.value, text)])
            .collect(),
    };
    json!([
        tag(node),
        style(node),
        content,
        node.place.line,
        line.chars().count() + 1
    ])
}

fn tag(node: &Node) -> String {
    let name = match node.resolved_tag(Dialect::V3) {
        Tag::Null => "null",
        Tag::Bool => "bool",
        Tag::Int => "int",
        Tag::Float => "float",
        Tag::Str => "str",
        Tag::Binary => "binary",
        Tag::Timestamp => "timestamp",
        Tag::Seq => "seq",
        Tag::Map => "map",
        _ => {
            let tag = node
                .extra
                .as_ref()
                .and_then(|extra| extra.tag.as_deref())
                .unwrap_or_default();
            return tag
                .strip_prefix("tag:yaml.org,2002:")
                .map_or(tag.to_owned(), |core| format!("!!{core}"));
        }
    };
    format!("!!{name}")
}

fn style(node: &Node) -> &'static str {
    match node.style {
        Style::Plain => "plain",
        Style::SingleQuoted => "single",
        Style::DoubleQuoted => "double",
        Style::Literal => "literal",
        Style::Folded => "folded",
        Style::Flow => "flow",
    }
}

fn check_places(node: &Node, bytes: &[u8]) {
    let place = node.place;
    assert!(
        place.start <= place.end && place.end as usize <= bytes.len(),
        "{place:?} in {bytes:?}"
    );
    match &node.content {
        Content::Scalar(_) => {}
        Content::Sequence(items) => items.iter().for_each(|item| check_places(item, bytes)),
        Content::Mapping(entries) => entries.iter().for_each(|entry| {
            check_places(&entry.key, bytes);
            check_places(&entry.value, bytes);
        }),
    }
}

fn skeleton(node: &Node) -> Value {
    match &node.content {
        Content::Scalar(text) => json!([style(node), text.as_str(), node.place.line]),
        Content::Sequence(items) => {
            json!({"items": items.iter().map(skeleton).collect::<Vec<_>>()})
        }
        Content::Mapping(entries) => {
            json!(
                entries
                    .iter()
                    .flat_map(|entry| [skeleton(&entry.key), skeleton(&entry.value)])
                    .collect::<Vec<_>>()
            )
        }
    }
}

fn libyaml(text: &str) -> Option<Vec<Value>> {
    let mut parser = Parser::new();
    parser.set_encoding(libyaml_safer::Encoding::Utf8);
    let mut bytes = text.as_bytes();
    parser.set_input(&mut bytes);
    let mut documents = Vec::new();
    let mut anchors = HashMap::new();
    loop {
        let event = parser.parse().ok()?;
        match event.data {
            EventData::StreamEnd => return Some(documents),
            EventData::StreamStart { .. } | EventData::DocumentEnd { .. } => {}
            EventData::DocumentStart { .. } => anchors.clear(),
            _ => documents.push(libyaml_node(&mut parser, event, &mut anchors)?),
        }
    }
}

fn libyaml_node(
    parser: &mut Parser<&mut &[u8]>,
    event: Event,
    anchors: &mut HashMap<String, Value>,
) -> Option<Value> {
    let line = event.start_mark.line + 1;
    let (anchor, value) = match event.data {
        EventData::Alias { anchor } => return anchors.get(&anchor).cloned(),
        EventData::Scalar {
            anchor,
            value,
            style,
            ..
        } => {
            let style = match style {
                ScalarStyle::SingleQuoted => "single",
                ScalarStyle::DoubleQuoted => "double",
                ScalarStyle::Literal => "literal",
                ScalarStyle::Folded => "folded",
                _ => "plain",
            };
            (anchor, json!([style, value, line]))
        }
        EventData::SequenceStart { anchor, .. } => {
            (anchor, json!({"items": libyaml_children(parser, anchors)?}))
        }
        EventData::MappingStart { anchor, .. } => {
            let children = libyaml_children(parser, anchors)?;
            let keys = children.iter().step_by(2);
            let different: BTreeSet<_> = keys
                .clone()
                .filter(|key| key[0].is_string())
                .map(|key| key[1].as_str())
                .collect();
            if different.len() != keys.count() {
                return None;
            }
            (anchor, json!(children))
        }
        _ => return None,
    };
    if let Some(name) = anchor {
        anchors.insert(name, value.clone());
    }
    Some(value)
}

fn libyaml_children(
    parser: &mut Parser<&mut &[u8]>,
    anchors: &mut HashMap<String, Value>,
) -> Option<Vec<Value>> {
    let mut children = Vec::new();
    loop {
        let event = parser.parse().ok()?;
        if matches!(event.data, EventData::SequenceEnd | EventData::MappingEnd) {
            return Some(children);
        }
        children.push(libyaml_node(parser, event, anchors)?);
    }
}
