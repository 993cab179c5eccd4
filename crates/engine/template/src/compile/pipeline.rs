//! Pipelines: commands, their arguments, and the calls that they make.
//!
//! An argument may be a pipeline in parentheses, or begin with one.

use std::sync::Arc;

use super::argument::ArgumentTarget;
use super::code::{CallStep, Chain, ChainStart, CodeStep, Constant, EmitStep, FlowStep, PushStep};
use super::compiler::Compiler;
use super::words::Words;
use crate::engine;
use crate::function::{FunctionBody, Functions, Signature};
use crate::parse::{NodeId, NodeKind, Pipe, Span};
use crate::value::GoType;

impl<'c> Compiler<'c> {
    /// Compiles a pipeline, which leaves its value on the stack unless `keep` is off and it sets a
    /// variable. Returns whether it sets one.
    pub(super) fn pipeline(&mut self, id: NodeId, keep: bool) -> bool {
        self.at(id);
        let NodeKind::Pipe(pipe) = self.kind(id) else {
            return false;
        };
        for (index, command) in pipe.commands.iter().enumerate() {
            self.command(*command, index > 0);
        }
        self.declarations(pipe, keep);
        !pipe.variables.is_empty()
    }

    fn declarations(&mut self, pipe: &Pipe, keep: bool) {
        let count = pipe.variables.len();
        for (index, variable) in pipe.variables.iter().enumerate() {
            let name = self.variable(variable.of(self.text));
            let keep = keep || index + 1 < count;
            self.emit(CodeStep::Emit(if pipe.is_assign {
                EmitStep::Assign { name, keep }
            } else {
                EmitStep::Declare { name, keep }
            }));
        }
    }

    fn command(&mut self, id: NodeId, piped: bool) {
        let NodeKind::Command(args) = self.kind(id) else {
            return;
        };
        let Some(first) = args.first().copied() else {
            return;
        };

        let words = Words { args, piped };
        match self.kind(first) {
            NodeKind::Field(fields) => {
                self.at(first);
                self.fields(first, ChainStart::Dot, *fields, words, true);
            }
            NodeKind::Chain { node, fields } => self.chain_node(first, *node, *fields, words, true),
            NodeKind::Identifier(name) => {
                self.function(first, id, *name, words);
            }
            NodeKind::Pipe(_) => {
                if self.is_alone(first, words) {
                    self.pipeline(first, true);
                }
            }
            NodeKind::Variable(span) => {
                self.at(first);
                self.variable_node(first, *span, words, true);
            }
            kind => {
                self.at(first);
                if self.is_alone(first, words) {
                    self.constant_command(first, kind);
                }
            }
        }
    }

    fn constant_command(&mut self, id: NodeId, kind: &'c NodeKind) {
        match kind {
            NodeKind::Bool(value) => self.constant(Constant::Bool(*value)),
            NodeKind::Dot => self.push(PushStep::Dot { strip: true }),
            NodeKind::Nil => self.fail("nil is not a command"),
            NodeKind::Number { text, number } => self.ideal(id, *text, number),
            NodeKind::String { text, .. } => self.constant(Constant::Text(text.into())),
            _ => {
                let shown = self.shown(id);
                self.fail(format!("can't evaluate command {shown:?}"));
            }
        }
    }

    /// Returns whether a value that cannot be called has no arguments; fails otherwise.
    fn is_alone(&mut self, first: NodeId, words: Words<'_>) -> bool {
        if words.count() == 0 {
            return true;
        }
        let shown = self.shown(first);
        self.fail(format!("can't give argument to non-function {shown}"));
        false
    }

    // === Arguments ===

