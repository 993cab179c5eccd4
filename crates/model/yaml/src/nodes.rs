//! [`Nodes`]: a YAML text of several documents, read one [`Node`] at a time.
//!
//! Input: bytes and a dialect. Output: node trees with aliases and merges taken apart by the dialect's rules.

use std::collections::HashMap;
use std::io::{Chain, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use libyaml_safer::{Event, EventData, Mark, Parser, ScalarStyle};

use crate::bounds::{ALIAS_NODES_MAX, DEPTH_MAX, NODES_MAX, TEXT_MAX};
use crate::error::{Cause, Error, syntax};
use crate::fold;
use crate::node::{Content, Entry, Extra, Node, Place, Style, Tag};
use crate::{Dialect, Origins};

/// The documents of a text as nodes; after an error there is nothing more. Empty documents are nulls.
pub struct Nodes<'t> {
    parser: Parser<Chain<&'t [u8], &'static [u8]>>,
    dialect: Dialect,
    origins: Origins,
    text_len: usize,
    line_end_added: bool,
    rewrites_folds: bool,
    done: bool,
    anchors: HashMap<String, (Node, usize)>,
    nodes: usize,
    alias_nodes: usize,
    depth: usize,
}

impl<'t> Nodes<'t> {
    /// Starts reading; nothing is looked at before the first document is asked for.
    #[must_use]
    pub fn new(text: &'t [u8], dialect: Dialect, origins: Origins) -> Self {
        let mut parser = Parser::new();
        parser.set_encoding(libyaml_safer::Encoding::Utf8);
        let line_end: &[u8] = if text.ends_with(b"\n") { b"" } else { b"\n" };
        parser.set_input(text.chain(line_end));
        Self {
            parser,
            dialect,
            origins,
            text_len: text.len(),
            line_end_added: !line_end.is_empty(),
            rewrites_folds: false,
            done: false,
            anchors: HashMap::new(),
            nodes: 0,
            alias_nodes: 0,
            depth: 0,
        }
    }

    /// Asks for folded texts (`>`) as they come out of kustomize, which writes and reads them once more on its way.
    #[must_use]
    pub fn with_folds_rewritten(mut self) -> Self {
        self.rewrites_folds = true;
        self
    }

    fn document(&mut self) -> Result<Option<Node>, Error> {
        if self.text_len > TEXT_MAX {
            return Err(Error { line: 1, column: 1, cause: Cause::TooLong });
        }
        loop {
            let event = self.event()?;
            match event.data {
                EventData::StreamEnd => return Ok(None),
                EventData::StreamStart { .. } | EventData::DocumentStart { .. } | EventData::DocumentEnd { .. } => {}
                _ => {
                    self.anchors.clear();
                    self.nodes = 0;
                    return self.node(event).map(Some);
                }
            }
        }
    }

    fn event(&mut self) -> Result<Event, Error> {
        let event = catch_unwind(AssertUnwindSafe(|| self.parser.parse()));
        let mut event = match event {
            Ok(Ok(event)) => event,
            Ok(Err(error)) => {
                let mark = error.problem_mark().or_else(|| error.context_mark());
                return Err(at(mark.unwrap_or_default(), syntax(&error)));
            }
            Err(_) => return Err(Error { line: 1, column: 1, cause: Cause::Syntax("the text is no valid YAML") }),
        };
        if let EventData::Scalar { value, style, .. } = &mut event.data {
            let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
            if is_block && self.line_end_added && event.end_mark.index as usize > self.text_len && value.ends_with('\n')
            {
                value.pop();
            }
            if *style == ScalarStyle::Folded && self.rewrites_folds {
                *value = fold::rewritten(value);
            }
        }
        Ok(event)
    }

