//! [`ExprShape`]: the worst-case cost of an expression, derived from its form, and the variables it
//! uses.
//!
//! The language has no loops except macros over lists and maps, so the work is bounded by the
//! length of the largest list to the power of their nesting, and what is built by the input and its
//! [`Growth`]. A few functions could build more than their arguments contain; those are bounded at
//! run time ([`functions`](crate::functions)).
//!
//! The library copies a value whenever a field is selected or a function called. In a loop that is
//! the entry, and all entries together are no more than the input; or a value from outside, which
//! is copied at every step.

use std::collections::BTreeSet;

use kube_cel::cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr};

use crate::{error::Error, growth::Growth, loops, types};

/// The measures of an expression.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ExprShape {
    /// Depth of the tree.
    pub(crate) depth: usize,
    /// Nesting of macros.
    pub(crate) nesting: u32,
    /// The deepest macro that refers to something outside of it.
    pub(crate) outside: u32,
    /// Nodes of the tree.
    pub(crate) nodes: u64,
    /// How many times the input is built.
    pub(crate) growth: Growth,
    /// Whether it creates lists from nothing.
    pub(crate) ranges: bool,
    /// Calls that create lists or texts from texts.
    pub(crate) makers: u64,
    /// Free variables.
    pub(crate) variables: BTreeSet<String>,
}

impl ExprShape {
    /// Measures an expression.
    ///
    /// # Errors
    /// It uses an unsupported feature.
    pub(crate) fn of(expr: &IdedExpr) -> Result<Self, Error> {
        let mut shape = Self {
            growth: Growth::of(expr),
            ..Self::default()
        };
        shape.add(
            expr,
            NodeAt {
                depth: 1,
                nesting: 0,
                bound: None,
            },
        )?;
        if shape.makers > MAKERS_MAX {
            return Err(Error::Unsupported(format!(
                "more than {MAKERS_MAX} calls that build texts"
            )));
        }
        Ok(shape)
    }

    /// Returns the most steps an evaluation can take on an input whose largest list has `longest`
    /// entries.
    pub(crate) fn steps(&self, longest: u64) -> u64 {
        longest
            .saturating_add(self.nodes)
            .saturating_pow(self.nesting.max(1))
    }

    /// Returns the most bytes an evaluation can copy for an input of `bytes`.
    pub(crate) fn copies(&self, longest: u64, bytes: u64) -> u64 {
        let times = longest.saturating_pow(self.outside.max(self.nesting.saturating_sub(1)));
        bytes.saturating_mul(times)
    }