    fn argument(&mut self, id: NodeId, target: ArgumentTarget<'_>) {
        self.at(id);
        match self.kind(id) {
            NodeKind::Dot => self.push(PushStep::Dot { strip: false }),
            NodeKind::Field(fields) => {
                self.fields(id, ChainStart::Dot, *fields, Words::ALONE, false);
            }
            NodeKind::Variable(span) => self.variable_node(id, *span, Words::ALONE, false),
            NodeKind::Pipe(_) => _ = self.pipeline(id, true),
            NodeKind::Identifier(name) => self.function(id, id, *name, Words::ALONE),
            NodeKind::Chain { node, fields } => {
                self.chain_node(id, *node, *fields, Words::ALONE, false);
            }
            kind => return self.literal(id, kind, target),
        }
        match target {
            ArgumentTarget::Known(of) => self.check(of, 0),
            ArgumentTarget::Method { name, index } => {
                self.emit(CodeStep::Call(CallStep::MethodCheck { name, index }));
            }
        }
    }

    // === Variables, fields, methods ===

    fn variable_node(&mut self, id: NodeId, span: Span, words: Words<'c>, strip: bool) {
        let (name, fields) = self.variable_parts(span);
        if let Some(fields) = fields {
            let receiver = self.receiver(name);
            return self.fields(id, receiver, fields, words, strip);
        }
        if self.is_alone(id, words) {
            let receiver = self.receiver(name);
            self.push_fields(receiver, Chain { first: 0, count: 0 }, strip);
        }
    }

    fn chain_node(
        &mut self,
        id: NodeId,
        term: NodeId,
        fields: Span,
        words: Words<'c>,
        strip: bool,
    ) {
        self.at(id);
        if matches!(self.kind(term), NodeKind::Nil) {
            let shown = self.shown(id);
            return self.fail(format!("indirection through explicit nil in {shown}"));
        }
        self.argument(term, ArgumentTarget::Known(&GoType::Reflect));
        self.fields(id, ChainStart::Stack, fields, words, strip);
    }

    /// Compiles a chain of fields, the last of which may be a method with arguments.
    fn fields(
        &mut self,
        node: NodeId,
        receiver: ChainStart,
        fields: Span,
        words: Words<'c>,
        strip: bool,
    ) {
        let chain = self.chain(fields);
        if words.count() == 0 {
            return self.push_fields(receiver, chain, strip);
        }

        let before = Chain {
            count: chain.count.saturating_sub(1),
            ..chain
        };
        self.push_fields(receiver, before, false);
        let name = chain.first + u32::from(before.count);
        let (count, piped) = (words.count() as u16, words.piped);
        self.emit(CodeStep::Call(CallStep::Method { name, count }));
        for (index, argument) in words.arguments().iter().enumerate() {
            let index = index as u16;
            self.argument(*argument, ArgumentTarget::Method { name, index });
        }
        if piped {
            self.emit(CodeStep::Call(CallStep::MethodFinal { name, count }));
        }
        self.emit(CodeStep::Call(CallStep::Invoke {
            name,
            count,
            piped,
            node,
        }));
        if strip {
            self.push(PushStep::Strip);
        }
    }

    fn push_fields(&mut self, of: ChainStart, chain: Chain, strip: bool) {
        let push = match of {
            _ if chain.count > 0 => PushStep::Fields { of, chain, strip },
            ChainStart::Dot => PushStep::Dot { strip },
            ChainStart::Root => PushStep::Root { strip },
            ChainStart::Variable(name) => PushStep::Variable { name, strip },
            ChainStart::Stack => return,
        };
        self.push(push);
    }

    // === Functions ===

