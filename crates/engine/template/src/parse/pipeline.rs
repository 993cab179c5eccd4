//! Pipelines, commands and their operands.

use super::lex::TokenKind;
use super::node::{NodeId, NodeKind, Pipe};
use super::number::Number;
use super::parser::{Parse, Parser};

/// Arguments of one command.
const ARGUMENTS_MAX: usize = 10_000;
/// Fields of one chain.
const FIELDS_MAX: usize = 1000;
/// Variables in scope at one place.
const VARIABLES_MAX: usize = 4096;

impl<'s> Parser<'s> {
    /// Parses a pipeline up to and with its end.
    pub(super) fn pipeline(&mut self, context: &str, end: TokenKind) -> Parse<NodeId> {
        let position = self.peek_word().span.start;
        let mut pipe = Pipe::default();
        while self.declaration(&mut pipe, context)? {}
        loop {
            let token = self.next_word();
            match token.kind {
                kind if kind == end => {
                    self.check_pipeline(&pipe, context)?;
                    return Ok(self.node(position, NodeKind::Pipe(Box::new(pipe))));
                }
                kind if is_operand(kind) => {
                    self.give_back();
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return Err(self.unexpected(token, context)),
            }
        }
    }

    /// Parses a variable that is declared or assigned, if there is one. Returns whether another may
    /// follow, as in `range $index, $item := …`.
    fn declaration(&mut self, pipe: &mut Pipe, context: &str) -> Parse<bool> {
        let variable = self.peek_word();
        if variable.kind != TokenKind::Variable {
            return Ok(false);
        }
        self.next();
        // A space after the variable decides between a declaration and an argument.
        let after = self.peek();
        let next = self.peek_word();
        let name = variable.span.of(self.text);
        match next.kind {
            TokenKind::Assign | TokenKind::Declare => {
                pipe.is_assign = next.kind == TokenKind::Assign;
                self.next_word();
                pipe.variables.push(variable.span);
                self.declare(name)?;
                Ok(false)
            }
            TokenKind::Char if next.span.of(self.text) == b"," => {
                self.next_word();
                pipe.variables.push(variable.span);
                self.declare(name)?;
                self.second_variable(pipe, context)
            }
            _ if after.kind == TokenKind::Space => {
                self.give_back_three(variable, after);
                Ok(false)
            }
            _ => {
                self.give_back_two(variable);
                Ok(false)
            }
        }
    }

    fn declare(&mut self, name: &'s [u8]) -> Parse<()> {
        if self.variables.len() >= VARIABLES_MAX {
            return Err(self.too_many("variables", VARIABLES_MAX));
        }
        self.variables.push(name);
        Ok(())
    }

    fn second_variable(&mut self, pipe: &Pipe, context: &str) -> Parse<bool> {
        if context != "range" || pipe.variables.len() >= 2 {
            return Err(self.error(&format!("too many declarations in {context}")));
        }
        match self.peek_word().kind {
            TokenKind::Variable | TokenKind::RightDelimiter | TokenKind::RightParen => Ok(true),
            _ => Err(self.error("range can only initialize variables")),
        }
    }

    fn check_pipeline(&self, pipe: &Pipe, context: &str) -> Parse<()> {
        if pipe.commands.is_empty() {
            return Err(self.error(&format!("missing value for {context}")));
        }
        for (index, command) in pipe.commands.iter().enumerate().skip(1) {
            let first = match self.kind(*command) {
                Some(NodeKind::Command(args)) => args.first().and_then(|arg| self.kind(*arg)),
                _ => None,
            };
            if first.is_some_and(is_constant) {
                let message = format!("non executable command in pipeline stage {}", index + 1);
                return Err(self.error(&message));
            }
        }
        Ok(())
    }

    /// Parses operands up to a pipe or the end of the pipeline, which is left.
    fn command(&mut self) -> Parse<NodeId> {
        let position = self.peek_word().span.start;
        let mut args = Vec::new();
        self.charge(1)?;
        loop {
            if args.len() > ARGUMENTS_MAX {
                return Err(self.too_many("arguments", ARGUMENTS_MAX));
            }
            self.peek_word();
            args.extend(self.operand()?);
            let token = self.next();
            match token.kind {
                TokenKind::Space => {}
                TokenKind::RightDelimiter | TokenKind::RightParen => {
                    self.give_back();
                    break;
                }
                TokenKind::Pipe => break,
                _ => return Err(self.unexpected(token, "operand")),
            }
        }
        if args.is_empty() {
            return Err(self.error("empty command"));
        }
        Ok(self.node(position, NodeKind::Command(args)))
    }

    /// Parses a term and the fields after it; nothing if something else comes next.
    fn operand(&mut self) -> Parse<Option<NodeId>> {
        self.charge(1)?;
        let Some(term) = self.term()? else {
            return Ok(None);
        };
        let first = self.peek();
        if first.kind != TokenKind::Field {
            return Ok(Some(term));
        }
        let mut fields = first.span;
        let mut count = 1;
        while self.peek().kind == TokenKind::Field {
            fields = fields.to(self.next().span);
            count += 1;
            if count > FIELDS_MAX {
                return Err(self.too_many("fields in a row", FIELDS_MAX));
            }
        }

        let position = first.span.start;
        let kind = match self.kind(term) {
            Some(NodeKind::Field(span)) => NodeKind::Field(span.to(fields)),
            Some(NodeKind::Variable(span)) => NodeKind::Variable(span.to(fields)),
            Some(kind) if is_constant(kind) => {
                let shown = self.shown(term);
                return Err(self.error(&format!("unexpected . after term {shown:?}")));
            }
            _ => NodeKind::Chain { node: term, fields },
        };
        Ok(Some(self.node(position, kind)))
    }

    fn term(&mut self) -> Parse<Option<NodeId>> {
        let token = self.next_word();
        let text = token.span.of(self.text);
        let kind = match token.kind {
            TokenKind::Identifier => {
                self.check_function(text)?;
                NodeKind::Identifier(token.span)
            }
            TokenKind::Dot => NodeKind::Dot,
            TokenKind::Nil => NodeKind::Nil,
            TokenKind::Variable => {
                self.check_variable(text)?;
                NodeKind::Variable(token.span)
            }
            TokenKind::Field => NodeKind::Field(token.span),
            TokenKind::Bool => NodeKind::Bool(text == b"true"),
            TokenKind::CharConstant | TokenKind::Complex | TokenKind::Number => {
                let number = Number::parse(&String::from_utf8_lossy(text));
                let number = number.map_err(|message| self.error(&message))?;
                NodeKind::Number {
                    text: token.span,
                    number: Box::new(number),
                }
            }
            TokenKind::LeftParen => return self.parenthesized().map(Some),
            TokenKind::String | TokenKind::RawString => NodeKind::String {
                quoted: token.span,
                text: self.unquoted(token)?,
            },
            _ => {
                self.give_back();
                return Ok(None);
            }
        };
        Ok(Some(self.node(token.span.start, kind)))
    }

    fn check_function(&self, name: &[u8]) -> Parse<()> {
        let name = String::from_utf8_lossy(name);
        if self.functions.index(&name).is_some() {
            return Ok(());
        }
        Err(self.error(&format!("function {name:?} not defined")))
    }

    fn check_variable(&self, name: &[u8]) -> Parse<()> {
        if self.variables.contains(&name) {
            return Ok(());
        }
        let name = String::from_utf8_lossy(name);
        Err(self.error(&format!("undefined variable {name:?}")))
    }

    fn parenthesized(&mut self) -> Parse<NodeId> {
        if self.depth >= self.depth_max {
            return Err(self.error("max expression depth exceeded"));
        }
        self.depth += 1;
        let pipe = self.pipeline("parenthesized pipeline", TokenKind::RightParen)?;
        self.depth -= 1;
        Ok(pipe)
    }
}

/// Returns whether a node is a value that cannot be called.
fn is_constant(kind: &NodeKind) -> bool {
    matches!(
        kind,
        NodeKind::Bool(_)
            | NodeKind::Dot
            | NodeKind::Nil
            | NodeKind::Number { .. }
            | NodeKind::String { .. }
    )
}

fn is_operand(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Bool
            | TokenKind::CharConstant
            | TokenKind::Complex
            | TokenKind::Dot
            | TokenKind::Field
            | TokenKind::Identifier
            | TokenKind::Number
            | TokenKind::Nil
            | TokenKind::RawString
            | TokenKind::String
            | TokenKind::Variable
            | TokenKind::LeftParen
    )
}
