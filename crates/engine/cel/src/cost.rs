//! [`Shape`]: what an expression could cost at worst, read off its form.
//!
//! The language has no loops but macros over lists and maps, so the work is bounded by the largest list to the power of
//! their nesting, and what is built by the input and the additions. A few functions could build more than their
//! arguments hold; those are bounded where they run ([`functions`](crate::functions)) or refused here.

use kube_cel::cel::common::ast::{EntryExpr, Expr, IdedExpr, operators};

use crate::compile::Error;

/// The measures of an expression.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Levels of the tree.
    pub(crate) depth: usize,
    /// Macros within macros.
    pub(crate) nesting: u32,
    /// Nodes of the tree.
    pub(crate) nodes: u64,
    /// Additions, which join texts and lists.
    pub(crate) additions: u64,
    /// Calls that make lists or texts out of texts.
    pub(crate) makers: u64,
}

impl Shape {
    /// Measures an expression.
    ///
    /// # Errors
    /// It uses what is left out.
    pub(crate) fn of(expr: &IdedExpr) -> Result<Self, Error> {
        let mut shape = Self::default();
        shape.add(expr, At { depth: 1, nesting: 0 })?;
        if shape.makers > MAKERS_MAX {
            return Err(Error::Unsupported(format!("more than {MAKERS_MAX} calls that build texts")));
        }
        Ok(shape)
    }

    /// Returns the most steps an evaluation can take on an input whose largest list has `longest` entries.
    pub(crate) fn steps(&self, longest: u64) -> u64 {
        longest.saturating_add(self.nodes).saturating_pow(self.nesting.max(1))
    }

    /// Returns the most bytes an evaluation can build out of `bytes`.
    pub(crate) fn built_bytes(&self, bytes: u64) -> u64 {
        bytes.saturating_mul(self.additions.saturating_add(1).saturating_pow(self.nesting + 1))
    }

    fn add(&mut self, expr: &IdedExpr, at: At) -> Result<(), Error> {
        self.depth = self.depth.max(at.depth);
        self.nesting = self.nesting.max(at.nesting);
        self.nodes += 1;
        let below = At { depth: at.depth + 1, ..at };
        match &expr.expr {
            Expr::Call(call) => {
                self.call(&full_name(&call.func_name, call.target.as_deref()))?;
                let parts = call.target.as_deref().into_iter().chain(&call.args);
                parts.into_iter().try_for_each(|part| self.add(part, below))
            }
            Expr::Select(select) => self.add(&select.operand, below),
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.add(element, below)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    [&entry.key, &entry.value].into_iter().try_for_each(|e| self.add(e, below))
                }
                EntryExpr::StructField(_) => Err(unsupported("literal", "Type{…}")),
            }),
            Expr::Comprehension(of) => {
                let within = At { nesting: at.nesting + 1, ..below };
                self.add(&of.iter_range, below)?;
                self.add(&of.accu_init, below)?;
                [&of.loop_cond, &of.loop_step, &of.result].into_iter().try_for_each(|part| self.add(part, within))
            }
            Expr::Struct(literal) => Err(unsupported("literal", &format!("{}{{…}}", literal.type_name))),
            Expr::Unspecified => Err(Error::Parser),
            Expr::Ident(_) | Expr::Literal(_) => Ok(()),
        }
    }

    fn call(&mut self, name: &str) -> Result<(), Error> {
        match name {
            "format" | "lists.range" => return Err(unsupported("function", name)),
            operators::ADD => self.additions += 1,
            _ if MAKERS.contains(&name) => self.makers += 1,
            _ => {}
        }
        Ok(())
    }
}

/// Where in the tree a node is.
#[derive(Clone, Copy)]
struct At {
    depth: usize,
    nesting: u32,
}

/// Returns a function's name with the namespace the parser takes for a variable.
fn full_name(name: &str, target: Option<&IdedExpr>) -> String {
    match target.map(|target| &target.expr) {
        Some(Expr::Ident(space)) if NAMESPACES.contains(&space.as_str()) => format!("{space}.{name}"),
        _ => name.to_owned(),
    }
}

fn unsupported(sort: &str, name: &str) -> Error {
    Error::Unsupported(format!("the {sort} \"{name}\""))
}

const NAMESPACES: [&str; 3] = ["lists", "strings", "base64"];
/// Calls whose result can be larger than their arguments, or has entries where those had none.
const MAKERS: [&str; 7] = ["replace", "join", "split", "findAll", "strings.quote", "base64.encode", "quote"];
/// Each of them can double a text; what `replace` and `join` build is bounded when they run.
const MAKERS_MAX: u64 = 4;
