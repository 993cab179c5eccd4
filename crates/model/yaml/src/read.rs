//! [`Reader`]: a YAML text of several documents, read one at a time.
//!
//! Input: bytes and a dialect. Output: JSON values, each with the line its document starts on. A number is kept as
//! Go's JSON would show it: `1.0` is `1`. Bounds are in `bounds.rs`.

use std::collections::HashMap;
use std::io::{Chain, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use libyaml_safer::{Event, EventData, Mark, Parser, ScalarStyle};
use serde_json::{Map, Value};

use crate::bounds::{ALIAS_NODES_MAX, DEPTH_MAX, NODES_MAX, TEXT_MAX};
use crate::error::{Cause, Error, syntax};
use crate::fold;
use crate::lines::Lines;
use crate::scalar;

/// How plain words and odd keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// go-yaml v3: `yes` is text, a key twice is an error, keys are text. Resource files.
    V3,
    /// sigs.k8s.io/yaml on go-yaml v2: `yes` is `true`, the last of equal keys wins, keys become text.
    /// `kustomization.yaml`, and text in which variables were replaced.
    V2,
}

/// One document of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What it says; `null` where it is empty or holds only comments.
    pub value: Value,
    /// The line of its first node, from 1.
    pub line: u32,
    /// The lines of its fields, where [`Reader::with_lines`] asked for them.
    pub lines: Lines,
}

/// The documents of a text, in order; after an error there is nothing more.
pub struct Reader<'t> {
    parser: Parser<Chain<&'t [u8], &'static [u8]>>,
    dialect: Dialect,
    options: Options,
    text_len: usize,
    /// The scanner needs a line break at the end; where the text has none, one was added.
    line_end_added: bool,
    done: bool,
    lines: Lines,
    anchors: HashMap<String, Anchor>,
    nodes: usize,
    alias_nodes: usize,
}

/// Reads the first document of a text; an empty text is `null`.
///
/// # Errors
/// The text is no YAML or breaks a bound.
pub fn parse(text: &[u8], dialect: Dialect) -> Result<Value, Error> {
    Reader::new(text, dialect).next().map_or(Ok(Value::Null), |document| document.map(|document| document.value))
}

impl<'t> Reader<'t> {
    /// Starts reading; nothing is looked at before the first document is asked for.
    #[must_use]
    pub fn new(text: &'t [u8], dialect: Dialect) -> Self {
        let mut parser = Parser::new();
        parser.set_encoding(libyaml_safer::Encoding::Utf8);
        let line_end: &[u8] = if text.ends_with(b"\n") { b"" } else { b"\n" };
        parser.set_input(text.chain(line_end));
        Self {
            parser,
            dialect,
            options: Options::default(),
            text_len: text.len(),
            line_end_added: !line_end.is_empty(),
            done: false,
            lines: Lines::default(),
            anchors: HashMap::new(),
            nodes: 0,
            alias_nodes: 0,
        }
    }

    /// Asks for the lines of the fields near each document's root.
    #[must_use]
    pub fn with_lines(mut self) -> Self {
        self.options.lines = true;
        self
    }

    /// Asks for folded texts (`>`) as they come out of kustomize, which writes and reads them once more on its way:
    /// before a line that starts with a space they gain an empty line.
    #[must_use]
    pub fn with_folds_rewritten(mut self) -> Self {
        self.options.rewrites_folds = true;
        self
    }

    fn document(&mut self) -> Result<Option<Document>, Error> {
        if self.text_len > TEXT_MAX {
            return Err(Error { line: 1, column: 1, cause: Cause::TooLong });
        }
        loop {
            let event = self.event()?;
            match event.data {
                EventData::StreamEnd => return Ok(None),
                EventData::StreamStart { .. } | EventData::DocumentStart { .. } | EventData::DocumentEnd { .. } => {}
                _ => {
                    let line = line(event.start_mark);
                    self.anchors.clear();
                    self.nodes = 0;
                    self.lines = Lines::default();
                    let value = self.node(event, &mut Place::root())?;
                    return Ok(Some(Document { value, line, lines: std::mem::take(&mut self.lines) }));
                }
            }
        }
    }

