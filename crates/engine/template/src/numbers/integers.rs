//! Whole numbers: arithmetic in 64 bits that wraps, and rows of numbers.

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, any, from, int, text, to_text};
use crate::go::number::{parse_clamped, parse_int};
use crate::go::output::Output;
use crate::numbers::cast::{to_float, to_int};
use crate::value::{GoType, IntegerKind, List, Value};

const BINARY: &str = "func(interface {}, interface {}) int64";
const FOLD: &str = "func(interface {}, ...interface {}) int64";

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("int", "func(interface {}) int", |_, args| {
        Ok(Value::Int(to_int(any(args, 0))))
    }),
    TemplateFunction::new("int64", "func(interface {}) int64", |_, args| {
        Ok(Value::Int64(to_int(any(args, 0))))
    }),
    TemplateFunction::new("float64", "func(interface {}) float64", |_, args| {
        Ok(Value::Float(to_float(any(args, 0))))
    }),
    TemplateFunction::new("atoi", "func(string) int", |_, args| {
        Ok(Value::Int(parse_clamped(text(args, 0))))
    }),
    TemplateFunction::new("toDecimal", "func(interface {}) int64", |context, args| {
        let octal = parse_int(&to_text(context, any(args, 0))?, 8);
        Ok(Value::Int64(octal.unwrap_or_default()))
    }),
    TemplateFunction::new("add", "func(...interface {}) int64", |context, args| {
        fold(context, 0, args, i64::wrapping_add)
    }),
    TemplateFunction::new("add1", "func(interface {}) int64", |_, args| {
        Ok(Value::Int64(to_int(any(args, 0)).wrapping_add(1)))
    }),
    TemplateFunction::new("sub", BINARY, |_, args| {
        let (a, b) = (to_int(any(args, 0)), to_int(any(args, 1)));
        Ok(Value::Int64(a.wrapping_sub(b)))
    }),
    TemplateFunction::new("div", BINARY, |_, args| divided(args, i64::wrapping_div)),
    TemplateFunction::new("mod", BINARY, |_, args| divided(args, i64::wrapping_rem)),
    TemplateFunction::new("mul", FOLD, |context, args| {
        fold(
            context,
            to_int(any(args, 0)),
            from(args, 1),
            i64::wrapping_mul,
        )
    }),
    TemplateFunction::new("max", FOLD, largest),
    TemplateFunction::new("biggest", FOLD, largest),
    TemplateFunction::new("min", FOLD, |context, args| {
        fold(context, to_int(any(args, 0)), from(args, 1), i64::min)
    }),
    TemplateFunction::new("until", "func(int) []int", |context, args| {
        let end = int(args, 0);
        let row = IntegerRange {
            start: 0,
            end,
            step: if end < 0 { -1 } else { 1 },
        };
        row.list(context)
    }),
    TemplateFunction::new("untilStep", "func(int, int, int) []int", |context, args| {
        let row = IntegerRange {
            start: int(args, 0),
            end: int(args, 1),
            step: int(args, 2),
        };
        row.list(context)
    }),
    TemplateFunction::new("seq", "func(...int) string", sequence),
];

fn fold(
    context: &Context<'_>,
    start: i64,
    args: &[Value],
    with: fn(i64, i64) -> i64,
) -> FunctionResult {
    context.steps(args.len())?;
    let numbers = args.iter().map(to_int);
    Ok(Value::Int64(numbers.fold(start, with)))
}

fn largest(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    fold(context, to_int(any(args, 0)), from(args, 1), i64::max)
}

fn divided(args: &[Value], with: fn(i64, i64) -> i64) -> FunctionResult {
    let (a, b) = (to_int(any(args, 0)), to_int(any(args, 1)));
    if b == 0 {
        return Err(TemplateError::new("runtime error: integer divide by zero"));
    }
    Ok(Value::Int64(with(a, b)))
}

/// Numbers from `start` to before `end`.
struct IntegerRange {
    start: i64,
    end: i64,
    step: i64,
}

impl IntegerRange {
    /// Returns how many numbers there are; none if the step leads away from the end.
    fn count(&self) -> usize {
        let distance = i128::from(self.end) - i128::from(self.start);
        let step = i128::from(self.step);
        if step == 0 || distance.signum() != step.signum() {
            return 0;
        }
        let count = (distance.abs() + step.abs() - 1) / step.abs();
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    fn numbers(self, count: usize) -> impl Iterator<Item = i64> {
        (0..count).map(move |at| self.start.wrapping_add(self.step.wrapping_mul(at as i64)))
    }

    fn list(self, context: &Context<'_>) -> FunctionResult {
        let count = self.count();
        context.nodes(count)?;
        context.bytes(count.saturating_mul(size_of::<Value>()))?;
        let items = self.numbers(count).map(Value::Int).collect();
        Ok(List::typed(GoType::Integer(IntegerKind::Int), items).into())
    }
}

/// Writes numbers as the shell's `seq`: last, first and last, or first, step and last.
fn sequence(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let (start, step, end) = match args.len() {
        1 => (1, None, int(args, 0)),
        2 => (int(args, 0), None, int(args, 1)),
        3 => (int(args, 0), Some(int(args, 1)), int(args, 2)),
        _ => return Ok("".into()),
    };
    let toward = if end < start { -1 } else { 1 };
    if end < start && step.is_some_and(|step| step > 0) {
        return Ok("".into());
    }

    let row = IntegerRange {
        start,
        end: end.wrapping_add(toward),
        step: step.unwrap_or(toward),
    };
    let count = row.count();
    context.steps(count)?;
    let mut out = Output::new(context);
    for (at, number) in row.numbers(count).enumerate() {
        out.push(if at > 0 { b" " } else { b"" })?;
        out.push(itoa::Buffer::new().format(number).as_bytes())?;
    }
    Ok(out.into_value())
}
