//! Lists of nodes, and the nodes that contain lists: `if`, `with` and `range`.

use super::code::{CodeStep, EmitStep, FlowStep, PushStep, RangeInfo};
use super::compiler::Compiler;
use crate::parse::{Branch, NodeId, NodeKind};

impl Compiler<'_> {
    pub(super) fn list(&mut self, id: NodeId) {
        self.at(id);
        if let NodeKind::List(nodes) = self.kind(id) {
            for node in nodes {
                self.node(*node);
            }
        }
    }

    fn node(&mut self, id: NodeId) {
        self.at(id);
        match self.kind(id) {
            NodeKind::Action(pipe) => {
                let declares = self.pipeline(*pipe, false);
                if !declares {
                    self.at(id);
                    self.emit(CodeStep::Emit(EmitStep::Print));
                }
            }
            NodeKind::Text(span) => {
                let (start, end) = (span.start, span.end);
                self.emit(CodeStep::Emit(EmitStep::Text { start, end }));
            }
            NodeKind::If(branch) => self.branch(*branch, false),
            NodeKind::With(branch) => self.branch(*branch, true),
            NodeKind::Range(branch) => self.range(*branch),
            NodeKind::Break => self.leave_loop(true),
            NodeKind::Continue => self.leave_loop(false),
            NodeKind::Template { name, pipe } => {
                let link = self.link(name);
                self.flow(FlowStep::Exists { link });
                match pipe {
                    Some(pipe) => _ = self.pipeline(*pipe, true),
                    None => self.push(PushStep::Nil),
                }
                self.flow(FlowStep::Template { link });
            }
            _ => {}
        }
    }

    // === Blocks ===

    /// Compiles `if` or `with`.
    fn branch(&mut self, branch: Branch, is_with: bool) {
        let scope = self.enter();
        self.pipeline(branch.pipe, true);
        let test = self.flow(FlowStep::JumpIfFalse(0));
        self.list(branch.list);
        if is_with {
            self.flow(FlowStep::EndWith);
        }

        let other = match branch.other {
            Some(other) => {
                let jump = self.flow(FlowStep::Jump(0));
                let start = self.here();
                self.list(other);
                let end = self.here();
                self.set(jump, FlowStep::Jump(end));
                start
            }
            None => self.here(),
        };
        let test_flow = if is_with {
            FlowStep::With(other)
        } else {
            FlowStep::JumpIfFalse(other)
        };
        self.set(test, test_flow);
        self.leave(scope);
    }

    fn range(&mut self, branch: Branch) {
        let scope = self.enter();
        let index = self.unit.ranges.len();
        let info = match self.kind(branch.pipe) {
            NodeKind::Pipe(pipe) => RangeInfo {
                is_assign: pipe.is_assign,
                variables: pipe
                    .variables
                    .iter()
                    .map(|variable| self.variable(variable.of(self.text)))
                    .collect(),
                ..RangeInfo::default()
            },
            _ => RangeInfo::default(),
        };
        self.unit.ranges.push(info);

        self.pipeline(branch.pipe, true);
        self.flow(FlowStep::Range(index as u32));
        let next = self.here();
        self.flow(FlowStep::Next(index as u32));
        if let Some(info) = self.unit.ranges.get_mut(index) {
            info.next = next;
        }
        self.loops.push(index);
        self.list(branch.list);
        self.loops.pop();
        self.flow(FlowStep::Jump(next));

        let other = self.here();
        if let Some(list) = branch.other {
            self.list(list);
        }
        let exit = self.here();
        if let Some(info) = self.unit.ranges.get_mut(index) {
            (info.other, info.exit) = (other, exit);
        }
        self.leave(scope);
    }

    /// Compiles `break` or `continue`.
    fn leave_loop(&mut self, is_break: bool) {
        let Some(index) = self.loops.last().copied() else {
            return;
        };
        if is_break {
            self.flow(FlowStep::Break(index as u32));
        } else {
            let next = self.unit.ranges.get(index).map_or(0, |info| info.next);
            self.flow(FlowStep::Jump(next));
        }
    }

    /// Begins a scope of variables.
    fn enter(&mut self) -> usize {
        self.flow(FlowStep::Enter)
    }

    /// Ends it. A scope without variables costs nothing.
    fn leave(&mut self, scope: usize) {
        let body = self.ops.get(scope..).unwrap_or_default();
        let declares = |step: &CodeStep| matches!(step, CodeStep::Emit(EmitStep::Declare { .. }));
        if body.iter().any(|op| declares(&op.step)) {
            self.flow(FlowStep::Leave);
        } else if let Some(op) = self.ops.get_mut(scope) {
            op.step = CodeStep::Emit(EmitStep::Nothing);
        }
    }

    fn set(&mut self, index: usize, flow: FlowStep) {
        if let Some(op) = self.ops.get_mut(index) {
            op.step = CodeStep::Flow(flow);
        }
    }
}
