//! The machine that runs code.
//!
//! Values lie on one stack, calls of templates on another: however deep templates call each other,
//! the thread's own stack stays as it is. All output goes into one buffer; what `include` and `tpl`
//! return is cut off its end.

mod call;
mod check;
mod error;
mod field;
mod flow;
mod frame;
mod include;
mod range;
mod write;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

pub use error::ExecError;
pub(crate) use error::Layer;
use frame::{Frame, Handle, Overlay, Slot, Turn, Variable};
use range::Loop;

use crate::compile::{NO_NODE, Op, Step, Unit};
use crate::context::Context;
use crate::engine::{MissingKey, Templates};
use crate::error::Error;
use crate::parse::NodeId;
use crate::value::{Text, Value};

pub(crate) struct Machine<'r> {
    context: Context<'r>,
    templates: &'r Templates,
    missing: MissingKey,
    stack: Vec<Value>,
    variables: Vec<Variable>,
    /// What dot was before each `with` that is open.
    dots: Vec<Slot>,
    /// How many variables there were at the start of each open scope.
    scopes: Vec<usize>,
    loops: Vec<Loop>,
    frames: Vec<Frame<'r>>,
    out: Vec<u8>,
    at_hand: AtHand<'r>,
    /// How often templates are included inside each other, by number or by name.
    included: Vec<u32>,
    included_by_name: HashMap<Text, u32>,
    /// How many of the open calls return their output.
    captures: usize,
    compiled: include::Compiled,
    /// The nil interface, which in a chain of fields is not the same as no value.
    nil: Value,
}

/// What belongs to the template that runs.
#[derive(Clone)]
struct AtHand<'r> {
    unit: Handle<'r>,
    code: usize,
    next: usize,
    /// The node that an error is at.
    at: NodeId,
    dot: Slot,
    /// The first of its variables, which is the data.
    base: usize,
    /// How deep the call of the template is, as Go counts.
    depth: usize,
    /// Templates that a running `tpl` has defined.
    overlay: Option<Rc<Overlay>>,
}

impl<'r> Machine<'r> {
    pub(crate) fn new(context: Context<'r>, templates: &'r Templates, missing: MissingKey) -> Self {
        Self {
            context,
            templates,
            missing,
            stack: Vec::new(),
            variables: Vec::new(),
            dots: Vec::new(),
            scopes: Vec::new(),
            loops: Vec::new(),
            frames: Vec::new(),
            out: Vec::new(),
            at_hand: AtHand {
                unit: Handle::Own(Arc::new(Unit::empty())),
                code: 0,
                next: 0,
                at: NO_NODE,
                dot: Slot::default(),
                base: 0,
                depth: 0,
                overlay: None,
            },
            included: Vec::new(),
            included_by_name: HashMap::new(),
            captures: 0,
            compiled: include::Compiled::default(),
            nil: Value::object(field::NilInterface),
        }
    }

    /// Runs a template and returns its output.
    pub(crate) fn execute(&mut self, number: u32, data: Value) -> Result<Vec<u8>, ExecError> {
        self.reset();
        let Some((unit, code)) = self.templates.code(number) else {
            return Err(ExecError::plain(Error::new("there is no such template")));
        };
        self.at_hand.unit = Handle::Shared(unit);
        self.at_hand.code = code;
        self.at_hand.next = 0;
        self.begin(data);
        match self.run() {
            // The buffer is kept for the next template.
            Ok(()) => Ok(self.out.clone()),
            Err(error) => Err(self.unwind(error)),
        }
    }

    fn reset(&mut self) {
        self.stack.clear();
        self.variables.clear();
        self.dots.clear();
        self.scopes.clear();
        self.loops.clear();
        self.frames.clear();
        self.out.clear();
        self.included.clear();
        self.included_by_name.clear();
        self.captures = 0;
        self.at_hand.depth = 0;
        self.at_hand.overlay = None;
    }

    fn run(&mut self) -> Result<(), Error> {
        self.charge_code()?;
        loop {
            let unit = self.at_hand.unit.clone();
            let ops = unit
                .codes
                .get(self.at_hand.code)
                .map_or(&[][..], |code| &code.ops);
            if self.run_ops(&unit, ops)? == Turn::End {
                return Ok(());
            }
        }
    }

    /// Runs until a template is called or left.
    fn run_ops(&mut self, unit: &Unit, ops: &[Op]) -> Result<Turn, Error> {
        let mut next = self.at_hand.next;
        while let Some(op) = ops.get(next) {
            next += 1;
            if op.at != NO_NODE {
                self.at_hand.at = op.at;
            }
            match op.step {
                Step::Emit(emit) => self.emit(unit, emit)?,
                Step::Push(push) => self.push(unit, push)?,
                Step::Call(call) => {
                    if let Some(target) = self.call(unit, call)? {
                        next = target;
                    }
                }
                Step::Flow(flow) => match self.flow(unit, flow, next)? {
                    Turn::On => {}
                    Turn::To(target) => next = target as usize,
                    turn => return Ok(turn),
                },
            }
        }
        Ok(Turn::End)
    }

    fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or_default()
    }

    /// Takes the top values off the stack.
    fn base_of(&self, count: u16) -> usize {
        self.stack.len().saturating_sub(usize::from(count))
    }

    fn functions(&self) -> &'r crate::function::Functions {
        self.templates.functions()
    }
}

impl Unit {
    fn empty() -> Self {
        Self {
            name: Arc::from(""),
            text: Arc::from([]),
            delimiters: None,
            codes: Vec::new(),
            constants: Vec::new(),
            names: Vec::new(),
            types: Vec::new(),
            literals: Vec::new(),
            links: Vec::new(),
            messages: Vec::new(),
            ranges: Vec::new(),
            charged: 0,
        }
    }
}
