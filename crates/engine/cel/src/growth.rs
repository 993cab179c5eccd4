//! [`Growth`]: how many times the input an expression could build in the worst case, derived from
//! its form.
//!
//! What a loop builds for its entries is at most what it would build from the list as a whole, as
//! long as it refers only to the entry. A value from outside is built once per entry: its growth
//! has the length of the largest list as a factor, once per enclosing loop.

use kube_cel::cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators,
};

use crate::{
    functions::{DIFFERENT, EQUAL, MEMBER},
    loops::Binding,
};

/// How many times the input, as coefficients of powers of the length of the largest list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Growth([u64; POWERS]);

impl Growth {
    /// Returns the most that any part of an expression builds.
    pub(crate) fn of(expr: &IdedExpr) -> Self {
        let mut most = Self::default();
        part(expr, None, 0, &mut most);
        most
    }

    /// Returns the factor if the largest list has `longest` entries.
    pub(crate) fn times(self, longest: u64) -> u64 {
        let term =
            |(power, number): (u32, u64)| number.saturating_mul(longest.saturating_pow(power));
        (0..).zip(self.0).map(term).fold(0, u64::saturating_add)
    }

    fn number(number: u64) -> Self {
        let mut growth = Self::default();
        growth.0[0] = number;
        growth
    }

    fn and(self, other: Self) -> Self {
        Self(std::array::from_fn(|power| {
            self.0[power].saturating_add(other.0[power])
        }))
    }

    fn or(self, other: Self) -> Self {
        Self(std::array::from_fn(|power| {
            self.0[power].max(other.0[power])
        }))
    }

    fn by(self, factor: u64) -> Self {
        Self(self.0.map(|number| number.saturating_mul(factor)))
    }

    /// Once per entry of a list.
    fn per_entry(self) -> Self {
        let past = self.0[POWERS - 1] > 0;
        let shifted = std::array::from_fn(|power| match power {
            0 => 0,
            _ if past => u64::MAX,
            power => self.0[power - 1],
        });
        Self(shifted)
    }
}

/// What a part builds, and the outermost loop whose entries it refers to (0: something outside of
/// all loops).
#[derive(Clone, Copy)]
struct MeasuredPart {
    growth: Growth,
    names: u32,
}

/// A name bound to a part.
struct BoundName<'n> {
    text: &'n str,
    part: MeasuredPart,
    outer: Option<&'n BoundName<'n>>,
}

type OuterNames<'n> = Option<&'n BoundName<'n>>;

/// Measures a part of an expression that is inside `loops` loops.
fn part(expr: &IdedExpr, names: OuterNames<'_>, loops: u32, most: &mut Growth) -> MeasuredPart {
    let mut of = |expr: &IdedExpr| part(expr, names, loops, most);
    let measured = match &expr.expr {
        Expr::Literal(literal) => self::literal(literal),
        Expr::Ident(name) => find(names, name),
        Expr::Select(select) if select.test => {
            of(&select.operand);
            NOTHING
        }
        Expr::Select(select) => of(&select.operand),
        Expr::List(list) => list.elements.iter().map(of).fold(NOTHING, both),
        Expr::Map(map) => map
            .entries
            .iter()
            .fold(NOTHING, |all, entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => both(all, both(of(&entry.key), of(&entry.value))),
                EntryExpr::StructField(_) => all,
            }),
        Expr::Call(call) => self::call(call, names, loops, most),
        Expr::Comprehension(of) => test(of, names, loops, most),
        Expr::Struct(_) | Expr::Unspecified => NOTHING,
    };
    *most = most.or(measured.growth);
    measured
}

fn literal(literal: &LiteralValue) -> MeasuredPart {
    let bytes = match literal {
        LiteralValue::String(text) => text.inner().len(),
        LiteralValue::Bytes(bytes) => bytes.inner().len(),
        _ => 0,
    };
    // A short text costs at most an entry with its overhead.
    if bytes > SHORT_BYTES {
        MeasuredPart {
            growth: Growth::number(1),
            names: 0,
        }
    } else {
        NOTHING
    }
}

fn find(names: OuterNames<'_>, name: &str) -> MeasuredPart {
    match names {
        None => MeasuredPart {
            growth: Growth::number(1),
            names: 0,
        },
        Some(known) if known.text == name => known.part,
        Some(known) => find(known.outer, name),
    }
}

