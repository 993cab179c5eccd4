//! The parser's state: tokens ahead, variables in scope, trees found.

use std::collections::HashMap;
use std::sync::Arc;

use lode_stdx::budget::{Exceeded, Meter};

use super::grammar::Grammar;
use super::lex::{LexToken, Lexer, TokenKind};
use super::node::{NodeId, NodeKind, Nodes, Span, TemplateNode};
use super::parsed::Tree;
use super::unquote::unquote;
use crate::error::TemplateError;
use crate::function::Functions;
use crate::print::quote;

pub(super) struct Parser<'s> {
    pub(super) name: &'s str,
    pub(super) text: &'s [u8],
    pub(super) functions: &'s Functions,
    meter: &'s Meter<'s>,
    pub(super) charged: u64,
    pub(super) lexer: Lexer<'s>,
    /// Tokens ahead; the next one is the last of those that are given back.
    tokens: [LexToken; 3],
    given_back: usize,
    pub(super) nodes: Vec<TemplateNode>,
    pub(super) trees: Vec<Tree>,
    /// The places of trees, by their names.
    names: HashMap<Arc<[u8]>, usize>,
    /// Variables in scope.
    pub(super) variables: Vec<&'s [u8]>,
    /// The left delimiter of the action at hand.
    pub(super) action: Option<LexToken>,
    pub(super) range_depth: usize,
    pub(super) depth: usize,
    pub(super) depth_max: usize,
}

/// Charges nodes and the code that they become.
pub(crate) fn charge_nodes(meter: &Meter<'_>, nodes: u64) -> Result<(), Exceeded> {
    meter.nodes(nodes)?;
    meter.bytes(nodes.saturating_mul(NODE_BYTES))
}

/// What a node takes in memory together with its code.
pub(crate) const NODE_BYTES: u64 = 192;

/// A failed parse, or a node.
pub(super) type Parse<T> = Result<T, TemplateError>;

impl<'s> Parser<'s> {
    pub(super) fn new(
        name: &'s str,
        text: &'s [u8],
        functions: &'s Functions,
        grammar: Grammar<'s>,
        meter: &'s Meter<'s>,
    ) -> Self {
        let nothing = LexToken {
            kind: TokenKind::End,
            span: Span::new(0, 0),
        };
        Self {
            name,
            text,
            functions,
            meter,
            charged: 0,
            lexer: Lexer::new(text, grammar),
            tokens: [nothing; 3],
            given_back: 0,
            nodes: Vec::new(),
            trees: Vec::new(),
            names: HashMap::new(),
            variables: vec![b"$"],
            action: None,
            range_depth: 0,
            depth: 0,
            depth_max: grammar.depth_max,
        }
    }

    // === Tokens ===

    pub(super) fn next(&mut self) -> LexToken {
        match self.given_back.checked_sub(1) {
            Some(left) => self.given_back = left,
            None => self.tokens[0] = self.lexer.next(),
        }
        self.tokens
            .get(self.given_back)
            .copied()
            .unwrap_or(self.tokens[0])
    }

    pub(super) fn give_back(&mut self) {
        self.given_back += 1;
    }

    /// Gives back the last token and the one before it.
    pub(super) fn give_back_two(&mut self, before: LexToken) {
        self.tokens[1] = before;
        self.given_back = 2;
    }

    /// Gives back the last token and the two before it.
    pub(super) fn give_back_three(&mut self, first: LexToken, second: LexToken) {
        self.tokens[1] = second;
        self.tokens[2] = first;
        self.given_back = 3;
    }

    pub(super) fn peek(&mut self) -> LexToken {
        let token = self.next();
        self.give_back();
        token
    }

    pub(super) fn next_word(&mut self) -> LexToken {
        loop {
            let token = self.next();
            if token.kind != TokenKind::Space {
                return token;
            }
        }
    }

    pub(super) fn peek_word(&mut self) -> LexToken {
        let token = self.next_word();
        self.give_back();
        token
    }

    pub(super) fn expect(&mut self, kind: TokenKind, context: &str) -> Parse<LexToken> {
        let token = self.next_word();
        if token.kind == kind {
            return Ok(token);
        }
        Err(self.unexpected(token, context))
    }

    // === Nodes and errors ===

    pub(super) fn node(&mut self, position: u32, kind: NodeKind) -> NodeId {
        self.nodes.push(TemplateNode { position, kind });
        self.nodes.len() as NodeId - 1
    }

    /// Charges nodes before they are made.
    pub(super) fn charge(&mut self, nodes: u64) -> Parse<()> {
        self.charged = self.charged.saturating_add(nodes);
        Ok(charge_nodes(self.meter, nodes)?)
    }

    /// Fails because there is too much of something.
    pub(super) fn too_many(&self, what: &str, limit: usize) -> TemplateError {
        let error = self.error(&format!("more than {limit} {what}, the limit"));
        TemplateError::bound(error.message())
    }

