//! The machine's state.

use std::collections::HashMap;
use std::sync::Arc;

use super::compiled::CompiledTexts;
use super::frame::{AtHand, CallKind, Counted, Frame, Handle, Slot, Variable};
use super::items::Loop;
use super::nil::NilInterface;
use crate::compile::{NO_NODE, Unit};
use crate::context::Context;
use crate::engine::{MissingKey, Templates};
use crate::error::TemplateError;
use crate::function::Functions;
use crate::value::{GoString, Value};

pub(crate) struct Machine<'r> {
    pub(super) context: Context<'r>,
    pub(super) templates: &'r Templates,
    pub(super) missing: MissingKey,
    pub(super) stack: Vec<Value>,
    pub(super) variables: Vec<Variable>,
    /// What dot was before each `with` that is open.
    pub(super) dots: Vec<Slot>,
    /// How many variables there were at the start of each open scope.
    pub(super) scopes: Vec<usize>,
    pub(super) loops: Vec<Loop>,
    pub(super) frames: Vec<Frame<'r>>,
    pub(super) out: Vec<u8>,
    pub(super) at_hand: AtHand<'r>,
    /// How often templates are included inside each other, by number or by name.
    pub(super) included: Vec<u32>,
    pub(super) included_by_name: HashMap<GoString, u32>,
    /// How many of the open calls return their output.
    pub(super) captures: usize,
    pub(super) compiled: CompiledTexts,
    /// The nil interface, which in a chain of fields is not the same as no value.
    pub(super) nil: Value,
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
            compiled: CompiledTexts::default(),
            nil: Value::object(NilInterface),
        }
    }

    /// Forgets the template that was run before.
    pub(super) fn reset(&mut self) {
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

    /// Starts the template at hand with its data.
    pub(super) fn begin(&mut self, data: Value) {
        self.at_hand.at = NO_NODE;
        self.at_hand.base = self.variables.len();
        let slot = Slot {
            value: data,
            is_interface: false,
        };
        self.variables.push(Variable {
            name: ROOT,
            slot: slot.clone(),
        });
        self.at_hand.dot = slot;
    }

    /// Charges the steps of the template at hand, each once: loops charge theirs again.
    pub(super) fn charge_code(&mut self) -> Result<(), TemplateError> {
        let code = self.at_hand.unit.codes.get(self.at_hand.code);
        let steps = code.map_or(0, |code| code.ops.len());
        self.context.steps(steps + 1)?;
        self.context.nodes(1)
    }

    /// Leaves the template at hand because of an error; returns how it was called.
    pub(super) fn abandon(&mut self) -> Option<CallKind> {
        let frame = self.frames.pop()?;
        self.at_hand = frame.at_hand;
        Some(frame.call)
    }

    pub(super) fn count(&mut self, counted: &Counted) -> &mut u32 {
        match counted {
            Counted::Number(number) => {
                let index = *number as usize;
                if self.included.len() <= index {
                    self.included.resize(index + 1, 0);
                }
                &mut self.included[index]
            }
            Counted::Name(name) => self.included_by_name.entry(name.clone()).or_default(),
        }
    }

    pub(super) fn uncount(&mut self, counted: &Counted) {
        let count = self.count(counted);
        *count = count.saturating_sub(1);
    }

    pub(super) fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or_default()
    }

    /// Takes the top values off the stack.
    pub(super) fn base_of(&self, count: u16) -> usize {
        self.stack.len().saturating_sub(usize::from(count))
    }

    pub(super) fn functions(&self) -> &'r Functions {
        self.templates.functions()
    }
}

/// The name of the data, `$`, in every unit.
const ROOT: u32 = 0;
