//! Go's `fmt`: values as text, byte for byte.
//!
//! All output is charged to the budget of the running template in advance, since a short format can
//! ask for millions of spaces and a small value can contain itself many times.

mod float;
mod format;
mod integer;
mod printer;
mod quote;
mod verb;

use crate::context::Context;
use crate::error::TemplateError;
use crate::value::{GoKind, Value};

pub use float::append_float;
use printer::Printer;
pub use quote::{is_print, quote};

/// Appends a value as `fmt.Sprint` prints it alone.
///
/// # Errors
/// The budget is spent, or the value is nested too deeply.
pub fn value(context: &Context<'_>, out: &mut Vec<u8>, value: &Value) -> Result<(), TemplateError> {
    match value {
        Value::String(text) => {
            context.bytes(text.len())?;
            out.extend_from_slice(text);
            Ok(())
        }
        value => {
            let mut printer = Printer::new(context, out);
            printer.argument(value, 'v');
            printer.finish()
        }
    }
}

/// Appends a value as a template prints it: pointers are followed.
pub(crate) fn shown(
    context: &Context<'_>,
    out: &mut Vec<u8>,
    value: &Value,
) -> Result<(), TemplateError> {
    let mut printer = Printer::new(context, out);
    printer.shown(value);
    printer.finish()
}

/// Returns what [`print()`] does, with pointers followed.
pub(crate) fn print_shown(context: &Context<'_>, args: &[Value]) -> Result<Vec<u8>, TemplateError> {
    let follow = |arg: &Value| match arg {
        Value::Nil => Value::text("<no value>"),
        Value::Object(object) if object.text().is_none() => {
            arg.indirect().unwrap_or_else(|| arg.clone())
        }
        arg => arg.clone(),
    };
    let args: Vec<Value> = args.iter().map(follow).collect();
    print(context, &args)
}

/// Returns what `fmt.Sprint` does: a space between two arguments if neither is a string.
///
/// # Errors
/// As [`value`].
pub fn print(context: &Context<'_>, args: &[Value]) -> Result<Vec<u8>, TemplateError> {
    let mut out = Vec::new();
    let mut printer = Printer::new(context, &mut out);
    let mut after_string = true;
    for arg in args {
        let is_string = arg.kind() == GoKind::String;
        if !is_string && !after_string {
            printer.byte(b' ');
        }
        printer.argument(arg, 'v');
        after_string = is_string;
    }
    printer.finish()?;
    Ok(out)
}

/// Returns what `fmt.Sprintln` does.
///
/// # Errors
/// As [`value`].
pub fn println(context: &Context<'_>, args: &[Value]) -> Result<Vec<u8>, TemplateError> {
    let mut out = Vec::new();
    let mut printer = Printer::new(context, &mut out);
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            printer.byte(b' ');
        }
        printer.argument(arg, 'v');
    }
    printer.byte(b'\n');
    printer.finish()?;
    Ok(out)
}

/// Returns what `fmt.Sprintf` does.
///
/// # Errors
/// As [`value`].
pub fn printf(
    context: &Context<'_>,
    format: &[u8],
    args: &[Value],
) -> Result<Vec<u8>, TemplateError> {
    let mut out = Vec::with_capacity(format.len().min(FIRST_ALLOCATION_MAX));
    let mut printer = Printer::new(context, &mut out);
    format::format(&mut printer, format, args);
    printer.finish()?;
    Ok(out)
}

