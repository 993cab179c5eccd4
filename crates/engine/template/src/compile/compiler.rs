//! The compiler's state: steps emitted, and names found so far.

use std::collections::HashMap;
use std::sync::Arc;

use super::code::{
    Chain, ChainStart, CodeStep, Constant, FlowStep, Link, NO_NODE, Op, PushStep, Unit, UnitName,
};
use crate::function::Functions;
use crate::parse::{NodeId, NodeKind, Nodes, Parsed, Span};

pub(super) struct Compiler<'c> {
    pub(super) parsed: &'c Parsed,
    pub(super) text: &'c [u8],
    pub(super) functions: &'c Functions,
    pub(super) unit: Unit,
    /// Where the names of a chain of fields begin, by the text of the chain.
    chains: HashMap<&'c [u8], Chain>,
    variables: HashMap<&'c [u8], u32>,
    links: HashMap<Arc<[u8]>, u32>,
    pub(super) ops: Vec<Op>,
    /// The node that the next step notes.
    noted: NodeId,
    /// The loops around, by their place in the unit's ranges.
    pub(super) loops: Vec<usize>,
    /// Whether some action declares `$` itself, which then is a variable like others.
    declares_root: bool,
}

impl<'c> Compiler<'c> {
    /// Starts with a unit that has no code yet.
    pub(super) fn new(
        parsed: &'c Parsed,
        text: &'c [u8],
        functions: &'c Functions,
        unit: Unit,
    ) -> Self {
        let mut compiler = Self {
            parsed,
            text,
            functions,
            unit,
            chains: HashMap::new(),
            variables: HashMap::new(),
            links: HashMap::new(),
            ops: Vec::new(),
            noted: NO_NODE,
            loops: Vec::new(),
            declares_root: false,
        };
        compiler.names_root();
        compiler
    }

    pub(super) fn kind(&self, id: NodeId) -> &'c NodeKind {
        let node = self.parsed.nodes.get(id as usize);
        node.map_or(&NodeKind::Nil, |node| &node.kind)
    }

    /// Notes where an error is from here on.
    pub(super) fn at(&mut self, id: NodeId) {
        self.noted = id;
    }

    pub(super) fn emit(&mut self, step: CodeStep) -> usize {
        let at = std::mem::replace(&mut self.noted, NO_NODE);
        self.ops.push(Op { at, step });
        self.ops.len() - 1
    }

    pub(super) fn flow(&mut self, flow: FlowStep) -> usize {
        self.emit(CodeStep::Flow(flow))
    }

    pub(super) fn push(&mut self, push: PushStep) {
        self.emit(CodeStep::Push(push));
    }

    /// Returns where the next step will be.
    pub(super) fn here(&self) -> u32 {
        self.ops.len() as u32
    }

    /// Emits a step that fails.
    pub(super) fn fail(&mut self, message: impl Into<Box<str>>) {
        let index = self.unit.messages.len() as u32;
        self.unit.messages.push(message.into());
        self.flow(FlowStep::Fail(index));
        // Whatever follows is not reached, but keeps its place on the stack.
        self.push(PushStep::Nil);
    }

    pub(super) fn constant(&mut self, constant: Constant) {
        let index = self.unit.constants.len() as u32;
        self.unit.constants.push(constant);
        self.push(PushStep::Constant(index));
    }

    pub(super) fn shown(&self, id: NodeId) -> String {
        let nodes = Nodes {
            text: self.text,
            all: &self.parsed.nodes,
            quotes_text: false,
        };
        let mut out = Vec::new();
        nodes.write(id, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    pub(super) fn link(&mut self, name: &Arc<[u8]>) -> u32 {
        let links = &mut self.unit.links;
        let index = self.links.entry(Arc::clone(name)).or_insert_with(|| {
            links.push(Link {
                name: Arc::clone(name),
                number: None,
            });
            links.len() as u32 - 1
        });
        *index
    }

    pub(super) fn variable(&mut self, name: &'c [u8]) -> u32 {
        let unit = &mut self.unit;
        *self.variables.entry(name).or_insert_with(|| {
            unit.names.push(UnitName::new(name));
            unit.names.len() as u32 - 1
        })
    }

    /// Returns where the names of a chain are: `.a.b`.
    pub(super) fn chain(&mut self, span: Span) -> Chain {
        let text = span.of(self.text);
        let unit = &mut self.unit;
        *self.chains.entry(text).or_insert_with(|| {
            let first = unit.names.len() as u32;
            let names = text.split(|byte| *byte == b'.').skip(1);
            unit.names.extend(names.map(UnitName::new));
            let count = (unit.names.len() as u32 - first) as u16;
            Chain { first, count }
        })
    }

    /// Makes `$` the first name, which machines give to the data.
    fn names_root(&mut self) {
        self.variable(b"$");
        let is_root = |span: &Span| span.of(self.text) == b"$";
        self.declares_root = self.parsed.nodes.iter().any(|node| match &node.kind {
            NodeKind::Pipe(pipe) => pipe.variables.iter().any(is_root),
            _ => false,
        });
    }

    /// Splits `$x.a.b`.
    pub(super) fn variable_parts(&self, span: Span) -> (&'c [u8], Option<Span>) {
        let text = span.of(self.text);
        match text.iter().position(|byte| *byte == b'.') {
            Some(at) => {
                let fields = Span {
                    start: span.start + at as u32,
                    end: span.end,
                };
                (text.get(..at).unwrap_or_default(), Some(fields))
            }
            None => (text, None),
        }
    }

    pub(super) fn receiver(&mut self, name: &'c [u8]) -> ChainStart {
        if name == b"$" && !self.declares_root {
            return ChainStart::Root;
        }
        ChainStart::Variable(self.variable(name))
    }
}
