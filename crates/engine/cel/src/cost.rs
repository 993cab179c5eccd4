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
                scope: None,
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
        let children = NodeAt {
            depth: at.depth + 1,
            ..at
        };
        match &expr.expr {
            Expr::Call(call) => self.call(call, children),
            Expr::Select(select) => self.add(&select.operand, children),
            Expr::List(list) => list
                .elements
                .iter()
                .try_for_each(|element| self.add(element, children)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => [&entry.key, &entry.value]
                    .into_iter()
                    .try_for_each(|part| self.add(part, children)),
                EntryExpr::StructField(_) => Err(unsupported("literal", "Type{…}")),
            }),
            Expr::Comprehension(of) => self.comprehension(of, children),
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
        if Scope::binds(at.scope, name) {
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

        // The accumulator is visible in the loop and in the result, the entry only in the loop.
        let accumulator_scope = Scope {
            names: [&of.accu_var, ""],
            parent: at.scope,
        };
        let entry_scope = Scope {
            names: [&of.iter_var, ""],
            parent: Some(&accumulator_scope),
        };
        let in_loop = NodeAt {
            nesting: at.nesting + 1,
            scope: Some(&entry_scope),
            ..at
        };
        let in_result = NodeAt {
            scope: Some(&accumulator_scope),
            ..in_loop
        };
        self.add(&of.loop_cond, in_loop)?;
        self.add(&of.loop_step, in_loop)?;
        self.add(&of.result, in_result)
    }

    fn call(&mut self, call: &CallExpr, at: NodeAt<'_>) -> Result<(), Error> {
        let namespace = match call.target.as_deref().map(|target| &target.expr) {
            Some(Expr::Ident(name)) if is_namespace(name) && !Scope::binds(at.scope, name) => {
                Some(name)
            }
            _ => None,
        };
        self.count(namespace.map(String::as_str), &call.func_name, at);

        let Some(binding) = loops::Binding::of(call) else {
            let target = call.target.as_deref().filter(|_| namespace.is_none());
            return target
                .into_iter()
                .chain(&call.args)
                .try_for_each(|part| self.add(part, at));
        };

        let scope = Scope {
            names: binding.names,
            parent: at.scope,
        };
        let inside = NodeAt {
            nesting: at.nesting + u32::from(binding.is_loop),
            scope: Some(&scope),
            ..at
        };
        for part in binding.outside {
            self.add(part, at)?;
        }
        for part in binding.inside {
            self.add(part, inside)?;
        }
        Ok(())
    }

    fn count(&mut self, namespace: Option<&str>, name: &str, at: NodeAt<'_>) {
        let full = namespace.map_or_else(
            || name.to_owned(),
            |namespace| format!("{namespace}.{name}"),
        );
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
    scope: Option<&'b Scope<'b>>,
}

/// Names that a macro or comprehension binds, and the scope around it.
struct Scope<'b> {
    names: [&'b str; 2],
    parent: Option<&'b Scope<'b>>,
}

impl Scope<'_> {
    fn binds(scope: Option<&Self>, name: &str) -> bool {
        scope.is_some_and(|scope| scope.names.contains(&name) || Self::binds(scope.parent, name))
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
