//! Anchors, aliases and tags of nodes.
//!
//! Input: a composer whose scanner is before a node. Output: nodes with tags, and copies of
//! anchored ones.

use crate::Dialect;
use crate::bounds::{ALIAS_BYTES_MAX, ALIAS_NODES_MAX, DEPTH_MAX, NODES_MAX, TEXT_MAX};
use crate::comment::CommentKind;
use crate::compose::anchor::Anchor;
use crate::compose::{ComposeOptions, Composer};
use crate::cost::text_bytes;
use crate::error::{Cause, Error, Syntax};
use crate::node::{Extra, Node, Tag, Text};
use crate::scan::property::Directive;
use crate::scan::{Mark, looked_at};

/// What precedes a node's content.
#[derive(Default)]
pub(crate) struct Properties<'t> {
    anchor: Option<(&'t str, usize)>,
    tag: Option<Text>,
    start: Option<Mark>,
    nodes_before: usize,
    bytes_before: u64,
    /// After the last of them.
    pub(crate) end: Mark,
}

impl Properties<'_> {
    pub(crate) fn is_some(&self) -> bool {
        self.start.is_some()
    }
}

impl<'t> Composer<'t> {
    /// Reads an anchor and a tag, both optional and in either order, and moves to what follows.
    pub(crate) fn properties(&mut self) -> Result<Properties<'t>, Error> {
        let mut found = Properties {
            nodes_before: self.nodes,
            bytes_before: self.text_bytes,
            ..Properties::default()
        };
        let line = self.scan.line;
        while matches!(self.scan.here(), b'&' | b'!')
            && (self.scan.line == line || self.scan.flow_depth > 0)
        {
            let mark = self.scan.mark();
            found.start = found.start.or(Some(mark));
            let is_anchor = self.scan.here() == b'&';
            if if is_anchor {
                found.anchor.is_some()
            } else {
                found.tag.is_some()
            } {
                return Err(self.scan.error_here(Syntax::TooManyProperties));
            }
            if is_anchor {
                let name = self.scan.anchor_name()?;
                found.anchor = Some((name, self.open_anchor(name)));
            } else {
                found.tag = Some(self.long_tag(mark)?);
            }
            found.end = self.scan.mark();
            self.trace
                .note(CommentKind::Property, mark.at, found.end.at);
            self.scan.skip_to_token();
        }
        Ok(found)
    }

    /// Joins properties on their own lines with those on the content's line.
    pub(crate) fn joined(
        &self,
        outer: Properties<'t>,
        inner: Properties<'t>,
    ) -> Result<Properties<'t>, Error> {
        let twice = outer.anchor.is_some() && inner.anchor.is_some()
            || outer.tag.is_some() && inner.tag.is_some();
        if twice {
            return Err(self
                .scan
                .error(inner.start.unwrap_or_default(), Syntax::TooManyProperties));
        }
        let end = if inner.is_some() {
            inner.end
        } else {
            outer.end
        };
        // A tag before the anchor is part of the copies too.
        let first = if outer.is_some() { &outer } else { &inner };
        let (nodes_before, bytes_before) = (first.nodes_before, first.bytes_before);
        Ok(Properties {
            anchor: outer.anchor.or(inner.anchor),
            tag: outer.tag.or(inner.tag),
            start: outer.start.or(inner.start),
            nodes_before,
            bytes_before,
            end,
        })
    }

    /// Gives a node the properties before it. Its position then starts at them.
    pub(crate) fn with_properties(
        &mut self,
        mut node: Node,
        properties: Properties<'t>,
    ) -> Result<Node, Error> {
        let Some(start) = properties.start else {
            return Ok(node);
        };
        node.place = self.place(start, node.place.end as usize);
        if let Some(tag) = properties.tag {
            set_tag(&mut node, &tag, self.options);
        }
        if let Some((name, number)) = properties.anchor {
            let cost = (
                self.nodes - properties.nodes_before,
                self.text_bytes - properties.bytes_before,
            );
            self.close_anchor((name, number, start), &node, cost)?;
        }
        Ok(node)
    }

    fn open_anchor(&mut self, name: &'t str) -> usize {
        self.anchors_seen += 1;
        let number = self.anchors_seen;
        self.anchors.insert(
            name,
            Anchor {
                number,
                node: None,
                nodes: 0,
                bytes: 0,
                depth: 0,
            },
        );
        number
    }

    /// Keeps a copy of an anchored node. Nested anchors copy their content again, so each copy is
    /// charged.
    fn close_anchor(
        &mut self,
        (name, number, mark): (&'t str, usize, Mark),
        node: &Node,
        (nodes, bytes): (usize, u64),
    ) -> Result<(), Error> {
        self.anchored_nodes += nodes;
        self.anchored_bytes += bytes;
        let affordable = self.anchored_nodes <= NODES_MAX && self.anchored_bytes <= TEXT_MAX as u64;
        self.charge(mark, |meter, node_bytes| {
            let bytes = bytes.saturating_add(node_bytes.saturating_mul(nodes as u64));
            meter.steps(nodes as u64)?;
            meter.bytes(bytes)
        })?;
        if let Some(anchor) = self
            .anchors
            .get_mut(name)
            .filter(|anchor| anchor.number == number && affordable)
        {
            (anchor.nodes, anchor.bytes) = (nodes, bytes);
            anchor.depth = node.depth();
            anchor.node = Some(node.clone());
        }
        Ok(())
    }

    /// Reads `*name` and returns a copy of the anchored node.
    pub(crate) fn alias(&mut self) -> Result<Node, Error> {
        let mark = self.scan.mark();
        let name = self.scan.anchor_name()?;
        let Some(Anchor {
            node: Some(node),
            nodes,
            bytes,
            depth,
            ..
        }) = self.anchors.get(name)
        else {
            return Err(self.scan.error(mark, Cause::UnknownAlias(name.to_owned())));
        };
        if self.depth + depth > DEPTH_MAX {
            return Err(self.scan.error(mark, Cause::TooDeep));
        }
        let (nodes, bytes) = (*nodes, *bytes);
        self.alias_nodes += nodes;
        self.alias_bytes += bytes;
        if self.alias_nodes > ALIAS_NODES_MAX || self.alias_bytes > ALIAS_BYTES_MAX as u64 {
            return Err(self.scan.error(mark, Cause::AliasBomb));
        }
        self.charge(mark, |meter, node_bytes| {
            meter.bytes(bytes.saturating_add(node_bytes.saturating_mul(nodes as u64)))
        })?;
        self.text_bytes += bytes;
        let node = node.clone();
        self.last_end = self.scan.at;
        self.trace.note(CommentKind::Alias, mark.at, self.scan.at);
        self.count(nodes, mark)?;
        Ok(node)
    }

    fn long_tag(&mut self, mark: Mark) -> Result<Text, Error> {
        let tag = self.scan.tag()?;
        let mut repeated = 0;
        let prefix = match self
            .handles
            .iter()
            .find(|(handle, _)| *handle == tag.handle)
        {
            Some((_, prefix)) => {
                repeated = prefix.len() as u64;
                prefix.as_str()
            }
            None => match tag.handle {
                "" => "",
                "!" => "!",
                "!!" => CORE,
                _ => return Err(self.scan.error(mark, Syntax::UndefinedHandle)),
            },
        };
        let mut long = Text::from(prefix);
        self.alias_bytes += repeated;
        if self.alias_bytes > ALIAS_BYTES_MAX as u64 {
            return Err(self.scan.error(mark, Cause::AliasBomb));
        }
        self.charge(mark, |meter, _| meter.bytes(repeated))?;
        long.push_str(&tag.suffix);
        looked_at(long.len());
        self.text_bytes += text_bytes(&long);
        Ok(long)
    }

    /// Reads the `%` lines before a document.
    pub(crate) fn directives(&mut self) -> Result<(), Error> {
        let mut has_version = false;
        while self.scan.here() == b'%' && self.scan.at_boundary() {
            let mark = self.scan.mark();
            let directive = self.scan.directive()?;
            self.trace
                .note(CommentKind::Directive, mark.at, self.scan.at);
            match directive {
                Directive::Version { .. } if has_version => {
                    return Err(self.scan.error(mark, Syntax::BadDirective));
                }
                Directive::Version { is_known: false } => {
                    return Err(self.scan.error(mark, Syntax::Version));
                }
                Directive::Version { .. } => has_version = true,
                Directive::Tag { handle, prefix } => {
                    let known = self.handles.iter().any(|(known, _)| *known == handle);
                    if known || self.handles.len() >= HANDLES_MAX {
                        return Err(self.scan.error(mark, Syntax::BadDirective));
                    }
                    self.handles.push((handle, Text::from(prefix)));
                }
            }
            self.scan.skip_to_token();
        }
        Ok(())
    }
}

/// Most `%TAG` lines before a document.
const HANDLES_MAX: usize = 100;
const CORE: &str = "tag:yaml.org,2002:";

fn set_tag(node: &mut Node, tag: &str, options: ComposeOptions) {
    if tag == "!" && options.dialect == Dialect::V3 {
        return;
    }
    node.tag = match tag.strip_prefix(CORE).unwrap_or_default() {
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
    if node.tag == Tag::Other || options.comments {
        node.extra = Some(Box::new(Extra {
            tag: Some(tag.into()),
            ..Extra::default()
        }));
    }
}