    fn event(&mut self) -> Result<Event, Error> {
        // The scanner panics on some malformed texts. Nothing of it is used after an error, so unwinding is safe.
        let event = catch_unwind(AssertUnwindSafe(|| self.parser.parse()));
        let mut event = match event {
            Ok(Ok(event)) => event,
            Ok(Err(error)) => {
                let mark = error.problem_mark().or_else(|| error.context_mark());
                return Err(at(mark.unwrap_or_default(), syntax(&error)));
            }
            Err(_) => return Err(Error { line: 1, column: 1, cause: Cause::Syntax("the text is no valid YAML") }),
        };
        self.drop_added_line_end(&mut event);
        if let EventData::Scalar { value, style: ScalarStyle::Folded, .. } = &mut event.data
            && self.options.rewrites_folds
        {
            *value = fold::rewritten(value);
        }
        Ok(event)
    }

    /// A block text that runs to the end of the text must not gain the line break that was added there.
    fn drop_added_line_end(&self, event: &mut Event) {
        if let EventData::Scalar { value, style: ScalarStyle::Literal | ScalarStyle::Folded, .. } = &mut event.data
            && self.line_end_added
            && event.end_mark.index as usize > self.text_len
            && value.ends_with('\n')
        {
            value.pop();
        }
    }

    fn node(&mut self, event: Event, place: &mut Place) -> Result<Value, Error> {
        let mark = event.start_mark;
        let before = self.nodes;
        self.count(1, mark)?;
        let (anchor, value) = match event.data {
            EventData::Alias { anchor } => return self.alias(anchor, mark),
            EventData::Scalar { anchor, tag, value, style, .. } => (
                anchor,
                scalar::tagged(value, tag.as_deref(), style == ScalarStyle::Plain, self.dialect)
                    .map_err(|cause| at(mark, cause))?,
            ),
            EventData::SequenceStart { anchor, .. } => (anchor, self.sequence(mark, place)?),
            EventData::MappingStart { anchor, .. } => (anchor, self.mapping(mark, place)?),
            _ => return Err(at(mark, Cause::Syntax("a value was expected here"))),
        };
        if let Some(name) = anchor {
            self.anchors
                .insert(name, Anchor { value: value.clone(), nodes: self.nodes - before, depth: depth(&value) });
        }
        Ok(value)
    }

    fn sequence(&mut self, mark: Mark, place: &mut Place) -> Result<Value, Error> {
        place.enter(mark)?;
        let mut items = Vec::new();
        loop {
            let event = self.event()?;
            if event.data == EventData::SequenceEnd {
                break;
            }
            let kept = place.push(self.options.lines, || items.len().to_string());
            self.note(place, kept, event.start_mark);
            items.push(self.node(event, place)?);
            place.pop(kept);
        }
        place.leave();
        Ok(Value::Array(items))
    }

    fn mapping(&mut self, mark: Mark, place: &mut Place) -> Result<Value, Error> {
        place.enter(mark)?;
        let mut map = Map::new();
        let mut merged = Map::new();
        loop {
            let event = self.event()?;
            if event.data == EventData::MappingEnd {
                break;
            }
            let key_mark = event.start_mark;
            if is_merge(&event.data) {
                let value = self.event()?;
                let value = self.node(value, place)?;
                let target = if self.dialect == Dialect::V2 { &mut map } else { &mut merged };
                merge(value, target, self.dialect).map_err(|cause| at(key_mark, cause))?;
                continue;
            }
            let key = self.node(event, place)?;
            let key = self.key(key).map_err(|cause| at(key_mark, cause))?;
            let kept = place.push(self.options.lines, || key.clone());
            self.note(place, kept, key_mark);
            let value = self.event()?;
            let value = self.node(value, place)?;
            place.pop(kept);
            if self.dialect == Dialect::V3 && map.contains_key(&key) {
                return Err(at(key_mark, Cause::DuplicateKey(key)));
            }
            map.insert(key, value);
        }
        place.leave();
        for (key, value) in merged {
            map.entry(key).or_insert(value);
        }
        Ok(Value::Object(map))
    }

    fn key(&self, key: Value) -> Result<String, Cause> {
        match key {
            Value::String(text) => Ok(text),
            Value::Bool(flag) if self.dialect == Dialect::V2 => Ok(flag.to_string()),
            Value::Number(number) if self.dialect == Dialect::V2 => Ok(crate::write::number(&number)),
            _ => Err(Cause::KeyNotText),
        }
    }

    fn alias(&mut self, name: String, mark: Mark) -> Result<Value, Error> {
        let Some(anchor) = self.anchors.get(&name) else { return Err(at(mark, Cause::UnknownAlias(name))) };
        if anchor.depth > DEPTH_MAX / 2 {
            return Err(at(mark, Cause::TooDeep));
        }
        self.alias_nodes += anchor.nodes;
        if self.alias_nodes > ALIAS_NODES_MAX {
            return Err(at(mark, Cause::AliasBomb));
        }
        let (value, nodes) = (anchor.value.clone(), anchor.nodes);
        self.count(nodes, mark)?;
        Ok(value)
    }