    fn add(&mut self, expr: &IdedExpr, at: NodeAt<'_>) -> Result<(), Error> {
        self.depth = self.depth.max(at.depth);
        self.nesting = self.nesting.max(at.nesting);
        self.nodes += 1;
        let below = NodeAt {
            depth: at.depth + 1,
            ..at
        };
        match &expr.expr {
            Expr::Call(call) => self.call(call, below),
            Expr::Select(select) => self.add(&select.operand, below),
            Expr::List(list) => list
                .elements
                .iter()
                .try_for_each(|element| self.add(element, below)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => [&entry.key, &entry.value]
                    .into_iter()
                    .try_for_each(|e| self.add(e, below)),
                EntryExpr::StructField(_) => Err(unsupported("literal", "Type{…}")),
            }),
            Expr::Comprehension(of) => self.comprehension(of, below),
            Expr::Struct(literal) => Err(unsupported(
                "literal",
                &format!("{}{{…}}", literal.type_name),
            )),
            Expr::Unspecified => Err(Error::Parser),
            Expr::Ident(name) => {
                self.name(name, at);
                Ok(())
            }
            Expr::Literal(_) => Ok(()),
        }
    }

    fn name(&mut self, name: &str, at: NodeAt<'_>) {
        if Bound::has(at.bound, name) {
            return;
        }
        if !types::is_name(name) {
            self.outside = self.outside.max(at.nesting);
        }
        if !self.variables.contains(name) {
            self.variables.insert(name.to_owned());
        }
    }

    fn comprehension(&mut self, of: &ComprehensionExpr, at: NodeAt<'_>) -> Result<(), Error> {
        self.add(&of.iter_range, at)?;
        self.add(&of.accu_init, at)?;
        let made = Bound {
            names: [&of.accu_var, ""],
            outer: at.bound,
        };
        let bound = Bound {
            names: [&of.iter_var, ""],
            outer: Some(&made),
        };
        let within = NodeAt {
            nesting: at.nesting + 1,
            bound: Some(&bound),
            ..at
        };
        self.add(&of.loop_cond, within)?;
        self.add(&of.loop_step, within)?;
        self.add(
            &of.result,
            NodeAt {
                bound: Some(&made),
                ..within
            },
        )
    }

    fn call(&mut self, call: &CallExpr, at: NodeAt<'_>) -> Result<(), Error> {
        let space = match call.target.as_deref().map(|target| &target.expr) {
            Some(Expr::Ident(space)) if is_namespace(space) && !Bound::has(at.bound, space) => {
                Some(space)
            }
            _ => None,
        };
        self.count(space.map(String::as_str), &call.func_name, at);
        let Some(binding) = loops::Binding::of(call) else {
            let target = call.target.as_deref().filter(|_| space.is_none());
            return target
                .into_iter()
                .chain(&call.args)
                .try_for_each(|part| self.add(part, at));
        };
        binding
            .outside
            .iter()
            .try_for_each(|part| self.add(part, at))?;
        let bound = Bound {
            names: binding.names,
            outer: at.bound,
        };
        let nesting = at.nesting + u32::from(binding.is_loop);
        let within = NodeAt {
            nesting,
            bound: Some(&bound),
            ..at
        };
        binding
            .inside
            .iter()
            .try_for_each(|part| self.add(part, within))
    }

    fn count(&mut self, space: Option<&str>, name: &str, at: NodeAt<'_>) {
        let full = space.map_or_else(|| name.to_owned(), |space| format!("{space}.{name}"));
        match full.as_str() {
            "lists.range" => self.ranges = true,
            full if MAKERS.contains(&full) => self.makers += 1,
            // Each entry is compared with each other.
            full if SQUARE.contains(&full) => self.nesting = self.nesting.max(at.nesting + 2),
            _ => {}
        }
    }
}

/// Position of a node in the tree.
#[derive(Clone, Copy)]
struct NodeAt<'b> {
    depth: usize,
    nesting: u32,
    bound: Option<&'b Bound<'b>>,
}

/// Names that macros bind to entries.
struct Bound<'b> {
    names: [&'b str; 2],
    outer: Option<&'b Bound<'b>>,
}

impl Bound<'_> {
    fn has(bound: Option<&Self>, name: &str) -> bool {
        bound.is_some_and(|bound| bound.names.contains(&name) || Self::has(bound.outer, name))
    }
}

/// Returns whether a name before a function is part of the function's name.
fn is_namespace(name: &str) -> bool {
    NAMESPACES.contains(&name)
}

fn unsupported(sort: &str, name: &str) -> Error {
    Error::Unsupported(format!("the {sort} \"{name}\""))
}

const NAMESPACES: [&str; 10] = [
    "base64",
    "format",
    "ip",
    "jsonpatch",
    "lists",
    "math",
    "optional",
    "regex",
    "sets",
    "strings",
];
/// Calls whose result can be larger than their arguments, or has entries although those had none.
const MAKERS: [&str; 8] = [
    "replace",
    "join",
    "split",
    "findAll",
    "strings.quote",
    "base64.encode",
    "quote",
    "format",
];
/// Calls that compare every entry with every other.
const SQUARE: [&str; 4] = [
    "distinct",
    "sets.contains",
    "sets.equivalent",
    "sets.intersects",
];
/// Each of them can double a text; `replace`, `join` and `format` are bounded at run time.
const MAKERS_MAX: u64 = 4;
