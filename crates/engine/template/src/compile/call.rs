//! Commands: values, functions, methods.

use std::sync::Arc;

use super::argument::Target;
use super::code::{Call, Chain, Constant, Flow, Push, Source, Step};
use super::compiler::Compiler;
use crate::engine;
use crate::function::{Body, Functions, Signature};
use crate::parse::{NodeId, NodeKind, Span};
use crate::value::Type;

/// A command: its words, and whether the value before it in the pipeline is its last argument.
#[derive(Clone, Copy)]
pub(super) struct Words<'c> {
    /// The first word is what is called.
    pub(super) args: &'c [NodeId],
    pub(super) piped: bool,
}

impl<'c> Words<'c> {
    /// A word that stands alone.
    pub(super) const ALONE: Self = Words {
        args: &[],
        piped: false,
    };

    fn arguments(self) -> &'c [NodeId] {
        self.args.get(1..).unwrap_or_default()
    }

    /// The number of arguments, with the piped one.
    fn count(self) -> usize {
        self.arguments().len() + usize::from(self.piped)
    }
}

impl<'c> Compiler<'c> {
    pub(super) fn command(&mut self, id: NodeId, piped: bool) {
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
                self.fields(first, Source::Dot, *fields, words, true);
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
            NodeKind::Dot => self.push(Push::Dot { strip: true }),
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

    pub(super) fn variable_node(&mut self, id: NodeId, span: Span, words: Words<'c>, strip: bool) {
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

    pub(super) fn chain_node(
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
        self.argument(term, Target::Known(&Type::Reflect));
        self.fields(id, Source::Stack, fields, words, strip);
    }

    /// Compiles a chain of fields, the last of which may be a method with arguments.
    pub(super) fn fields(
        &mut self,
        node: NodeId,
        receiver: Source,
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
        self.emit(Step::Call(Call::Method { name, count }));
        for (index, argument) in words.arguments().iter().enumerate() {
            let index = index as u16;
            self.argument(*argument, Target::Method { name, index });
        }
        if piped {
            self.emit(Step::Call(Call::MethodFinal { name, count }));
        }
        self.emit(Step::Call(Call::Invoke {
            name,
            count,
            piped,
            node,
        }));
        if strip {
            self.push(Push::Strip);
        }
    }

    fn push_fields(&mut self, of: Source, chain: Chain, strip: bool) {
        let push = match of {
            _ if chain.count > 0 => Push::Fields { of, chain, strip },
            Source::Dot => Push::Dot { strip },
            Source::Root => Push::Root { strip },
            Source::Variable(name) => Push::Variable { name, strip },
            Source::Stack => return,
        };
        self.push(push);
    }

    /// Compiles a call of a function. `node` is where its errors are.
    pub(super) fn function(&mut self, id: NodeId, node: NodeId, name: Span, words: Words<'c>) {
        self.at(id);
        let name = String::from_utf8_lossy(name.of(self.text));
        let found = self.functions.index(&name);
        let Some((index, row)) = found.and_then(|index| Some((index, self.functions.at(index)?)))
        else {
            return self.fail(format!("{name:?} is not a defined function"));
        };
        if let Err(message) = arity(&name, &row.signature, words) {
            return self.fail(message);
        }

        let is_builtin = Functions::is_builtin(index);
        match &*name {
            "and" | "or" if is_builtin => self.decision(&name, words),
            "call" if is_builtin => self.call_value(node, &row.signature, words),
            "include" if std::ptr::fn_addr_eq(row.body, engine::include as Body) => {
                self.include(node, &row.signature, words);
            }
            "tpl" if std::ptr::fn_addr_eq(row.body, engine::tpl as Body) => {
                self.arguments(&row.signature, words);
                let rotate = words.piped;
                self.flow(Flow::Tpl { rotate, node });
            }
            _ => {
                self.arguments(&row.signature, words);
                self.emit(Step::Call(Call::Function {
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
        let arguments = words.arguments();
        for (index, argument) in arguments.iter().enumerate() {
            if let Some(parameter) = signature.parameter(index) {
                self.argument(*argument, Target::Known(&parameter.of));
            }
        }
        if words.piped
            && let Some(parameter) = signature.parameter(arguments.len())
        {
            self.check(&parameter.of, arguments.len() as u16);
        }
    }

    /// `and` and `or`, which evaluate no more than they need.
    fn decision(&mut self, name: &str, words: Words<'c>) {
        let or = name == "or";
        let arguments = words.arguments();
        let mut decisions = Vec::new();
        for (index, argument) in arguments.iter().enumerate() {
            self.argument(*argument, Target::Known(&Type::Reflect));
            if words.piped || index + 1 < arguments.len() {
                decisions.push(self.emit(Step::Call(Call::Decide { or, target: 0 })));
            }
        }

        // A piped value is the last one, and lies under the one that decides before it.
        let mut target = self.here();
        if words.piped && !decisions.is_empty() {
            let end = target + 2;
            self.flow(Flow::Jump(end));
            target = self.here();
            self.emit(Step::Call(Call::DropBelow));
        }
        for decision in decisions {
            if let Some(op) = self.ops.get_mut(decision) {
                op.step = Step::Call(Call::Decide { or, target });
            }
        }
        self.push(Push::Strip);
    }

    /// `call`, whose errors name what is called.
    fn call_value(&mut self, node: NodeId, signature: &Signature, words: Words<'c>) {
        match words.arguments().first() {
            Some(callee) => {
                let shown = self.shown(*callee);
                let shown: Arc<[u8]> = shown.into_bytes().into();
                self.constant(Constant::Text((&shown).into()));
            }
            None => _ = self.emit(Step::Call(Call::Callee)),
        }
        let arguments = words.arguments();
        for (index, argument) in arguments.iter().enumerate() {
            if let Some(parameter) = signature.parameter(index) {
                self.argument(*argument, Target::Known(&parameter.of));
            }
        }
        let count = words.count() as u16;
        let rotate = words.piped && !arguments.is_empty();
        self.emit(Step::Call(Call::Value {
            count,
            rotate,
            node,
        }));
        self.push(Push::Strip);
    }

    fn include(&mut self, node: NodeId, signature: &Signature, words: Words<'c>) {
        let name = words.arguments().first().map(|name| self.kind(*name));
        let Some(NodeKind::String { text, .. }) = name else {
            self.arguments(signature, words);
            let rotate = words.piped;
            self.flow(Flow::IncludeNamed { rotate, node });
            return;
        };

        let link = self.link(text);
        if let Some(data) = words.arguments().get(1) {
            self.argument(*data, Target::Known(&Type::Any));
        }
        self.flow(Flow::Include { link, node });
    }
}

/// Checks the number of arguments.
fn arity(name: &str, signature: &Signature, words: Words<'_>) -> Result<(), String> {
    let required = signature.required();
    let count = words.count();
    if signature.is_variadic() {
        if count >= required {
            return Ok(());
        }
        let given = words.arguments().len();
        return Err(format!(
            "wrong number of args for {name}: want at least {required} got {given}"
        ));
    }
    if count == required {
        return Ok(());
    }
    Err(format!(
        "wrong number of args for {name}: want {required} got {count}"
    ))
}