fn call(call: &CallExpr, names: OuterNames<'_>, loops: u32, most: &mut Growth) -> MeasuredPart {
    let Some(binding) = Binding::of(call) else {
        let parts = call.target.as_deref().into_iter().chain(&call.args);
        let mut parts = parts.map(|expr| part(expr, names, loops, most));
        return match call.func_name.as_str() {
            operators::CONDITIONAL => parts.skip(1).fold(NOTHING, either),
            function if SMALL.contains(&function) => {
                parts.for_each(drop);
                NOTHING
            }
            function => {
                let all = parts.by_ref().fold(NOTHING, both);
                let factor = if PIECES.contains(&function) {
                    PIECES_FACTOR
                } else {
                    1
                };
                MeasuredPart {
                    growth: all.growth.by(factor),
                    ..all
                }
            }
        };
    };
    let range = binding
        .outside
        .iter()
        .map(|expr| part(expr, names, loops, most))
        .fold(NOTHING, both);
    let level = if binding.is_loop { loops + 1 } else { loops };
    let entry = if binding.is_loop {
        MeasuredPart {
            names: level,
            ..range
        }
    } else {
        range
    };
    let first = BoundName {
        text: binding.names[0],
        part: entry,
        outer: names,
    };
    let second = BoundName {
        text: binding.names[1],
        part: entry,
        outer: Some(&first),
    };
    let made = binding
        .inside
        .iter()
        .map(|expr| part(expr, Some(&second), level, most))
        .fold(NOTHING, both);
    if !binding.is_loop {
        return made;
    }
    let growth = if made.names < level {
        made.growth.per_entry()
    } else {
        made.growth
    };
    MeasuredPart {
        growth: growth.or(range.growth),
        names: range.names.min(made.names),
    }
}

/// A macro that only tests: what it builds for one entry is released before the next.
fn test(
    of: &ComprehensionExpr,
    names: OuterNames<'_>,
    loops: u32,
    most: &mut Growth,
) -> MeasuredPart {
    let range = part(&of.iter_range, names, loops, most);
    let made = BoundName {
        text: &of.accu_var,
        part: NOTHING,
        outer: names,
    };
    let entry = BoundName {
        text: &of.iter_var,
        part: MeasuredPart {
            names: loops + 1,
            ..range
        },
        outer: Some(&made),
    };
    for expr in [&of.loop_cond, &of.loop_step] {
        part(expr, Some(&entry), loops + 1, most);
    }
    NOTHING
}

fn both(a: MeasuredPart, b: MeasuredPart) -> MeasuredPart {
    MeasuredPart {
        growth: a.growth.and(b.growth),
        names: a.names.min(b.names),
    }
}

fn either(a: MeasuredPart, b: MeasuredPart) -> MeasuredPart {
    MeasuredPart {
        growth: a.growth.or(b.growth),
        names: a.names.min(b.names),
    }
}

const NOTHING: MeasuredPart = MeasuredPart {
    growth: Growth([0; POWERS]),
    names: u32::MAX,
};
/// Nested loops that are distinguished; more are refused.
const POWERS: usize = 4;
const SHORT_BYTES: usize = 64;
/// Calls that return a boolean or a number, whatever their arguments.
const SMALL: [&str; 22] = [
    EQUAL,
    DIFFERENT,
    MEMBER,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::NOT_STRICTLY_FALSE,
    "contains",
    "double",
    "endsWith",
    "hasValue",
    "indexOf",
    "int",
    "isSorted",
    "matches",
    "size",
    "startsWith",
    "type",
];
/// Calls that return a list of pieces of a text, each with its overhead.
const PIECES: [&str; 2] = ["split", "findAll"];
const PIECES_FACTOR: u64 = 16;

#[cfg(test)]
mod tests {
    use crate::{Expr, Limits};

    /// Returns the factor for a largest list of 100 entries.
    fn times(text: &str) -> u64 {
        Expr::compile(text, Limits::default())
            .unwrap()
            .shape
            .growth
            .times(100)
    }

    #[test]
    fn what_is_built_is_counted_by_what_is_named() {
        for (text, expected) in [
            ("1 + 2", 0),
            ("s", 1),
            ("s + s + 'x'", 2),
            ("c ? s : t + t", 2),
            ("l.map(x, x + '-' + x)", 2),
            ("l.map(x, x + s)", 202),
            ("l.map(x, l.map(y, 1))", 101),
            ("l.map(x, l.map(y, s))", 10_101),
            ("l.all(x, x + s == t)", 2),
            ("[s + s].map(a, a + a)", 4),
            ("[[s + s].map(a, a + a)].map(b, b + b)", 8),
            ("cel.bind(a, s + s, cel.bind(b, a + a, b + b))", 8),
            ("cel.bind(b, cel.bind(a, s + s, a + a), b + b)", 8),
        ] {
            assert_eq!(times(text), expected, "{text}");
        }
    }

    #[test]
    fn too_many_loops_are_endless() {
        assert_eq!(times("l.map(a, l.map(b, l.map(c, l.map(d, s))))"), u64::MAX);
    }
}
