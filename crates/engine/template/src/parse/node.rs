//! The nodes of a template's tree, and how Go writes them.

use std::sync::Arc;

use super::number::Number;
use crate::print::quote;

/// A node, by its place in the list of all nodes of a source.
pub(crate) type NodeId = u32;

/// A part of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A node and where it begins, as Go reports it.
#[derive(Debug)]
pub(crate) struct TemplateNode {
    pub(crate) position: u32,
    pub(crate) kind: NodeKind,
}

#[derive(Debug)]
pub(crate) enum NodeKind {
    Action(NodeId),
    Bool(bool),
    Break,
    /// A term and the fields after it: `.a.b`.
    Chain {
        node: NodeId,
        fields: Span,
    },
    Command(Vec<NodeId>),
    Continue,
    Dot,
    /// Not part of the finished tree.
    Else,
    /// Not part of the finished tree.
    End,
    Field(Span),
    Identifier(Span),
    If(Branch),
    List(Vec<NodeId>),
    Nil,
    Number {
        text: Span,
        number: Box<Number>,
    },
    Pipe(Box<Pipe>),
    Range(Branch),
    String {
        quoted: Span,
        text: Arc<[u8]>,
    },
    Template {
        name: Arc<[u8]>,
        pipe: Option<NodeId>,
    },
    Text(Span),
    /// A variable and the fields after it: `$x.a.b`.
    Variable(Span),
    With(Branch),
}

/// An `if`, `range` or `with`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Branch {
    pub(crate) pipe: NodeId,
    pub(crate) list: NodeId,
    pub(crate) other: Option<NodeId>,
}

/// A pipeline.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pub(crate) is_assign: bool,
    pub(crate) variables: Vec<Span>,
    pub(crate) commands: Vec<NodeId>,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    pub(crate) fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    /// The span from the start of this one to the end of another.
    pub(crate) fn to(self, other: Self) -> Self {
        Self {
            start: self.start,
            end: other.end,
        }
    }
}

/// All nodes of a source, to write some of them.
#[derive(Clone, Copy)]
pub(crate) struct Nodes<'n> {
    pub(crate) text: &'n [u8],
    pub(crate) all: &'n [TemplateNode],
    /// Whether texts are written in quotes, as Go's own tests do.
    pub(crate) quotes_text: bool,
}

impl Nodes<'_> {
    /// Appends a node as Go's `String` method writes it.
    pub(crate) fn write(self, id: NodeId, out: &mut Vec<u8>) {
        let Some(node) = self.all.get(id as usize) else {
            return;
        };
        match &node.kind {
            NodeKind::Action(pipe) => self.write_around(b"{{", *pipe, out),
            NodeKind::Chain { node, fields } => {
                self.write_term(*node, out);
                out.extend_from_slice(fields.of(self.text));
            }
            NodeKind::Command(args) => self.write_command(args, out),
            NodeKind::Text(span) if self.quotes_text => quote(out, span.of(self.text)),
            NodeKind::Field(span)
            | NodeKind::Identifier(span)
            | NodeKind::Text(span)
            | NodeKind::Variable(span)
            | NodeKind::Number { text: span, .. }
            | NodeKind::String { quoted: span, .. } => out.extend_from_slice(span.of(self.text)),
            NodeKind::If(branch) => self.write_branch(b"{{if ", *branch, out),
            NodeKind::Range(branch) => self.write_branch(b"{{range ", *branch, out),
            NodeKind::With(branch) => self.write_branch(b"{{with ", *branch, out),
            NodeKind::List(nodes) => nodes.iter().for_each(|node| self.write(*node, out)),
            NodeKind::Pipe(pipe) => self.write_pipe(pipe, out),
            NodeKind::Template { name, pipe } => {
                out.extend_from_slice(b"{{template ");
                quote(out, name);
                if let Some(pipe) = pipe {
                    out.push(b' ');
                    self.write(*pipe, out);
                }
                out.extend_from_slice(b"}}");
            }
            word => out.extend_from_slice(word_of(word)),
        }
    }

    fn write_around(self, open: &[u8], node: NodeId, out: &mut Vec<u8>) {
        out.extend_from_slice(open);
        self.write(node, out);
        out.extend_from_slice(b"}}");
    }

    /// A pipeline inside another node stands in parentheses.
    fn write_term(self, id: NodeId, out: &mut Vec<u8>) {
        let node = self.all.get(id as usize);
        let is_pipe = node.is_some_and(|node| matches!(node.kind, NodeKind::Pipe(_)));
        if is_pipe {
            out.push(b'(');
        }
        self.write(id, out);
        if is_pipe {
            out.push(b')');
        }
    }

    fn write_command(self, args: &[NodeId], out: &mut Vec<u8>) {
        for (index, arg) in args.iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            self.write_term(*arg, out);
        }
    }

    fn write_pipe(self, pipe: &Pipe, out: &mut Vec<u8>) {
        for (index, variable) in pipe.variables.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b", ");
            }
            out.extend_from_slice(variable.of(self.text));
        }
        if !pipe.variables.is_empty() {
            out.extend_from_slice(if pipe.is_assign { b" = " } else { b" := " });
        }
        for (index, command) in pipe.commands.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b" | ");
            }
            self.write(*command, out);
        }
    }

    fn write_branch(self, open: &[u8], branch: Branch, out: &mut Vec<u8>) {
        self.write_around(open, branch.pipe, out);
        self.write(branch.list, out);
        if let Some(other) = branch.other {
            out.extend_from_slice(b"{{else}}");
            self.write(other, out);
        }
        out.extend_from_slice(b"{{end}}");
    }
}

/// How a node without parts is written.
fn word_of(kind: &NodeKind) -> &'static [u8] {
    match kind {
        NodeKind::Bool(true) => b"true",
        NodeKind::Bool(false) => b"false",
        NodeKind::Break => b"{{break}}",
        NodeKind::Continue => b"{{continue}}",
        NodeKind::Else => b"{{else}}",
        NodeKind::End => b"{{end}}",
        NodeKind::Dot => b".",
        _ => b"nil",
    }
}