    fn node(&mut self, event: Event) -> Result<Node, Error> {
        let (start, end) = (event.start_mark, event.end_mark);
        let before = self.nodes;
        self.count(1, start)?;
        let (anchor, tag, mut node) = match event.data {
            EventData::Alias { anchor } => return self.alias(anchor, start),
            EventData::Scalar { anchor, tag, value, style, .. } => {
                let mut node = Node::plain(value);
                node.style = scalar_style(style);
                (anchor, tag, node)
            }
            EventData::SequenceStart { anchor, tag, .. } => (anchor, tag, self.sequence(start)?),
            EventData::MappingStart { anchor, tag, .. } => (anchor, tag, self.mapping(start)?),
            _ => return Err(at(start, Cause::Syntax("a value was expected here"))),
        };
        node.place = Place {
            source: self.origins.source,
            line: line(start) + self.origins.lines_above,
            start: start.index as u32,
            end: end.index as u32,
        };
        if let Some(tag) = tag {
            set_tag(&mut node, &tag);
        }
        if let Some(name) = anchor {
            self.anchors.insert(name, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn sequence(&mut self, mark: Mark) -> Result<Node, Error> {
        self.enter(mark)?;
        let mut items = Vec::new();
        loop {
            let event = self.event()?;
            if event.data == EventData::SequenceEnd {
                break;
            }
            items.push(self.node(event)?);
        }
        self.depth -= 1;
        Ok(Node::sequence(items))
    }

    fn mapping(&mut self, mark: Mark) -> Result<Node, Error> {
        self.enter(mark)?;
        let (mut own, mut merged) = (Node::mapping(), Node::mapping());
        loop {
            let event = self.event()?;
            if event.data == EventData::MappingEnd {
                break;
            }
            let key_mark = event.start_mark;
            if matches!(&event.data, EventData::Scalar { value, plain_implicit: true, style: ScalarStyle::Plain, .. } if value == "<<")
            {
                let value = self.event()?;
                let value = self.node(value)?;
                let target = if self.dialect == Dialect::V2 { &mut own } else { &mut merged };
                merge(value, target, self.dialect).map_err(|cause| at(key_mark, cause))?;
                continue;
            }
            let key = self.node(event)?;
            let value = self.event()?;
            let value = self.node(value)?;
            let Some(text) = key.text() else { return Err(at(key_mark, Cause::KeyNotText)) };
            let entries = own.entries_mut().map(std::mem::take).unwrap_or_default();
            let mut entries = entries;
            match entries.iter_mut().find(|entry| entry.key.text() == Some(text)) {
                Some(_) if self.dialect == Dialect::V3 => {
                    return Err(at(key_mark, Cause::DuplicateKey(text.to_owned())));
                }
                Some(old) => old.value = value,
                None => entries.push(Entry { key, value }),
            }
            own.content = Content::Mapping(entries);
        }
        self.depth -= 1;
        for Entry { key, value } in merged.entries_mut().map(std::mem::take).unwrap_or_default() {
            let absent = key.text().is_some_and(|text| own.get(text).is_none());
            if let (true, Some(entries)) = (absent, own.entries_mut()) {
                entries.push(Entry { key, value });
            }
        }
        Ok(own)
    }

    fn alias(&mut self, name: String, mark: Mark) -> Result<Node, Error> {
        let Some((node, nodes)) = self.anchors.get(&name) else { return Err(at(mark, Cause::UnknownAlias(name))) };
        let (node, nodes) = (node.clone(), *nodes);
        self.alias_nodes += nodes;
        if self.alias_nodes > ALIAS_NODES_MAX {
            return Err(at(mark, Cause::AliasBomb));
        }
        self.count(nodes, mark)?;
        Ok(node)
    }

    fn enter(&mut self, mark: Mark) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(at(mark, Cause::TooDeep)) } else { Ok(()) }
    }

    fn count(&mut self, nodes: usize, mark: Mark) -> Result<(), Error> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX { Err(at(mark, Cause::TooManyNodes)) } else { Ok(()) }
    }
}

impl Iterator for Nodes<'_> {
    type Item = Result<Node, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let document = self.document().transpose();
        self.done = !matches!(document, Some(Ok(_)));
        document
    }
}

fn set_tag(node: &mut Node, tag: &str) {
    let core = tag.strip_prefix("tag:yaml.org,2002:").unwrap_or_default();
    node.tag = match core {
        "null" => Tag::Null,
        "bool" => Tag::Bool,
        "int" => Tag::Int,
        "float" => Tag::Float,
        "str" => Tag::Str,
        "binary" => Tag::Binary,
        "timestamp" => Tag::Timestamp,
        "seq" => Tag::Seq,
        "map" => Tag::Map,
        _ => Tag::Other,
    };
    if node.tag == Tag::Other {
        node.extra = Some(Box::new(Extra { tag: Some(tag.into()), ..Extra::default() }));
    }
}

fn merge(value: Node, target: &mut Node, dialect: Dialect) -> Result<(), Cause> {
    let mut put = |value: Node| {
        let Content::Mapping(entries) = value.content else { return Err(Cause::BadMerge) };
        for Entry { key, value } in entries {
            let Some(text) = key.text().map(str::to_owned) else { return Err(Cause::KeyNotText) };
            if dialect == Dialect::V2 || target.get(&text).is_none() {
                target.insert(&text, value);
            }
        }
        Ok(())
    };
    match value.content {
        Content::Sequence(maps) if dialect == Dialect::V2 => maps.into_iter().rev().try_for_each(put),
        Content::Sequence(maps) => maps.into_iter().try_for_each(put),
        _ => put(value),
    }
}

fn scalar_style(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
        _ => Style::Plain,
    }
}

fn at(mark: Mark, cause: Cause) -> Error {
    Error { line: line(mark), column: (mark.column as u32).saturating_add(1), cause }
}

fn line(mark: Mark) -> u32 {
    (mark.line as u32).saturating_add(1)
}