    fn count(&mut self, nodes: usize, mark: Mark) -> Result<(), Error> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX { Err(at(mark, Cause::TooManyNodes)) } else { Ok(()) }
    }

    fn note(&mut self, place: &Place, kept: bool, mark: Mark) {
        if kept {
            self.lines.put(place.pointer(), line(mark));
        }
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Document, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let document = self.document().transpose();
        self.done = !matches!(document, Some(Ok(_)));
        document
    }
}

/// What a reader was asked for beyond the values.
#[derive(Default)]
struct Options {
    lines: bool,
    rewrites_folds: bool,
}

/// A value that aliases may repeat, with what repeating it costs.
struct Anchor {
    value: Value,
    nodes: usize,
    depth: usize,
}

/// Where the reader is: how deep, and the pointer while it is short enough to be of interest.
struct Place {
    depth: usize,
    parts: Vec<String>,
}

/// Levels of fields whose lines are kept.
const LINES_DEPTH: usize = 2;

impl Place {
    fn root() -> Self {
        Self { depth: 0, parts: Vec::new() }
    }

    fn enter(&mut self, mark: Mark) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(at(mark, Cause::TooDeep)) } else { Ok(()) }
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    fn push(&mut self, wanted: bool, part: impl FnOnce() -> String) -> bool {
        // Deeper levels push nothing, so the parts are exactly the levels above.
        let kept = wanted && self.depth <= LINES_DEPTH && self.parts.len() + 1 == self.depth;
        if kept {
            self.parts.push(part());
        }
        kept
    }

    fn pop(&mut self, kept: bool) {
        if kept {
            self.parts.pop();
        }
    }

    fn pointer(&self) -> String {
        self.parts.iter().fold(String::new(), |mut pointer, part| {
            pointer.push('/');
            pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
            pointer
        })
    }
}

fn at(mark: Mark, cause: Cause) -> Error {
    Error { line: line(mark), column: (mark.column as u32).saturating_add(1), cause }
}

fn line(mark: Mark) -> u32 {
    (mark.line as u32).saturating_add(1)
}

fn is_merge(event: &EventData) -> bool {
    matches!(event, EventData::Scalar { value, plain_implicit: true, style: ScalarStyle::Plain, .. } if value == "<<")
}