/// What is reserved for the output of a format whose length is known.
const FIRST_ALLOCATION_MAX: usize = 1 << 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::testing::with_context;
    use crate::value::{IntegerKind, Map};

    fn printed(format: &str, args: &[Value]) -> String {
        with_context(|context| {
            let bytes = printf(context, format.as_bytes(), args).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }

    #[track_caller]
    fn check(format: &str, args: &[Value], expected: &str) {
        assert_eq!(printed(format, args), expected, "{format}");
    }

    #[test]
    fn numbers_print_as_in_go() {
        let int = |value| [Value::Int(value)];
        check(
            "%d|%5d|%-5d|%05d",
            &[1, 2, 3, -4].map(Value::Int),
            "1|    2|3    |-0004",
        );
        check(
            "%x %X %#x %o %#o %O %b %c %q %U %#U",
            &[255, 255, 255, 8, 8, 8, 5, 233, 120, 0x1F600, 0x1F600].map(Value::Int),
            "ff FF 0xff 10 010 0o10 101 é 'x' U+1F600 U+1F600 '😀'",
        );
        check(
            "%+d|% d|%.3d|%8.3d",
            &[1, 2, 3, -4].map(Value::Int),
            "+1| 2|003|    -004",
        );
        check("%.0d|", &int(0), "|");
        check("%s", &int(7), "%!s(int=7)");
        check(
            "%v",
            &[Value::integer(IntegerKind::Uint64, -1)],
            "18446744073709551615",
        );
        check("%x", &[Value::Int(-255)], "-ff");
    }

    #[test]
    fn floats_print_as_in_go() {
        let cases = [
            ("%v", 1.0, "1"),
            ("%v", 1e6, "1e+06"),
            ("%v", 123_456.0, "123456"),
            ("%v", 1e-5, "1e-05"),
            ("%v", 0.0001, "0.0001"),
            ("%v", 1.5e21, "1.5e+21"),
            ("%v", -0.0, "-0"),
            ("%v", f64::NAN, "NaN"),
            ("%v", f64::INFINITY, "+Inf"),
            ("%5.1f|", 2.25, "  2.2|"),
            ("%.0f", 0.5, "0"),
            ("%.0f", 1.5, "2"),
            ("%f", 1.0, "1.000000"),
            ("%e", 1234.5678, "1.234568e+03"),
            ("%E", 0.0, "0.000000E+00"),
            ("%g", 100_000.0, "100000"),
            ("%g", 1_234_567.0, "1.234567e+06"),
            ("%.3g", 1234.0, "1.23e+03"),
            ("%.10g", 1234.5, "1234.5"),
            ("%#g", 1.0, "1.00000"),
            ("%+.1e", 15.0, "+1.5e+01"),
            ("% f", 1.0, " 1.000000"),
            ("%08.2f", -3.25, "-0003.25"),
            ("%-8.2f|", 3.25, "3.25    |"),
            ("%d", 5.0, "%!d(float64=5)"),
            ("%x", 1.0, "0x1p+00"),
            ("%b", 1.0, "4503599627370496p-52"),
            ("%6v|", 1.5, "   1.5|"),
            ("%.3v", 3.24159, "3.24"),
            ("%.2f", 1e22, "10000000000000000000000.00"),
            ("%.1200f", 0.0, &format!("0.{}", "0".repeat(1200))),
        ];
        for (format, number, expected) in cases {
            check(format, &[Value::Float(number)], expected);
        }
        check("%v", &[Value::Float32(0.1)], "0.1");
    }

    #[test]
    fn strings_print_as_in_go() {
        let text = |text: &str| [Value::text(text)];
        check(
            "%s|%6s|%-6s|%.2s",
            &["a", "é", "b", "ééé"].map(Value::text),
            "a|     é|b     |éé",
        );
        check(
            "%q",
            &text("a\"\n\u{7f}é\u{2028}\u{200b}"),
            r#""a\"\n\x7fé\u2028\u200b""#,
        );
        check("%+q", &text("é😀"), r#""\u00e9\U0001f600""#);
        check("%#q", &text("a"), "`a`");
        check("%q", &[Value::text(&b"\xff\x00"[..])], r#""\xff\x00""#);
        check(
            "%x|% x|%#x|%X|%# x",
            &["ab", "ab", "ab", "ab", "ab"].map(Value::text),
            "6162|61 62|0x6162|6162|0x61 0x62",
        );
        check("%d", &text("a"), "%!d(string=a)");
        check(
            "%t %v",
            &[Value::Bool(true), Value::Bool(false)],
            "true false",
        );
        check("%05s", &text("a"), "0000a");
    }

    #[test]
    fn containers_print_as_in_go() {
        let map = Map::from_entries(vec![
            ("b".into(), Value::Nil),
            (
                "a".into(),
                Value::list(vec![Value::Int(1), Value::text("x"), Value::Nil]),
            ),
        ]);
        check("%v", &[map.clone().into()], "map[a:[1 x <nil>] b:<nil>]");
        check(
            "%#v",
            &[map.into()],
            r#"map[string]interface {}{"a":[]interface {}{1, "x", interface {}(nil)}, "b":interface {}(nil)}"#,
        );
        check(
            "%s|%d",
            &[Value::Bytes((*b"hi").into()), Value::Bytes((*b"hi").into())],
            "hi|[104 105]",
        );
        check("%d", &[Value::strings(["a"])], "[%!d(string=a)]");
        check("%T %T", &[Value::Nil, Value::Float(1.0)], "<nil> float64");
        check(
            "%5v|%s|%d",
            &[Value::Nil, Value::Nil, Value::Nil],
            "<nil>|%!s(<nil>)|%!d(<nil>)",
        );
    }

    #[test]
    fn bad_formats_are_reported_as_in_go() {
        check("%d %s", &[Value::Int(1)], "1 %!s(MISSING)");
        check("a", &[Value::Int(1), Value::Nil], "a%!(EXTRA int=1, <nil>)");
        check("%", &[], "%!(NOVERB)");
        check("%!", &[Value::Int(1)], "%!!(int=1)");
        check("%z", &[Value::text("x")], "%!z(string=x)");
        check("%%|%5%", &[], "%|%");
        check(
            "%*d|%-*d|%.*f",
            &[
                Value::Int(4),
                Value::Int(1),
                Value::Int(3),
                Value::Int(2),
                Value::Int(1),
                Value::Float(1.25),
            ],
            "   1|2  |1.2",
        );
        check("%*d", &[Value::text("x"), Value::Int(1)], "%!(BADWIDTH)1");
        check("%.*d", &[Value::Int(-1), Value::Int(1)], "%!(BADPREC)1");
        check("%[2]d %[1]d", &[Value::Int(1), Value::Int(2)], "2 1");
        check("%[5]d", &[Value::Int(1)], "%!d(BADINDEX)");
        check("%w", &[Value::Int(1)], "%!w(int=1)");
    }

    #[test]
    fn print_puts_spaces_between_what_is_no_string() {
        let values = [
            Value::Int(1),
            Value::Int(2),
            Value::text("a"),
            Value::Int(3),
        ];
        with_context(|context| {
            assert_eq!(print(context, &values).unwrap(), b"1 2a3");
            assert_eq!(println(context, &values).unwrap(), b"1 2 a 3\n");
            let mut out = Vec::new();
            value(context, &mut out, &Value::list(values.to_vec())).unwrap();
            assert_eq!(out, b"[1 2 a 3]");
        });
    }

    #[test]
    fn values_that_contain_themselves_end_with_an_error() {
        let map = Map::new();
        map.insert("a".into(), map.clone().into()).unwrap();
        let mut shared = Value::text("x");
        for _ in 0..60 {
            shared = Value::list(vec![shared.clone(), shared]);
        }
        with_context(|context| {
            let printed = printf(context, b"%v", &[map.clone().into()]);
            assert!(printed.unwrap_err().is_bound());
            assert!(
                printf(context, b"%v", &[shared.clone()])
                    .unwrap_err()
                    .is_bound()
            );
            let wide = "%1000000d".repeat(10_000);
            assert!(printf(context, wide.as_bytes(), &vec![Value::Int(1); 10_000]).is_err());
        });
        map.clear();
    }
}
