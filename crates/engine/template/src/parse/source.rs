//! Whole sources, and the templates that they define.

use lode_stdx::budget::Meter;

use super::grammar::Grammar;
use super::lex::{Keyword, TokenKind};
use super::node::NodeKind;
use super::parsed::Parsed;
use super::parser::{Parse, Parser};
use crate::error::TemplateError;
use crate::function::Functions;

impl Parsed {
    /// Parses a source; its nodes, and the code that they become, are charged to `meter`.
    ///
    /// # Errors
    /// Go's text: `template: name:line: what is wrong`; or the budget is spent.
    pub fn parse(
        name: &str,
        text: &[u8],
        functions: &Functions,
        grammar: Grammar<'_>,
        meter: &Meter<'_>,
    ) -> Result<Self, TemplateError> {
        if u32::try_from(text.len()).is_err() {
            return Err(TemplateError::bound(format!(
                "template: {name}: needs more than 4 GiB"
            )));
        }
        let mut parser = Parser::new(name, text, functions, grammar, meter);
        parser.source()?;
        Ok(Self {
            nodes: parser.nodes,
            trees: parser.trees,
            charged: parser.charged,
        })
    }
}

impl Parser<'_> {
    /// Parses the whole source.
    fn source(&mut self) -> Parse<()> {
        let position = self.peek().span.start;
        let mut nodes = Vec::new();

        loop {
            let token = self.peek();
            if token.kind == TokenKind::End {
                break;
            }
            if token.kind == TokenKind::LeftDelimiter {
                let delimiter = self.next();
                if self.next_word().kind == TokenKind::Keyword(Keyword::Define) {
                    self.definition()?;
                    continue;
                }
                self.give_back_two(delimiter);
            }
            let node = self.text_or_action()?;
            if matches!(self.kind(node), Some(NodeKind::End | NodeKind::Else)) {
                return Err(self.error(&format!("unexpected {}", self.shown(node))));
            }
            nodes.push(node);
        }

        let root = self.node(position, NodeKind::List(nodes));
        self.add(self.name.as_bytes().into(), root)
    }

    /// Parses `define`, after the keyword.
    fn definition(&mut self) -> Parse<()> {
        const CONTEXT: &str = "define clause";
        let token = self.next_word();
        if !matches!(token.kind, TokenKind::String | TokenKind::RawString) {
            return Err(self.unexpected(token, CONTEXT));
        }
        let name = self.unquoted(token)?;
        self.expect(TokenKind::RightDelimiter, CONTEXT)?;
        let (root, end) = self.in_new_tree(Self::item_list)?;
        self.expect_end(end, CONTEXT)?;
        self.add(name, root)
    }
}