/// Puts a merged mapping's entries in. In v2 they replace what stands before them; in v3 the first to come wins, and
/// the mapping's own keys win over all.
fn merge(value: Value, target: &mut Map<String, Value>, dialect: Dialect) -> Result<(), Cause> {
    let mut put = |value: Value| {
        let Value::Object(map) = value else { return Err(Cause::BadMerge) };
        for (key, value) in map {
            if dialect == Dialect::V2 {
                target.insert(key, value);
            } else {
                target.entry(key).or_insert(value);
            }
        }
        Ok(())
    };
    match value {
        Value::Array(maps) if dialect == Dialect::V2 => maps.into_iter().rev().try_for_each(put),
        Value::Array(maps) => maps.into_iter().try_for_each(put),
        value => put(value),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;

    fn v3(text: &str) -> Result<Value, Error> {
        parse(text.as_bytes(), Dialect::V3)
    }

    fn cause(text: &str, dialect: Dialect) -> Cause {
        parse(text.as_bytes(), dialect).unwrap_err().cause
    }

    #[test]
    fn documents_know_their_first_line() {
        let text = "# first\n---\na: 1\n---\n# nothing\n---\n\nb: 2\n";
        let read: Vec<Document> = Reader::new(text.as_bytes(), Dialect::V3).map(Result::unwrap).collect();
        let shown: Vec<(u32, Value)> = read.into_iter().map(|document| (document.line, document.value)).collect();
        assert_eq!(shown, [(3, json!({"a": 1})), (6, Value::Null), (8, json!({"b": 2}))]);
    }

    #[test]
    fn fields_near_the_root_know_their_lines() {
        let text = "a:\n  b: 1\n  c: {d: 1}\nlist:\n- x\n-\n  y: 1\n";
        let document = Reader::new(text.as_bytes(), Dialect::V2).with_lines().next().unwrap().unwrap();
        for (pointer, line) in [("/a", 1), ("/a/b", 2), ("/a/c/d", 3), ("/list/0", 5), ("/list/1", 7), ("/none", 0)] {
            assert_eq!(document.lines.of(pointer).unwrap_or_default(), line, "{pointer}");
        }
    }

    #[test]
    fn keys_follow_the_dialect() {
        let text = b"yes: a\n010: b\n1.50: c\n";
        assert_eq!(parse(text, Dialect::V2).unwrap(), json!({"true": "a", "8": "b", "1.5": "c"}));
        assert_eq!(cause("1: a\n", Dialect::V3), Cause::KeyNotText);
        assert_eq!(cause("null: a\n", Dialect::V2), Cause::KeyNotText);
        assert_eq!(parse(b"a: 1\na: 2\n", Dialect::V2).unwrap(), json!({"a": 2}));
        assert_eq!(cause("a: 1\na: 2\n", Dialect::V3), Cause::DuplicateKey("a".to_owned()));
    }

    #[test]
    fn merges_follow_the_dialect() {
        let text = b"x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  a: 0\n  <<: [*x, *y]\n";
        assert_eq!(parse(text, Dialect::V3).unwrap()["z"], json!({"a": 0, "b": 1, "c": 2}));
        assert_eq!(parse(text, Dialect::V2).unwrap()["z"], json!({"a": 1, "b": 1, "c": 2}));
        assert_eq!(v3("'<<': 1").unwrap(), json!({"<<": 1}));
        assert_eq!(cause("<<: 1", Dialect::V3), Cause::BadMerge);
    }

    #[test]
    fn numbers_are_as_json_shows_them() {
        let text = "[1.0, 1e3, 1.5, 9223372036854775808, 1e20, 1e22, 0x10, 1_0]";
        let want = "[1,1000,1.5,9223372036854775808,1e+20,1e+22,16,10]";
        assert_eq!(v3(text).unwrap().to_string(), want);
        assert_eq!(cause(".inf", Dialect::V3), Cause::NotFinite);
        assert_eq!(cause(".nan", Dialect::V2), Cause::NotFinite);
    }

    #[test]
    fn tags_decide() {
        let text = "[!!str 1, !!int '2', !!binary aGk=, !own 3, !!float 1]";
        assert_eq!(v3(text).unwrap(), json!(["1", 2, "hi", "3", 1]));
        assert_eq!(cause("!!int x", Dialect::V3), Cause::BadTag("!!int".to_owned()));
    }

    #[test]
    fn times_are_text_in_v2_and_rfc_3339_in_v3() {
        assert_eq!(v3("2001-1-1").unwrap(), json!("2001-01-01T00:00:00Z"));
        assert_eq!(parse(b"2001-1-1", Dialect::V2).unwrap(), json!("2001-1-1"));
    }

    #[test]
    fn a_block_text_at_the_end_gains_no_line_break() {
        for (text, want) in [("a: |\n  x", "x"), ("a: |\n  x\n", "x\n"), ("a: >\n  x\n  y", "x y"), ("a: |", "")] {
            assert_eq!(v3(text).unwrap(), json!({"a": want}), "{text:?}");
        }
    }

    #[test]
    fn errors_say_line_column_and_cause() {
        for (text, want) in [
            ("a: [1\nb: 2\n", "2:2: a , or ] was expected here"),
            ("a: b: c\n", "1:5: a : is not allowed here: quote the text or check the indentation"),
            ("a: 'x\n", "2:1: the text ends inside quotes"),
            ("a: *x\n", "1:4: alias *x names no anchor that stands before it"),
        ] {
            assert_eq!(v3(text).unwrap_err().to_string(), want, "{text:?}");
        }
    }

    #[test]
    fn bounds_hold() {
        let deep = "[".repeat(DEPTH_MAX + 1);
        assert_eq!(cause(&deep, Dialect::V3), Cause::TooDeep);
        let deepest = "[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX);
        assert!(v3(&deepest).is_ok());
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let before = vec![format!("*a{}", level - 1); 10].join(", ");
            writeln!(bomb, "a{level}: &a{level} [{before}]").unwrap();
        }
        assert_eq!(cause(&bomb, Dialect::V3), Cause::AliasBomb);
        let mut chain = "a0: &a0 [x]\n".to_owned();
        for level in 1..200 {
            writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
        }
        assert_eq!(cause(&chain, Dialect::V3), Cause::TooDeep);
        assert_eq!(cause(&" ".repeat(TEXT_MAX + 1), Dialect::V3), Cause::TooLong);
    }

    #[test]
    fn what_makes_the_scanner_panic_is_an_error() {
        for text in ["[!a!,", "[!!,b]", "\"\\", "{!,}"] {
            let _ = v3(text);
        }
    }
}
