//! The code of templates.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use crate::parse::{NodeId, Number};
use crate::value::{GoType, SharedText, Value, prefix};

/// A compiled source with the templates that it defines. It is shared by threads.
#[derive(Debug)]
pub(crate) struct Unit {
    /// What errors call the source.
    pub(crate) name: Arc<str>,
    pub(crate) text: Arc<[u8]>,
    /// Other delimiters than Go's.
    pub(crate) delimiters: Option<(Box<str>, Box<str>)>,
    /// The templates; the source itself is last.
    pub(crate) codes: Vec<Code>,
    pub(crate) constants: Vec<Constant>,
    /// Names of fields and variables.
    pub(crate) names: Vec<UnitName>,
    /// Types that arguments are checked against.
    pub(crate) types: Vec<GoType>,
    /// Constants that become arguments of methods, whose types are known when they are called.
    pub(crate) literals: Vec<Literal>,
    /// Templates that are called by a name in the source.
    pub(crate) links: Vec<Link>,
    /// Texts of failures that are known beforehand.
    pub(crate) messages: Vec<Box<str>>,
    pub(crate) ranges: Vec<RangeInfo>,
    /// The nodes that its compilation was charged for.
    pub(crate) charged: u64,
}

impl Unit {
    /// Returns a unit without templates.
    pub(crate) fn empty() -> Self {
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

/// The name of a field or a variable.
#[derive(Debug)]
pub(crate) struct UnitName {
    pub(crate) text: Box<str>,
    /// By which maps find it.
    pub(crate) prefix: u64,
    /// Where a map had it last: most lookups of a template are in maps with the same keys.
    pub(crate) seen_at: AtomicU32,
}

impl UnitName {
    pub(crate) fn new(name: &[u8]) -> Self {
        Self {
            text: String::from_utf8_lossy(name).into(),
            prefix: prefix(name),
            seen_at: AtomicU32::new(0),
        }
    }
}

/// A template.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) name: Arc<[u8]>,
    pub(crate) ops: Vec<Op>,
    /// Holds nothing but space and comments, and so does not replace another template.
    pub(crate) is_empty: bool,
}

/// The name of a template that is called, and where it is.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) name: Arc<[u8]>,
    /// Its number in the set that the unit belongs to or is run in.
    pub(crate) number: Option<u32>,
}

/// A constant that can be shared by threads.
#[derive(Debug, Clone)]
pub(crate) enum Constant {
    Bool(bool),
    Integer(crate::value::Integer),
    Float(f64),
    Float32(f32),
    Text(SharedText),
    /// Nil of a type.
    Nil(GoType),
}

/// A constant whose type is not known yet.
#[derive(Debug)]
pub(crate) enum Literal {
    Nil,
    Bool(bool),
    Number { number: Number, text: Box<str> },
    Text { text: Arc<[u8]>, quoted: Box<str> },
}

/// How a `range` sets its variables.
#[derive(Debug, Default)]
pub(crate) struct RangeInfo {
    pub(crate) is_assign: bool,
    pub(crate) variables: Vec<u32>,
    /// Where the loop continues.
    pub(crate) next: u32,
    /// Where it goes when it is done.
    pub(crate) exit: u32,
    /// Where it goes when there is nothing.
    pub(crate) other: u32,
}

/// A step and the node that is noted before it, or [`NO_NODE`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Op {
    pub(crate) at: NodeId,
    pub(crate) step: CodeStep,
}

/// Notes no node.
pub(crate) const NO_NODE: NodeId = NodeId::MAX;

#[derive(Debug, Clone, Copy)]
pub(crate) enum CodeStep {
    Emit(EmitStep),
    Push(PushStep),
    Call(CallStep),
    Flow(FlowStep),
}

