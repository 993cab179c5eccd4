//! From trees to code: straight lists of small steps for a stack machine.
//!
//! What does not depend on values is decided here: functions are resolved, constants take the types
//! of their parameters, and calls that can never succeed become steps that fail with Go's text.
//! Code needs no stack of the thread, so templates that call each other may nest as deep as Go
//! allows. Each step may note a node, which is where Go says that a later error is.

mod argument;
mod code;
mod compiler;
mod control;
mod pipeline;
mod source;
mod words;

pub(crate) use code::{
    CallStep, Chain, ChainStart, CodeStep, Constant, EmitStep, FlowStep, NO_NODE, Op, PushStep,
    RangeInfo, Unit, UnitName,
};
pub(crate) use source::compile;