    /// Compiles a call of a function. `node` is where its errors are.
    fn function(&mut self, id: NodeId, node: NodeId, name: Span, words: Words<'c>) {
        self.at(id);
        let name = String::from_utf8_lossy(name.of(self.text));
        let found = self.functions.index(&name);
        let Some((index, row)) = found.and_then(|index| Some((index, self.functions.at(index)?)))
        else {
            return self.fail(format!("{name:?} is not a defined function"));
        };
        if let Err(message) = words.check_count(&name, &row.signature) {
            return self.fail(message);
        }

        let is_builtin = Functions::is_builtin(index);
        match &*name {
            "and" | "or" if is_builtin => self.decision(&name, words),
            "call" if is_builtin => self.call_value(node, &row.signature, words),
            "include" if std::ptr::fn_addr_eq(row.body, engine::include as FunctionBody) => {
                self.include(node, &row.signature, words);
            }
            "tpl" if std::ptr::fn_addr_eq(row.body, engine::tpl as FunctionBody) => {
                self.arguments(&row.signature, words);
                let rotate = words.piped;
                self.flow(FlowStep::Tpl { rotate, node });
            }
            _ => {
                self.arguments(&row.signature, words);
                self.emit(CodeStep::Call(CallStep::Function {
                    index: index as u16,
                    count: words.count() as u16,
                    rotate: words.piped && words.count() > 1,
                    node,
                }));
            }
        }
    }

    /// Compiles the arguments of a function; the piped one is on the stack before them.
    fn arguments(&mut self, signature: &Signature, words: Words<'c>) {
        self.written_arguments(signature, words);
        let written = words.arguments().len();
        if words.piped
            && let Some(parameter) = signature.parameter(written)
        {
            self.check(&parameter.of, written as u16);
        }
    }

    /// Compiles the arguments that follow the name of a function.
    fn written_arguments(&mut self, signature: &Signature, words: Words<'c>) {
        for (index, argument) in words.arguments().iter().enumerate() {
            if let Some(parameter) = signature.parameter(index) {
                self.argument(*argument, ArgumentTarget::Known(&parameter.of));
            }
        }
    }

    /// `and` and `or`, which evaluate no more than they need.
    fn decision(&mut self, name: &str, words: Words<'c>) {
        let or = name == "or";
        let arguments = words.arguments();
        let mut decisions = Vec::new();
        for (index, argument) in arguments.iter().enumerate() {
            self.argument(*argument, ArgumentTarget::Known(&GoType::Reflect));
            if words.piped || index + 1 < arguments.len() {
                decisions.push(self.emit(CodeStep::Call(CallStep::Decide { or, target: 0 })));
            }
        }

        // A piped value is the last one, and lies under the one that decides before it.
        let mut target = self.here();
        if words.piped && !decisions.is_empty() {
            let end = target + 2;
            self.flow(FlowStep::Jump(end));
            target = self.here();
            self.emit(CodeStep::Call(CallStep::DropBelow));
        }
        for decision in decisions {
            if let Some(op) = self.ops.get_mut(decision) {
                op.step = CodeStep::Call(CallStep::Decide { or, target });
            }
        }
        self.push(PushStep::Strip);
    }

    /// `call`, whose errors name what is called.
    fn call_value(&mut self, node: NodeId, signature: &Signature, words: Words<'c>) {
        match words.arguments().first() {
            Some(callee) => {
                let shown = self.shown(*callee);
                let shown: Arc<[u8]> = shown.into_bytes().into();
                self.constant(Constant::Text((&shown).into()));
            }
            None => _ = self.emit(CodeStep::Call(CallStep::Callee)),
        }

        self.written_arguments(signature, words);
        let count = words.count() as u16;
        let rotate = words.piped && !words.arguments().is_empty();
        self.emit(CodeStep::Call(CallStep::Value {
            count,
            rotate,
            node,
        }));
        self.push(PushStep::Strip);
    }

    fn include(&mut self, node: NodeId, signature: &Signature, words: Words<'c>) {
        let name = words.arguments().first().map(|name| self.kind(*name));
        let Some(NodeKind::String { text, .. }) = name else {
            self.arguments(signature, words);
            let rotate = words.piped;
            self.flow(FlowStep::IncludeNamed { rotate, node });
            return;
        };

        let link = self.link(text);
        if let Some(data) = words.arguments().get(1) {
            self.argument(*data, ArgumentTarget::Known(&GoType::Any));
        }
        self.flow(FlowStep::Include { link, node });
    }
}