/// Steps that write, or that take a value from the stack.
#[derive(Debug, Clone, Copy)]
pub(crate) enum EmitStep {
    /// Writes a part of the source.
    Text {
        start: u32,
        end: u32,
    },
    /// Prints the top value.
    Print,
    /// Declares a variable with the top value.
    Declare {
        name: u32,
        keep: bool,
    },
    /// Sets a variable to the top value.
    Assign {
        name: u32,
        keep: bool,
    },
    Nothing,
}

/// Steps that put a value on the stack. `strip` says that the value ends a command, which turns the
/// nil interface into no value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PushStep {
    Constant(u32),
    Nil,
    Dot {
        strip: bool,
    },
    /// The data of the template.
    Root {
        strip: bool,
    },
    Variable {
        name: u32,
        strip: bool,
    },
    /// Follows a chain of fields.
    Fields {
        of: ChainStart,
        chain: Chain,
        strip: bool,
    },
    /// Ends a command.
    Strip,
}

/// Where a chain of fields begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ChainStart {
    Dot,
    Root,
    Variable(u32),
    /// The top value.
    Stack,
}

/// Names of fields, which follow each other in the unit's names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain {
    pub(crate) first: u32,
    pub(crate) count: u16,
}

/// Steps that check and call. `node` is where an error of the function is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CallStep {
    /// Checks the value that is `below` others against a type, and makes it fit.
    Check { of: u32, below: u16 },
    /// Calls a function with the top `count` values; the first of them is the last argument if
    /// `rotate` is set.
    Function {
        index: u16,
        count: u16,
        rotate: bool,
        node: NodeId,
    },
    /// Calls a function value; its name for errors is under the values.
    Value {
        count: u16,
        rotate: bool,
        node: NodeId,
    },
    /// Puts the name that errors give a piped function value under it.
    Callee,
    /// Checks that the top value has a method for this many arguments.
    Method { name: u32, count: u16 },
    /// Checks an argument of a method that is `index` above its receiver.
    MethodCheck { name: u32, index: u16 },
    /// Puts a constant on the stack, as an argument of the method.
    MethodLiteral { name: u32, index: u16, literal: u32 },
    /// Checks the piped last argument of a method, which is under the receiver.
    MethodFinal { name: u32, count: u16 },
    /// Calls the method.
    Invoke {
        name: u32,
        count: u16,
        piped: bool,
        node: NodeId,
    },
    /// Jumps if the top value decides `and` or `or`, else drops it.
    Decide { or: bool, target: u32 },
    /// Drops the value under the top value.
    DropBelow,
}

/// Steps that go elsewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FlowStep {
    Jump(u32),
    /// Drops the top value and jumps if it is empty.
    JumpIfFalse(u32),
    /// Begins a scope of variables.
    Enter,
    /// Ends it.
    Leave,
    /// Makes the top value dot, or jumps if it is empty.
    With(u32),
    EndWith,
    /// Begins a loop over the top value.
    Range(u32),
    /// Goes on with the next item.
    Next(u32),
    /// Ends the loop.
    Break(u32),
    /// Fails if a template is missing.
    Exists {
        link: u32,
    },
    /// Calls a template with the top value.
    Template {
        link: u32,
    },
    /// Calls a template and puts its output on the stack.
    Include {
        link: u32,
        node: NodeId,
    },
    /// The same, by a name on the stack.
    IncludeNamed {
        rotate: bool,
        node: NodeId,
    },
    /// Compiles and runs a text.
    Tpl {
        rotate: bool,
        node: NodeId,
    },
    Fail(u32),
    Return,
}

impl Constant {
    /// Returns the value.
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Integer(integer) => Value::integer(integer.kind, integer.bits),
            Self::Float(number) => Value::Float(*number),
            Self::Float32(number) => Value::Float32(*number),
            Self::Text(text) => Value::String(text.text()),
            Self::Nil(of) => of.zero(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_small_and_a_unit_can_be_shared() {
        fn shared<T: Send + Sync>() {}
        shared::<Unit>();
        assert!(size_of::<Op>() <= 24, "{}", size_of::<Op>());
    }
}
