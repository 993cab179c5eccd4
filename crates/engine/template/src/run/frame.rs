//! Templates that run, and what is restored when they return.

use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use crate::compile::Unit;
use crate::parse::NodeId;
use crate::value::{GoString, Value};

/// A unit of the set that is run, or one that was compiled by this run.
#[derive(Clone)]
pub(super) enum Handle<'r> {
    Shared(&'r Unit),
    Own(Arc<Unit>),
}

impl Deref for Handle<'_> {
    type Target = Unit;

    fn deref(&self) -> &Unit {
        match self {
            Self::Shared(unit) => unit,
            Self::Own(unit) => unit,
        }
    }
}

/// A value that may have the static type `interface {}`: only errors and nil show the difference.
#[derive(Clone, Default)]
pub(super) struct Slot {
    pub(super) value: Value,
    pub(super) is_interface: bool,
}

impl Slot {
    /// An item of something whose items have a static type.
    pub(super) fn item(value: Value, is_interface: bool) -> Self {
        Self {
            value,
            is_interface,
        }
    }
}

pub(super) struct Variable {
    pub(super) name: u32,
    pub(super) slot: Slot,
}

/// Templates of a text that `tpl` runs. They hide those of the set.
pub(super) struct Overlay {
    pub(super) unit: Arc<Unit>,
    pub(super) outer: Option<Rc<Overlay>>,
    /// Templates here and further out, which a call may have to look at.
    pub(super) templates: usize,
}

/// What belongs to the template that runs.
#[derive(Clone)]
pub(super) struct AtHand<'r> {
    pub(super) unit: Handle<'r>,
    pub(super) code: usize,
    pub(super) next: usize,
    /// The node that an error is at.
    pub(super) at: NodeId,
    pub(super) dot: Slot,
    /// The first of its variables, which is the data.
    pub(super) base: usize,
    /// How deep the call of the template is, as Go counts.
    pub(super) depth: usize,
    /// Templates that a running `tpl` has defined.
    pub(super) overlay: Option<Rc<Overlay>>,
}

/// A template that waits for one that it called.
pub(super) struct Frame<'r> {
    pub(super) at_hand: AtHand<'r>,
    pub(super) call: CallKind,
}

/// How the template was called.
pub(super) enum CallKind {
    Template,
    Include {
        start: usize,
        node: NodeId,
        counted: Counted,
    },
    Tpl {
        start: usize,
        node: NodeId,
        text: GoString,
    },
}

/// What counts an `include`.
#[derive(Clone)]
pub(super) enum Counted {
    Number(u32),
    Name(GoString),
}

/// How a run goes on after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunTurn {
    On,
    To(u32),
    /// In another template.
    Switch,
    End,
}

/// A template that can be called.
pub(super) struct Callee<'r> {
    pub(super) unit: Handle<'r>,
    pub(super) code: usize,
    /// Its number in the set.
    pub(super) number: Option<u32>,
}
