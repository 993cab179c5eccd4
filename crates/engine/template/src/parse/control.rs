//! Lists of nodes, and the actions that contain lists.

use super::lex::{Keyword, TokenKind};
use super::node::{Branch, NodeId, NodeKind};
use super::parser::{Parse, Parser};

/// Nodes that every action has: itself, a pipeline, a place in a list.
const ACTION_NODES: u64 = 3;

impl Parser<'_> {
    /// Parses nodes up to `end` or `else`, which is returned beside the list.
    pub(super) fn item_list(&mut self) -> Parse<(NodeId, NodeId)> {
        let position = self.peek_word().span.start;
        let mut nodes = Vec::new();
        while self.peek_word().kind != TokenKind::End {
            let node = self.text_or_action()?;
            if matches!(self.kind(node), Some(NodeKind::End | NodeKind::Else)) {
                let list = self.node(position, NodeKind::List(nodes));
                return Ok((list, node));
            }
            nodes.push(node);
        }
        Err(self.error("unexpected EOF"))
    }

    pub(super) fn text_or_action(&mut self) -> Parse<NodeId> {
        self.charge(ACTION_NODES)?;
        let token = self.next_word();
        match token.kind {
            TokenKind::Text => Ok(self.node(token.span.start, NodeKind::Text(token.span))),
            TokenKind::LeftDelimiter => {
                self.action = Some(token);
                let action = self.action()?;
                self.action = None;
                Ok(action)
            }
            _ => Err(self.unexpected(token, "input")),
        }
    }

    /// Parses an action, after its left delimiter.
    fn action(&mut self) -> Parse<NodeId> {
        let token = self.next_word();
        let TokenKind::Keyword(keyword) = token.kind else {
            self.give_back();
            return self.pipeline_action();
        };
        match keyword {
            Keyword::Block => self.block(),
            Keyword::Break => self.jump(token.span.start, "{{break}}", NodeKind::Break),
            Keyword::Continue => self.jump(token.span.start, "{{continue}}", NodeKind::Continue),
            Keyword::Else => self.else_action(),
            Keyword::End => {
                let token = self.expect(TokenKind::RightDelimiter, "end")?;
                Ok(self.node(token.span.start, NodeKind::End))
            }
            Keyword::If | Keyword::Range | Keyword::With => self.control(keyword),
            Keyword::Template => self.template(),
            Keyword::Define => {
                self.give_back();
                self.pipeline_action()
            }
        }
    }

    fn pipeline_action(&mut self) -> Parse<NodeId> {
        let position = self.peek().span.start;
        let pipe = self.pipeline("command", TokenKind::RightDelimiter)?;
        Ok(self.node(position, NodeKind::Action(pipe)))
    }

    fn jump(&mut self, position: u32, name: &str, kind: NodeKind) -> Parse<NodeId> {
        let token = self.next_word();
        if token.kind != TokenKind::RightDelimiter {
            return Err(self.unexpected(token, name));
        }
        if self.range_depth == 0 {
            return Err(self.error(&format!("{name} outside {{{{range}}}}")));
        }
        Ok(self.node(position, kind))
    }

    /// `if`, `range` or `with`, after the keyword.
    fn control(&mut self, keyword: Keyword) -> Parse<NodeId> {
        self.enter("blocks are nested")?;
        let scope = self.variables.len();
        let is_range = keyword == Keyword::Range;
        let context = match keyword {
            Keyword::If => "if",
            Keyword::With => "with",
            _ => "range",
        };
        let pipe = self.pipeline(context, TokenKind::RightDelimiter)?;
        self.range_depth += usize::from(is_range);
        let (list, next) = self.item_list()?;
        self.range_depth -= usize::from(is_range);
        let other = self.other(keyword, next)?;
        self.variables.truncate(scope);
        self.depth -= 1;

        let branch = Branch { pipe, list, other };
        let position = self
            .nodes
            .get(pipe as usize)
            .map_or(0, |node| node.position);
        let kind = match keyword {
            Keyword::If => NodeKind::If(branch),
            Keyword::With => NodeKind::With(branch),
            _ => NodeKind::Range(branch),
        };
        Ok(self.node(position, kind))
    }

    /// What follows the first list of a control: `end`, or the other list.
    fn other(&mut self, keyword: Keyword, next: NodeId) -> Parse<Option<NodeId>> {
        if !matches!(self.kind(next), Some(NodeKind::Else)) {
            return Ok(None);
        }
        // `else if` and `else with` share the `end` of what they belong to.
        let again = self.peek().kind == TokenKind::Keyword(keyword);
        if again && keyword != Keyword::Range {
            let position = self
                .nodes
                .get(next as usize)
                .map_or(0, |node| node.position);
            self.next();
            let nested = self.control(keyword)?;
            return Ok(Some(self.node(position, NodeKind::List(vec![nested]))));
        }

        let (list, end) = self.item_list()?;
        if !matches!(self.kind(end), Some(NodeKind::End)) {
            return Err(self.error(&format!("expected end; found {}", self.shown(end))));
        }
        Ok(Some(list))
    }

    fn else_action(&mut self) -> Parse<NodeId> {
        let next = self.peek_word();
        if matches!(next.kind, TokenKind::Keyword(Keyword::If | Keyword::With)) {
            return Ok(self.node(next.span.start, NodeKind::Else));
        }
        let token = self.expect(TokenKind::RightDelimiter, "else")?;
        Ok(self.node(token.span.start, NodeKind::Else))
    }

    /// `block`, after the keyword: a definition and its use.
    fn block(&mut self) -> Parse<NodeId> {
        const CONTEXT: &str = "block clause";
        let token = self.next_word();
        let name = self.template_name(token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, TokenKind::RightDelimiter)?;

        self.enter("blocks are nested")?;
        let (root, end) = self.in_new_tree(Self::item_list)?;
        self.expect_end(end, CONTEXT)?;
        self.add(name.clone(), root)?;
        self.depth -= 1;

        let pipe = Some(pipe);
        Ok(self.node(token.span.start, NodeKind::Template { name, pipe }))
    }

    /// `template`, after the keyword.
    fn template(&mut self) -> Parse<NodeId> {
        const CONTEXT: &str = "template clause";
        let token = self.next_word();
        let name = self.template_name(token, CONTEXT)?;
        let mut pipe = None;
        if self.next_word().kind != TokenKind::RightDelimiter {
            self.give_back();
            pipe = Some(self.pipeline(CONTEXT, TokenKind::RightDelimiter)?);
        }
        Ok(self.node(token.span.start, NodeKind::Template { name, pipe }))
    }

    fn template_name(
        &mut self,
        token: super::lex::LexToken,
        context: &str,
    ) -> Parse<std::sync::Arc<[u8]>> {
        if matches!(token.kind, TokenKind::String | TokenKind::RawString) {
            return self.unquoted(token);
        }
        Err(self.unexpected(token, context))
    }
}
