//! Floats: decimal arithmetic, rounding, the larger and the smaller.

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, any, from, int};
use crate::numbers::cast::to_float;
use crate::numbers::decimal::{DIGITS_MAX, Decimal};
use crate::print::append_float;
use crate::value::Value;

const FOLD: &str = "func(interface {}, ...interface {}) float64";

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("addf", "func(...interface {}) float64", |context, args| {
        calculated(context, &Value::Float(0.0), args, |a, b| Some(a.plus(b)))
    }),
    TemplateFunction::new("add1f", "func(interface {}) float64", |context, args| {
        calculated(context, any(args, 0), &[Value::Int(1)], |a, b| {
            Some(a.plus(b))
        })
    }),
    TemplateFunction::new("subf", FOLD, |context, args| {
        calculated(context, any(args, 0), from(args, 1), |a, b| {
            Some(a.minus(b))
        })
    }),
    TemplateFunction::new("mulf", FOLD, |context, args| {
        calculated(context, any(args, 0), from(args, 1), |a, b| {
            Some(a.times(b))
        })
    }),
    TemplateFunction::new("divf", FOLD, |context, args| {
        calculated(context, any(args, 0), from(args, 1), Decimal::divided_by)
    }),
    TemplateFunction::new("maxf", FOLD, |context, args| {
        compared(context, args, go_max)
    }),
    TemplateFunction::new("minf", FOLD, |context, args| {
        compared(context, args, |a, b| -go_max(-a, -b))
    }),
    TemplateFunction::new("floor", "func(interface {}) float64", |_, args| {
        Ok(to_float(any(args, 0)).floor().into())
    }),
    TemplateFunction::new("ceil", "func(interface {}) float64", |_, args| {
        Ok(to_float(any(args, 0)).ceil().into())
    }),
    TemplateFunction::new(
        "round",
        "func(interface {}, int, ...float64) float64",
        |_, args| Ok(rounded(args).into()),
    ),
];

/// Combines numbers from left to right, as decimals.
fn calculated(
    context: &Context<'_>,
    first: &Value,
    others: &[Value],
    with: fn(&Decimal, &Decimal) -> Option<Decimal>,
) -> FunctionResult {
    let decimal = |value: &Value| {
        let float = to_float(value);
        Decimal::from_float(float).ok_or_else(|| not_finite(float))
    };
    let mut result = decimal(first)?;
    for other in others {
        let other = decimal(other)?;
        let digits = result.digits() + other.digits();
        if digits > DIGITS_MAX {
            return Err(TemplateError::bound(format!(
                "a decimal needs more than {DIGITS_MAX} digits, the limit"
            )));
        }
        // Long numbers are multiplied in more than linear time.
        context.steps((digits / 16 * (digits / 1024 + 1)) as usize + 1)?;
        result =
            with(&result, &other).ok_or_else(|| TemplateError::new("decimal division by 0"))?;
    }
    Ok(result.to_float().into())
}

fn not_finite(float: f64) -> TemplateError {
    let mut shown = Vec::new();
    append_float(&mut shown, float, b'g', None, 64);
    let shown = String::from_utf8_lossy(&shown);
    TemplateError::new(format!("Cannot create a Decimal from {shown}"))
}

fn compared(context: &Context<'_>, args: &[Value], with: fn(f64, f64) -> f64) -> FunctionResult {
    context.steps(args.len())?;
    let first = to_float(any(args, 0));
    let others = from(args, 1).iter().map(to_float);
    Ok(others.fold(first, with).into())
}

/// Returns the larger float; what is no number is passed on, unless the other is infinite.
fn go_max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        return f64::INFINITY;
    }
    if a.is_nan() || b.is_nan() {
        return f64::NAN;
    }
    if a == 0.0 && b == 0.0 {
        return if a.is_sign_negative() { b } else { a };
    }
    a.max(b)
}

/// Rounds to a number of places; what is at least `0.5`, or the third argument, is rounded up.
fn rounded(args: &[Value]) -> f64 {
    let (value, places) = (to_float(any(args, 0)), int(args, 1));
    let up_from = args.get(2).map_or(0.5, to_float);
    let power = power_of_ten(places as f64);
    let digit = power * value;
    let fraction = digit - digit.trunc();
    let rounded = if fraction >= up_from {
        digit.ceil()
    } else {
        digit.floor()
    };
    rounded / power
}

/// Returns ten to a whole power, rounded as Go's `math.Pow` does.
fn power_of_ten(exponent: f64) -> f64 {
    if exponent == 0.0 {
        return 1.0;
    }
    if exponent.abs() >= OVERFLOW {
        return if exponent > 0.0 { f64::INFINITY } else { 0.0 };
    }

    // Square and multiply on a fraction from a half to one, with the power of two apart.
    let (mut result, mut result_exponent) = (1.0_f64, 0_i32);
    let (mut square, mut square_exponent) = (0.625_f64, 4_i32);
    let mut bits = exponent.abs() as u64;
    while bits != 0 {
        if bits & 1 == 1 {
            result *= square;
            result_exponent += square_exponent;
        }
        square *= square;
        square_exponent *= 2;
        if square < 0.5 {
            square += square;
            square_exponent -= 1;
        }
        bits >>= 1;
    }
    if exponent < 0.0 {
        result = 1.0 / result;
        result_exponent = -result_exponent;
    }
    scaled(result, result_exponent)
}

/// Powers of ten from here on are infinite, or zero.
const OVERFLOW: f64 = 400.0;

/// Returns `value` times two to the power of `exponent`, in two factors that both are floats.
fn scaled(value: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    value * 2_f64.powi(half) * 2_f64.powi(exponent - half)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these floats are exact")]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_are_those_of_go() {
        for (exponent, want) in [
            (0.0, 1.0),
            (1.0, 10.0),
            (5.0, 100_000.0),
            (-2.0, 0.01),
            (22.0, 1e22),
            (308.0, 1e308),
            (400.0, f64::INFINITY),
            (-400.0, 0.0),
        ] {
            let power = power_of_ten(exponent);
            let close = power == want || (power / want - 1.0).abs() < 1e-15;
            assert!(close, "{exponent}: {power}");
        }
    }

    #[test]
    fn the_larger_float_is_that_of_go() {
        assert_eq!(go_max(1.0, 2.0), 2.0);
        assert!(go_max(f64::NAN, 1.0).is_nan());
        assert_eq!(go_max(f64::NAN, f64::INFINITY), f64::INFINITY);
        assert!(go_max(-0.0, 0.0).is_sign_positive());
    }
}