    pub(super) fn kind(&self, id: NodeId) -> Option<&NodeKind> {
        self.nodes.get(id as usize).map(|node| &node.kind)
    }

    /// Writes a node, for an error.
    pub(super) fn shown(&self, id: NodeId) -> String {
        let mut out = Vec::new();
        let nodes = Nodes {
            text: self.text,
            all: &self.nodes,
            quotes_text: false,
        };
        nodes.write(id, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    pub(super) fn line(&self, token: LexToken) -> usize {
        let before = self
            .text
            .get(..token.span.start as usize)
            .unwrap_or_default();
        1 + memchr::memchr_iter(b'\n', before).count()
    }

    /// An error at the token read last.
    pub(super) fn error(&self, message: &str) -> TemplateError {
        let line = self.line(self.tokens[0]);
        TemplateError::new(format!("template: {}:{line}: {message}", self.name))
    }

    pub(super) fn unexpected(&self, token: LexToken, context: &str) -> TemplateError {
        if token.kind != TokenKind::Error {
            return self.error(&format!(
                "unexpected {} in {context}",
                self.shown_token(token)
            ));
        }

        let error = &self.lexer.error;
        let started = self.action.map(|action| self.line(action));
        let Some(line) = started.filter(|line| *line != self.line(token)) else {
            return self.error(error);
        };

        let what = if error.ends_with(" action") {
            ""
        } else {
            " in action"
        };
        let name = self.name;
        self.error(&format!("{error}{what} started at {name}:{line}"))
    }

    fn shown_token(&self, token: LexToken) -> String {
        let text = token.span.of(self.text);
        match token.kind {
            TokenKind::End => "EOF".to_owned(),
            kind if kind.is_keyword() => format!("<{}>", String::from_utf8_lossy(text)),
            _ => {
                let shown = String::from_utf8_lossy(text);
                let mut out = Vec::new();
                let is_long = text.len() > 10;
                let start: String = shown.chars().take(10).collect();
                quote(&mut out, if is_long { start.as_bytes() } else { text });
                let dots = if is_long { "..." } else { "" };
                format!("{}{dots}", String::from_utf8_lossy(&out))
            }
        }
    }

    pub(super) fn unquoted(&self, token: LexToken) -> Parse<Arc<[u8]>> {
        let content = unquote(token.span.of(self.text));
        let content = content.ok_or_else(|| self.error("invalid syntax"))?;
        Ok(content.into())
    }

    // === Trees ===

    /// Counts a level of nesting.
    pub(super) fn enter(&mut self, what: &str) -> Parse<()> {
        if self.depth >= self.depth_max {
            let message = self.error(&format!("{what} deeper than {}, the limit", self.depth_max));
            return Err(TemplateError::bound(message.message()));
        }
        self.depth += 1;
        Ok(())
    }

    /// Parses the body of another template, which sees no variables of this one.
    pub(super) fn in_new_tree<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        let variables = std::mem::replace(&mut self.variables, vec![b"$"]);
        let range_depth = std::mem::take(&mut self.range_depth);
        let action = self.action.take();
        let parsed = parse(self)?;
        self.variables = variables;
        self.range_depth = range_depth;
        self.action = action;
        Ok(parsed)
    }

    pub(super) fn expect_end(&self, end: NodeId, context: &str) -> Parse<()> {
        if matches!(self.kind(end), Some(NodeKind::End)) {
            return Ok(());
        }
        Err(self.error(&format!("unexpected {} in {context}", self.shown(end))))
    }

    /// Adds a template. One that is empty gives way to another of the same name.
    pub(super) fn add(&mut self, name: Arc<[u8]>, root: NodeId) -> Parse<()> {
        let tree = Tree {
            is_empty: self.is_blank(root),
            name,
            root,
        };
        let old = self.names.get(&tree.name).copied();
        match old.and_then(|index| self.trees.get_mut(index)) {
            None => {
                self.names.insert(Arc::clone(&tree.name), self.trees.len());
                self.trees.push(tree);
            }
            Some(old) if old.is_empty => *old = tree,
            Some(_) if tree.is_empty => {}
            Some(_) => {
                let mut name = Vec::new();
                quote(&mut name, &tree.name);
                let name = String::from_utf8_lossy(&name);
                let message = format!("template: multiple definition of template {name}");
                return Err(self.error(&message));
            }
        }
        Ok(())
    }

    /// Returns whether a list holds nothing but space.
    fn is_blank(&self, list: NodeId) -> bool {
        let Some(NodeKind::List(nodes)) = self.kind(list) else {
            return false;
        };
        nodes.iter().all(|node| match self.kind(*node) {
            Some(NodeKind::Text(span)) => String::from_utf8_lossy(span.of(self.text))
                .trim()
                .is_empty(),
            _ => false,
        })
    }
}
